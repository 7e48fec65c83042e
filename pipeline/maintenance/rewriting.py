"""What erasing changes: the objects that hold a person, and the manifests that name them, written anew."""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.events.identity import Identities, with_person
from pipeline.ingest.erased import ERASED
from pipeline.ingest.journal import Journal
from pipeline.ingest.manifests import DayObject, Manifest
from pipeline.maintenance.mentions import Mentions, spellings_of


@dataclass(frozen=True)
class Person:
    """The person's ids: users, and devices that nobody else uses. `person_id` finds what links tell besides."""

    person_id: str
    users: list[str]
    devices: list[str]
    sessions: list[str] = field(default_factory=list[str])

    @property
    def ids(self) -> list[str]:
        """All of them."""
        return [*self.users, *self.devices]

    def owns(self, rows: pl.DataFrame) -> pl.Expr:
        """Whether a row of events or recordings, with its person, is the person's."""
        named = [name for name in ("user_id", "previous_user_id") if name in rows.columns]
        users = pl.any_horizontal(pl.col(named).is_in(self.users).fill_null(value=False))
        devices = pl.col("anonymous_id").is_in(self.devices).fill_null(value=False)
        # Recordings may bear nothing of a person but the session's id.
        recorded = pl.col("session_id").is_in(self.sessions) if "sameness" in rows.columns else pl.lit(value=False)
        return users | devices | recorded | (pl.col("person_id") == self.person_id).fill_null(value=False)


class Kept(NamedTuple):
    """One kind of objects that manifests name."""

    table: str
    field: str

    def objects(self, manifest: Manifest) -> dict[str, list[DayObject]]:
        """Its objects of a landing file by day."""
        return getattr(manifest, self.field)

    def keys(self, manifests: Collection[Manifest]) -> set[str]:
        """Keys of its objects of all these landing files."""
        return {part.key for m in manifests for parts in self.objects(m).values() for part in parts}

    def rows(self, lake: Lake, key: str, columns: Sequence[str] = ()) -> pl.DataFrame | None:
        """All rows of an object; None if it is gone or damaged."""
        return whole(lake, self.table, key, columns)


KEPT = (Kept("raw_events", "days"), Kept("raw_recordings", "recordings"))
_PLAIN = ("source", "kind", "file_sha256", "rule")


def whole(lake: Lake, table: str, key: str, columns: Sequence[str] = ()) -> pl.DataFrame | None:
    """All rows of an object of `table`, or of some columns; None if it is gone or damaged."""
    try:
        rows = lake.scan(TABLES[table], [key])
        return (rows.select(columns) if columns else rows).collect()
    except (pl.exceptions.PolarsError, OSError):
        return None


@dataclass
class Rewriting:
    """Writes anew, under other names, what holds `person` or tells of it; nothing names the new objects yet.

    One content under two names is one object that two manifests name. `mentions` counts rows of other people that named
    the person.
    """

    lake: Lake
    manifests: Sequence[Manifest]
    person: Person
    identities: Identities
    reported: Mentions
    events: int = 0
    recorded: int = 0
    rejected: int = 0
    mentions: int = 0

    def journal(self) -> Journal:
        """Manifests that name the new objects, and the old ones to remove."""
        fresh: dict[str, DayObject | None] = {}
        gone: dict[str, int] = {}
        for kept in KEPT:
            for key in sorted(kept.keys(self.manifests)):
                self._rewrite(kept, key, fresh, gone)
        self.events = sum(n for key, n in gone.items() if key.startswith("lake/raw_events/"))
        self.recorded = sum(gone.values()) - self.events
        texts = {key for manifest in self.manifests if (key := manifest.rejected_key)}
        rejected = {key: part for key in sorted(texts) if (part := self._texts(key))}
        changed = [new for old in self.manifests if (new := self._manifest(old, fresh, gone, rejected)) != old]
        return Journal(manifests=changed, objects=sorted([*fresh, *rejected]))

    def _rewrite(self, kept: Kept, key: str, fresh: dict[str, DayObject | None], gone: dict[str, int]) -> None:
        rows = kept.rows(self.lake, key)
        if rows is None:
            return
        own = with_person(rows, self.identities).filter(~self.person.owns(rows)).select(rows.columns)
        left, mentions = self.reported.frame(own, _PLAIN)
        if left.height < rows.height or mentions:
            gone[key] = rows.height - left.height
            self.mentions += mentions
            fresh[key] = self._written(key, left) if left.height else None

    def _written(self, key: str, rows: pl.DataFrame) -> DayObject:
        # Another name for other content: what was read under the old one is dirty.
        folder, _, name = key.rpartition("/")
        mark = hashlib.sha256(f"{name}:{rows.height}".encode()).hexdigest()[:16]
        renamed = f"{folder}/{name.removesuffix('.parquet').split('-')[0]}-{mark}.parquet"
        return DayObject(renamed, rows.height, self.lake.write_frame(renamed, rows))

    def _texts(self, key: str) -> DayObject | None:
        """Of rejected records that name the person nothing is left but where they were."""
        rows = whole(self.lake, "rejected", key)
        if rows is None:
            return None
        # An id within a longer word is somebody else's; here a word is enough, for nobody counts what is rejected.
        names = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in spellings_of(self.person.ids)))
        texts = ("raw_text", "reason")
        held = [any(names.search(text or "") for text in row) for row in rows.select(texts).rows()]
        if not any(held):
            return None
        self.rejected += sum(held)
        is_gone = pl.when(pl.Series(held)).then(pl.lit(ERASED))
        return self._written(key, rows.with_columns(is_gone.otherwise(pl.col(c)).alias(c) for c in texts))

    def _manifest(
        self, old: Manifest, fresh: dict[str, DayObject | None], gone: dict[str, int], rejected: dict[str, DayObject]
    ) -> Manifest:
        counted = sum(gone.get(part.key, 0) for parts in old.days.values() for part in parts)
        named: dict[str, dict[str, list[DayObject]]] = {}
        for kept in KEPT:
            days = {
                day: [new for part in parts if (new := fresh.get(part.key, part))]
                for day, parts in kept.objects(old).items()
            }
            named[kept.field] = {day: parts for day, parts in days.items() if parts}
        texts = rejected.get(old.rejected_key or "")
        fields: dict[str, dict[str, int]] = {}
        for name, kinds in old.fields.items():
            own = fields.setdefault(self.reported.text(name), {})
            own.update({kind: own.get(kind, 0) + number for kind, number in kinds.items()})
        return msgspec.structs.replace(
            old,
            **named,
            erased=old.erased + counted,
            name=self.reported.text(old.name),
            fields=fields,
            file_reason=old.file_reason and self.reported.text(old.file_reason),
            rejected_key=texts.key if texts else old.rejected_key,
            rejected_sha256=texts.sha256 if texts else old.rejected_sha256,
        )
