"""Pictures of answers, in the report's own look: one design for what was configured and what was asked."""

from collections.abc import Callable
from datetime import date

import polars as pl
from markupsafe import Markup

from pipeline.ask.answer import Answer
from pipeline.ask.page_parts import devices_of, heat_of
from pipeline.ask.question import ASKED, COMPARED
from pipeline.ask.words import range_in_words
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.cohorts import triangle_of
from pipeline.report.flow import Flow, flow_of
from pipeline.report.heat_map import heat_map
from pipeline.report.parts import count, figure_text, label, releases_of, share
from pipeline.report.pictures import data_address, picture_at

# More pictures than these make a page slow.
MOST_MAPS = 8
_MOST_LINES, _MOST_BARS, _MAP_WIDTH = 5, 15, 470
_EVERYBODY = "everybody"


def pictures_of(answer: Answer, product: Product) -> list[Markup]:
    """Charts of an answer, the first one the most telling; none where there is nothing to draw."""
    draw = _DRAWN.get(answer.question.show)
    return [] if draw is None or answer.rows.is_empty() else draw(answer, product)


def flow_of_answer(answer: Answer) -> Flow | None:
    """The flow of a journey that was asked for."""
    if answer.question.show != "journey":
        return None
    asked = answer.rows.filter(pl.col("range") == ASKED)
    return flow_of(asked.select("source", "target", "transitions").rows())


def _named(answer: Answer) -> pl.Expr:
    """Which range a row is of, as people read it."""
    names = {name: range_in_words(answer.question, name) for name in answer.question.spans}
    return pl.col("range").replace_strict(names, return_dtype=pl.String)


def _trend(answer: Answer, product: Product) -> list[Markup]:
    asked = answer.question.counted
    rows = answer.rows.filter(pl.col("value").is_not_null())
    if rows.is_empty():
        return []
    sizes = rows.filter(pl.col("range") == ASKED).group_by("breakdown_value").agg(pl.col("people").sum())
    largest = sizes.sort("people", "breakdown_value", descending=[True, False]).head(_MOST_LINES)["breakdown_value"]
    shown = rows.filter(pl.col("breakdown_value").is_in(largest.implode()))
    title = f"{label(asked.measure)} by {asked.every}"
    if asked.every == "range" or shown["period_start"].n_unique() == 1:
        return [_of_groups(answer, rows, product)]
    spans = answer.question.spans
    if COMPARED in spans:
        # Laid over each other, day for day.
        shift = spans[ASKED].first - spans[COMPARED].first
        moved = pl.when(pl.col("range") == COMPARED).then(pl.col("period_start") + shift).otherwise("period_start")
        shown = shown.with_columns(period_start=moved)
    group = pl.when(pl.col("breakdown_value") == "").then(pl.lit("")).otherwise(pl.col("breakdown_value") + ", ")
    series = group + _named(answer) if COMPARED in spans else pl.col("breakdown_value")
    named = shown.with_columns(series=series).with_columns(
        pl.when(pl.col("series") == "").then(pl.lit(label(asked.measure))).otherwise("series").alias("series")
    )
    form = ".0%" if asked.measure == "goal_rate" else ",.0f"
    return [charts.line(named, ("period_start", "value", "series"), title, form, releases_of(product))]


def _of_groups(answer: Answer, rows: pl.DataFrame, product: Product) -> Markup:
    asked = answer.question.counted
    names = pl.when(pl.col("breakdown_value") == "").then(pl.lit(_EVERYBODY)).otherwise("breakdown_value")
    named = rows.with_columns(what=names, of=_named(answer)).sort("value", descending=True)
    title = label(asked.measure)
    if asked.measure == "goal_rate":
        return charts.shares(named.head(2 * _MOST_BARS), title, title)
    unit = "currency" if asked.measure == "revenue" else ""
    text = pl.col("value").map_elements(lambda v: figure_text(v, unit, product.currency), return_dtype=pl.String)
    drawn = named.with_columns(shown=text)
    if COMPARED in answer.question.spans:
        drawn = drawn.with_columns(what=pl.concat_str("what", "of", separator=", "))
    return charts.bars(drawn.head(2 * _MOST_BARS), title, title)


def _funnel(answer: Answer, _product: Product) -> list[Markup]:
    rows = answer.rows.with_columns(
        shown=pl.struct("people_converted", "conversion_rate").map_elements(
            lambda r: f"{count(r['people_converted'])} · {share(r['conversion_rate'])}", return_dtype=pl.String
        ),
        of=_named(answer),
    )
    everybody = rows.filter(pl.col("breakdown_value") == "")
    if everybody["of"].n_unique() > 1:
        drawn = [charts.steps_beside(everybody, "people by step, both ranges", "people")]
    else:
        drawn = [charts.steps(everybody, "people by step", "people")]
    last = rows.filter(pl.col("breakdown_value") != "", pl.col("step") == pl.col("step").max())
    if last.height:
        sizes = last.filter(pl.col("range") == ASKED).sort(
            "people_entered", "breakdown_value", descending=[True, False]
        )
        order = sizes["breakdown_value"].head(_MOST_BARS).to_list()
        by_size = last.filter(pl.col("breakdown_value").is_in(order)).sort(
            "range", pl.col("breakdown_value").replace_strict({v: i for i, v in enumerate(order)}, default=None)
        )
        title = "share that took the last step"
        shares = by_size.select("of", "low", "high", what="breakdown_value", value=pl.col("conversion_rate"))
        drawn.append(charts.shares(shares, f"{title}, by group", title))
    return drawn


