"""Restatements: a ledger of numbers that were published, spoke of days that were over, and changed all the same.

It lies outside the promise of equal bytes (docs/design.md, "Promises"): when a number changed and from what depends on when it was looked
at. A row of a mart can be restated where its key names a day, and the time it speaks of was over when it was published:
`mature` where the mart says so, else the period's last day, or the key's latest day, a day before the newest (a session of
the newest may go on). What is told of the whole history or of trailing days without a date of their own changes every
night, and is none.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec
import polars as pl

from pipeline.core.contract import UTC_MICROSECONDS, Table
from pipeline.core.lake import Lake
from pipeline.core.product import DECLARABLE, Product
from pipeline.core.published import DECIMAL_3, DECIMAL_6
from pipeline.core.sealed import read_sealed, write_sum
from pipeline.core.state import Snapshot, hash_texts
from pipeline.ingest.manifests import Manifest

FOLDER = "lake/restatements"
SCHEMA = pl.Schema(
    {
        "restated_at": UTC_MICROSECONDS, "mart": pl.String(), "key": pl.String(), "column": pl.String(), "old": pl.Float64(),
        "new": pl.Float64(), "cause": pl.String(),
    }
)  # fmt: skip
# So many of one mart are kept, the latest ones.
MOST = 100_000
_NUMBERS = (pl.Int64(), pl.Int32(), pl.Float64(), DECIMAL_6, DECIMAL_3)
# Of single people and sessions no ledger is kept: it would be one more place to erase them from.
_SINGLE = frozenset({"person_key", "session_key", "page_view_key", "incident_key", "opportunity_id"})
_LENGTHS = {"day": "0d", "week": "6d", "month": "1mo"}


# How sections of the product file are hashed: rises when all hashes change though no product file did.
_SCHEME = "3"


class InputsManifest(msgspec.Struct, frozen=True):
    """What a publication was made from, as far as a change of it is a cause: hashes, and what was taken back or erased."""

    days: dict[str, str]
    code: str
    retracted: list[str]
    erased: int
    # Earlier publications had parts, hashed by another scheme.
    sections: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    scheme: str = ""

    @property
    def name(self) -> str:
        """What tells it from other manifests."""
        return hash_texts([msgspec.json.encode(self, order="sorted").decode()])


def inputs_manifest_of(
    manifests: Mapping[str, Manifest], snapshot: Snapshot, product: Product, code: str
) -> InputsManifest:
    """The inputs manifest of what is about to be published; `code` hashes the versions of tables and models."""
    return InputsManifest(
        days={str(day): hash_texts(sorted(keys)) for day, keys in snapshot.raw.items()},
        sections={name: product.section_hash(name) for name in DECLARABLE},
        code=code,
        retracted=sorted(m.file_id for m in manifests.values() if m.retracted),
        erased=sum(m.erased for m in manifests.values()),
        scheme=_SCHEME,
    )


def causes(before: InputsManifest, now: InputsManifest, newest: date) -> str:
    """Why numbers of days up to `newest` may have changed between two publications."""
    result: list[str] = []
    moved = {day for day in before.days.keys() | now.days.keys() if before.days.get(day) != now.days.get(day)}
    taken_back = set(now.retracted) - set(before.retracted)
    if taken_back:
        result.append("retraction")
    if now.erased > before.erased:
        result.append("erasure")
    # Hashes of another scheme tell nothing; the code changed in any case.
    # A name that an earlier release didn't know tells nothing.
    moved_sections = {s for s in now.sections if s in before.sections and now.sections[s] != before.sections[s]}
    if now.scheme != before.scheme:
        moved_sections.clear()
    if "identity" in moved_sections:
        result.append("struck link or identity rule")
    # An aspect changes with its section.
    named = [s for s in moved_sections if s.partition(".")[0] not in moved_sections - {s}]
    changed = sorted(set(named) - {"identity"})
    if changed or now.code != before.code:
        result.append(f"definition version ({', '.join(changed) or 'code'})")
    if not taken_back and now.erased == before.erased and any(day < str(newest) for day in moved):
        result.append("late events")
    return "; ".join(result) or "newer events (links between devices and users, sessions that went on)"


def restated(table: Table, old: pl.DataFrame, new: pl.DataFrame, newest: date) -> pl.DataFrame:
    """`key` (JSON), `column`, `old`, `new` of each number of a closed time that changed, appeared (old null) or went."""
    columns = [c.name for c in table.columns if c.dtype in _NUMBERS and c.name not in table.key]
    known = [name for name in columns if name in old.columns]
    has_day = any(table.schema[name] == pl.Date for name in table.key)
    if table.matures or not known or not set(table.key) <= set(old.columns) or not has_day or _SINGLE & set(table.key):
        return pl.DataFrame(schema={n: SCHEMA[n] for n in ("key", "column", "old", "new")})
    was, now = (rows.filter(_is_closed(table, rows, newest)).select(*table.key, *known) for rows in (old, new))
    both = was.with_columns(was=True).join(
        now.with_columns(now=True), on=table.key, how="full", coalesce=True, nulls_equal=True, suffix="__new"
    )  # fmt: skip
    # What wasn't closed then and is now didn't change: it is published for the first time.
    later = old.filter(~_is_closed(table, old, newest).fill_null(value=False)).select(table.key)
    both = both.join(later, on=table.key, how="anti", nulls_equal=True)
    key = pl.struct(table.key).struct.json_encode()
    parts = [
        both.filter(pl.col(name).ne_missing(pl.col(f"{name}__new"))).select(
            key=key, column=pl.lit(name), old=pl.col(name).cast(pl.Float64), new=pl.col(f"{name}__new").cast(pl.Float64)
        )
        for name in known
    ]
    return pl.concat(parts).sort("key", "column")


def _is_closed(table: Table, rows: pl.DataFrame, newest: date) -> pl.Expr:
    over = pl.lit(newest - timedelta(days=1))
    days = [name for name in table.key if table.schema[name] == pl.Date]
    is_over = pl.all_horizontal(pl.col(name) <= over for name in days)
    if "period" in table.key:
        lasts = {p: pl.col(days[0]).dt.offset_by(length) for p, length in _LENGTHS.items()}
        # Of trailing periods only the newest is told.
        is_over = pl.any_horizontal((pl.col("period") == p) & (last <= over) for p, last in lasts.items())
    if "day_offset" in table.key:
        is_over = pl.col(days[0]) + pl.duration(days=pl.col("day_offset")) <= over
    return is_over & pl.col("mature") if "mature" in rows.columns else is_over


def inputs_manifest_key(name: str) -> str:
    """Where the inputs manifest of that name lies."""
    return f"lake/_state/publications/{name}.json"


def read_inputs_manifest(lake: Lake, name: str) -> InputsManifest | None:
    """The inputs manifest of an earlier publication; None where it isn't known."""
    return read_sealed(lake, inputs_manifest_key(name), InputsManifest)


