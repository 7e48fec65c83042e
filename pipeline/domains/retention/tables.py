"""The product file's retentions as tables (docs/definitions/retention.md)."""

from datetime import date, datetime, timedelta

import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.retention.retention import OTHER, RetentionRules, grouped_retention, retention
from pipeline.domains.retention.section import Retention
from pipeline.events.matching import column_of, matches, of_its_name
from pipeline.events.visits import of_their_visits
from pipeline.stats.buckets import by_bucket
from pipeline.stats.periods import Calendar

_ANY = pl.lit(value=True)
NO_VALUE = "(none)"


def return_events(
    events: pl.LazyFrame, day: date, product: Product, booked: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """What `day` says for the retentions: per person, hour and value starts and returning events; bots left out.

    `booked` holds session_events of the day and the one before; breakdowns by what is told of a visit need them.
    """
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    if booked is not None:
        wanted = {each.breakdown.by for each in product.retention.values() if each.breakdown}
        people = of_their_visits(people, booked, wanted)
    table = TABLES["return_events"]
    begin = day_start(day, product.zone_info)
    parts = [_return_rows(people, name, chosen, begin) for name, chosen in product.retention.items()]
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
        returns=(_ANY if chosen.returning is None else matches(chosen.returning)).cast(pl.Int64),
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


def return_cells(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """The retentions' cells, of everybody and by group; `rows` holds return_events of `days`."""
    table = TABLES["return_cells"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.retention.items() if days else ():
        mine = rows.filter(pl.col("retention") == name)
        parts.append(_cells_of(mine, name, chosen, days, product).select(table.schema.names()))
    return table.conform(pl.concat(parts, how="vertical_relaxed"))


def _cells_of(rows: pl.LazyFrame, name: str, chosen: Retention, days: list[date], product: Product) -> pl.DataFrame:
    calendar = Calendar(chosen.period, product.time_zone, product.week_start)
    end = day_start(days[-1] + ONE_DAY, product.zone_info)
    rules = RetentionRules(
        calendar,
        day_start(days[0], product.zone_info),
        end - timedelta(microseconds=1),
        columns=chosen.periods,
        cohort=chosen.cohort,
        mode=chosen.mode,
        minimum=chosen.minimum,
        brackets=chosen.brackets,
        elapsed=chosen.elapsed,
    )
    if chosen.cohort == "first_ever":
        # The hour's first event of the name decides, and the hours' order is that of these events.
        order = pl.coalesce("named_at", "occurred_at")
        rows = rows.with_columns(is_start="is_first_start").sort(order, "occurred_at", "value")
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
