"""Lifecycle, stickiness, the product file's retentions and journeys as tables."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from pipeline.contracts import TABLES
from pipeline.contracts.base import UTC_MICROSECONDS
from pipeline.days import ONE_DAY, day_start
from pipeline.events.addresses import page_address
from pipeline.events.matching import column_of, matches, of_its_name
from pipeline.events.visits import of_their_visits
from pipeline.metrics.buckets import by_bucket
from pipeline.metrics.journeys import JourneyRules, edges, sequences, visits
from pipeline.metrics.lifecycle import active_periods, lifecycle, stickiness
from pipeline.metrics.periods import Calendar
from pipeline.metrics.retention import OTHER, RetentionRules, grouped_retention, retention
from pipeline.product import Product
from pipeline.product_metrics import Journey, Retention

_RECENT_DAYS = 28
_UNITS: tuple[Literal["day", "week", "month"], ...] = ("day", "week", "month")
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


def journey_events(events: pl.LazyFrame, day: date, journeys: Mapping[str, Journey]) -> pl.DataFrame:
    """The items of `day` by journey, in the total order of each person's events; bots left out."""
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    ordered = people.sort("person_key", "occurred_at", "sequence", "event_id", nulls_last=True)
    is_view = pl.col("kind") == "page_view"
    items = {
        "pages": pl.when(is_view).then(pl.col("page").fill_null("(other page)")),
        "urls": pl.when(is_view).then(pl.col("url").map_batches(page_address, pl.String, is_elementwise=True)),
        "events": pl.coalesce("name", "kind"),
    }
    table = TABLES["journey_events"]
    parts = [
        ordered.select("person_key", "occurred_at", journey=pl.lit(name), item=items[chosen.items]).filter(
            pl.col("item").is_not_null()
        )
        for name, chosen in journeys.items()
    ]
    if not parts:
        return table.conform(pl.DataFrame(schema=table.schema))
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("journey", "person_key")
    return table.conform(pl.concat(parts).collect().with_columns(day=pl.lit(day), place=place))


def lifecycle_counts(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """`active` holds rows of activity of `days`; everybody's first day ever is their birth."""
    table = TABLES["lifecycle_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    first, end = day_start(days[0], product.zone_info), day_start(days[-1] + ONE_DAY, product.zone_info)
    stream = active.select("person_key", occurred_at="first_at").collect().lazy()
    created = stream.group_by("person_key").agg(created_at=pl.col("occurred_at").min()).collect()
    present = set(days)
    parts: list[pl.DataFrame] = []
    for unit in _UNITS:
        calendar = Calendar(unit, product.time_zone, product.week_start)
        found = lifecycle(active_periods(stream, calendar), created, calendar, first, end - timedelta(microseconds=1))
        starts = [calendar.first_day(n) for n in found["period"]]
        whole = [_is_whole(calendar, n, present) for n in found["period"]]
        parts.append(
            found.select(
                pl.lit(unit).alias("period"),
                pl.Series("period_start", starts, dtype=pl.Date),
                *(pl.col(name).alias(f"people_{name}") for name in ("new", "returning", "resurrecting", "dormant")),
                pl.Series("mature", whole, dtype=pl.Boolean),
            )
        )
    return table.conform(pl.concat(parts))


def _is_whole(calendar: Calendar, number: int, present: set[date]) -> bool:
    day, last = calendar.first_day(number), calendar.first_day(number + 1)
    return all(day + ONE_DAY * i in present for i in range((last - day).days))


def stickiness_counts(active: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """On how many days people were active: of the 28 days ending with the last one, and of each complete week."""
    table = TABLES["stickiness_counts"]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    calendar = Calendar("day", product.time_zone, product.week_start)
    found = active_periods(active.select("person_key", occurred_at="first_at"), calendar)
    weeks = Calendar("week", product.time_zone, product.week_start)
    recent = days[-1] - ONE_DAY * (_RECENT_DAYS - 1)
    numbers = range(weeks.number_of(_noon(days[0])), weeks.number_of(_noon(days[-1])) + 1)
    spans = [("last_28", recent, days[-1])]
    spans += [
        ("week", weeks.first_day(n), weeks.first_day(n + 1) - ONE_DAY)
        for n in numbers
        if _is_whole(weeks, n, set(days))
    ]
    parts: list[pl.DataFrame] = []
    for period, first, last in spans:
        counted = stickiness(found, calendar, day_start(first, product.zone_info), day_start(last, product.zone_info))
        parts.append(
            counted.select(
                period=pl.lit(period),
                period_start=pl.lit(first),
                days_active="periods",
                people="entities",
                people_or_more=pl.col("entities").cum_sum(reverse=True),
            )
        )
    return table.conform(pl.concat(parts))


def _noon(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


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


def journey_steps(rows: pl.LazyFrame, name: str, chosen: Journey, last: date) -> pl.DataFrame:
    """The steps of a journey's visits in the 28 days up to `last`."""
    rules = JourneyRules(chosen.start, chosen.end, chosen.steps, chosen.exclude, chosen.groupings)
    recent = rows.filter(pl.col("journey") == name, pl.col("day") > last - ONE_DAY * _RECENT_DAYS)
    return visits(recent.sort("person_key", "day", "place"), rules)


def journey_edge_counts(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """From item to item, per journey; `rows` holds journey_events of `days`."""
    table = TABLES["journey_edge_counts"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        found = edges(journey_steps(rows, name, chosen, days[-1]), limit=chosen.edge_limit)
        parts.append(
            found.select(pl.lit(name).alias("journey"), "source", "target", "transitions", "people", "mean_wait_us")
        )
    return table.conform(pl.concat(parts))


def journey_ways(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Whole ways, per journey; `rows` holds journey_events of `days`."""
    table = TABLES["journey_ways"]
    parts = [pl.DataFrame(schema=table.schema)]
    for name, chosen in product.journeys.items() if days else ():
        found = sequences(journey_steps(rows, name, chosen, days[-1]), limit=chosen.edge_limit)
        parts.append(
            found.select(
                pl.lit(name).alias("journey"),
                pl.col("items").list.join(" > ").alias("way"),
                pl.col("items").list.len().cast(pl.Int64).alias("steps"),
                "visits",
                "people",
            )
        )
    return table.conform(pl.concat(parts))
