"""What there is to look at in a home: published days, the newest first, else a sample of what lies in landing/."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipeline.core.canonical import VISIT_COLUMNS
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import published_days, scan_days
from pipeline.events.matching import page_names
from pipeline.events.visits import with_visits
from pipeline.ingest.batch import Batch
from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.landing import find
from pipeline.ingest.peeking import parsed_records
from pipeline.ingest.promoted import promoted_schema, with_promoted
from pipeline.ingest.reader import Reader
from pipeline.ingest.sources import FORMATS

SAMPLE_RECORDS = 1_000
MOST_DAYS = 92
_COLUMNS = (
    *("source", "kind", "name", "url", "element_chain", "session_id", "occurred_at", "user_agent"),
    *VISIT_COLUMNS,
)
Samples = Mapping[str, list[Any]]


@dataclass(frozen=True)
class Look:
    """Events of a day, or of the sample: columns of raw events, promoted properties and the page by today's file.

    Sessions aren't cut here: device, system and browser are told once per device of the look.
    """

    events: pl.DataFrame
    newest: date
    is_sample: bool


def samples(lake: Lake, product: Product) -> dict[str, list[Any]]:
    """By source the first records of its newest landing files; a source without files has none."""
    files = sorted(find(lake), key=lambda file: (file.arrived, file.mtime_ns, file.name), reverse=True)
    result: dict[str, list[Any]] = {}
    for name, source in product.sources.items():
        records = result.setdefault(name, [])
        for file in (file for file in files if file.source == name):
            rest = SAMPLE_RECORDS - len(records)
            if rest <= 0:
                break
            try:
                records += itertools.islice(parsed_records(file.local, FORMATS[source.format], source.encoding), rest)
            except (FileFault, CannotRead, OSError):
                # What can't be read is said by `run` and `status`.
                continue
            finally:
                file.forget()
    return result


def looks(lake: Lake, product: Product, sampled: Samples) -> Iterator[Look]:
    """The last published days, the newest first; where there are none the sample as one."""
    days = published_days(lake, "events")[-MOST_DAYS:]
    for day in reversed(days):
        rows = with_promoted(scan_days(lake, "events", [day]), product)
        yield Look(_with_pages(rows, product), day, is_sample=False)
    if not days:
        frames = [_events(product, name, records) for name, records in sampled.items() if records]
        events = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
        newest = events["occurred_at"].max() if events.height else None
        if newest is not None:
            local = events.select(pl.col("occurred_at").max().dt.convert_time_zone(product.time_zone).dt.date()).item()
            yield Look(_with_pages(events.lazy(), product), local, is_sample=True)


def _events(product: Product, source: str, records: list[Any]) -> pl.DataFrame:
    batch = Batch(Reader(source, product))
    for number, record in enumerate(records, start=1):
        batch.add(number, record)
    return batch.frame()


def _with_pages(rows: pl.LazyFrame, product: Product) -> pl.DataFrame:
    device = pl.coalesce("anonymous_id", "user_id")
    # What is told of visits is told of rows that stand together.
    events = rows.select(*_COLUMNS, *promoted_schema(product), device=device).sort("device", "occurred_at").collect()
    reported = with_visits(events, "device").drop("device", "user_agent")
    return reported.with_columns(page_names(reported["url"], product.pages).alias("page"))
