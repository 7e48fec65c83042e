"""What a night costs with a history behind it: period tables after 28, 364 and 1,095 days of 100,000 active people a day.

    python benchmarks/history.py --people 100000 --days 28 364 1095

The narrow daily tables that period tables read are made up, seeded: each day's people are drawn from the 3 x people that
came last, so 2 % of a day's people are new. All period tables are computed once, which nothing is measured of; then one
more day comes, and each is computed again in a process of its own, as on a night. Writes benchmarks/results/history.md.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from compare import RESULTS, cpu_seconds, peak_mb

FIRST = date(2023, 1, 2)
POOL, NEW = 3, 0.02
PRODUCT = """
name: history
time_zone: Europe/Berlin
start_date: 2023-01-02
sources: {web: {}}
pages: [{name: home, urls: ["/"]}, {name: product, urls: ["/p/*"]}]
goals: {buy: {kind: order}}
currency: EUR
funnels:
  purchase:
    window_days: 7
    steps: [{label: Home, kind: page_view, page: home}, {label: Product, kind: page_view, page: product}, {label: Bought, kind: order}]
"""
# Of these tables days are made up; what reads none of them isn't measured.
MADE = ("activity", "session_kpis", "first_views", "step_events", "outcomes")


def _keys(first: int, number: int) -> Any:
    """Hashes of people's numbers, as person keys are."""
    import numpy as np

    mixed = np.arange(first, first + number, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed ^ (mixed >> np.uint64(31))).view(np.int64)


def make_day(home: Path, number: int, people: int) -> None:
    """Publish day `number` of each table, with its state and a raw object that makes it a day with data."""
    import numpy as np
    import polars as pl

    from pipeline.core.keys import day_key
    from pipeline.core.lake import Lake
    from pipeline.core.registry import TABLES
    from pipeline.core.state import DayState
    from pipeline.core.states import write_state

    lake, day = Lake(home), FIRST + timedelta(days=number)
    chance = np.random.default_rng(number)
    pool = _keys(int(number * people * NEW), POOL * people)
    keys = np.sort(pool[chance.permutation(len(pool))[:people]])
    begin = int(datetime(day.year, day.month, day.day, 6, tzinfo=UTC).timestamp()) * 1_000_000
    at = pl.Series(begin + chance.integers(0, 43_200_000_000, people)).cast(pl.Datetime("us", "UTC"))
    device = pl.Series(["desktop", "mobile", "tablet"])[chance.choice(3, people, p=(0.5, 0.4, 0.1))]
    # One in 20 buys; a bit is a step, a goal or a signal.
    buys = (chance.random(people) < 0.05).astype(np.int64)  # noqa: PLR2004
    base = pl.DataFrame(
        {"day": [day] * people, "session_day": [day] * people, "person_key": keys, "device_type": device}
    )
    base = base.with_columns(occurred_at=at, first_at=at, started_at=at, session_began=at, session_key="person_key")
    wide = base.with_columns(
        pl.lit("home").alias("page"), pl.lit("purchase").alias("funnel"), pl.lit("default").alias("rule_set"),
        page_view_key="person_key", entity_key="person_key", person_id=pl.format("user:{}", "person_key"),
        events=pl.lit(10), orders=buys, goal_bits=buys, goals_after=buys, has_page_view=pl.lit(value=True),
        is_bounce=pl.Series(chance.random(people) < 0.4), revenue_micros=pl.Series(buys * 20_000_000),  # noqa: PLR2004
        revenue_after_micros=pl.Series(buys * 20_000_000), steps=pl.Series(1 + 2 * chance.integers(0, 2, people) + 4 * buys),
        friction_score=pl.Series(chance.integers(0, 4, people)), met_in_view=pl.Series(chance.integers(0, 2, people)),
        views_before=pl.Series(chance.integers(0, 4, people)), value=pl.lit(""),
    )  # fmt: skip
    for name in MADE:
        table = TABLES[name]
        frame = wide.filter(pl.col("orders") > 0) if name == "outcomes" else wide
        filled = [
            pl.lit(0 if column.dtype.is_numeric() else "unknown").alias(column.name)
            for column in table.columns
            if column.name not in wide.columns
        ]
        conformed = table.conform(frame.with_columns(filled))
        sha256 = lake.write_frame(day_key(name, day), conformed)
        with lake.exclusive():
            write_state(lake, name, day, DayState(f"{number}", sha256, conformed.height))


