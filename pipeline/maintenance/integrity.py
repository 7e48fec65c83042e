"""Every small object and every object without a state, compared with what it was written as (`footfall doctor --deep`)."""

import hashlib
import re
from collections.abc import Iterator

import polars as pl

from pipeline.build.marts import RECORD_KEY
from pipeline.build.restatements import FOLDER as RESTATEMENTS
from pipeline.build.restatements import InputsManifest
from pipeline.build.tables import DAY_TABLE, PERIOD_TABLE
from pipeline.core.keys import period_key
from pipeline.core.lake import Lake
from pipeline.core.sealed import read_sealed, read_sum
from pipeline.core.state import DayFailure, DayState
from pipeline.core.states import MonthStates, parts_of, published_days, recorded, scan_days
from pipeline.domains.replays.recordings import RECORDINGS
from pipeline.ingest.erased import COPY, KEY, Erased
from pipeline.ingest.home import Fixed
from pipeline.ingest.journal import Journal
from pipeline.publish.catalog import CATALOG_KEY, DICTIONARY_KEY
from pipeline.publish.versions import faults

_STATE = "lake/_state/"
_RUN, _REBUILD = "run `footfall run`", "run `footfall marts --rebuild`"
# What lies in lake/_state: as what it must be readable, and what makes it anew.
_KNOWN: tuple[tuple[str, type, str], ...] = (
    (r"lock", bytes, ""),
    # Signs of life of runs, and what the catalog was made from: another text there only means that it is made again.
    (r"runs/[\w.-]+\.json", bytes, ""),
    (r"catalog\.txt", bytes, ""),
    (r"home\.json", Fixed, _RUN),
    (r"withdrawn\.json", dict[str, str], _RUN),
    (r"journal\.json", Journal, "run the erasure or rebuild again that was killed"),
    (r"(alerts|digest|problems)_sent\.json", object, "remove it; what was sent is sent once more"),
    (r"verdicts/(identity|repeats)\.json", dict[str, str], _RUN),
    (r"publications/[0-9a-f]+\.json", InputsManifest, _REBUILD),
    (r"sums/.+\.json", dict[str, str], _REBUILD),
    (rf"({'|'.join(DAY_TABLE)})/month=\d{{4}}-\d\d\.json", MonthStates, _RUN),
    # Of before there were months.
    (rf"({'|'.join(DAY_TABLE)})/day=\d{{4}}-\d\d-\d\d\.failed\.json", DayFailure, _RUN),
    (rf"({'|'.join(DAY_TABLE)})/day=\d{{4}}-\d\d-\d\d\.json", DayState, _RUN),
)


def deep(lake: Lake) -> Iterator[str]:
    """Yield a sentence for each damaged or missing object that manifests, states of days and the marts' record don't tell of."""
    yield from _states(lake)
    yield from _partitions(lake)
    yield from _erased(lake)
    yield from _recordings(lake)
    period = {name: period_key(name) for name in PERIOD_TABLE}
    for name, key in period.items():
        yield from _summed(lake, key, f"period table {name}", _REBUILD)
    for key in (RECORD_KEY, DICTIONARY_KEY, CATALOG_KEY):
        yield from _summed(lake, key, key, _REBUILD)
    for key in faults(lake):
        yield f"{key} isn't what was published; {_REBUILD}"
    for key in lake.keys(RESTATEMENTS):
        yield from _summed(
            lake, key, key, "restore it from a backup, or remove it: the ledger of that mart begins anew"
        )


def _partitions(lake: Lake) -> Iterator[str]:
    for table in DAY_TABLE:
        for day, state in recorded(lake, table).items():
            # A store loses nothing by itself, so a run doesn't look.
            again = f"run `footfall backfill --from {day} --to {day}`" if lake.is_remote else _RUN
            yield from (
                f"{part.key} is gone; {again}" for part in parts_of(table, day, state) if not lake.exists(part.key)
            )


def _states(lake: Lake) -> Iterator[str]:
    root = lake.folder(_STATE.rstrip("/"))
    for path in sorted(root.rglob("*")):
        key = path.relative_to(lake.home).as_posix()
        if path.is_dir() and not path.name.endswith(".json"):
            continue
        known = next((each for each in _KNOWN if re.fullmatch(each[0], key.removeprefix(_STATE))), None)
        if path.name.endswith(".tmp"):
            continue
        if known is None or path.is_dir():
            yield f"{key} is none of ours; remove it"
        elif known[2] and read_sealed(lake, key, known[1]) is None:
            yield f"{key} is damaged; {known[2]}"


def _erased(lake: Lake) -> Iterator[str]:
    both = {key: read_sealed(lake, key, Erased) for key in (KEY, COPY)}
    if not lake.exists(KEY) and not lake.exists(COPY):
        return
    for key, result in both.items():
        if result is None:
            yield f"{key} is damaged or gone; {_RUN if any(both.values()) else 'restore it from a backup'}"


def _recordings(lake: Lake) -> Iterator[str]:
    for day in published_days(lake, RECORDINGS):
        again = f"run `footfall backfill --from {day} --to {day}`"
        try:
            keys = scan_days(lake, RECORDINGS, [day]).select("recording").collect().to_series()
        except pl.exceptions.PolarsError:
            # Named already, as a partition that isn't what was published.
            continue
        for key in keys:
            data = lake.read(key)
            if data is None or f"-{hashlib.sha256(data).hexdigest()[:16]}." not in key:
                yield f"{key} is {'gone' if data is None else 'damaged'}; {again}"


def _summed(lake: Lake, key: str, what: str, remedy: str) -> Iterator[str]:
    wanted, result = read_sum(lake, key), lake.sha256(key)
    if wanted is not None and result is None:
        yield f"{what} is gone; {remedy}"
    elif wanted is not None and result != wanted:
        yield f"{what} isn't what was written; {remedy}"
