"""Charts as inline SVG, drawn when the report is made: a page holds no script and asks nobody for anything.

Texts and axes take the page's own colour, so that dark and light work alike.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl
import vl_convert
import xxhash
from markupsafe import Markup

BLUE, ORANGE, GREEN, GREY, RED = "#4c78a8", "#f58518", "#54a24b", "#9aa0a6", "#d4574e"
_FEW, _LONG = 10, 32
# Lines that stand together, in this order; more than these can't be told apart.
LINES = (BLUE, ORANGE, GREEN, "#b279a2", "#72b7b2", RED)
# Releases of the product file by name, marked on every chart over time.
Releases = Mapping[str, date]
_NONE: Releases = {}
_TIME_AXIS = alt.Axis(format="%d %b", labelOverlap="greedy", labelSeparation=12)
_ID = re.compile(r'\bid="([^"]+)"')
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    # Readers' fonts are broader than the one that Vega measures with.
    "padding": {"left": 44, "right": 12, "top": 5, "bottom": 5},
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "gridColor": "#9aa0a640",
        "domainColor": "#9aa0a680",
        "tickColor": "#9aa0a680",
    },
    "legend": {
        "labelFontSize": 12,
        "labelLimit": 260,
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "orient": "top",
        "title": None,
        "columnPadding": 28,
    },
    "header": {"labelFontSize": 12, "labelColor": "currentColor", "titleColor": "currentColor"},
    "text": {"color": "currentColor", "fontSize": 12},
}


def svg(chart: alt.Chart | alt.LayerChart | alt.FacetChart, label: str) -> Markup:
    """The chart as SVG; `label` says to a screen reader what it shows."""
    spec = chart.to_dict()
    spec["config"] = _CONFIG
    drawn = vl_convert.vegalite_to_svg(spec)
    # Vega numbers its parts from chart to chart: named after the chart's content they are the same in every report,
    # and no two charts of a page share one.
    own = xxhash.xxh3_64_hexdigest(json.dumps([spec, label], sort_keys=True, default=str).encode())
    for i, name in enumerate(dict.fromkeys(_ID.findall(drawn))):
        drawn = re.sub(rf'(?<=["#]){re.escape(name)}(?=["\)])', f"p{own}-{i}", drawn)
    named = drawn.replace("<svg ", '<svg role="img" ', 1)
    # What Vega draws is escaped by Vega; the label is escaped here.
    return Markup(named.replace(">", Markup("><title>{}</title>").format(label), 1))  # noqa: S704


def _marks(days: pl.Series, releases: Releases, *, named: bool = True) -> list[alt.Chart]:
    """Layers that mark the releases which lie in the days that a chart shows."""
    first, last = days.min(), _end_of(days)
    inside = [(day, name) for name, day in releases.items() if first <= day <= last]  # pyright: ignore[reportOperatorIssue]
    return _rules(pl.DataFrame(inside, schema={"day": pl.Date, "name": pl.String}, orient="row"), named=named)


def _end_of(days: pl.Series) -> date:
    """The last day of a chart whose places are days or first days of periods: the last period is as long as that before."""
    ordered: list[date] = days.unique().sort().to_list()
    return ordered[-1] + (ordered[-1] - ordered[-2] - timedelta(days=1) if len(ordered) > 1 else timedelta())


def _rules(marked: pl.DataFrame, *, named: bool = True) -> list[alt.Chart]:
    if marked.is_empty():
        return []
    # Layers share an axis: what one says of it must not contradict the other.
    axis = alt.Undefined if named else None
    base = alt.Chart(marked).encode(x=alt.X("day:T", title=None, axis=axis))
    rules = base.mark_rule(strokeDash=[4, 3], color=GREY)
    names = base.mark_text(align="left", dx=4, fontSize=12).encode(text="name:N", y=alt.value(6))
    return [rules, names] if named else [rules]


def _over_time(column: str, axis: alt.Axis = _TIME_AXIS, **options: Any) -> alt.X:  # noqa: ANN401  # the library's own
    """Time is a temporal axis everywhere: places in the order of their texts, or of a layer, are none in time."""
    return alt.X(f"{column}:T", title=None, axis=axis, **options)


def _axis_of(days: pl.Series) -> alt.Axis:
    """Of few days an axis that names each of them once."""
    few = days.unique().sort().to_list()
    if len(few) > _FEW:
        return _TIME_AXIS
    values = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in few]
    return alt.Axis(format="%d %b", values=values)


def line(
    frame: pl.DataFrame, columns: tuple[str, str, str], label: str, form: str = ",d", releases: Releases = _NONE
) -> Markup:
    """Lines over days, one per value: `columns` name day, number and value; `form` is how D3 writes the numbers."""
    x, y, colour = columns
    order = frame[colour].unique(maintain_order=True).to_list()
    # Long names stand one below the other.
    legend = alt.Legend(columns=1, labelLimit=800) if max(map(len, order), default=0) > _LONG else alt.Legend()
    chart = (
        alt.Chart(frame)
        # A line of one day would be nothing.
        .mark_line(strokeWidth=2, point=frame[x].n_unique() == 1)
        .encode(
            x=_over_time(x, _axis_of(frame[x])),
            y=alt.Y(f"{y}:Q", title=None, axis=alt.Axis(format=form)),
            color=alt.Color(
                f"{colour}:N", sort=order, scale=alt.Scale(domain=order, range=[*LINES][: len(order)]), legend=legend
            ),
        )
    )
    layers = alt.layer(*_marks(frame[x], releases), chart)
    return svg(layers.properties(width=960, height=240), label)


def spark(frame: pl.DataFrame, x: str, y: str, label: str, releases: Releases = _NONE) -> Markup:
    """A small line without axes."""
    chart = (
        alt.Chart(frame)
        .mark_area(line={"color": BLUE}, color=BLUE, opacity=0.2)
        .encode(x=alt.X(f"{x}:T", axis=None), y=alt.Y(f"{y}:Q", axis=None, scale=alt.Scale(zero=True)))
    )
    layers = alt.layer(*_marks(frame[x], releases, named=False), chart)
    return svg(layers.properties(width=180, height=36), label)


def target_line(weeks: pl.DataFrame, label: str) -> Markup:
    """A small line of `figure` by `week_start` with the `target` as a rule."""
    base = alt.Chart(weeks.select("week_start", "figure", "target"))
    line = base.mark_line(color=BLUE, strokeWidth=2, point=True).encode(
        x=alt.X("week_start:T", axis=None), y=alt.Y("figure:Q", axis=None, scale=alt.Scale(zero=False))
    )
    rule = base.mark_rule(strokeDash=[4, 3], color=GREY).encode(y=alt.Y("target:Q", axis=None))
    return svg((rule + line).properties(width=140, height=34), f"{label} by week beside its target")


_DARK_FROM = 0.66


def triangle(cells: pl.DataFrame, label: str) -> Markup:
    """Cohorts by their age: `cohort`, `period_number`, `rate` (null where it isn't over yet), `shown`."""
    rate = pl.col("rate")
    # The scale goes from the least to the greatest; of its blues the last third is too dark for dark letters.
    is_dark = rate - rate.min() > _DARK_FROM * (rate.max() - rate.min())
    ink = pl.when(rate.is_null()).then(pl.lit("currentColor")).when(is_dark).then(pl.lit("white"))
    cells = cells.with_columns(ink=ink.otherwise(pl.lit("#202124")))
    base = alt.Chart(cells).encode(
        x=alt.X("period_number:O", title="periods after the first", axis=alt.Axis(orient="top", labelAngle=0)),
        y=alt.Y("cohort:O", sort=cells["cohort"].unique(maintain_order=True).to_list(), title=None),
    )
    tiles = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color("rate:Q", scale=alt.Scale(scheme="blues"), legend=None)
    )
    # What has no rate is left out of a scale of rates.
    open_ = base.properties(data=cells.filter(pl.col("rate").is_null())).mark_rect(cornerRadius=3, color="#9aa0a620")
    figures = base.mark_text().encode(text="shown:N", color=alt.Color("ink:N", scale=None))
    width = 64 * cells["period_number"].n_unique()
    layers = (open_ + tiles + figures).resolve_scale(color="independent")
    return svg(layers.properties(width=width, height=alt.Step(28)), label)


