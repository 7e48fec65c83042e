"""The pages of the report: what each shows, taken from the marts (docs/marts.md says what the numbers mean)."""

from pathlib import Path
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.definitions import definitions_page
from pipeline.report.digest import digest_of, digest_page
from pipeline.report.experiments import experiments_page
from pipeline.report.faults import Maker, made_pages
from pipeline.report.flow import flow_of
from pipeline.report.friction import friction_page
from pipeline.report.heatmaps import heatmaps_page
from pipeline.report.kpis import kpis_page
from pipeline.report.opportunities import opportunity_pages
from pipeline.report.overview import overview
from pipeline.report.parts import Body, Marts, Page, Picker, Section, count, duration, releases_of, share
from pipeline.report.passports import trust_of
from pipeline.report.quality import Standing, quality_page
from pipeline.report.replays import Replays, replays_page
from pipeline.report.value import value_page
from pipeline.report.voice import voice_page
from pipeline.report.zones import zones_page

# Tiles from this share of the largest value on bear light figures.
_DARK_FROM = 0.6


def pages(product: Product, marts: Marts, home: Path, replays: Replays, standing: Standing) -> list[Page]:
    """All pages, in the order of the navigation, each made by itself; pictures of pages lie in `home`, `replays` links sessions."""
    trust = trust_of(marts)
    makers: list[Maker] = [
        ("index", "Overview", lambda: overview(product, marts, replays, standing, trust)),
        ("kpis", "Key figures", lambda: kpis_page(product, marts, standing, trust)),
        ("opportunities", "Opportunities", lambda: opportunity_pages(product, marts, replays, trust)),
        ("experiments", "Experiments", lambda: experiments_page(product, marts)),
        ("value", "Value", lambda: value_page(product, marts)),
        ("zones", "Zones", lambda: zones_page(product, marts, home)),
        ("heatmaps", "Heatmaps", lambda: heatmaps_page(product, marts, home)),
        ("friction", "Friction", lambda: friction_page(product, marts, replays)),
        ("voice", "Voice", lambda: voice_page(product, marts, replays)),
        ("funnels", "Funnels", lambda: _funnels(product, marts)),
        ("retention", "Retention and lifecycle", lambda: _retention(product, marts)),
        ("journeys", "Journeys", lambda: _journeys(product, marts)),
        ("replays", "Replays", lambda: replays_page(product, marts, replays)),
        ("quality", "Data quality", lambda: quality_page(product, marts, standing)),
        ("definitions", "Definitions", lambda: definitions_page(product)),
        ("digest", "Digest", lambda: digest_page(digest_of(product, marts), product, trust)),
    ]
    return made_pages(makers)


_BACK = {
    "on": "just so many {0}s later",
    "on_or_after": "so many {0}s later or after that",
    "until": "within so many {0}s",
    "streak": "in each of so many {0}s",
}


def _retention(product: Product, marts: Marts) -> Page:
    cohorts, means = marts["retention_cohorts"], marts["retention_averages"]
    sections: list[Section] = []
    for name in product.retention:
        mine = pl.col("retention") == name
        cells = cohorts.filter(mine, pl.col("group") == "", pl.col("people_in_cohort") > 0)
        shown = cells.with_columns(
            cohort=pl.format("{} ({})", pl.col("cohort_start").dt.strftime("%d %b %Y"), "people_in_cohort"),
            rate="return_rate",
        ).sort("cohort_start", "offset")
        most = shown.filter(pl.col("offset") > 0)["rate"].max()
        # The cohort's own column is 100 % of itself: it would outshine the others.
        later = shown.filter(pl.col("offset") > 0).with_columns(
            shown=pl.col("rate").map_elements(share, return_dtype=pl.String, skip_nulls=False),
            ink=pl.when(pl.col("rate") > _DARK_FROM * pl.lit(most)).then(pl.lit("white")).otherwise(pl.lit("#202124")),
        )
        ink = pl.when(pl.col("rate").is_null()).then(pl.lit("currentColor")).otherwise("ink")
        average = means.filter(mine, pl.col("group") == "", pl.col("offset") > 0)
        drawn = (
            [charts.triangle(later.with_columns(ink=ink), f"{name}: share of each cohort that came back")]
            if later.height
            else []
        )
        if average.height:
            drawn.append(charts.rates(average, "offset", "pooled", f"{name}: mean over mature cohorts"))
        unit = cells["period"][0] if cells.height else "period"
        sections.append(
            Section(
                f"Retention: {name}",
                f"Of the people who started in a {unit} (their number in brackets) the share that came back "
                f"{_BACK[product.retention[name].mode].format(unit)}. A dash: that time isn't over yet. The line is the "
                "mean over cohorts whose time is over, by size.",
                drawn,
                ("periods later", "cohorts", "people", "came back", "pooled", "simple"),
                [
                    (
                        str(r["offset"]),
                        count(r["cohorts"]),
                        count(r["people_in_cohort"]),
                        count(r["people_returned"]),
                        share(r["pooled"]),
                        share(r["simple"]),
                    )
                    for r in average.sort("offset").rows(named=True)
                ],
                passport="retention_averages: offset cohorts people_in_cohort people_returned pooled simple",
            )
        )
        sections += _retention_groups(name, unit, means.filter(mine, pl.col("group") != "", pl.col("offset") > 0))
    rest = [_lifecycle(product, marts), _stickiness(marts), *_features(product, marts)]
    return Page("retention", "Retention and lifecycle", [], [*sections, *rest])