def _retention(answer: Answer, _product: Product) -> list[Markup]:
    asked = answer.rows.filter(pl.col("range") == ASKED, pl.col("breakdown_value") == "")
    if not (drawn := triangle_of(asked, "share of each cohort that came back")):
        return []
    means = answer.more["averages"].filter(
        pl.col("range") == ASKED, pl.col("breakdown_value") == "", pl.col("period_number") > 0
    )
    if means.height:
        drawn.append(charts.rates(means.sort("period_number"), "period_number", "pooled", "mean over mature cohorts"))
    return drawn


def _pages(answer: Answer, _product: Product) -> list[Markup]:
    rows = answer.rows.filter(pl.col("range") == ASKED).head(_MOST_BARS)
    shown = rows.select(what="page", value="sessions", shown=pl.col("sessions").map_elements(count, pl.String))
    return [charts.bars(shown, "sessions by page", "sessions")]


def _friction(answer: Answer, _product: Product) -> list[Markup]:
    named = answer.rows.with_columns(
        what=pl.format("{} on {}", pl.col("signal").str.replace_all("_", " "), "page"),
        value="page_view_rate",
        of=_named(answer),
    ).filter(pl.col("value").is_not_null())
    worst = named.filter(pl.col("range") == ASKED, pl.col("page_views_with") > 0).head(_MOST_BARS)["what"]
    shown = named.filter(pl.col("what").is_in(worst.implode()))
    if shown.is_empty():
        return []
    return [charts.shares(shown, "share of page views with the signal", "share of page views", ".1%")]


def zone_maps(answer: Answer, product: Product, lake: Lake) -> list[Markup]:
    """Of zones that were asked for, pictures of their pages with the click rate over each zone, both ranges side by side."""
    if answer.question.show != "zones" or answer.rows.is_empty():
        return []
    drawn: list[Markup] = []
    most = max(answer.rows["click_rate"].drop_nulls(), default=0.0)
    for (page, device, which), rows in answer.rows.partition_by(
        "page", "device_type", "range", as_dict=True, maintain_order=True
    ).items():
        if picture := _picture(product, lake, str(page), str(device), answer.question.spans[str(which)].last):
            title = f"{page}, {device}, {range_in_words(answer.question, str(which))}"
            drawn.append(_zone_map(title, rows, product, picture, most))
    return drawn[:MOST_MAPS]


def heat_maps(answer: Answer, product: Product, lake: Lake) -> list[Markup]:
    """Of a heatmap, the picture of its page by device with the cells over it, both ranges side by side."""
    question = answer.question
    if question.show != "heatmap" or answer.rows.is_empty():
        return []
    page = next(each for each in product.pages if each.name == question.page)
    drawn: list[Markup] = []
    for device in devices_of(answer.rows):
        # One scale for both ranges, or they can't be compared.
        # What keeps its place in the window lies on no place of the page.
        on_page = answer.rows.filter(pl.col("device_type") == device, pl.col("layer") == "page")
        most = float(on_page[heat_of(question)].max() or 1)  # pyright: ignore[reportArgumentType]
        for which, span in question.spans.items():
            rows = on_page.filter(pl.col("range") == which)
            picture = _picture(product, lake, page.name, device, span.last)
            if picture is not None and rows.height:
                title = f"{page.name}, {device}, {range_in_words(question, which)}"
                drawn.append(heat_map(title, rows, (heat_of(question), most), picture, page.content_max_width))
    return drawn[:MOST_MAPS]


def _picture(product: Product, lake: Lake, page: str, device: str, day: date) -> tuple[int, str] | None:
    """Width and address of what a page looked like on a day and device; None where there is no picture of it."""
    found = next((each for each in product.pages if each.name == page), None)
    picture = picture_at(found, device, day) if found else None
    if picture is None:
        return None
    data = data_address(lake.path(picture.file))
    return (picture.width, data) if data else None


