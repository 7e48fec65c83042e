"""Is the home sound? Each finding is one sentence with its remedy; none means that all is well."""

import hashlib
import os
from collections.abc import Iterator

from pipeline.build import find_dirty
from pipeline.contracts import MARTS
from pipeline.home import HomeMismatch, claim
from pipeline.ingest.manifests import read_manifests
from pipeline.lake import Lake, day_key, mart_key
from pipeline.marts import read_record
from pipeline.product import Product
from pipeline.state import read_states
from pipeline.tables import DAY_TABLES


def examine(lake: Lake, product: Product) -> Iterator[str]:
    """Yield what is wrong with the home: rights, fixed settings, manifests, partitions, marts."""
    if not os.access(lake.home, os.W_OK):
        yield f"{lake.home} can't be written to; give this user the right, or choose another home with --home"
        return
    if not lake.path("landing").is_dir():
        yield f"{lake.path('landing')} is missing; make it and drop files into landing/<source>/"
    try:
        claim(lake, product, dry=True)
    except HomeMismatch as fault:
        yield str(fault)
    yield from _manifests(lake)
    yield from _partitions(lake)
    for name, failures in find_dirty(lake, product, lambda _day: True).failed.items():
        for day, failure in sorted(failures.items()):
            yield f"{name} of {day} is held back: {'; '.join(failure.reasons)}"
    yield from _marts(lake)


def _manifests(lake: Lake) -> Iterator[str]:
    for manifest in read_manifests(lake).values():
        if not manifest.balances:
            yield f"landing/{manifest.name}: its counts don't balance; run `footfall retry-rejected --all`"
        missing = [part.key for parts in manifest.days.values() for part in parts if not lake.exists(part.key)]
        if missing:
            yield f"landing/{manifest.name}: {missing[0]} is gone; run `footfall retry-rejected --all` to read it again"
        if manifest.file_rule:
            yield f"landing/{manifest.name}: rejected whole, {manifest.file_rule}: {manifest.file_reason}"


def _partitions(lake: Lake) -> Iterator[str]:
    for table in DAY_TABLES:
        name = table.contract.name
        states, _ = read_states(lake, name)
        for day, state in sorted(states.items()):
            if _sha256(lake, day_key(name, day)) != state.output_hash:
                yield f"{name} of {day} isn't what was published; run `footfall backfill --from {day} --to {day}`"


def _marts(lake: Lake) -> Iterator[str]:
    record = read_record(lake)
    for mart in MARTS:
        published = record.get(mart.name)
        if published and _sha256(lake, mart_key(mart.name)) != published.sha256:
            yield f"mart {mart.name} isn't what was published; run `footfall marts --rebuild`"


def _sha256(lake: Lake, key: str) -> str | None:
    data = lake.read(key)
    return None if data is None else hashlib.sha256(data).hexdigest()
