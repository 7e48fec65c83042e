"""Sessions against DuckDB and chDB: a day's sessions from three days of events, by the rule over midnight.

    python benchmarks/behaviour.py --millions 6 --rounds 3

The events are made up and seeded, in the columns of `events`: three days, sorted by person and time, in visits of a dozen
events. We also join every event to its page view and keep it (`session_events`); the others count sessions only.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from compare import Answer, chdb_query, main

DAY = date(2026, 3, 3)
START = datetime(2026, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp() * 1_000_000)
DAY_US, PAUSE_US = 86_400_000_000, 1_800_000_000
EVENTS_A_VISIT = 12
KINDS, SHARES = ("page_view", "click", "scroll", "page_ping", "order"), (0.2, 0.25, 0.15, 0.39, 0.01)


def prepare(folder: Path, millions: float) -> None:
    """A file a day in the schema of events."""
    import numpy as np
    import polars as pl

    from pipeline.core.canonical import EVENTS

    chance = np.random.default_rng(11)
    visits = int(millions * 1e6 / EVENTS_A_VISIT)
    people = max(visits // 4, 1)
    keys = chance.integers(-(2**63), 2**63 - 1, people, dtype=np.int64)
    who = np.repeat(chance.integers(0, people, visits), EVENTS_A_VISIT)
    gaps = chance.exponential(45e6, (visits, EVENTS_A_VISIT)).astype(np.int64).cumsum(axis=1)
    at = (START_US + chance.integers(0, 3 * DAY_US, visits)[:, None] + gaps).ravel()
    kind = chance.choice(len(KINDS), len(at), p=SHARES)
    frame = pl.DataFrame(
        {
            "person_key": keys[who],
            "anonymous_id": pl.Series(np.char.add("d", np.arange(people).astype(str)))[who],
            "occurred_at": pl.Series(at).cast(EVENTS.schema["occurred_at"]),
            "kind": pl.Series(KINDS)[kind],
            "revenue_micros": np.where(kind == KINDS.index("order"), 5_000_000, 0),
            "event_id": pl.Series(np.arange(len(at))).cast(pl.String),
            "x": chance.integers(0, 1000, len(at)).astype(np.int32),
        }
    ).with_columns(source=pl.lit("web"), is_bot=pl.lit(value=False), currency=pl.lit("EUR"), page=pl.lit("home"))
    frame = frame.unique(["person_key", "occurred_at"], keep="any")
    missing = [pl.lit(None, dtype=t).alias(n) for n, t in EVENTS.schema.items() if n not in frame.columns]
    days = frame.with_columns(missing).select(EVENTS.schema.names()).with_columns(day=pl.col("occurred_at").dt.date())
    for (day,), part in days.partition_by("day", as_dict=True, include_key=False).items():
        part.sort(EVENTS.order, nulls_last=True).write_parquet(
            folder / f"{day}.parquet", compression="zstd", compression_level=1, row_group_size=131_072
        )


def _files(folder: Path) -> list[Path]:
    return [folder / f"{DAY + timedelta(days=d)}.parquet" for d in (-1, 0, 1)]


def ours_sessions(folder: Path) -> Answer:
    import polars as pl

    from pipeline.events.sessions import session_events, sessions

    result = sessions(session_events(pl.scan_parquet(_files(folder)), DAY, _product()).lazy(), DAY)
    sums = (pl.col("events", "clicks", "page_views", "revenue_micros", "duration_ms").sum(),)
    return [list(result.select(pl.len(), *sums).row(0))]


def _product() -> Any:
    from pipeline.core.product_file import parse_product

    return parse_product("{name: x, start_date: 2026-01-01, sources: {web: {}}}")


# Pieces of one day and no long pause, then pieces over midnight joined: the rule of docs/definitions/sessions.md for one source.
SESSIONS = """
with e as (
    select person_key, {us} as t, kind, {zero}(revenue_micros, 0) as revenue, {div}({us} - {start}, {day}) as d
    from {files}
),
flagged as (
    select *, case when {lag}(d) {over} = d and t - {lag}(t) {over} <= {pause} then 0 else 1 end as begins
    from e
),
numbered as (
    select *, {whole}(sum(begins) over (partition by person_key order by t rows unbounded preceding)) as piece from flagged
),
pieces as (
    select person_key, piece, min(d) as d, min(t) as first_at, max(t) as last_at, count(*) as events,
        {count_if}(kind = 'click') as clicks, {count_if}(kind = 'page_view') as views, sum(revenue) as revenue
    from numbered group by person_key, piece
),
linked as (
    select *, case when piece > 1 and {lag}(d) {by_piece} = d - 1 and first_at - {lag}(last_at) {by_piece} <= {pause}
        and {lag}(first_at) {by_piece} > {start} + (d - 1) * {day} + {pause} then 1 else 0 end as continues
    from pieces
),
joined as (
    select *, case when continues = 1 then piece - 1 else piece end as root, d - continues as root_day from linked
),
whole as (
    select person_key, root, sum(events) as events, sum(clicks) as clicks, sum(views) as views, sum(revenue) as revenue,
        {div}(max(last_at) - min(first_at), 1000) as ms
    from joined where root_day = 1 group by person_key, root
)
select count(*), {whole}(sum(events)), {whole}(sum(clicks)), {whole}(sum(views)), {whole}(sum(revenue)), {whole}(sum(ms))
from whole
"""
_OVER = "over (partition by person_key order by t rows between 1 preceding and current row)"
_SHARED = {
    "start": START_US,
    "day": DAY_US,
    "pause": PAUSE_US,
    "over": _OVER,
    "by_piece": _OVER.replace("by t", "by piece"),
}


def duckdb_sessions(folder: Path) -> Answer:
    import duckdb

    files = ", ".join(f"'{file}'" for file in _files(folder))
    sql = SESSIONS.format(
        **_SHARED, us="epoch_us(occurred_at)", zero="coalesce", lag="lag", count_if="count_if", whole="",
        files=f"read_parquet([{files}])", div="divide",
    )  # fmt: skip
    return [[int(value) for value in row] for row in duckdb.sql(sql).fetchall()]


def chdb_sessions(folder: Path) -> Answer:
    files = ",".join(file.name for file in _files(folder))
    sql = SESSIONS.format(
        **_SHARED, us="toUnixTimestamp64Micro(occurred_at)", zero="ifNull", lag="lagInFrame", count_if="countIf",
        whole="toInt64", files=f"file('{folder}/{{{files}}}', Parquet)", div="intDiv",
    )  # fmt: skip
    return chdb_query(sql)


_READ = ("person_key", "occurred_at", "kind", "revenue_micros")


def _floor_polars(folder: Path) -> Answer:
    import polars as pl

    sums = [
        pl.col("kind").str.len_bytes().sum(),
        *(pl.col(c).to_physical().cast(pl.Int64, wrap_numerical=True).sum() for c in _READ if c != "kind"),
    ]
    return [list(pl.scan_parquet(_files(folder)).select(sums).collect(engine="streaming").row(0))]


WORK = {
    ("sessions", "footfall"): ours_sessions,
    ("sessions", "duckdb"): duckdb_sessions,
    ("sessions", "chdb"): chdb_sessions,
    ("sessions", "floor polars"): _floor_polars,
}


if __name__ == "__main__":
    main(__file__, WORK, _product, prepare, "Sessions of one of three days", millions=6)
