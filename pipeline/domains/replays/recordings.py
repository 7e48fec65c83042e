"""Recordings, assembled per session: chunks in whatever order and number they came, each event once.

A recording belongs to the session of its source with the recorder's session id; where the source sends recordings only
(`replay: {events: false}`), to the session of another source with that id, else to the sessions of the device at that
time. Of several sessions each event belongs to the last one that began before it. What is recorded after midnight belongs to a
session that went on over it; of a page that only changes by itself then, nothing is shown.

Active time follows rrweb's player, which skips where nobody acts for 10 s.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import polars as pl

from pipeline.core.registry import TABLES
from pipeline.domains.replays.recording_order import Piece, in_turn

RECORDINGS = "recordings"
IDLE_MS = 10_000
START_MS = 1_000
# So much is unpacked at once.
_BATCH_CHARACTERS = 64_000_000
_NEAR = timedelta(minutes=30)
_SNAPSHOT, _INCREMENTAL = 2, 3
_INTERACTIONS = frozenset({1, 2, 3, 5, 6, 12})
_INTERACTION, _CLICK = 2, 2
# Different people may be recorded under one id, such as a second's number.
_RECORDING = ["source", "session_id", "anonymous_id"]
# Puts the recording of a session away under a name and says where it lies.
Keep = Callable[[str, bytes], str]


def recordings(
    raw: pl.LazyFrame, sessions: pl.LazyFrame, events: pl.LazyFrame, day: date, ends: datetime, keep: Keep
) -> pl.DataFrame:
    """One row per recorded session booked on `day`; `keep` is given each session's recording, gzip of JSON.

    `raw` holds recorded events of the day and the next one, `sessions` those booked on the day, which `ends` then, `events` its
    clean events: they tell which of the recorder's ids belong to sessions of the day before.

    The JSON is {"tabs": [{"id": window, "events": [rrweb's events in order of time]}]}.
    """
    table = TABLES[RECORDINGS]
    pairs = _sessions_of(raw, sessions, events)
    rows: list[dict[str, Any]] = []
    for batch in _batches(raw, pairs):
        placed = _placed(batch, pairs, ends)
        for (key,), own in placed.sort("session_key").partition_by("session_key", as_dict=True).items():
            rows.append({**_assembled(own, str(key), keep), **_about(own)})
    names = [name for name in table.schema.names() if name != "session_day"]
    frame = pl.DataFrame(rows, schema={name: table.schema[name] for name in names}, orient="row")
    return table.conform(frame.with_columns(session_day=pl.lit(day)))


def _sessions_of(raw: pl.LazyFrame, sessions: pl.LazyFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """Each recording with the sessions that may be its own: by the recorder's id, else by device."""
    recorded = raw.select(_RECORDING).unique().collect()
    known = sessions.filter(~pl.col("is_bot")).select(
        "session_key", "person_key", "device_type", "started_at", "ended_at", device="anonymous_id",
        session_source="source", session_id="source_session_id",
    ).collect()  # fmt: skip
    by_id = recorded.join(known, on="session_id").with_columns(found_by=pl.lit("session_id"))
    # An id that several people bear tells whose it is with the device only.
    is_one = pl.col("person_key").n_unique().over(_RECORDING) == 1
    by_id = by_id.filter(is_one | (pl.col("anonymous_id") == pl.col("device"))).drop("device")
    # Its own source's session comes first; of several others one, whatever order they are in.
    is_own = pl.col("session_source") == pl.col("source")
    best = pl.col("session_source").sort_by(~is_own, "session_source").first().over(_RECORDING)
    by_id = by_id.filter(pl.col("session_source") == best)
    # An id that events of the day bear, and none of its sessions, is of one that began the day before.
    reported = events.select("session_id").drop_nulls().unique().collect()
    rest = recorded.join(by_id, on=_RECORDING, how="anti").join(reported, on="session_id", how="anti")
    by_device = rest.join(known.drop("session_id"), left_on="anonymous_id", right_on="device").with_columns(
        found_by=pl.lit("device")
    )
    return pl.concat([by_id, by_device.select(by_id.columns)]).sort("started_at", "session_key")


def _batches(raw: pl.LazyFrame, pairs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The recorded events of some recordings at a time, so that memory is bounded."""
    wanted = pairs.select(_RECORDING).unique()
    sizes = (
        raw.join(wanted.lazy(), on=_RECORDING, how="semi")
        .group_by(_RECORDING)
        .agg(size=pl.col("event").str.len_bytes().sum())
        .sort(_RECORDING)
        .collect()
    )
    parts = sizes.with_columns(part=pl.col("size").cum_sum() // _BATCH_CHARACTERS).partition_by("part")
    for part in parts:
        ids = part["session_id"].unique().implode()
        yield raw.filter(pl.col("session_id").is_in(ids)).join(part.lazy(), on=_RECORDING, how="semi").collect()


def _placed(events: pl.DataFrame, pairs: pl.DataFrame, ends: datetime) -> pl.DataFrame:
    """Each event with its session: the last that began before it, else the recording's first."""
    ordered = events.sort("occurred_at")
    own = pairs.rename({"started_at": "session_started_at"})
    both = [
        ordered.join_asof(
            own.sort("session_started_at"), left_on="occurred_at", right_on="session_started_at", by=_RECORDING,
            strategy=strategy, check_sortedness=False,
        )
        for strategy in ("backward", "forward")
    ]  # fmt: skip
    at, begin, end = pl.col("occurred_at"), pl.col("session_started_at"), pl.col("ended_at")
    goes_on, by_id = end >= ends, pl.col("found_by") == "session_id"
    is_near = (at >= begin - _NEAR) & (at <= end + _NEAR)
    fits = pl.when(at < ends).then(by_id | is_near).otherwise(goes_on & (by_id | (at <= end)))
    # Where the session before is hours away, the event is of the next one, whose snapshot comes before its first act.
    before, after = (each.with_columns(fits=fits.fill_null(value=False)) for each in both)
    kept = [before.filter("fits"), after.filter(~before["fits"], pl.col("fits"))]
    return pl.concat(kept).drop("fits")


def _about(events: pl.DataFrame) -> dict[str, Any]:
    first = events.row(0, named=True)
    names = ("session_key", "person_key", "device_type", "found_by")
    return {**{name: first[name] for name in names}, "recorded_by": first["source"]}


def _assembled(events: pl.DataFrame, session: str, keep: Keep) -> dict[str, Any]:
    """Put the session's recording away; its facts."""
    # Of copies the one with most masked counts, whichever file it came in.
    ordered = events.sort("occurred_at", "kind", "sameness", "event", "tab_id")
    once = ordered.unique(["tab_id", "occurred_at", "sameness"], keep="first", maintain_order=True)
    tabs: dict[str | None, list[Piece]] = {}
    reported = once.select("tab_id", pl.col("occurred_at").dt.timestamp("ms"), "kind", "sameness", "event")
    for tab, *piece in reported.iter_rows():
        tabs.setdefault(tab, []).append(Piece(*piece))
    in_order = {tab: in_turn(pieces) for tab, pieces in tabs.items()}
    parts = [
        f'{{"id":{msgspec.json.encode(tab).decode()},"events":[{",".join(own)}]}}' for tab, (own, _) in in_order.items()
    ]
    data = gzip.compress(f'{{"tabs":[{",".join(parts)}]}}'.encode(), compresslevel=6, mtime=0)
    digest = hashlib.sha256(data).hexdigest()[:16]
    at = once["occurred_at"].dt.timestamp("ms")
    snapshots = at.filter(once["kind"] == _SNAPSHOT)
    shown_from = int(snapshots[0]) - int(at[0]) if len(snapshots) else None
    strangers = sum(strange for _, strange in in_order.values())
    is_interaction = (once["kind"] == _INCREMENTAL) & once["incremental"].is_in(list(_INTERACTIONS)).fill_null(
        value=False
    )
    is_click = (once["incremental"] == _INTERACTION) & (once["act"] == _CLICK)
    return {
        "started_at": once["occurred_at"][0],
        "duration_ms": int(at[-1]) - int(at[0]),
        "active_ms": sum(gap for a, b in pairwise(at.filter(is_interaction)) if (gap := b - a) <= IDLE_MS),
        "recorded_events": once.height,
        "duplicates": events.height - once.height,
        "tabs": len(tabs),
        "snapshots": len(snapshots),
        "recorded_clicks": int(is_click.fill_null(value=False).sum()),
        "shown_from_ms": shown_from,
        "events_of_unknown_elements": strangers,
        "completeness": _completeness(shown_from, strangers),
        "recording": keep(f"{int(session) & (2**64 - 1):016x}-{digest}.json.gz", data),
        "recording_bytes": len(data),
    }


def _completeness(shown_from: int | None, strangers: int) -> str:
    if shown_from is None:
        return "nothing to show"
    if shown_from > START_MS:
        return "start missing"
    return "parts missing" if strangers else "whole"
