"""Is the home sound? Each finding is one sentence with its remedy; none means that all is well."""

import os
from collections.abc import Iterator

from pipeline.build.context import find_dirty
from pipeline.build.home_models import models_of
from pipeline.build.marts import read_record
from pipeline.build.tables import DAY_TABLES
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import parts_of, read_states
from pipeline.ingest.home import HomeMismatch, claim
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import Manifest, damaged_manifests, manifest_key, read_manifests
from pipeline.maintenance.integrity import deep


def examine(lake: Lake, product: Product, *, thorough: bool = False) -> Iterator[str]:
    """Yield what is wrong with the home: rights, fixed settings, manifests, partitions, marts.

    `thorough`: every object is read and compared with the hash that it was written with.
    """
    if not lake.is_remote and not os.access(lake.home, os.W_OK):
        yield f"{lake.home} can't be written to; give this user the right, or choose another home with --home"
        return
    if not lake.is_remote and not lake.path("landing").is_dir():
        yield f"{lake.path('landing')} is missing; make it and drop files into landing/<source>/"
    try:
        claim(lake, product, dry=True)
    except HomeMismatch as fault:
        yield str(fault)
    there = {file.file_id for file in find(lake)}
    yield from _unreadable(lake, there)
    for manifest in read_manifests(lake).values():
        yield from _manifest(lake, manifest, can_be_read=manifest.file_id in there, thorough=thorough)
    if thorough:
        # Before anything is looked up that would be made anew in passing.
        yield from deep(lake)
    yield from _partitions(lake)
    for name, failures in find_dirty(lake, product, lambda _day: True).failed.items():
        for day, failure in sorted(failures.items()):
            yield f"{name} of {day} is held back: {'; '.join(failure.reasons)}"
    yield from _marts(lake)


def _unreadable(lake: Lake, there: set[str]) -> Iterator[str]:
    damaged, strange = damaged_manifests(lake)
    for file_id in damaged:
        key = manifest_key(file_id)
        if file_id in there:
            yield f"{key} is damaged; run `footfall run`, which takes its landing file again"
        else:
            yield f"{key} is damaged and its landing file is gone; restore one of them from a backup, then `footfall run`"
    for key in strange:
        yield f"{key} is none of ours; remove it"


def _manifest(lake: Lake, manifest: Manifest, *, can_be_read: bool, thorough: bool) -> Iterator[str]:
    name = f"landing/{manifest.name}"
    again = (
        f"run `footfall retry-rejected '{manifest.name}'`, then `footfall run`"
        if can_be_read
        else f"its landing file is gone, so restore it from a backup, or give its rows up with `footfall retract '{manifest.name}'`"
    )
    if not manifest.balances:
        yield f"{name}: its counts don't balance; {again}"
    for key, sha256 in manifest.objects.items():
        if not lake.exists(key):
            yield f"{name}: {key} is gone; {again}"
        elif thorough and sha256 and lake.sha256(key) != sha256:
            yield f"{name}: {key} is damaged; {again}"
    if manifest.file_rule:
        yield f"{name}: rejected whole, {manifest.file_rule}: {manifest.file_reason}"


def unchecked(lake: Lake) -> int:
    """How many raw objects bear no hash, being of before there were any: they can't be checked until read again."""
    return sum(not sha256 for manifest in read_manifests(lake).values() for sha256 in manifest.objects.values())


def _partitions(lake: Lake) -> Iterator[str]:
    for table in DAY_TABLES:
        name = table.contract.name
        states, _ = read_states(lake, name)
        for day, state in sorted(states.items()):
            if any(lake.sha256(part.key) != part.sha256 for part in parts_of(name, day, state)):
                yield f"{name} of {day} isn't what was published; run `footfall backfill --from {day} --to {day}`"


def _marts(lake: Lake) -> Iterator[str]:
    record = read_record(lake)
    for mart in models_of(lake).contracts.values():
        published = record.get(mart.name)
        if published and lake.sha256(mart_key(mart.name)) != published.sha256:
            yield f"mart {mart.name} isn't what was published; run `footfall marts --rebuild`"
