"""How long new questions take over 30 days of a million events each (docs/ask.md).

    python benchmarks/ask.py --days 30 --thousands 1000

Clean events are made up, seeded: of a pool of people some come each day, with visits of page views, clicks, orders, and three
times as many moves, scrolls and pings. Sessions and `askable` are computed from them as every night. Then each question is asked in a
process of its own, which has answered nothing before but one question about one day. Writes benchmarks/results/ask.md.
"""

import argparse
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

FIRST = date(2026, 3, 2)
PRODUCT = """
name: asked
time_zone: Europe/Berlin
start_date: 2026-03-01
sources: {web: {}}
pages: [{name: home, urls: ["/"]}, {name: category, urls: ["/c/*"]}, {name: product, urls: ["/p/*"]}, {name: cart, urls: ["/cart"]}]
goals: {buy: {kind: order}}
"""
PER_VISIT = 25
KINDS = ("page_view", "click", "custom", "order", "move", "scroll", "page_ping")
SHARES = (0.12, 0.1, 0.03, 0.01, 0.4, 0.24, 0.1)
PAGES = ("home", "category", "product", "cart")
STEPS = [
    {"label": "Seen", "kind": "page_view", "page": "product"},
    {"label": "Added", "kind": "custom", "name": "add_to_cart"},
    {"label": "Cart", "kind": "page_view", "page": "cart"},
    {"label": "Ordered", "kind": "order"},
]
FUNNEL = {"show": "funnel", "funnel": {"steps": STEPS, "window": "7d"}}
IOS = [{"column": "os", "equals": "iOS"}, {"column": "country", "equals": "DE"}]


def make_day(home: Path, number: int, events: int) -> None:
    """Publish the clean events of a day, with their state."""
    import numpy as np
    import polars as pl

    from pipeline.core.keys import day_key
    from pipeline.core.lake import Lake
    from pipeline.core.registry import TABLES
    from pipeline.core.state import DayState
    from pipeline.core.states import write_state
    from pipeline.events.keys import stable_keys

    lake, day, chance = Lake(home), FIRST + timedelta(days=number), np.random.default_rng(number)
    visits = events // PER_VISIT
    person = chance.integers(0, 8 * visits, visits)
    about = np.repeat(person, PER_VISIT)
    begin = int(datetime(day.year, day.month, day.day, 5, tzinfo=UTC).timestamp()) * 1_000_000
    start = np.repeat(chance.integers(0, 15 * 3_600_000_000, visits), PER_VISIT)
    step = np.tile(np.arange(PER_VISIT), visits) * 9_000_000
    kind = pl.Series(KINDS)[chance.choice(len(KINDS), len(about), p=SHARES)]
    page = pl.Series(PAGES)[chance.choice(4, len(about), p=(0.3, 0.3, 0.25, 0.15))]
    frame = pl.DataFrame(
        {
            "person_id": "device:" + pl.Series("n", about).cast(pl.String),
            "occurred_at": pl.Series(begin + start + step).cast(pl.Datetime("us", "UTC")),
            "kind": kind,
            "page": page,
            "country": pl.Series(["DE", "AT", "CH", "PL"])[(about % 4).tolist()],
            "device_type": pl.Series(["desktop", "mobile", "tablet"])[(about % 3).tolist()],
            "os": pl.Series(["Windows", "iOS", "Android"])[(about % 3).tolist()],
        }
    )
    wide = frame.with_columns(
        event_id=pl.format("{}-{}", pl.lit(number), pl.int_range(pl.len())),
        anonymous_id=pl.col("person_id").str.strip_prefix("device:"),
        name=pl.when(pl.col("kind") == "custom").then(pl.lit("add_to_cart")),
        url=pl.format("https://shop.example/{}", "page"),
        referrer=pl.lit("https://www.google.com/"),
        occurred_at_raw="occurred_at",
        source=pl.lit("web"),
        person_rule=pl.lit("device"),
        is_bot=pl.lit(value=False),
        revenue_micros=pl.when(pl.col("kind") == "order").then(pl.lit(20_000_000)),
        person_key=stable_keys(pl.col("person_id")),
    )
    table = TABLES["events"]
    nothing = [pl.lit(None, dtype=c.dtype).alias(c.name) for c in table.columns if c.name not in wide.columns]
    rows = table.conform(wide.with_columns(nothing))
    sha256 = lake.write_frame(day_key("events", day), rows)
    with lake.exclusive():
        write_state(lake, "events", day, DayState(f"{number}", sha256, rows.height))


def _open_gate(table: Any, product: Any, batches: Any, history: Any) -> list[Any]:
    """What is made up needs no judgement."""
    from pipeline.events.profile import CheckResult

    del table, product, history
    return [CheckResult() for _ in batches]


