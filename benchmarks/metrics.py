"""Funnel and retention against DuckDB and chDB: the same Parquet files, one run, engines in turn, answers compared.

    python benchmarks/metrics.py --millions 5 --rounds 3
    python benchmarks/metrics.py --millions 50 --days 90 --steps 6 --only footfall

The events are made up and seeded: 30 days, one file each, sorted by person and time, a tenth as many people as events
a day have. Each piece of work runs in a process of its own; reported is what benchmarks/compare.py
says. chDB's windowFunnel gives no step times: it does less.
"""

import argparse
import os
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from compare import Answer, chdb_query, child, compare, write

DAYS, WINDOW_DAYS = 30, 7
# A measured process is told by its environment.
STEPS = int(os.environ.get("STEPS", "5"))
START = datetime(2026, 3, 2, tzinfo=UTC)
DAY_US = 86_400_000_000
DEVICES = ("desktop", "mobile", "tablet")


def prepare(folder: Path, millions: float, days: int = DAYS) -> None:
    """A file a day: person_key, occurred_at, step (0 to 4 are the funnel's, 5 to 9 anything else), device."""
    import numpy as np
    import polars as pl

    chance = np.random.default_rng(7)
    a_day = int(millions * 1e6 / days)
    people = max(int(millions * 30_000), 1)
    keys = chance.integers(-(2**63), 2**63 - 1, people, dtype=np.int64)
    devices = chance.integers(0, len(DEVICES), people)
    for day in range(days):
        # Some people come far more often than others.
        who = (people * chance.random(a_day) ** 1.5).astype(np.int64)
        at = START + timedelta(days=day)
        frame = pl.DataFrame(
            {
                "person_key": keys[who],
                "occurred_at": (int(at.timestamp() * 1e6) + chance.integers(0, DAY_US, a_day)).astype("datetime64[us]"),
                "step": chance.choice(10, a_day, p=[0.2, 0.1, 0.08, 0.05, 0.02, 0.15, 0.1, 0.1, 0.1, 0.1]).astype(
                    np.int8
                ),
                "device": pl.Series(np.array(DEVICES)[devices[who]]),
            }
        )
        ordered = frame.unique(["person_key", "occurred_at"], keep="first").sort("person_key", "occurred_at")
        ordered.with_columns(pl.col("occurred_at").dt.replace_time_zone("UTC")).write_parquet(
            folder / f"day-{day:02}.parquet", row_group_size=131_072
        )


def ours_funnel(folder: Path) -> Answer:
    """People by device and depth, with the microseconds from step to step: [device, step, people, sum]."""
    import polars as pl

    from pipeline.domains.funnels.funnel import FunnelRules, step_bits
    from pipeline.domains.funnels.funnel_groups import grouped_people
    from pipeline.stats.buckets import by_bucket, ranges_of

    files = sorted(folder.glob("day-*.parquet"))
    rows = pl.scan_parquet(files).select(pl.len()).collect().item()
    # Half of the rows are read: columns one by one are cheaper than what the filter needs first.
    stream = pl.scan_parquet(files, parallel="columns").filter(pl.col("step") < STEPS)
    bits = step_bits([pl.col("step") == k for k in range(STEPS)])
    stream = stream.select("person_key", "occurred_at", "device", steps=bits)
    rules = FunnelRules(STEPS, timedelta(days=WINDOW_DAYS))
    sums = pl.concat(
        by_bucket(
            stream,
            lambda part: funnel_sums(grouped_people(part, rules, ("device",))),
            buckets=ranges_of(rows),
        )
    )
    result = sums.group_by("device", "step").agg(pl.col("people", "us").sum()).sort("device", "step")
    return [list(row) for row in result.rows()]


def funnel_sums(people: Any) -> Any:
    import polars as pl

    parts = [
        people.filter(pl.col("depth") > k)
        .group_by("device")
        .agg(
            step=pl.lit(k),
            people=pl.len().cast(pl.Int64),
            us=(pl.col(f"t{k}") - pl.col(f"t{max(k - 1, 0)}")).dt.total_microseconds().sum(),
        )
        for k in range(STEPS)
    ]
    return pl.concat(parts)


