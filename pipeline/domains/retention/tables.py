"""The product file's retentions as tables (docs/definitions/retention.md)."""

from datetime import date, datetime, timedelta

import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.retention.retention import OTHER, RetentionRules, grouped_retention, retained, retention
from pipeline.domains.retention.section import Retention
from pipeline.events.conditions import of_chosen_people, of_people_around, that_count, told_columns
from pipeline.events.matching import column_of, matches, of_its_name
from pipeline.stats.buckets import by_bucket
from pipeline.stats.periods import Calendar

_ANY = pl.lit(value=True)
NO_VALUE = "(none)"


def return_events(  # what the table declares
    events: pl.LazyFrame,
    day: date,
    product: Product,
    booked: pl.LazyFrame | None = None,
    sessions: pl.LazyFrame | None = None,
    around: pl.LazyFrame | None = None,
) -> pl.DataFrame:
    """What `day` says for the retentions: per person, hour and value starts and returning events; bots left out.

    `booked` and `sessions` hold session_events and sessions of the day and the one before; breakdowns by what is told of a
    visit need them. `around` holds events of the day before, the day and the day after: conditions on visits look at them.
    """
    retentions = product.retention
    wanted = told_columns(retentions.values()) | {each.breakdown.by for each in retentions.values() if each.breakdown}
    people, beside = of_people_around(events, wanted, booked, sessions, around)
    return returns_of(people.with_columns(events=pl.lit(1, dtype=pl.Int64)), day, product, beside)


def returns_of(people: pl.LazyFrame, day: date, product: Product, around: pl.LazyFrame) -> pl.DataFrame:
    """`return_events` of events of people that bear what is told of their visits, and how many `events` a row stands for."""
    table = TABLES["return_events"]
    begin = day_start(day, product.zone_info)
    parts = [
        _return_rows(that_count(people, chosen, around), name, chosen, begin)
        for name, chosen in product.retention.items()
    ]
    rows = pl.concat(parts).collect() if parts else pl.DataFrame(schema=table.schema)
    return table.conform(rows.with_columns(day=pl.lit(day)))


def _return_rows(people: pl.LazyFrame, name: str, chosen: Retention, begin: datetime) -> pl.LazyFrame:
    is_named = of_its_name(chosen.start)
    value = (
        pl.lit("") if chosen.breakdown is None else pl.col(column_of(chosen.breakdown.by)).cast(pl.String).fill_null("")
    )
    marked = people.select(
        "person_key",
        "occurred_at",
        "sequence",
        "event_id",
        is_start=_ANY if chosen.start is None else matches(chosen.start),
        is_named=is_named,
        returns=(_ANY if chosen.returning is None else matches(chosen.returning)).cast(pl.Int64) * pl.col("events"),
        value=value,
    ).filter(pl.any_horizontal("is_start", "is_named", pl.col("returns") > 0))
    ordered = marked.sort("occurred_at", "sequence", "event_id", nulls_last=True)
    # Where days begin within an hour, its events are of two days.
    hour = pl.max_horizontal(pl.col("occurred_at").dt.truncate("1h"), pl.lit(begin, dtype=UTC_MICROSECONDS))
    named = pl.col("is_named")
    return ordered.group_by("person_key", "value", hour.alias("occurred_at")).agg(
        retention=pl.lit(name),
        named_at=pl.col("occurred_at").filter(named).first(),
        is_start=pl.col("is_start").any(),
        is_first_start=pl.col("is_start").filter(named).first().fill_null(value=False),
        is_named=named.any(),
        returns=pl.col("returns").sum(),
    )


