"""The one sentence that answers the question, from the rows of the answer."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from pipeline.ask.question import ASKED, COMPARED, Question
from pipeline.core.columns import OTHER_PAGE
from pipeline.core.product import Product

Rows = Mapping[str, pl.DataFrame]


def headline_of(question: Question, rows: pl.DataFrame, more: Rows, product: Product) -> str:
    """One sentence with the number that matters most, and what it was in the range compared with; empty without rows."""
    parts = {name: rows.filter(pl.col("range") == name) for name in (ASKED, COMPARED)}
    if parts[ASKED].is_empty():
        return ""
    if question.show == "retention":
        said = _retention(question.asked_retention(product).mode, more)
    elif question.show == "trend":
        said = _trend(question, parts, product.currency)
    elif question.show == "heatmap":
        said = _heatmap(question, parts)
    else:
        said = _SAID[question.show](parts)
    # Numbers of the other range stand before this word.
    return (
        said.replace(" before ", " of everybody ").replace(" before.", " of everybody.")
        if question.against == "everybody"
        else said
    )


def _share(value: float) -> str:
    return f"{value:.1%}"


def _points(now: float, before: float) -> str:
    return f"{100 * (now - before):+.1f} points"


def _relative(now: float, before: float) -> str:
    return f"{now / before - 1:+.1%}" if before else "there was none before"


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _last_step(rows: pl.DataFrame) -> dict[str, Any] | None:
    everybody = rows.filter(pl.col("breakdown_value") == "").sort("step")
    return everybody.tail(1).row(0, named=True) if everybody.height else None


def _funnel(parts: Rows) -> str:
    last, before = _last_step(parts[ASKED]), _last_step(parts[COMPARED])
    if last is None or not last["people_entered"]:
        return "Nobody took the first step."
    said = f"{_share(last['conversion_rate'])} of {last['people_entered']:,} took the last step, {last['step_name']}"
    if before and before["people_entered"]:
        points = _points(last["conversion_rate"], before["conversion_rate"])
        said += f"; {_share(before['conversion_rate'])} of {before['people_entered']:,} before ({points})"
    everybody = parts[ASKED].filter(pl.col("breakdown_value") == "", pl.col("dropped") > 0)
    if everybody.is_empty():
        return said + "."
    worst = everybody.sort("dropped", "step", descending=[True, False]).row(0, named=True)
    return f"{said}. Most stopped after {worst['step_name']}: {worst['dropped']:,}."


def _trend(question: Question, parts: Rows, currency: str) -> str:
    asked = question.counted
    if asked.measure == "people" and question.by:
        return _largest_group(parts, asked.every)
    now, before = (_total(parts[name], asked.measure, asked.every) for name in (ASKED, COMPARED))
    if now is None:
        return ""
    # Totals of ranges of other lengths say nothing beside each other.
    lengths = {span.length for span in question.spans.values()}
    is_mean = asked.measure == "goal_rate" or (asked.measure == "people" and asked.every != "range")
    other = before if len(lengths) == 1 or is_mean else None
    if asked.measure == "goal_rate":
        said = f"{_share(now)} of sessions reached {asked.goal or 'a goal'}"
        return f"{said}, {_share(other)} before ({_points(now, other)})." if other is not None else f"{said}."
    unit = currency if asked.measure == "revenue" else asked.measure
    when = f" on a mean {asked.every}" if is_mean else ""
    said = f"{now:,.0f} {unit}{when}"
    return f"{said}, {other:,.0f} before ({_relative(now, other)})." if other is not None else f"{said}."


def _largest_group(parts: Rows, every: str) -> str:
    """People of several groups overlap: no number of all of them follows from theirs."""
    known = _whole(parts[ASKED])
    means = known.group_by("breakdown_value").agg(pl.col("value").mean())
    if means.is_empty():
        return ""
    top = means.sort("value", "breakdown_value", descending=[True, False]).row(0, named=True)
    return f"{top['breakdown_value']} is the largest group: {top['value']:,.0f} people{'' if every == 'range' else f' on a mean {every}'}."


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of periods that are there whole; of none that is, all rows with a number."""
    known = rows.filter(pl.col("value").is_not_null())
    whole = known.filter("is_whole")
    return whole if whole.height else known


def _total(rows: pl.DataFrame, measure: str, every: str) -> float | None:
    """Over all periods and groups: a sum where the number adds up, of people the mean period, of rates that of the sums."""
    known = rows.filter(pl.col("value").is_not_null())
    if known.is_empty():
        return None
    if measure == "goal_rate":
        sessions = int(known["sessions"].sum())
        return int(known["sessions_with_goal"].sum()) / sessions if sessions else None
    if measure == "people" and every != "range":
        whole = _whole(rows)
        return float(whole["value"].sum()) / whole["period_start"].n_unique()
    return float(known["value"].sum())


_BACK = {
    "on": "came back one period later",
    "on_or_after": "came back one period later or after that",
    "until": "came back within one period",
    "streak": "came back in the first period after theirs",
}


