"""What a record of each vendor costs from landing file to accepted rows: parsed, mapped, judged, scrubbed, written.

    python benchmarks/sources.py --repeats 100

The records are those that the tests are made with (tests/samples.py), again and again with other ids and people. One
process, one file a format; microseconds of CPU a record, the median of the rounds. Writes benchmarks/results/sources.md.
"""

import argparse
import importlib
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compare import RESULTS, cpu_seconds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
REACHED = 40


def _lines(records: list[dict[str, Any]], own: Callable[[dict[str, Any], int], None], repeats: int) -> bytes:
    parts: list[bytes] = []
    for n in range(repeats):
        for record in json.loads(json.dumps(records)):
            own(record, n)
            parts.append(json.dumps(record).encode())
    return b"\n".join(parts)


def files(repeats: int) -> dict[str, tuple[bytes, int]]:
    """Format to a landing file and how many records it has."""
    samples: Any = importlib.import_module("samples")

    def segment(record: dict[str, Any], n: int) -> None:
        for call in (record, *(each for each in record.get("batch", ()) if isinstance(each, dict))):
            for name in ("messageId", "anonymousId"):
                if name in call:
                    call[name] = f"{call[name]}-{n}"

    def posthog(record: dict[str, Any], n: int) -> None:
        record["uuid"], record["distinct_id"] = f"{record.get('uuid')}-{n}", f"{record.get('distinct_id')}-{n}"

    def ga4(record: dict[str, Any], n: int) -> None:
        record["user_pseudo_id"] = f"{record.get('user_pseudo_id')}-{n}"

    made: dict[str, tuple[bytes, int]] = {}
    for name, change in (("segment", segment), ("posthog", posthog), ("ga4", ga4)):
        records = getattr(samples, name)()
        made[name] = (_lines(records, change, repeats), len(records) * repeats)
    rows = samples.snowplow_tsv().split(b"\n")
    many = [
        row.replace(b"\te-", f"\te-{n}-".encode()).replace(b"\td-", f"\td-{n}-".encode())
        for n in range(repeats)
        for row in rows
    ]
    made["snowplow"] = (b"\n".join(many), len(many))
    return made


def measured(name: str, data: bytes, records: int) -> float:
    """Microseconds of CPU a record."""
    support: Any = importlib.import_module("support")
    from pipeline.core.lake import Lake
    from pipeline.ingest.files import ingest
    from pipeline.ingest.landing import find

    with tempfile.TemporaryDirectory() as folder:
        path = (
            Path(folder) / "landing" / name / "a.tsv"
            if name == "snowplow"
            else Path(folder) / "landing" / name / "a.ndjson"
        )
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        chosen = support.product(sources={name: {"format": name}}, properties={"plan": "string"})
        before = cpu_seconds()
        (manifest,) = ingest(Lake(folder), chosen, find(Lake(folder)))
        used = cpu_seconds() - before
    if manifest.records_read != records or not manifest.accepted:
        raise SystemExit(f"{name}: {manifest.records_read} of {records} records read, {manifest.accepted} accepted")
    return used / records * 1e6


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--repeats", type=int, default=100)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="*")
    chosen = options.parse_args()
    known = {name: each for name, each in files(chosen.repeats).items() if not chosen.only or name in chosen.only}
    # The first file of a process also compiles.
    for name, (data, records) in files(1).items():
        measured(name, data, records)
    rounds = [{name: measured(name, *each) for name, each in known.items()} for _ in range(chosen.rounds)]
    lines = [
        "# Records of vendors",
        "",
        f"`python benchmarks/sources.py --repeats {chosen.repeats} --rounds {chosen.rounds}`; to reach: {REACHED} us.",
        f"{platform.machine()}, {os.cpu_count()} cores; python {platform.python_version()}.",
        "",
        "| format | records | bytes a record | CPU us a record |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {records} | {len(data) // records} | {statistics.median(each[name] for each in rounds):.0f} |"
            for name, (data, records) in known.items()
        ),
    ]
    if not chosen.only:
        (RESULTS / "sources.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