def steps(frame: pl.DataFrame, label: str, unit: str = "people") -> Markup:
    """A funnel: `step_name` in order of `step`, `people_converted`, `shown`."""
    order = frame.sort("step")["step_name"].to_list()
    base = alt.Chart(frame).encode(y=alt.Y("step_name:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)))
    bars = base.mark_bar(cornerRadius=3, color=BLUE).encode(
        x=alt.X("people_converted:Q", title=unit, axis=alt.Axis(format=",d", tickCount=6))
    )
    figures = base.mark_text(align="left", dx=6).encode(x="people_converted:Q", text="shown:N")
    return svg((bars + figures).properties(width=560, height=alt.Step(38)), label)


def bars(frame: pl.DataFrame, label: str, title: str) -> Markup:
    """A bar for each `what`, in their order, as long as `value`, with `shown` behind it."""
    order = frame["what"].to_list()
    base = alt.Chart(frame.select("what", "value", "shown")).encode(
        y=alt.Y("what:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=6)),
    )
    drawn = base.mark_bar(cornerRadius=3, color=BLUE)
    figures = base.mark_text(align="left", dx=6).encode(text="shown:N")
    return svg((drawn + figures).properties(width=560, height=alt.Step(28)), label)


def shares(frame: pl.DataFrame, label: str, title: str, form: str = ".0%") -> Markup:
    """Shares with their 95 % intervals, a line for each `what` in their order: `value`, `low`, `high`, and `of` as the colour."""
    order, of = frame["what"].unique(maintain_order=True).to_list(), frame["of"].unique(maintain_order=True).to_list()
    legend = alt.Legend() if len(of) > 1 else None
    base = alt.Chart(frame.select("what", "value", "low", "high", "of")).encode(
        y=alt.Y("what:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        yOffset=alt.YOffset("of:N", sort=of),
        color=alt.Color("of:N", sort=of, scale=alt.Scale(domain=of, range=[*LINES][: len(of)]), legend=legend),
    )
    x = alt.X("low:Q", title=title, axis=alt.Axis(format=form, tickCount=6), scale=alt.Scale(zero=True))
    ranges = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=x, x2="high:Q")
    points = base.mark_circle(size=80, opacity=1).encode(x="value:Q")
    height = alt.Step(22 if len(of) > 1 else 28)
    return svg((ranges + points).properties(width=520, height=height), label)


def steps_beside(frame: pl.DataFrame, label: str, unit: str = "people") -> Markup:
    """A funnel in several ranges: `of` names the range, the first one strong; else as `steps`."""
    order = frame.sort("step")["step_name"].unique(maintain_order=True).to_list()
    of = frame["of"].unique(maintain_order=True).to_list()
    base = alt.Chart(frame.select("step_name", "people_converted", "shown", "of")).encode(
        y=alt.Y("step_name:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        yOffset=alt.YOffset("of:N", sort=of),
    )
    colours = alt.Scale(domain=of, range=[BLUE, GREY])
    bars = base.mark_bar(cornerRadius=3).encode(
        x=alt.X("people_converted:Q", title=unit, axis=alt.Axis(format=",d", tickCount=6)),
        color=alt.Color("of:N", sort=of, scale=colours, legend=alt.Legend()),
    )
    figures = base.mark_text(align="left", dx=6).encode(x="people_converted:Q", text="shown:N")
    return svg((bars + figures).properties(width=560, height=alt.Step(24)), label)


def lifecycle(frame: pl.DataFrame, label: str, releases: Releases = _NONE) -> Markup:
    """Bars up for who was active, down for who wasn't any more: `week` (its first day), `state`, `people`."""
    states = ["new", "returning", "resurrecting", "dormant"]
    width = 940 / (((frame["week"].max() - frame["week"].min()).days // 7 + 1) if frame.height else 1)  # pyright: ignore[reportOperatorIssue, reportAttributeAccessIssue, reportOptionalOperand]
    chart = (
        alt.Chart(frame)
        .mark_bar(size=max(2.0, 0.7 * width))
        .encode(
            x=_over_time("week", scale=alt.Scale(padding=width / 2)),
            y=alt.Y("people:Q", title="people", axis=alt.Axis(format=",d")),
            color=alt.Color("state:N", sort=states, scale=alt.Scale(domain=states, range=[GREEN, BLUE, ORANGE, RED])),
            order="order:Q",
        )
    )
    layers = alt.layer(chart, *_marks(frame["week"], releases))
    return svg(layers.properties(width=940, height=260), label)


def intervals(frame: pl.DataFrame, label: str, title: str, colours: Mapping[str, str], form: str = "+.0%") -> Markup:
    """Effects with their intervals beside a line at 0: `what`, `effect`, `low`, `high`, `conclusion` (one of `colours`)."""
    order = frame["what"].to_list()
    there = {name: colour for name, colour in colours.items() if name in set(frame["conclusion"])}
    conclusions = alt.Scale(domain=list(there), range=list(there.values()))
    base = alt.Chart(frame.select("what", "effect", "low", "high", "conclusion")).encode(
        y=alt.Y("what:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
        color=alt.Color("conclusion:N", scale=conclusions, legend=alt.Legend()),
    )
    ranges = base.mark_rule(strokeWidth=3, opacity=0.5).encode(
        x=alt.X("low:Q", title=title, axis=alt.Axis(format=form)), x2="high:Q"
    )
    points = base.mark_circle(size=90, opacity=1).encode(x="effect:Q")
    zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4], color=GREY).encode(x="x:Q")
    return svg((zero + ranges + points).properties(width=460, height=alt.Step(30)), label)


def band(frame: pl.DataFrame, label: str, title: str, releases: Releases = _NONE) -> Markup:
    """A score over weeks with its 95 % interval as a band: `start`, `score`, `low_end`, `high_end`, `responses`."""
    base = alt.Chart(frame).encode(x=_over_time("start"))
    spread = base.mark_area(color=BLUE, opacity=0.18).encode(
        y=alt.Y("low_end:Q", title=title, scale=alt.Scale(zero=False)), y2="high_end:Q"
    )
    points = base.mark_line(color=BLUE, strokeWidth=2, point=True).encode(y="score:Q")
    layers = alt.layer(*_marks(frame["start"], releases), spread, points)
    return svg(layers.properties(width=940, height=200), label)


def rates(frame: pl.DataFrame, x: str, y: str, label: str, releases: Releases = _NONE) -> Markup:
    """Shares over time or age, with their points."""
    is_time = frame.schema[x] == pl.Date
    age = alt.X(f"{x}:O", sort=frame[x].to_list(), title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy"))
    chart = (
        alt.Chart(frame.select(x, y))
        .mark_line(point=True, color=BLUE, strokeWidth=2)
        .encode(
            x=_over_time(x) if is_time else age,
            y=alt.Y(f"{y}:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(zero=True)),
        )
    )
    marks = _marks(frame[x], releases) if is_time else []
    return svg(alt.layer(chart, *marks).properties(width=420, height=180), label)


def parts(frame: pl.DataFrame, label: str, title: str, form: str = "+,.0f") -> Markup:
    """What a change is made of: a bar of `amount` for each `what`, in their order."""
    order = frame["what"].to_list()
    colour = alt.condition("datum.amount < 0", alt.value(RED), alt.value(GREEN))
    base = alt.Chart(frame.select("what", "amount")).encode(
        y=alt.Y("what:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        x=alt.X("amount:Q", title=title, axis=alt.Axis(format=form, tickCount=6)),
    )
    figures = base.mark_text(align="left", dx=6).encode(text=alt.Text("amount:Q", format=form), x=alt.X("end:Q"))
    bars = base.mark_bar(cornerRadius=3).encode(color=colour)
    ends = frame.select("what", "amount", end=pl.max_horizontal("amount", 0.0))
    return svg((bars + figures.properties(data=ends)).properties(width=460, height=alt.Step(30)), label)