def _zone_map(title: str, rows: pl.DataFrame, product: Product, picture: tuple[int, str], most: float) -> Markup:
    width, data = picture
    boxes: list[Markup] = []
    lowest = 0
    for row in rows.rows(named=True):
        zone = next(
            (z for z in product.zones if z.name == row["zone"] and z.page == row["page"] and product.zone_validity(z)[0] == row["zone_version"]),
            None,
        )  # fmt: skip
        box = zone.box(row["device_type"]) if zone else None
        if box is None:
            continue
        lowest = max(lowest, box.y + box.height)
        rate = row["click_rate"]
        words = f"{row['zone'].replace('_', ' ')}: {share(rate)}"
        boxes.append(
            Markup(
                '<g><title>{said}</title><rect x="{x}" y="{y}" width="{w}" height="{h}" fill="#1a54a6" fill-opacity="{shade:.2f}" '
                'stroke="#1a54a6" stroke-width="{line}"/><rect x="{x}" y="{y}" width="{tag}" height="{size}" fill="#202124" fill-opacity="0.85"/>'
                '<text x="{tx}" y="{ty}" font-size="{font}" fill="#ffffff" font-family="system-ui, sans-serif">{said}</text></g>'
            ).format(
                said=words, x=box.x, y=box.y, w=box.width or width - box.x, h=box.height, line=max(2, width // 400),
                shade=0.12 + 0.5 * ((rate or 0.0) / most if most else 0.0), font=width // 46 + 8, size=width // 46 + 16,
                tag=round(len(words) * (width // 46 + 8) * 0.62) + 12, tx=box.x + 5, ty=box.y + width // 46 + 9,
            )
        )  # fmt: skip
    height = lowest + width // 12
    return Markup(
        '<svg role="img" class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{shown}" height="{tall}"><title>{title}</title>'
        '<image href="{data}" width="{w}"/>{boxes}</svg>'
    ).format(
        w=width, h=height, shown=min(width, _MAP_WIDTH), tall=round(height * min(width, _MAP_WIDTH) / width),
        title=title, data=Markup(data), boxes=Markup("").join(boxes),  # noqa: S704  # base64 of ours
    )  # fmt: skip


def _zones(answer: Answer, _product: Product) -> list[Markup]:
    key = ["page", "zone", "device_type"]
    # A zone of one version in each range is one line: before and after a redesign stand side by side.
    versions = pl.col("zone_version").n_unique().over("range", *key).max().over(key)
    since = pl.format(", since {}", pl.col("zone_version").dt.strftime("%d %b"))
    named = answer.rows.with_columns(
        what=pl.format(
            "{} / {}, {}{}", "page", "zone", "device_type", pl.when(versions > 1).then(since).otherwise(pl.lit(""))
        ),
        value="click_rate",
        of=_named(answer),
    ).filter(pl.col("value").is_not_null())
    if named.is_empty():
        return []
    most = named.sort("page_views", descending=True)["what"].unique(maintain_order=True).head(2 * _MOST_BARS)
    title = "click rate: share of page views with a click on the zone"
    return [charts.shares(named.filter(pl.col("what").is_in(most.implode())), title, "click rate")]


def _elements(answer: Answer, _product: Product) -> list[Markup]:
    # Several elements may be called alike; then their tags tell them apart.
    alike = pl.col("tag").n_unique().over("page", "element") > 1
    called = pl.when(alike).then("tag").otherwise("element")
    what = called if answer.question.page else pl.format("{} on {}", called, "page")
    named = answer.rows.with_columns(
        what=what, of=_named(answer), value="click_share", low="click_share", high="click_share"
    )
    sizes = named.group_by("what").agg(pl.col("clicks").sum()).sort("clicks", "what", descending=[True, False])
    shown = named.filter(pl.col("what").is_in(sizes["what"].head(_MOST_BARS).implode()))
    return [charts.shares(shown, "share of the page's clicks on the element", "share of the page's clicks", ".1%")]


def _choices(answer: Answer, _product: Product) -> list[Markup]:
    drawn: list[Markup] = []
    named = answer.rows.with_columns(
        what=pl.col("choice"), value="share", low="low_end", high="high_end", of=_named(answer)
    )
    for (survey, question), part in named.partition_by("survey", "question", as_dict=True, maintain_order=True).items():
        most = part.filter(pl.col("range") == ASKED).head(_MOST_BARS)["what"]
        shown = part.filter(pl.col("what").is_in(most.implode()))
        title = f"{survey} / {question}".replace("_", " ")
        drawn.append(charts.shares(shown, f"{title}: share that chose it", "share of who chose anything", ".0%"))
    return drawn


def _scores(answer: Answer, _product: Product) -> list[Markup]:
    drawn: list[Markup] = []
    known = answer.rows.filter(pl.col("score").is_not_null()).with_columns(
        what=pl.format("{} / {}", pl.col("survey").str.replace_all("_", " "), "question"),
        value="score",
        of=_named(answer),
    )
    for (kind,), part in known.partition_by("question_kind", as_dict=True, maintain_order=True).items():
        ends = part.with_columns(low=pl.coalesce("low_end", "score"), high=pl.coalesce("high_end", "score"))
        drawn.append(charts.shares(ends, f"{kind}: score", f"{kind} score", ",.1f"))
    return drawn


_DRAWN: dict[str, Callable[[Answer, Product], list[Markup]]] = {
    "trend": _trend,
    "funnel": _funnel,
    "retention": _retention,
    "pages": _pages,
    "friction": _friction,
    "zones": _zones,
    "elements": _elements,
    "scores": _scores,
    "choices": _choices,
}