def enter(lake: Lake, mart: str, result: pl.DataFrame, cause: str, now: datetime) -> None:
    """Add restated numbers of a mart to the ledger."""
    if result.is_empty():
        return
    rows = result.with_columns(restated_at=pl.lit(now, dtype=UTC_MICROSECONDS), mart=pl.lit(mart), cause=pl.lit(cause))
    key = f"{FOLDER}/{mart}.parquet"
    kept = pl.concat([ledger_of(lake, key), rows.select(SCHEMA.names())]).tail(MOST)
    write_sum(lake, key, lake.write_frame(key, kept))


def ledger(lake: Lake) -> pl.DataFrame:
    """All restated numbers, the latest first."""
    parts = [pl.DataFrame(schema=SCHEMA), *(ledger_of(lake, key) for key in lake.keys(FOLDER))]
    return pl.concat(parts).sort("restated_at", "mart", "key", "column", descending=[True, False, False, False])


def ledger_of(lake: Lake, key: str) -> pl.DataFrame:
    """The ledger of one mart; empty where there is none that can be read."""
    try:
        return pl.read_parquet(lake.path(key)) if lake.exists(key) else pl.DataFrame(schema=SCHEMA)
    except pl.exceptions.PolarsError:
        # A damaged ledger holds up no mart; `footfall doctor` names it.
        return pl.DataFrame(schema=SCHEMA)
