"""A clean day that doesn't fit into memory: what `clean_day` makes, range by range of people.

What is decided of a device (duplicates, clicks made twice, whose it is, its pace) is decided where all of its rows are, so
raw rows are first dealt out by device, and decided ones by person. Both wait in a scratch, and each step is taken by any
process. What must be known of all devices of the day is carried to the end: which of them are a crowd.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import polars as pl

from pipeline.core.canonical import EVENTS
from pipeline.core.engine import Engine, run_parts
from pipeline.core.product import Product
from pipeline.core.scratch import Scratch, deal_out, waiting_rows
from pipeline.events.bots import crowds
from pipeline.events.clean import carried, clean_part, finished
from pipeline.events.dealing import Dealing, Dealt, Rows, deal_by_device, sums_of, waiting
from pipeline.events.identity import Identities
from pipeline.stats.buckets import begin_of_range

_ID = ["source", "event_id"]
_LINKS, _USERS, _REPEATED = "links", "users", "repeated"


@dataclass(frozen=True)
class Decided:
    """A day of which all is decided, its rows waiting in a scratch by ranges of people."""

    # How many rows wait in each range.
    rows: list[int]
    crowd: pl.Series
    columns: pl.DataFrame
    duplicates: int
    duplicates_of_earlier_days: int
    clicks_merged: int


class _Place(NamedTuple):
    """The devices of a place, with the rows of ids that came with devices of several."""

    dealing: Dealing
    place: int
    dealt: Dealt
    product: Product


class _DecidedPlace(NamedTuple):
    one_event_devices: pl.DataFrame
    columns: pl.DataFrame
    counts: tuple[int, int, int]
    rows: list[int]


def decide_in_ranges(
    objects: Sequence[Sequence[Rows]],
    product: Product,
    known: tuple[Identities, pl.DataFrame],
    ranges: int,
    scratch: Scratch,
    on: Engine,
) -> Decided:
    """Decide the day's accepted rows, which `objects` hold, in groups that one process reads.

    `known` is who is who, and (source, event_id) of the day that came on an earlier day; `ranges` is a power of two.
    """
    identities, repeated = known
    for name, frame in ((_LINKS, identities.links), (_USERS, identities.users), (_REPEATED, repeated)):
        scratch.put(f"{name}/0", frame)
    dealing = Dealing(partial(carried, product=product), ranges, scratch)
    dealt = deal_by_device(dealing, objects, on)
    places = [_Place(dealing, n, dealt.of(n), product) for n in range(ranges)]
    decided = list(run_parts(_decide, places, on))
    sums = sums_of((each.counts for each in decided), 3)
    crowd = crowds(pl.concat(each.one_event_devices for each in decided), product.bots)
    rows = sums_of((each.rows for each in decided), ranges)
    return Decided(rows, crowd, decided[0].columns, sums[0] + dealt.repetitions, sums[1], sums[2])


def finished_ranges(
    decided: Decided, scratch: Scratch, part: tuple[int, int], product: Product
) -> Iterator[pl.DataFrame]:
    """`events` of part `n` of so many, range by range, in the order of events."""
    n, parts = part
    each = len(decided.rows) // parts
    for place in range(n * each, (n + 1) * each):
        rows = waiting_rows(scratch, f"decided/{place}", decided.columns, decided.rows[place])
        yield finished(rows.sort(EVENTS.order, nulls_last=True), decided.crowd, product)


def _decide(place: _Place) -> _DecidedPlace:
    scratch, ranges = place.dealing.scratch, place.dealing.places
    rows = waiting(scratch, place.place, place.dealt)
    part = clean_part(rows, place.product, *_known_of(scratch, rows))
    keys = part.rows["person_key"].drop_nulls()
    ends = [int(keys.search_sorted(begin_of_range(n, ranges))) for n in range(1, ranges)]
    dealt = deal_out(scratch, part.rows, [*ends, part.rows.height], "decided", f"{place.place:06}")
    counts = (part.duplicates, part.duplicates_of_earlier_days, part.clicks_merged)
    return _DecidedPlace(part.one_event_devices, part.rows.clear(), counts, dealt)


def _known_of(scratch: Scratch, rows: pl.DataFrame) -> tuple[Identities, pl.DataFrame]:
    """What is known of the devices, users and ids of some rows, and of no others: all of it may be large."""

    def of(name: str, column: str) -> pl.DataFrame:
        return pl.concat(scratch.rows(name)).filter(pl.col(column).is_in(rows[column].unique().implode())).collect()

    repeated = pl.concat(scratch.rows(_REPEATED)).join(rows.lazy().select(_ID), on=_ID, how="semi").collect()
    return Identities(of(_LINKS, "anonymous_id"), of(_USERS, "user_id")), repeated
