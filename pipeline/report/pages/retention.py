"""The page of retention, lifecycle and stickiness (docs/marts.md says what the numbers mean)."""

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_of_all
from pipeline.report.cohorts import triangle_of
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, label, releases_of, share

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
        cells = cohorts.filter(mine, pl.col("breakdown_value") == "", pl.col("people_in_cohort") > 0)
        average = means.filter(mine, pl.col("breakdown_value") == "", pl.col("period_number") > 0)
        drawn = triangle_of(cells, f"{name}: share of each cohort that came back")
        if average.height:
            drawn.append(charts.rates(average, "period_number", "pooled", f"{name}: mean over mature cohorts"))
        unit = cells["period"][0] if cells.height else "period"
        sections.append(
            Section(
                f"Retention: {name}",
                f"Of the people who started in a {unit} (their number in brackets) the share that came back "
                f"{_BACK[product.retention[name].mode].format(unit)}. A dash: that time isn't over yet. The line is the "
                "mean over cohorts whose time is over, by size.",
                drawn,
                ("periods later", "cohorts", "people", "came back", "of all people", "mean of cohorts"),
                [
                    (
                        str(r["period_number"]),
                        count(r["cohorts"]),
                        count(r["people_in_cohort"]),
                        count(r["people_returned"]),
                        share(r["pooled"]),
                        share(r["simple"]),
                    )
                    for r in average.sort("period_number").rows(named=True)
                ],
                provenance="retention_averages: period_number cohorts people_in_cohort people_returned pooled simple",
                ask=asking_of_all(marts, show="retention", of=name),
            )
        )
        sections += _retention_groups(
            name, unit, means.filter(mine, pl.col("breakdown_value") != "", pl.col("period_number") > 0)
        )
    rest = [_lifecycle(product, marts), _stickiness(marts)]
    return Page("retention", "Retention and lifecycle", [], [*sections, *rest], lead=_lead(product, means))


def _lead(product: Product, means: pl.DataFrame) -> str:
    """Of each retention what share is back after one period, and after the last that is known."""
    known = means.filter(pl.col("breakdown_value") == "", pl.col("period_number") > 0).drop_nulls("pooled")
    told: list[str] = []
    for (name,), own in known.sort("retention", "period_number").partition_by("retention", as_dict=True).items():
        first, last = own.row(0, named=True), own.row(-1, named=True)
        then = f", {share(last['pooled'])} after {last['period_number']}" if last["period_number"] > 1 else ""
        told.append(
            f"{label(str(name))}: {share(first['pooled'])} are back after 1 {product.retention[str(name)].period}{then}."
        )
    return " ".join(told)


def _retention_groups(name: str, unit: str, means: pl.DataFrame) -> list[Section]:
    """Mean retention of each group of the breakdown, a column per period later."""
    if means.is_empty():
        return []
    columns = means["period_number"].unique().sort().to_list()
    rows: list[tuple[str, ...]] = []
    for (group,), part in (
        means.sort("people_in_cohort", descending=True).partition_by("breakdown_value", as_dict=True).items()
    ):
        rates = dict(part.select("period_number", "pooled").rows())
        people = part.filter(pl.col("period_number") == part["period_number"].min())["people_in_cohort"].item()
        rows.append((str(group), count(people), *(share(rates.get(column)) for column in columns)))
    return [
        Section(
            f"{name} by group",
            f"The same retention by the breakdown of the product file: the share that came back, by {unit}s later, over "
            "cohorts whose time is over.",
            [],
            ("group", "people", *(str(column) for column in columns)),
            rows,
            provenance=f"retention_averages: breakdown_value people_in_cohort {'pooled ' * len(columns)}",
        )
    ]


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
        provenance="lifecycle: period_start people_new people_returning people_resurrecting people_dormant people_active",
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
        provenance="stickiness: days_active people_or_more share_or_more",
    )


PAGE = ReportPage(
    "retention", "Retention and lifecycle", "Growth", 110, lambda shown: _retention(shown.product, shown.marts)
)