def _retention_groups(name: str, unit: str, means: pl.DataFrame) -> list[Section]:
    """Mean retention of each group of the breakdown, a column per period later."""
    if means.is_empty():
        return []
    columns = means["offset"].unique().sort().to_list()
    rows: list[tuple[str, ...]] = []
    for (group,), part in means.sort("people_in_cohort", descending=True).partition_by("group", as_dict=True).items():
        rates = dict(part.select("offset", "pooled").rows())
        people = part.filter(pl.col("offset") == part["offset"].min())["people_in_cohort"].item()
        rows.append((str(group), count(people), *(share(rates.get(column)) for column in columns)))
    return [
        Section(
            f"{name} by group",
            f"The same retention by the breakdown of the product file: the share that came back, by {unit}s later, over "
            "cohorts whose time is over.",
            [],
            ("group", "people", *(str(column) for column in columns)),
            rows,
            passport=f"retention_averages: group people_in_cohort {'pooled ' * len(columns)}",
        )
    ]


def _features(product: Product, marts: Marts) -> list[Section]:
    if not product.features:
        return []
    found = marts["feature_adoption"].filter(pl.col("period") == "last_28").sort("people_tried", descending=True)
    return [
        Section(
            "Feature adoption",
            "Of the people of the last 28 days who could use a feature, those who did; of those whose first use fell into "
            "this time and whose time for a further one is over, those who used it again on a later day; of the people "
            "who bought something, those who used it.",
            [],
            ("feature", "could", "tried", "of those who could", "first time", "again", "time to first use", "of buyers"),
            [
                (r["feature"], count(r["people_could"]), count(r["people_tried"]), share(r["adoption_rate"]),
                 count(r["people_first"]), share(r["again_rate"]), duration(r["median_seconds_to_first_use"]),
                 share(r["revenue_share"]))
                for r in found.rows(named=True)
            ],
        passport="feature_adoption: feature people_could people_tried adoption_rate people_first again_rate median_seconds_to_first_use revenue_share",
    )
    ]  # fmt: skip


def _lifecycle(product: Product, marts: Marts) -> Section:
    weeks = marts["lifecycle"].filter(pl.col("period") == "week", "mature").sort("period_start").tail(12)
    states = ("new", "returning", "resurrecting", "dormant")
    long = weeks.select(
        pl.col("period_start").dt.strftime("%d %b").alias("start"),
        pl.col("period_start").alias("week"),
        *(pl.col(f"people_{state}").alias(state) for state in states),
    ).unpivot(index=["start", "week"], variable_name="state", value_name="people")
    ordered = long.with_columns(
        order=pl.col("state").replace_strict({s: i for i, s in enumerate(states)}, return_dtype=pl.Int64)
    )
    return Section(
        "Lifecycle by week",
        "New: first seen in the week. Returning: active in the week before too. Resurrecting: seen before, but not in the "
        "week before. Dormant, below the line: active in the week before and not in this one.",
        [charts.lifecycle(ordered, "People by lifecycle state and week", releases_of(product))] if weeks.height else [],
        ("week from", "new", "returning", "resurrecting", "dormant", "active"),
        [
            (
                f"{r['period_start']:%d %b %Y}",
                *(count(r[f"people_{state}"]) for state in states),
                count(r["people_active"]),
            )
            for r in weeks.rows(named=True)
        ],
        passport="lifecycle: period_start people_new people_returning people_resurrecting people_dormant people_active",
    )


def _stickiness(marts: Marts) -> Section:
    recent = marts["stickiness"].filter(
        pl.col("period") == "last_28", pl.col("days_active").is_in((1, 2, 3, 5, 7, 14, 21, 28))
    )
    return Section(
        "Stickiness",
        "People active on so many days or more of the last 28.",
        [],
        ("days or more", "people", "share"),
        [
            (str(r["days_active"]), count(r["people_or_more"]), share(r["share_or_more"]))
            for r in recent.sort("days_active").rows(named=True)
        ],
        passport="stickiness: days_active people_or_more share_or_more",
    )


_FUNNEL_WEEKS = 8


