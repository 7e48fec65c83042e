"""The demo shop's landing files: NDJSON, CSV and Parquet, with broken lines among them."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from stories import BROKEN_EXPORT, CUT_SHARE

Event = dict[str, Any]


def _json(event: Event) -> str:
    return json.dumps(event, default=lambda value: value.isoformat(), separators=(",", ":"))


BROKEN: tuple[Callable[[Event], str], ...] = (
    lambda event: _json(event)[: len(_json(event)) // 2],
    lambda event: _json({**event, "x": "left"}),
    lambda event: _json({**event, "kind": "clicked"}),
    lambda event: _json({name: value for name, value in event.items() if name != "event_id"}),
    lambda event: _json({**event, "occurred_at": "yesterday"}),
)


def write_files(folder: Path, arrivals: dict[date, list[Event]], first_day: date, seed: int) -> int:
    """Write two files for each day of arrival below `folder`/shop; returns the number of records written."""
    rng = random.Random(seed)
    total = 0
    for arrival in sorted(arrivals):
        target = folder / "shop" / arrival.isoformat()
        target.mkdir(parents=True, exist_ok=True)
        half = len(arrivals[arrival]) // 2
        parts = [arrivals[arrival][:half], arrivals[arrival][half:]]
        total += sum(map(len, parts))
        cut = CUT_SHARE if arrival == BROKEN_EXPORT else 0.0
        _write_ndjson(target / "part-000.ndjson.gz", parts[0], rng, cut)
        # Other teams' tools write other formats: every seventh day CSV, every eleventh Parquet.
        number = (arrival - first_day).days
        if number % 7 == 3:
            _write_csv(target / "part-001.csv", parts[1])
        elif number % 11 == 5:
            _write_parquet(target / "part-001.parquet", parts[1])
        else:
            _write_ndjson(target / "part-001.ndjson.gz", parts[1], rng)
    return total


def write_form_files(folder: Path, arrivals: dict[date, list[Event]]) -> int:
    """Write a file of what was done in forms for each day of arrival; returns the number of records written."""
    for arrival, events in arrivals.items():
        _write_lines(folder / "shop" / arrival.isoformat() / "forms.ndjson.gz", map(_json, events))
    return sum(map(len, arrivals.values()))


def _write_ndjson(path: Path, events: list[Event], rng: random.Random, cut: float = 0.0) -> None:
    """Some lines are broken; `cut` is the share of those that a tool cut in half besides."""
    lines = [_json(event) if rng.random() > 0.003 else rng.choice(BROKEN)(event) for event in events]
    tool = random.Random(path.parent.name)
    _write_lines(path, (line[: len(line) // 2] if cut and tool.random() < cut else line for line in lines))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(("\n".join(lines) + "\n").encode())


def _columns(events: list[Event]) -> list[str]:
    return list(dict.fromkeys(name for event in events for name in event))


def _write_csv(path: Path, events: list[Event]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(events))
    writer.writeheader()
    for event in events:
        times = {name: value.isoformat() for name, value in event.items() if isinstance(value, datetime)}
        properties = {"properties": json.dumps(event["properties"])} if "properties" in event else {}
        writer.writerow({**event, **times, **properties})
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _write_parquet(path: Path, events: list[Event]) -> None:
    rows = [{**e, "properties": json.dumps(e["properties"])} if "properties" in e else e for e in events]
    pl.DataFrame(rows, schema_overrides={}, infer_schema_length=None).write_parquet(path)