def duckdb_funnel(folder: Path) -> Answer:
    """One window per step that carries the latest entry on, as our kernel does."""
    import duckdb

    window = "over (partition by person_key order by t rows between unbounded preceding and 1 preceding)"
    limit = WINDOW_DAYS * DAY_US
    chain = [
        f"e as (select person_key, epoch_us(occurred_at) as t, step, device from '{folder}/day-*.parquet' where step < {STEPS})",
        "s0 as (select *, case when step = 0 then t end as a0 from e)",
    ]
    chain += [
        f"c{k} as (select *, last_value(a{k - 1} ignore nulls) {window} as carried from s{k - 1}), "
        f"s{k} as (select * exclude carried, case when step = {k} and t - carried <= {limit} then carried end as a{k} from c{k})"
        for k in range(1, STEPS)
    ]
    depth = " + ".join(f"(min(case when a{k} is not null then t end) is not null)::int" for k in range(STEPS))
    firsts = ", ".join(f"arg_min(a{k}, t) filter (a{k} is not null) as e{k}" for k in range(STEPS))
    entry = "coalesce(" + ", ".join(f"e{k}" for k in reversed(range(STEPS))) + ")"
    times = ", ".join(f"min(t) filter (a{k} = entry) as t{k}" for k in range(STEPS))
    last = f"s{STEPS - 1}"
    passed = " ".join(f"when {k} then t{k} - t{k - 1}" for k in range(1, STEPS))
    sql = f"""
    with {", ".join(chain)},
    people as (select person_key, arg_min(device, t) as device, {depth} as depth, {firsts} from {last} group by person_key),
    entered as (select person_key, device, depth, {entry} as entry from people where e0 is not null),
    timed as (select person_key, entered.device, depth, {times} from {last} join entered using (person_key) group by all),
    steps as (select * exclude person_key, unnest(range({STEPS})) as step from timed)
    select device, step, count(*), sum(case step {passed} else 0 end)::bigint
    from steps where depth > step group by 1, 2 order by 1, 2
    """
    return [list(row) for row in duckdb.sql(sql).fetchall()]


def chdb_funnel(folder: Path) -> Answer:
    """windowFunnel: depths alone."""
    conditions = ", ".join(f"step = {k}" for k in range(STEPS))
    sql = f"""
    select device, toInt64(step), toInt64(count()) from (
        select argMin(device, occurred_at) as device,
            windowFunnel({WINDOW_DAYS * DAY_US})(toUInt64(toUnixTimestamp64Micro(occurred_at)), {conditions}) as depth
        from file('{folder}/day-*.parquet', Parquet) where step < {STEPS} group by person_key
    ) array join range({STEPS}) as step where depth > step group by 1, 2 order by 1, 2
    """
    return chdb_query(sql)


def ours_retention(folder: Path) -> Answer:
    """[cohort day, offset, people] of day cohorts by first day in the data."""
    import polars as pl

    from pipeline.domains.activity.returns import returned
    from pipeline.stats.buckets import in_ranges, ranges_of

    files, key = sorted(folder.glob("day-*.parquet")), pl.col("person_key")
    rows = pl.scan_parquet(files).select(pl.len()).collect().item()

    def counted(inside: pl.Expr) -> pl.DataFrame:
        # A day's file is sorted by person: its people are where the key changes.
        days = [
            pl.scan_parquet(file).select(key).filter(inside).filter(key.ne_missing(key.shift())).with_columns(day=day)
            for day, file in enumerate(files)
        ]
        return returned(pl.concat(days).collect())[0]

    parts = pl.concat(in_ranges(counted, ranges_of(rows))).filter(pl.col("people_first") > 0)
    cells = parts.group_by("from_day", "day").agg(pl.col("people_first").sum()).sort("from_day", "day")
    first, day = (pl.col(name).to_physical() for name in ("from_day", "day"))
    return [list(row) for row in cells.select(first, day - first, "people_first").rows()]


def duckdb_retention(folder: Path) -> Answer:
    import duckdb

    sql = f"""
    with a as (select distinct person_key, (epoch_us(occurred_at) - {int(START.timestamp() * 1e6)}) // {DAY_US} as d from '{folder}/day-*.parquet'),
    c as (select person_key, min(d) as c from a group by person_key)
    select c, d - c, count(*) from a join c using (person_key) group by 1, 2 order by 1, 2
    """
    return [list(row) for row in duckdb.sql(sql).fetchall()]