def make_manifest(home: Path, number: int) -> None:
    """The landing file of a day, which says that raw events came on it."""
    from pipeline.core.lake import Lake
    from pipeline.ingest.manifests import DayObject, Manifest, write_manifest

    day = str(FIRST + timedelta(days=number))
    part = DayObject(f"lake/raw_events/day={day}/{number}.parquet", 1, "")
    file_id = hashlib.sha256(day.encode()).hexdigest()[:32]
    made = Manifest(
        file_id=file_id, name=f"web/{day}/a.ndjson", source="web", arrived=day, size=0, mtime_ns=0, sha256=file_id,
        reader="", days={day: [part]},
    )  # fmt: skip
    write_manifest(Lake(home), made)


def child(home: Path, name: str) -> dict[str, float]:
    """Compute a period table as a night does; `snapshot` is the look at the home alone, once for all tables."""
    from pipeline.build.compute import build_period
    from pipeline.build.context import BuildContext
    from pipeline.core.lake import Lake
    from pipeline.core.product_file import load_product
    from pipeline.events.profile import CheckResult

    def approve(table: Any, product: Any, batches: Any, history: Any) -> list[CheckResult]:
        _ = table, product, batches, history
        return [CheckResult()]

    lake, product = Lake(home), load_product(home / "product.yaml")
    begun, before = time.perf_counter(), cpu_seconds()
    context = BuildContext(lake, product)
    if name != "snapshot":
        # The checks of Great Expectations cost the same with any history, and their import more than most tables.
        begun, before = time.perf_counter(), cpu_seconds()
        outcome = build_period(lake, product, name, approve, context)
        if outcome.path is None:
            raise SystemExit(f"{name}: {outcome.check_result}")
    return {"cpu": cpu_seconds() - before, "wall": time.perf_counter() - begun, "peak_mb": peak_mb()}


def measured(home: Path, name: str) -> dict[str, float]:
    done = subprocess.run(  # our own script
        [sys.executable, __file__, "--child", name, str(home)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def names() -> list[str]:
    """The period tables that read what is made up, in the order in which they are computed."""
    from pipeline.build.configured import table_names
    from pipeline.build.tables import PERIOD_TABLE
    from pipeline.core.product_file import parse_product

    there = table_names(parse_product(PRODUCT))
    return [name for name, table in PERIOD_TABLE.items() if name in there and table.reads in MADE]


def night(days: int, people: int, only: list[str] | None) -> dict[str, dict[str, float]]:
    """Figures of each table on the night after `days` days."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "product.yaml").write_text(PRODUCT)
        for number in range(days - 1):
            make_day(home, number, people)
            make_manifest(home, number)
        tables = [name for name in names() if only is None or name in only]
        for name in tables:
            measured(home, name)
        make_day(home, days - 1, people)
        make_manifest(home, days - 1)
        return {name: measured(home, name) for name in ("snapshot", *tables)}


def write(people: int, nights: dict[int, dict[str, dict[str, float]]]) -> None:
    lengths = sorted(nights)
    lines = [
        f"# A night with a history of {people:,} people a day",
        "",
        f"`python benchmarks/history.py --people {people} --days {' '.join(map(str, lengths))}`: CPU seconds and peak MB of each period table.",
        f"{platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| table | " + " | ".join(f"{days} days, CPU s | MB" for days in lengths) + " |",
        "| --- |" + " --- | --- |" * len(lengths),
    ]
    last = nights[lengths[-1]]
    for name in sorted(last, key=lambda name: -last[name]["cpu"]):
        cells = " | ".join(f"{nights[d][name]['cpu']:.2f} | {nights[d][name]['peak_mb']:.0f}" for d in lengths)
        lines.append(f"| {name} | {cells} |")
    sums = " | ".join(
        f"{sum(each['cpu'] for each in nights[d].values()):.1f} | {max(each['peak_mb'] for each in nights[d].values()):.0f}"
        for d in lengths
    )
    lines.append(f"| all, the highest peak | {sums} |")
    (RESULTS / "history.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--days", type=int, nargs="+", default=[28, 364, 1_095])
    options.add_argument("--only", nargs="*")
    options.add_argument("--child", nargs=2)
    chosen = options.parse_args()
    if chosen.child:
        print(json.dumps(child(Path(chosen.child[1]), chosen.child[0])))
        return
    write(chosen.people, {days: night(days, chosen.people, chosen.only) for days in chosen.days})


if __name__ == "__main__":
    main()
