"""What came in for a day and what became of it, by source; and by landing file.

Definitions: docs/definitions/rules.md, "Not measured is null"; docs/definitions/events.md, "Bots".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pipeline.core.canonical import CAPABILITIES
from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.data_quality.contract import BOT_RULES, LATENESS
from pipeline.events.capabilities import capabilities, positions
from pipeline.events.matching import revenue_of
from pipeline.ingest.clock import clock_doubtful
from pipeline.ingest.manifests import Manifest
from pipeline.stats.buckets import added_up

_PERSON = ~pl.col("is_bot")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Came:
    """What came in on a day: accepted rows, their distinct `ids` (event_ids), and those `repeated` from earlier days."""

    raw: pl.LazyFrame
    ids: pl.LazyFrame
    repeated: pl.DataFrame


def held_counts(events: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """By source, what became of what came: sums over some people, which add up."""
    return events.group_by("source").agg(**_both_ways(product), **_counts()).collect()


def quality_counts(
    came: Came,
    held: Sequence[pl.DataFrame],
    events: pl.LazyFrame,
    sessions: pl.LazyFrame,
    day: date,
    product: Product,
) -> pl.DataFrame:
    """One row per source, counted from what came and from what became of it: `held_counts` of disjoint people, and all `events`."""
    accepted = came.raw.group_by("source").agg(
        events_accepted=pl.len(),
        events_placeholder_ids=pl.col("placeholder_ids").is_not_null().sum(),
        without_id=pl.col("event_id").is_null().sum(),
    )
    distinct = came.ids.group_by("source").agg(distinct=pl.len())
    earlier = came.repeated.lazy().group_by("source").agg(events_duplicate_of_earlier_days=pl.len())
    booked = sessions.group_by("source").agg(
        sessions=pl.len(), sessions_without_bots=_PERSON.sum(), sessions_split=pl.col("is_split").sum()
    )
    joined = accepted
    for part in (distinct, earlier, added_up(held, ["source"]).lazy(), booked, _measured(events, product)):
        joined = joined.join(part, on="source", how="full", coalesce=True)
    ids = pl.col("distinct") + pl.col("without_id")
    counted = joined.with_columns(pl.exclude("source").fill_null(0).cast(pl.Int64)).with_columns(
        day=pl.lit(day),
        events_duplicate=pl.col("events_accepted") - ids,
        clicks_merged=ids - pl.col("events_duplicate_of_earlier_days") - pl.col("events"),
    )
    return TABLES["quality_counts"].conform(counted.collect())


def _both_ways(product: Product) -> dict[str, pl.Expr]:
    """Each headline number with bots and without."""
    kinds = {"page_view_events": "page_view", "clicks": "click", "orders_by_order_day": "order"}
    result = {"events": pl.len(), "events_without_bots": _PERSON.sum()}
    for name, kind in kinds.items():
        result[name] = (pl.col("kind") == kind).sum()
        result[f"{name}_without_bots"] = ((pl.col("kind") == kind) & _PERSON).sum()
    person = pl.col("person_key").drop_nulls()
    result["people_active"] = person.n_unique()
    result["people_active_without_bots"] = pl.col("person_key").filter(_PERSON).drop_nulls().n_unique()
    revenue = revenue_of(product)
    result["revenue_micros_by_order_day"] = revenue.sum()
    result["revenue_micros_by_order_day_without_bots"] = revenue.filter(_PERSON).sum()
    return result


def _counts() -> dict[str, pl.Expr]:
    late = pl.col("received_at") - pl.col("occurred_at")
    result = {f"events_bot_{rule}": (pl.col("bot_rule") == rule).sum() for rule in BOT_RULES}
    below: pl.Expr = pl.lit(value=False)
    for name, hours in LATENESS:
        inside = late <= _HOUR * hours if hours is not None else late.is_not_null()
        result[f"events_received_{name}"] = (inside & ~below).sum()
        below = inside
    return {
        **result,
        "events_without_received_at": late.is_null().sum(),
        "events_without_person": pl.col("person_key").is_null().sum(),
        "events_clock_corrected": (pl.col("occurred_at") != pl.col("occurred_at_raw")).sum(),
        "events_clock_doubtful": clock_doubtful().sum(),
        "page_view_events_unknown_page": ((pl.col("kind") == "page_view") & pl.col("page").is_null()).sum(),
    }


def _measured(events: pl.LazyFrame, product: Product) -> pl.LazyFrame:
    """Page views of people per source where each capability was measured, exposure by any means by which zones tell it."""
    own = events.filter(_PERSON)
    known = capabilities(own, product)
    if any(zone.boxes for zone in product.zones):
        known = known.join(positions(own), on=["source", "device"], how="left").with_columns(
            exposure=pl.col("exposure") | pl.col("scrolls") | pl.col("pings"),
            exposure_time=pl.col("exposure_time") | pl.col("scrolls"),
        )
    return known.group_by("source").agg(
        pl.col("views").filter(name).sum().alias(f"page_view_events_measured_{name}") for name in CAPABILITIES
    )


def rejected_counts(manifests: Iterable[Manifest]) -> pl.DataFrame:
    """Rejected events by their local day, source and rule; one content under two names counts once.

    Those whose day can't be told stand under the day on which their file arrived.
    """
    rows: list[tuple[date, str, str, bool, int]] = []
    for manifest in _distinct(manifests):
        without_day = Counter(manifest.rejected)
        for day, by_rule in manifest.rejected_days.items():
            without_day -= Counter(by_rule)
            rows += [
                (date.fromisoformat(day), manifest.source, rule, False, number) for rule, number in by_rule.items()
            ]
        arrived = date.fromisoformat(manifest.arrived)
        rows += [(arrived, manifest.source, rule, True, number) for rule, number in without_day.items()]
    table = TABLES["rejected_counts"]
    frame = pl.DataFrame(rows, schema=table.schema, orient="row")
    return table.conform(frame.group_by(table.key).agg(pl.col("events_rejected").sum()))


def far_future(manifests: Iterable[Manifest], newest: date) -> list[tuple[str, date, int]]:
    """Source, local day and number of accepted events that are dated over a day after `newest`, a day that has come.

    Such an event bears no received_at, or a false one. One content under two names counts once.
    """
    objects = {
        (part.key, manifest.source, date.fromisoformat(day)): part.rows
        for manifest in manifests
        for day, parts in manifest.days.items()
        for part in parts
    }
    result: Counter[tuple[str, date]] = Counter()
    for (_, source, day), rows in objects.items():
        if day > newest + ONE_DAY:
            result[source, day] += rows
    return [(source, day, number) for (source, day), number in sorted(result.items())]


def future_counts(manifests: Iterable[Manifest], counted: pl.LazyFrame, data_end: date | None) -> pl.DataFrame:
    """Events that no published day can hold, on the newest day that `counted` (quality_counts) holds of their source.

    Told by `data_end` and not by arrival, for a mart may not depend on it: the day after is the last that can have come.
    """
    result = far_future(manifests, data_end + ONE_DAY) if data_end else []
    rows = pl.DataFrame(result, schema={"source": pl.String, "_": pl.Date, "number": pl.Int64}, orient="row")
    newest = counted.group_by("source").agg(pl.col("day").max()).collect()
    summed = rows.group_by("source").agg(events_from_far_future=pl.col("number").sum())
    return TABLES["future_counts"].conform(summed.join(newest, on="source"))


def placeholder_ids(manifests: Iterable[Manifest]) -> list[tuple[str, str, int]]:
    """Source, id column and number of values that were no ids; one content under two names counts once."""
    result: Counter[tuple[str, str]] = Counter()
    for manifest in _distinct(manifests):
        for column, number in manifest.placeholder_ids.items():
            result[manifest.source, column] += number
    return [(source, column, number) for (source, column), number in sorted(result.items())]


def _distinct(manifests: Iterable[Manifest]) -> Iterable[Manifest]:
    return {(m.sha256, m.reader): m for m in manifests if not m.retracted}.values()


def ingest_files(manifests: Iterable[Manifest]) -> pl.DataFrame:
    """What became of each landing file."""
    rows = [
        {
            "arrived": date.fromisoformat(m.arrived),
            "source": m.source,
            "file": m.name,
            "file_sha256": m.sha256,
            # Of a file that was refused whole nothing is known: it isn't an empty one.
            **dict.fromkeys(_OF_RECORDS),
            **({} if m.file_rule else dict(zip(_OF_RECORDS, _records(m), strict=True))),
            "events_erased": m.erased,
            "rejected_by_rule": _listed(m.rejected),
            "filtered_by_rule": _listed(m.filtered),
            "file_rule": m.file_rule,
            "first_day": date.fromisoformat(min(m.days)) if m.days else None,
            "last_day": date.fromisoformat(max(m.days)) if m.days else None,
            "is_retracted": m.retracted,
        }
        for m in manifests
    ]
    return TABLES["ingest_files"].conform(pl.DataFrame(rows, schema=TABLES["ingest_files"].schema))


_OF_RECORDS = ("records_read", "records_accepted", "records_rejected", "records_filtered", "events")


def _records(m: Manifest) -> tuple[int, ...]:
    return m.records_read, m.accepted, m.records_rejected, sum(m.filtered.values()), m.events


def _listed(numbers: Mapping[str, int]) -> str | None:
    return "; ".join(f"{rule}: {number}" for rule, number in sorted(numbers.items())) or None
