"""Rows of a landing file that is gone, carried over into the days of another time zone or start date."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import polars as pl

from pipeline.core.canonical import RAW_EVENTS, REJECTED
from pipeline.core.days import day_start
from pipeline.core.lake import DamagedObject, Lake
from pipeline.core.product import Product
from pipeline.ingest.home import Fixed
from pipeline.ingest.manifests import DayObject, Manifest
from pipeline.ingest.raw_text import MAX_RAW_TEXT
from pipeline.maintenance.rewriting import KEPT, Kept, whole

_EARLY = "before_start"


@dataclass
class Carried:
    """The manifest of the rows in their new days, and what of them is lost or no longer exact, a sentence each."""

    manifest: Manifest
    losses: list[str] = field(default_factory=list[str])


@dataclass
class _Carrying:
    lake: Lake
    product: Product
    manifest: Manifest
    dry: bool
    losses: list[str] = field(default_factory=list[str])
    days: dict[str, dict[str, list[DayObject]]] = field(default_factory=dict)
    kept: set[int] = field(default_factory=set[int])
    early: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    lost: int = 0

    def lose(self, sentence: str) -> None:
        self.losses.append(f"landing/{self.manifest.name} is gone, and {sentence}")

    def object(self, kept: Kept, day: str, part: DayObject) -> None:
        """Put the rows of an object into their days of today."""
        rows = self._sound(kept, part)
        if rows is None:
            self.lose(f"{part.key}, which holds {part.rows} of its rows, is damaged or gone; restore it from a backup")
            self.lost += part.rows if kept.field == "days" else 0
            return
        starts = day_start(self.product.start_date, self.product.zone_info)
        is_early = pl.col("occurred_at") < starts
        early, own = rows.filter(is_early), rows.filter(~is_early)
        if kept.field == "days":
            self.kept |= set(own["record_number"])
            self.early += [early] if early.height else []
        elif early.height:
            self.lose(f"{early.height} of its recorded events lie before the new start date")
        local = own.with_columns(_day=pl.col("occurred_at").dt.convert_time_zone(self.product.time_zone).dt.date())
        by_day = self.days.setdefault(kept.field, {})
        for (now,), frame in sorted(local.partition_by("_day", as_dict=True, include_key=False).items(), key=str):
            moved = str(now) != day or frame.height < rows.height
            new = self._write(kept, part, str(now), frame) if moved else part
            by_day.setdefault(str(now), []).append(new)

    def _sound(self, kept: Kept, part: DayObject) -> pl.DataFrame | None:
        try:
            self.lake.check(part.key, part.sha256)
        except DamagedObject:
            return None
        return whole(self.lake, kept.table, part.key)

    def _write(self, kept: Kept, part: DayObject, day: str, rows: pl.DataFrame) -> DayObject:
        name = part.key.rpartition("/")[2].split("-")[0]
        stated = f"{part.key}:{self.product.time_zone}:{self.product.start_date}"
        key = f"lake/{kept.table}/day={day}/{name}-{hashlib.sha256(stated.encode()).hexdigest()[:16]}.parquet"
        return DayObject(key, rows.height, "" if self.dry else self.lake.write_frame(key, rows))

    def rejected(self) -> tuple[str | None, str]:
        """Key and hash of the rejected records, with the events that lie before the start now."""
        old = self.manifest
        if self.dry or not self.early:
            return old.rejected_key, old.rejected_sha256
        before = whole(self.lake, "rejected", old.rejected_key) if old.rejected_key else None
        reason = next(rule.description for rule in RAW_EVENTS.rules if rule.name == _EARLY)
        rows = pl.concat(self.early, how="diagonal_relaxed")
        text = pl.struct(rows.columns).struct.json_encode().str.slice(0, MAX_RAW_TEXT)
        added = rows.select(
            "source", "record_number", "event_number", file_sha256=pl.lit(old.sha256), event_day=pl.lit(None, pl.Date),
            rule=pl.lit(_EARLY), reason=pl.lit(reason), raw_text=text,
        )  # fmt: skip
        frame = REJECTED.conform(
            pl.concat([REJECTED.schema.to_frame() if before is None else before, added], how="diagonal")
        )
        key = f"lake/rejected/arrived={old.arrived}/{old.sha256[:24]}-{old.file_id[:8]}-{frame.height}.parquet"
        return key, self.lake.write_frame(key, frame)


def carry(lake: Lake, product: Product, manifest: Manifest, fixed: Fixed | None, *, dry: bool = False) -> Carried:
    """The file's rows in the days of `product`; `fixed` is what the home was made with, `dry` writes nothing.

    Events before the start date are rejected as a file's are, and kept as text.
    """
    work = _Carrying(lake, product, manifest, dry)
    _inexact(work, fixed)
    for kept in KEPT:
        for day, parts in kept.objects(manifest).items():
            for part in parts:
                work.object(kept, day, part)
    early = sum(rows.height for rows in work.early)
    if early:
        work.lose(f"{early} of its events lie before the new start date; they are kept as rejected text only")
    records = len({n for rows in work.early for n in rows["record_number"]} - work.kept)
    key, sha256 = work.rejected()
    counts = Counter(manifest.rejected) + Counter({_EARLY: early} if early else {})
    return Carried(
        msgspec.structs.replace(
            manifest,
            days=work.days.get("days", {}),
            recordings=work.days.get("recordings", {}),
            events=manifest.events - early - work.lost,
            accepted=manifest.accepted - records,
            records_rejected=manifest.records_rejected + records,
            rejected=dict(sorted(counts.items())),
            rejected_key=key,
            rejected_sha256=sha256,
        ),
        work.losses,
    )


def _inexact(work: _Carrying, fixed: Fixed | None) -> None:
    """Losses that no object shows: what was left out at reading, and days that were told of rejected records."""
    manifest, product = work.manifest, work.product
    if fixed is None or fixed.time_zone != product.time_zone:
        numbers = sum(sum(rules.values()) for rules in manifest.rejected_days.values())
        if numbers:
            work.lose(f"{numbers} of its rejected records are counted on their day of the time zone before")
    if fixed is not None and not _begins_earlier(fixed, product):
        return
    if early := manifest.rejected.get(_EARLY, 0):
        work.lose(f"{early} of its events were rejected as before the old start date and can't come back")
    if manifest.recordings:
        work.lose("recorded events before the old start date, if it held any, can't come back")


def _begins_earlier(fixed: Fixed, product: Product) -> bool:
    before = product.model_copy(update={"time_zone": fixed.time_zone})
    first = day_start(product.start_date, product.zone_info)
    return first < day_start(type(product.start_date).fromisoformat(fixed.start_date), before.zone_info)
