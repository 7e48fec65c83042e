"""Examples of what was rejected, as kept: scrubbed, with file, record, rule and reason."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.registry import TABLES
from pipeline.ingest.manifests import read_manifests

_SHOWN = 200


class Example(NamedTuple):
    """A rejected record: its rule, file and number, why, and how it begins."""

    rule: str
    where: str
    reason: str
    raw_text: str


def examples(lake: Lake, *, rule: str | None, source: str | None, most: int) -> Iterator[Example]:
    """At most `most` examples of each rule, of the latest files first; of all rules and sources where none is named."""
    shown: Counter[str] = Counter()
    manifests = sorted(read_manifests(lake).values(), key=lambda m: (m.arrived, m.name), reverse=True)
    for manifest in manifests:
        if manifest.rejected_key is None or (source is not None and manifest.source != source):
            continue
        wanted = {*manifest.rejected, *filter(None, [manifest.file_rule])}
        if not any(shown[name] < most for name in ({rule} if rule else wanted)) or not lake.exists(
            manifest.rejected_key
        ):
            continue
        rows = lake.scan(TABLES["rejected"], [manifest.rejected_key])
        chosen = rows if rule is None else rows.filter(pl.col("rule") == rule)
        # Row numbers in each rule, so that only what is shown is read.
        firsts = chosen.filter(pl.int_range(pl.len()).over("rule") < most).sort("record_number", "event_number")
        for row in firsts.collect().iter_rows(named=True):
            if shown[row["rule"]] < most:
                shown[row["rule"]] += 1
                record = f", record {row['record_number']}" if row["record_number"] else ""
                text = textwrap.shorten(row["raw_text"] or "", _SHOWN, placeholder=" ...")
                yield Example(row["rule"], f"landing/{manifest.name}{record}", row["reason"], text)