def compute(home: Path, days: int) -> dict[str, float]:
    """Sessions and askable of all days; what the latter takes."""
    from pipeline.build.compute import build_days
    from pipeline.core.lake import Lake
    from pipeline.core.product_file import load_product

    lake, product = Lake(home), load_product(home / "product.yaml")
    wanted = [FIRST + timedelta(days=i) for i in range(days)]
    taken: dict[str, float] = {}
    for name in ("session_events", "sessions", "askable"):
        before = cpu_seconds()
        list(build_days(lake, product, name, wanted, _open_gate))
        taken[name] = cpu_seconds() - before
    return taken


def questions(days: int) -> dict[str, list[dict[str, Any]]]:
    """By name the questions that are asked one after the other; the last one is measured."""
    last = FIRST + timedelta(days=days - 1)
    week = {"first": str(last - timedelta(days=6)), "last": str(last)}
    whole = {"first": str(FIRST), "last": str(last)}
    by_device = {**FUNNEL, **whole, "by": ["device_type"]}
    return {
        "funnel, 7 days": [{**FUNNEL, **week}],
        f"funnel by device, {days} days": [by_device],
        "the same, filter changed": [by_device, {**by_device, "where": IOS}],
        "the same again": [by_device, by_device],
        f"people by day, {days} days": [whole],
        f"goal rate by channel, {days} days": [{**whole, "trend": {"measure": "goal_rate", "every": "range"}, "by": ["channel"]}],
        f"retention by week, any event, {days} days": [{**whole, "show": "retention", "retention": {"period": "week", "periods": 4}}],
        f"journeys, {days} days": [{**whole, "show": "journey", "journey": {"items": "pages"}}],
    }  # fmt: skip


def child(home: Path, name: str, days: int) -> None:
    """Ask, and print what the last question took."""
    from pipeline.ask.ask import Asker
    from pipeline.ask.question import Question
    from pipeline.core.lake import Lake
    from pipeline.core.product_file import load_product

    asker = Asker(Lake(home), load_product(home / "product.yaml"))
    one = {"first": str(FIRST), "last": str(FIRST)}
    for warm in (
        FUNNEL,
        {"show": "retention", "retention": {"period": "day"}},
        {"show": "journey", "journey": {"steps": 3}},
    ):
        asker.answer(Question.model_validate({**warm, **one}))
    *before, last = [Question.model_validate(each) for each in questions(days)[name]]
    for each in before:
        asker.answer(each)
    used, begun = cpu_seconds(), time.perf_counter()
    rows = asker.answer(last).rows.height
    print(
        json.dumps(
            {"cpu": cpu_seconds() - used, "wall": time.perf_counter() - begun, "peak_mb": peak_mb(), "rows": rows}
        )
    )


def main() -> None:
    """Make the home, ask, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--thousands", type=int, default=1_000, help="events a day")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--home", type=Path, help="keep the home here, and use it if it is there")
    parser.add_argument("--child", nargs=2, metavar=("HOME", "NAME"))
    given = parser.parse_args()
    if given.child:
        child(Path(given.child[0]), given.child[1], given.days)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "home"
        taken: dict[str, float] = {}
        if not (home / "product.yaml").exists():
            home.mkdir(parents=True, exist_ok=True)
            (home / "product.yaml").write_text(PRODUCT)
            for number in range(given.days):
                make_day(home, number, given.thousands * 1_000)
            taken = compute(home, given.days)
        size = {
            name: sum(f.stat().st_size for f in (home / "lake" / name).rglob("*.parquet"))
            for name in ("events", "askable")
        }
        rows = [(name, measured(home, name, given)) for name in questions(given.days)]
    RESULTS.joinpath("ask.md").write_text(text_of(rows, taken, size, given))
    print(RESULTS.joinpath("ask.md").read_text())


def measured(home: Path, name: str, given: argparse.Namespace) -> dict[str, float]:
    """The fastest of the rounds."""
    command = [sys.executable, __file__, "--days", str(given.days), "--child", str(home), name]
    rounds = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(given.rounds)
    ]
    return min(rounds, key=lambda each: each["cpu"])


def text_of(
    rows: list[tuple[str, dict[str, float]]], taken: dict[str, float], size: dict[str, int], given: argparse.Namespace
) -> str:
    """The result file."""
    lines = [f"| {name} | {r['wall']:.2f} | {r['cpu']:.2f} | {r['peak_mb']:.0f} |" for name, r in rows]
    made = (
        f"`askable` of all days took {taken['askable']:.1f} CPU s, sessions {taken['session_events'] + taken['sessions']:.1f}. "
        if taken
        else ""
    )
    return (
        "# New questions\n\n"
        f"`python benchmarks/ask.py --days {given.days} --thousands {given.thousands}`: {given.days * given.thousands / 1000:.0f} million events in "
        f"{given.days} days; the fastest of {given.rounds} rounds, each in a process of its own; {os.cpu_count()} processors, {platform.machine()}, python {platform.python_version()}.\n"
        f"{made}It has {size['askable'] / 1e6:.0f} MB, events have {size['events'] / 1e6:.0f}.\n\n"
        "| question | wall s | CPU s | peak MB |\n| --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


if __name__ == "__main__":
    main()
