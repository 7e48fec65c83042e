"""Ingest and duplicates across days against DuckDB and chDB: the same files, one run, answers compared.

    python benchmarks/ingest_dedup.py --records 300000 --ids 2000000 --rounds 3

Each piece of work runs in a process of its own, engines in turn; reported is the median of the rounds, in CPU seconds
(user and system, all threads) and wall seconds. What the others do is less: they parse and write; ours also judges
every record by the row rules, corrects clocks, scrubs texts, keeps unknown fields and splits by local day.
Needs `chdb` (not a dependency); without it its rows are left out.
"""

import argparse
import gzip
import importlib
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from compare import cpu_seconds, peak_mb

RESULTS = Path(__file__).parent / "results"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36"
FIELDS = {
    "event_id": "VARCHAR", "anonymous_id": "VARCHAR", "session_id": "VARCHAR", "occurred_at": "TIMESTAMPTZ",
    "received_at": "TIMESTAMPTZ", "kind": "VARCHAR", "url": "VARCHAR", "page_title": "VARCHAR", "element_chain": "VARCHAR",
    "x": "INTEGER", "y": "INTEGER", "user_agent": "VARCHAR", "country": "VARCHAR",
}  # fmt: skip
PARTS = 4


def records(number: int) -> list[dict[str, Any]]:
    """Made-up canonical events of two days, about 600 bytes each."""
    chance = random.Random(1)  # noqa: S311  # seeded test data
    start = datetime(2026, 2, 3, tzinfo=UTC)
    result: list[dict[str, Any]] = []
    for i in range(number):
        at = start + timedelta(seconds=chance.randrange(2 * 86_400))
        result.append(
            {
                "event_id": f"{chance.getrandbits(128):032x}",
                "anonymous_id": f"device-{chance.randrange(number // 20 + 1)}",
                "session_id": f"session-{i // 12}",
                "occurred_at": at.isoformat(),
                "received_at": (at + timedelta(seconds=2)).isoformat(),
                "kind": chance.choice(["page_view", "click", "scroll"]),
                "url": f"https://shop.example/p/{chance.randrange(500)}?utm_source=mail&utm_campaign=spring",
                "page_title": "A product of the shop",
                "element_chain": '<body><main id="content"><section class="hero"><a class="cta primary">',
                "x": chance.randrange(1200),
                "y": chance.randrange(3000),
                "user_agent": AGENT,
                "country": "DE",
            }
        )
    return result


def prepare(folder: Path, number: int, ids: int) -> None:
    """Write the landing files, plain and gzip, and two days of ids of which one in fifty repeats."""
    import polars as pl  # seconds that the measured processes don't need

    lines = [json.dumps(record).encode() + b"\n" for record in records(number)]
    for part in range(PARTS):
        data = b"".join(lines[part::PARTS])
        for name, packed in (("plain", data), ("gzip", gzip.compress(data, 6))):
            path = folder / name / "landing" / "web" / f"part-{part}.ndjson{'.gz' if name == 'gzip' else ''}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(packed)
    chance = random.Random(2)  # noqa: S311  # seeded test data
    first = [f"{chance.getrandbits(128):032x}" for _ in range(ids)]
    second = [first[i] if i % 50 == 0 else f"{chance.getrandbits(128):032x}" for i in range(ids)]
    for day, values in (("first", first), ("second", second)):
        pl.DataFrame({"source": ["web"] * ids, "event_id": values}).write_parquet(folder / f"{day}.parquet")


# One piece of work each; prints (rows, sum of x) or the ids kept.


def ours_ingest(folder: Path) -> Any:  # an answer
    """Landing files to accepted rows by day, as a run does it."""
    import polars as pl

    from pipeline.core.lake import Lake
    from pipeline.core.product_file import parse_product
    from pipeline.ingest.files import ingest
    from pipeline.ingest.landing import find

    product = parse_product("{name: x, start_date: 2026-01-01, sources: {web: {}}}")
    with tempfile.TemporaryDirectory() as out:
        list(ingest(Lake(out), product, find(Lake(folder))))
        rows = pl.scan_parquet(f"{out}/lake/raw_events/**/*.parquet")
        return list(rows.select(pl.len(), pl.col("x").cast(pl.Int64).sum()).collect().row(0))


def duckdb_ingest(folder: Path) -> Any:
    """JSON lines to one Parquet file."""
    import duckdb

    with tempfile.TemporaryDirectory() as out:
        read = f"read_json('{folder}/landing/web/*', format='newline_delimited', columns={FIELDS})"
        duckdb.sql(f"copy (select * from {read}) to '{out}/a.parquet' (compression zstd)")
        (row,) = duckdb.sql(f"select count(*), sum(x) from '{out}/a.parquet'").fetchall()
        return [int(value) for value in row]