def _retention(mode: str, more: Rows) -> str:
    means = more["averages"].filter(pl.col("breakdown_value") == "", pl.col("period_number") == 1)
    found = {r["range"]: r for r in means.rows(named=True)}
    if ASKED not in found:
        return "No cohort's time is over yet."
    now, before = found[ASKED], found.get(COMPARED)
    said = f"{_share(now['pooled'])} of {now['people_in_cohort']:,} {_BACK[mode]}"
    if before:
        points = _points(now["pooled"], before["pooled"])
        said += f", {_share(before['pooled'])} of {before['people_in_cohort']:,} before ({points})"
    return f"{said}, over cohorts whose time is over."


def _journey(parts: Rows) -> str:
    top = parts[ASKED].sort("transitions", "source", descending=[True, False]).row(0, named=True)
    source, target = (top[name].split("_", 1)[1] for name in ("source", "target"))
    return f"Most go from {source} to {target}: {_plural(top['transitions'], 'time', 'times')} by {_plural(top['people'], 'person', 'people')}."


def _pages(parts: Rows) -> str:
    known = parts[ASKED].filter(pl.col("page") != OTHER_PAGE)
    top = (known if known.height else parts[ASKED]).row(0, named=True)
    return f"{top['page']} was seen in most sessions: {top['sessions']:,}, by {_plural(top['people'], 'person', 'people')}."


def _friction(parts: Rows) -> str:
    top = parts[ASKED].row(0, named=True)
    if not top["page_views_with"]:
        return "No page view had a signal of friction."
    said = f"Most frequent is {top['signal'].replace('_', ' ')} on {top['page']}: {_plural(top['page_views_with'], 'page view', 'page views')}"
    return said + (
        f", {_share(top['page_view_rate'])} of those measured." if top["page_view_rate"] is not None else "."
    )


def _zones(parts: Rows) -> str:
    known = parts[ASKED].filter(pl.col("click_rate").is_not_null()).sort("click_rate", descending=True)
    if known.is_empty():
        return "No page view with a zone was measured."
    top = known.row(0, named=True)
    return f"{top['zone'].replace('_', ' ')} on {top['page']} ({top['device_type']}) draws most clicks: {_share(top['click_rate'])} of page views."


def _elements(parts: Rows) -> str:
    top = parts[ASKED].row(0, named=True)
    said = f"{top['element']} on {top['page']} gets most clicks: {top['clicks']:,}, {_share(top['click_share'])} of the page's"
    other = parts[COMPARED].filter(pl.col("page") == top["page"], pl.col("tag") == top["tag"])
    return f"{said}; {_share(other['click_share'][0])} before." if other.height else f"{said}."


def _heatmap(question: Question, parts: Rows) -> str:
    rows, before = parts[ASKED], parts[COMPARED]
    if question.heat in ("click", "move"):
        of = "clicks" if question.heat == "click" else "moves"
        said = f"{int(rows['events'].sum()):,} {of}"
        return f"{said}, {int(before['events'].sum()):,} before." if before.height else f"{said} on {question.page}."
    if question.heat == "reach":
        half = [_half_reached(part) for part in (rows, before)]
        said = f"Half of the page views got down to {half[0]:,} px or further"
        return f"{said}, {half[1]:,} px before." if before.height else f"{said}."
    top = rows.row(0, named=True)
    return f"The window stood longest over {top['y_px']:,} px ({top['device_type']})."


def _half_reached(rows: pl.DataFrame) -> int:
    """How far down half of the page views of all devices got, in px."""
    summed = rows.group_by("y_px").agg(pl.col("page_views").sum())
    return int(summed.filter(pl.col("page_views") * 2 >= pl.col("page_views").max())["y_px"].max() or 0)  # pyright: ignore[reportArgumentType]


def _choices(parts: Rows) -> str:
    top = parts[ASKED].sort("answers", "choice", descending=[True, False]).row(0, named=True)
    name = f"{top['survey']} / {top['question']}".replace("_", " ")
    return f"{name}: most chose {top['choice']}, {top['answers']:,} of {top['answers_all']:,} ({_share(top['share'])})."


def _scores(parts: Rows) -> str:
    top = parts[ASKED].sort("responses", descending=True).row(0, named=True)
    if top["score"] is None:
        return ""
    ends = f" ({top['low_end']:,.1f} to {top['high_end']:,.1f})" if top["low_end"] is not None else ""
    name = f"{top['survey']} / {top['question']}".replace("_", " ")
    return f"{name}: {top['score']:,.1f}{ends} over {_plural(top['responses'], 'response', 'responses')}."


def _visits(parts: Rows) -> str:
    recorded = int(parts[ASKED]["is_recorded"].sum())
    return f"{_plural(parts[ASKED].height, 'visit', 'visits')}, {recorded:,} of which can be watched."


_SAID: dict[str, Callable[[Rows], str]] = {
    "funnel": _funnel,
    "journey": _journey,
    "pages": _pages,
    "friction": _friction,
    "zones": _zones,
    "elements": _elements,
    "scores": _scores,
    "choices": _choices,
    "visits": _visits,
}