def return_cells(
    rows: pl.LazyFrame, days: list[date], product: Product, met: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """The retentions' cells, of everybody and by group; `rows` holds return_events of `days`, `met` conditions_met."""
    table = TABLES["return_cells"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.retention.items() if days else ():
        own = rows.filter(pl.col("retention") == name)
        mine = of_chosen_people(own, chosen, met, days[0], days[-1])
        parts.append(_cells_of(mine, name, chosen, days, product).select(table.schema.names()))
    return table.conform(pl.concat(parts, how="vertical_relaxed"))


def _cells_of(rows: pl.LazyFrame, name: str, chosen: Retention, days: list[date], product: Product) -> pl.DataFrame:
    rules = rules_of(chosen, days, product)
    calendar, end = rules.calendar, day_start(days[-1] + ONE_DAY, product.zone_info)
    rows = _deciding(rows, chosen)
    cells = _summed(
        [part.with_columns(group=pl.lit("")) for part in by_bucket(rows, lambda part: retention(part, rules))]
    )
    if chosen.breakdown is not None:
        grouped = by_bucket(rows, lambda part: grouped_retention(part, rules, "value"))
        cells = pl.concat(
            [cells, _largest(_summed([part.rename({"value": "group"}) for part in grouped]), chosen.breakdown.limit)]
        )
    sizes = cells.filter(offset=0).select("group", "cohort", people_in_cohort="returned")
    over = {
        (cohort, offset): _ends(calendar, chosen, cohort, offset) <= end
        for cohort, offset in cells.select("cohort", "offset").unique().rows()
    }
    return cells.join(sizes, on=["group", "cohort"]).select(
        "offset",
        "group",
        "people_in_cohort",
        retention=pl.lit(name),
        period=pl.lit(chosen.period),
        cohort_start=pl.col("cohort").map_elements(calendar.first_day, return_dtype=pl.Date),
        people_returned="returned",
        mature=pl.struct("cohort", "offset").map_elements(
            lambda cell: over[cell["cohort"], cell["offset"]], return_dtype=pl.Boolean
        ),
    )


def rules_of(chosen: Retention, days: list[date], product: Product) -> RetentionRules:
    """The rules of a retention of the product file over `days`."""
    return RetentionRules(
        Calendar(chosen.period, product.time_zone, product.week_start),
        day_start(days[0], product.zone_info),
        day_start(days[-1] + ONE_DAY, product.zone_info) - timedelta(microseconds=1),
        columns=chosen.periods,
        cohort=chosen.cohort,
        mode=chosen.mode,
        minimum=chosen.minimum,
        brackets=chosen.brackets,
        elapsed=chosen.elapsed,
    )


def _deciding(rows: pl.LazyFrame, chosen: Retention) -> pl.LazyFrame:
    """Rows of return_events in which it is told what starts a cohort of this kind."""
    if chosen.cohort != "first_ever":
        return rows
    # The hour's first event of the name decides, and the hours' order is that of these events.
    order = pl.coalesce("named_at", "occurred_at")
    return rows.with_columns(is_start="is_first_start").sort(order, "occurred_at", "value")


def people_of_cell(
    rows: pl.LazyFrame, chosen: Retention, days: list[date], product: Product, cell: tuple[date, int]
) -> pl.DataFrame:
    """The people whom a cell, (cohort_start, offset), counts: `person_key`, and `at`, the hour in which they began.

    `rows` holds return_events of the retention, of one group where there are groups.
    """
    rules = rules_of(chosen, days, product)
    cohort = rules.calendar.number_of(day_start(cell[0], product.zone_info))
    people = retained(_deciding(rows, chosen), rules, (cohort, cell[1]))
    in_period = rows.filter("is_start", rules.calendar.number() == cohort)
    begun = in_period.group_by("person_key").agg(at=pl.col("occurred_at").min())
    return people.join(begun.collect(), on="person_key", how="left", maintain_order="left")


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Cells of ranges of people added up."""
    summed = pl.concat(parts).group_by("group", "cohort", "offset").agg(pl.col("returned").sum())
    return summed.sort("group", "cohort", "offset")


def _largest(cells: pl.DataFrame, limit: int) -> pl.DataFrame:
    """All but the groups with the most people in cohorts under one name; who has no value is a group as any other."""
    named = cells.with_columns(group=pl.when(pl.col("group") == "").then(pl.lit(NO_VALUE)).otherwise("group"))
    sizes = named.filter(offset=0).group_by("group").agg(pl.col("returned").sum())
    kept = sizes.sort("returned", "group", descending=[True, False]).head(limit)["group"]
    return _summed(
        [
            named.with_columns(
                group=pl.when(pl.col("group").is_in(kept.implode())).then("group").otherwise(pl.lit(OTHER))
            )
        ]
    )


def _ends(calendar: Calendar, chosen: Retention, cohort: int, offset: int) -> datetime:
    """When the time that a cell speaks of is over."""
    last = sum(chosen.brackets[:offset]) if chosen.brackets else offset
    if chosen.mode == "on_or_after" and offset:
        last = sum(chosen.brackets) if chosen.brackets else chosen.periods - 1
    if chosen.elapsed:
        days = {"day": 1, "week": 7, "month": 30}[chosen.period]
        return calendar.start(cohort + 1) + timedelta(days=days * (last + 1 if offset else 0), hours=1 if offset else 0)
    return calendar.start(cohort + last + 1)