def chdb_ingest(folder: Path) -> Any:
    """JSON lines to one Parquet file."""
    chdb: Any = importlib.import_module("chdb")

    types = {"VARCHAR": "String", "INTEGER": "Int32", "TIMESTAMPTZ": "DateTime64(6)"}
    columns = ", ".join(f"{name} {types[kind]}" for name, kind in FIELDS.items())
    with tempfile.TemporaryDirectory() as out:
        read = f"file('{folder}/landing/web/*', 'JSONEachRow', '{columns}')"
        reported = "settings date_time_input_format='best_effort', output_format_parquet_compression_method='zstd'"
        chdb.query(f"insert into function file('{out}/a.parquet', 'Parquet') select * from {read} {reported}")
        result = chdb.query(f"select count(), sum(x) from file('{out}/a.parquet', 'Parquet')", "CSV")
        return [int(value) for value in str(result).strip().split(",")]


def ours_dedup(folder: Path) -> Any:
    """Ids of two days, and those of the second that the first has."""
    import polars as pl

    from pipeline.events.duplicates import IdsOfDay, event_ids, hashes_of_ids, ids_of, repeated_ids

    # As on a night: the day before has its ids already; writing and reading them is inside.
    first, second = (event_ids(ids_of(pl.scan_parquet(folder / f"{day}.parquet"))) for day in ("first", "second"))
    first.write_parquet(folder / "ids.parquet", compression="zstd", compression_level=1)
    known = pl.scan_parquet(folder / "ids.parquet")
    repeated = repeated_ids(hashes_of_ids(second.lazy()), second.lazy(), [IdsOfDay(hashes_of_ids(known), known)])
    return [second.height - repeated.height]


def duckdb_dedup(folder: Path) -> Any:
    """Distinct ids and an anti join."""
    import duckdb

    one, other = (f"(select distinct source, event_id from '{folder}/{day}.parquet')" for day in ("first", "second"))
    (row,) = duckdb.sql(f"select count(*) from {other} b anti join {one} a using (source, event_id)").fetchall()
    return [int(row[0])]


def chdb_dedup(folder: Path) -> Any:
    """Distinct ids and an anti join."""
    chdb: Any = importlib.import_module("chdb")

    one, other = (
        f"(select distinct source, event_id from file('{folder}/{day}.parquet'))" for day in ("first", "second")
    )
    result = chdb.query(f"select count() from {other} b left anti join {one} a using (source, event_id)", "CSV")
    return [int(str(result).strip())]


WORK = {
    f"{engine}_{work}": globals()[f"{engine}_{work}"]
    for work in ("ingest", "dedup")
    for engine in ("ours", "duckdb", "chdb")
}


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Run one piece in a process of its own; CPU and wall seconds without the imports, and its answer."""
    done = subprocess.run(  # ourselves
        [sys.executable, __file__, "--work", name, "--folder", folder], capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def work(name: str, folder: Path) -> None:
    """Do one piece after its imports; tell seconds, peak memory and answer on the last line."""
    for module in ("polars", "duckdb", "chdb", "pipeline.ingest.files", "pipeline.events.duplicates"):
        wanted = {"ours": ("polars", "pipeline"), "duckdb": ("duckdb",), "chdb": ("chdb",)}[
            name.split("_", maxsplit=1)[0]
        ]
        if module.split(".")[0] in wanted:
            importlib.import_module(module)
    begin, before = time.perf_counter(), cpu_seconds()
    answer = WORK[name](folder)
    wall, cpu = time.perf_counter() - begin, cpu_seconds() - before
    sys.stdout.write(json.dumps({"cpu": cpu, "wall": wall, "mb": peak_mb(), "answer": answer}))


def main() -> None:
    """Prepare, measure in turn, compare answers, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--ids", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.work, chosen.folder)
        return
    engines = ["ours", "duckdb", *(["chdb"] if importlib.util.find_spec("chdb") else [])]
    lines = [
        "| work | engine | CPU s | wall s | peak MB | ours is faster by (CPU) | (wall) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, chosen.records, chosen.ids)
        for what, where in (("ingest plain", folder / "plain"), ("ingest gzip", folder / "gzip"), ("dedup", folder)):
            kind = what.split()[0]
            rounds = [{e: measured(f"{e}_{kind}", where) for e in engines} for _ in range(chosen.rounds)]
            answers = {e: r[e]["answer"] for r in rounds for e in engines}
            if len({str(answer) for answer in answers.values()}) != 1:
                raise SystemExit(f"{what}: the answers differ: {answers}")
            middle = {
                e: {key: statistics.median(r[e][key] for r in rounds) for key in ("cpu", "wall", "mb")} for e in engines
            }
            for e in engines:
                m, own = middle[e], middle["ours"]
                ratio = "" if e == "ours" else f"{m['cpu'] / own['cpu']:.2f}x | {m['wall'] / own['wall']:.2f}x"
                lines.append(f"| {what} | {e} | {m['cpu']:.2f} | {m['wall']:.2f} | {m['mb']:.0f} | {ratio or ' | '} |")
    head = f"{chosen.records:,} records in {PARTS} files, {chosen.ids:,} ids a day, {chosen.rounds} rounds, answers equal.\n\n"
    text = "# Ingest and duplicates\n\n`python benchmarks/ingest_dedup.py`: " + head + "\n".join(lines) + "\n"
    RESULTS.joinpath("ingest_dedup.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