def chdb_retention(folder: Path) -> Answer:
    sql = f"""
    select toInt64(c), toInt64(o), toInt64(count()) from (
        select arraySort(groupUniqArray(intDiv(toUnixTimestamp64Micro(occurred_at) - {int(START.timestamp() * 1e6)}, {DAY_US}))) as ds,
            ds[1] as c, arrayJoin(arrayMap(d -> d - c, ds)) as o
        from file('{folder}/day-*.parquet', Parquet) group by person_key
    ) group by 1, 2 order by 1, 2
    """
    return chdb_query(sql)


def _polars_floor(columns: tuple[str, ...], folder: Path) -> Answer:
    import polars as pl

    files = sorted(folder.glob("day-*.parquet"))
    numbers = [
        pl.col(c).to_physical().cast(pl.Int64, wrap_numerical=True).sum()
        if c != "device"
        else pl.col(c).str.len_bytes().sum()
        for c in columns
    ]
    return [list(pl.scan_parquet(files).select(numbers).collect(engine="streaming").row(0))]


def _duckdb_floor(columns: tuple[str, ...], folder: Path) -> Answer:
    import duckdb

    sums = {
        "person_key": "sum(person_key)",
        "occurred_at": "sum(epoch_us(occurred_at))",
        "step": "sum(step)",
        "device": "sum(strlen(device))",
    }
    row = duckdb.sql(f"select {', '.join(sums[c] for c in columns)} from '{folder}/day-*.parquet'").fetchone()
    return [[str(each) for each in row or ()]]


COLUMNS = {"funnel": ("person_key", "occurred_at", "step", "device"), "retention": ("person_key", "occurred_at")}
WORK = {
    ("funnel", "footfall"): ours_funnel,
    ("funnel", "duckdb"): duckdb_funnel,
    ("funnel", "chdb"): chdb_funnel,
    ("retention", "footfall"): ours_retention,
    ("retention", "duckdb"): duckdb_retention,
    ("retention", "chdb"): chdb_retention,
    ("funnel", "floor polars"): partial(_polars_floor, COLUMNS["funnel"]),
    ("funnel", "floor duckdb"): partial(_duckdb_floor, COLUMNS["funnel"]),
    ("retention", "floor polars"): partial(_polars_floor, COLUMNS["retention"]),
    ("retention", "floor duckdb"): partial(_duckdb_floor, COLUMNS["retention"]),
}


def warm() -> None:
    """Load what is compiled."""
    import polars as pl

    from pipeline.core.contract import UTC_MICROSECONDS
    from pipeline.domains.activity.returns import returned
    from pipeline.domains.funnels.funnel import FunnelRules
    from pipeline.domains.funnels.funnel_groups import grouped_people

    schema = {"person_key": pl.Int64, "occurred_at": UTC_MICROSECONDS, "steps": pl.Int64, "device": pl.String}
    rows = pl.LazyFrame([(1, START, 1, "mobile")], schema=schema, orient="row")
    grouped_people(rows, FunnelRules(2, timedelta(days=1)), ("device",))
    returned(pl.DataFrame({"person_key": [1], "day": [0]}))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--millions", type=float, default=5)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--days", type=int, default=DAYS)
    options.add_argument("--steps", type=int, default=STEPS)
    options.add_argument("--only", choices=["footfall"], help="our engine alone")
    options.add_argument("--child", nargs=3)
    chosen = options.parse_args()
    if chosen.child:
        child(WORK, warm, chosen.child[0], chosen.child[1], Path(chosen.child[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, chosen.millions, chosen.days)
        rows = compare(
            __file__,
            WORK,
            folder,
            chosen.rounds,
            only=chosen.only,
            reported={"STEPS": str(chosen.steps)},
            fewer_columns={("funnel", "chdb"): 3},
        )
    reported = f"--millions {chosen.millions:g} --days {chosen.days} --steps {chosen.steps} --rounds {chosen.rounds}"
    write(
        f"metrics_{chosen.millions:g}m" + (f"_{chosen.days}_days" if chosen.days != DAYS else ""),
        f"Funnel of {chosen.steps} steps and retention, {chosen.millions:g} M events, {chosen.days} days",
        f"benchmarks/metrics.py {reported}" + (f" --only {chosen.only}" if chosen.only else ""),
        rows,
    )


if __name__ == "__main__":
    main()