def _funnels(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.funnels:
        own = marts["funnel_steps"].filter(pl.col("funnel") == name).sort("step")
        whole = own.filter(pl.col("period") == "all")
        everybody = whole.filter(pl.col("group") == "")
        if everybody.is_empty():
            continue
        bars = everybody.with_columns(
            shown=pl.struct("people_converted", "step_rate", "step").map_elements(_bar_text, return_dtype=pl.String)
        )
        trend = marts["funnel_trends"].filter(pl.col("funnel") == name, "mature").sort("week")
        drawn = [charts.steps(bars, f"{name}: people by step, whole history")]
        if trend.height > 1:
            title = f"{name}: conversion by week of entry"
            drawn.append(charts.rates(trend, "week", "conversion_rate", title, releases_of(product)))
        length = product.funnels[name].length_text
        sections += [
            Section(
                f"Funnel: {name}",
                f"People who took each step within {length} of the first; times are from the step before. The line: of the "
                "people who entered in a week, those who took the last step, once their window is over.",
                drawn,
                ("step", "people", "of the step before", "of all", "median time", "mean time"),
                passport="funnel_steps: step_name people_converted step_rate conversion_rate median_seconds_from_previous "
                "mean_seconds_from_previous",
                mature=f"People who entered less than {length} before the last day ends may still go on; `conversion_rate_of_mature` leaves them out.",
                pickers=_funnel_pickers(own),
                bodies=_funnel_bodies(own),
            ),
            *_groups(name, whole.filter(pl.col("group") != "")),
        ]
    return Page("funnels", "Funnels", [], sections)


def _funnel_pickers(own: pl.DataFrame) -> list[Picker]:
    weeks = own.filter(pl.col("period") == "week")["period_start"].unique().sort(descending=True).head(_FUNNEL_WEEKS)
    people = own.filter(pl.col("step") == 1, pl.col("period") == "all").sort("people_converted", descending=True)
    groups = [(g, g or "everybody") for g in ("", *(g for g in people["group"] if g))]
    periods = [("all", "whole history"), *((str(week), f"entered in the week from {week:%d %b}") for week in weeks)]
    return [Picker("Period", periods), Picker("Group", groups)]


def _funnel_bodies(own: pl.DataFrame) -> list[Body]:
    periods, groups = ([value for value, _ in picker.options] for picker in _funnel_pickers(own))
    chosen = pl.when(pl.col("period") == "all").then(pl.lit("all")).otherwise(pl.col("period_start").cast(pl.String))
    by_choice = own.with_columns(chosen=chosen).partition_by("chosen", "group", as_dict=True)
    return [
        Body(
            (period, group),
            [
                (r["step_name"], count(r["people_converted"]), share(r["step_rate"]), share(r["conversion_rate"]),
                 duration(r["median_seconds_from_previous"]), duration(r["mean_seconds_from_previous"]))
                for r in by_choice[period, group].rows(named=True)
            ],
            [f"n: {count(r['people_entered'])} people entered, of {count(r['people_mature'])} the window is over." for r in by_choice[period, group].rows(named=True)],
        )
        for period in periods for group in groups if (period, group) in by_choice
    ]  # fmt: skip


def _bar_text(row: dict[str, Any]) -> str:
    return count(row["people_converted"]) + ("" if row["step"] == 1 else f"  ({share(row['step_rate'])})")


def _groups(name: str, groups: pl.DataFrame) -> list[Section]:
    if groups.is_empty():
        return []
    last = groups["step"].max()
    ends = groups.filter(pl.col("step") == last).sort("people_entered", descending=True)
    rows = [
        (r["group"], count(r["people_entered"]), count(r["people_converted"]), share(r["conversion_rate"]))
        for r in ends.rows(named=True)
    ]
    return [
        Section(
            f"{name} by group",
            "The same funnel by the breakdown of the product file.",
            [],
            ("group", "entered", "took the last step", "conversion"),
            rows,
            passport="funnel_steps: group people_entered people_converted conversion_rate",
        )
    ]


def _journeys(product: Product, marts: Marts) -> Page:
    sections: list[Section] = []
    for name in product.journeys:
        found = marts["journey_edges"].filter(pl.col("journey") == name)
        ways = (
            marts["journey_sequences"]
            .filter(pl.col("journey") == name)
            .sort("visits", "way", descending=[True, False])
            .head(10)
        )
        sections.append(
            Section(
                f"Journey: {name}",
                "Visits of the last 28 days, cut at pauses of half an hour; each column is a step, each ribbon as broad as "
                "visits took it. Below: the most frequent whole ways.",
                [],
                ("way", "visits", "people", "share"),
                [(r["way"], count(r["visits"]), count(r["people"]), share(r["share"])) for r in ways.rows(named=True)],
                flow_of(found.select("source", "target", "transitions").rows()),
                passport="journey_sequences: way visits people share",
            )
        )
    return Page("journeys", "Journeys", [], sections)
