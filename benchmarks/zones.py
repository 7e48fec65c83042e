"""Zone metrics, rage clicks and click grid of a day against DuckDB and chDB, with the same answers.

    PYTHONPATH=. python benchmarks/zones.py --millions 3 --rounds 3

The day is made up and seeded, in the columns of session_events and page_views: page views of five acts each, 400 elements,
60 zones of which a third lies inside another. The others are given which element lies in which zone; we match CSS
selectors. Of zones the others compute clicks, time to the first click, and conversion and revenue after it; ours is
the whole of daily_zones and heatmap_cells, which hold more.
"""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from compare import Answer, chdb_query, main

DAY = date(2026, 3, 3)
START_US = int(datetime(2026, 3, 3, tzinfo=UTC).timestamp() * 1_000_000)
PAGES, DEVICES, ELEMENTS, ZONES_A_PAGE, INTERACTIONS = 5, ("desktop", "mobile", "tablet"), 400, 12, 5
VIEWS_A_SESSION = 3
ORDERS, ANGRY = 0.01, 0.1


def _chain(page: int, element: int) -> str:
    """The elements of a page lie in zones by their number; every third zone lies inside the one before it."""
    zone = element % (ZONES_A_PAGE + 2)
    outer = f'<section class="z{zone - 1}">' if zone % 3 == 2 else ""  # noqa: PLR2004  # the last of three
    return f'<main class="p{page}">{outer}<div class="z{zone}"><a class="e{element}">'


def _product() -> Any:
    from pipeline.core.product import Product

    zones = [
        {"name": f"z{zone}", "page": f"p{page}", "selectors": [f".z{zone}"]}
        for page in range(PAGES)
        for zone in range(ZONES_A_PAGE)
    ]
    pages = [{"name": f"p{page}", "urls": [f"/p{page}"], "content_max_width": 1200} for page in range(PAGES)]
    return Product.model_validate(
        {"name": "x", "start_date": "2026-01-01", "sources": {"web": {}}, "pages": pages, "zones": zones}
    )


def prepare(folder: Path, millions: float) -> None:
    """session_events, page_views and the elements of zones, as Parquet."""
    import numpy as np
    import polars as pl

    from pipeline.core.registry import TABLES

    chance = np.random.default_rng(5)
    views = int(millions * 1e6 / INTERACTIONS) // VIEWS_A_SESSION * VIEWS_A_SESSION
    session = np.repeat(np.arange(views // VIEWS_A_SESSION), VIEWS_A_SESSION)
    keys = np.sort(chance.integers(-(2**62), 2**62, views // VIEWS_A_SESSION))
    page, device = chance.integers(0, PAGES, views), chance.integers(0, 3, views // VIEWS_A_SESSION)[session]
    began = START_US + chance.integers(0, 70_000, views // VIEWS_A_SESSION)[session] * 1_000_000
    began = began + np.tile(np.arange(VIEWS_A_SESSION), views // VIEWS_A_SESSION) * 120_000_000
    view = np.repeat(np.arange(views), INTERACTIONS)
    number = np.tile(np.arange(INTERACTIONS), views)
    kind = chance.choice(np.array(["click", "scroll"]), len(view), p=[0.8, 0.2])
    kind[chance.random(len(view)) < ORDERS] = "order"
    kind[number == 0] = "page_view"
    # A tenth of the page views is clicked in anger: at one place, a quarter of a second apart.
    angry = np.repeat(chance.random(views) < ANGRY, INTERACTIONS)
    gap = np.where(angry, 250_000, chance.integers(300, 20_000, len(view)) * 1_000)
    gap[number == 0] = 0
    at = np.repeat(began, INTERACTIONS) + gap.reshape(-1, INTERACTIONS).cumsum(axis=1).ravel()
    element = np.where(
        angry, np.repeat(chance.integers(0, ELEMENTS, views), INTERACTIONS), chance.integers(0, ELEMENTS, len(view))
    )
    chains = pl.Series([_chain(p, e) for p in range(PAGES) for e in range(ELEMENTS)])
    interaction = kind == "click"
    made = pl.DataFrame(
        {
            "session_key": keys[session][view], "person_key": keys[session][view], "page_view_key": view,
            "event_index": np.repeat(np.tile(np.arange(VIEWS_A_SESSION), views // VIEWS_A_SESSION), INTERACTIONS) * INTERACTIONS + number,
            "event_id": pl.Series(np.arange(len(view))).cast(pl.String),
            "occurred_at": pl.Series(at).cast(pl.Datetime("us", "UTC")), "kind": kind,
            "page": pl.Series([f"p{p}" for p in range(PAGES)])[page][view],
            "device_type": pl.Series(DEVICES)[device][view],
            "element_chain": chains[page[view] * ELEMENTS + element],
            "x": np.where(angry, 300, chance.integers(0, 1_400, len(view))),
            "y": np.where(angry, 300, chance.integers(0, 3_000, len(view))),
            "revenue_micros": np.where(kind == "order", 5_000_000, 0),
        }
    ).with_columns(
        pl.when(pl.lit(pl.Series(interaction))).then(pl.col("element_chain")),
        pl.when(pl.lit(pl.Series(interaction))).then(pl.col("x", "y")),
        pl.when(pl.col("kind") == "order").then(pl.col("revenue_micros")),
        source=pl.lit("web"), window_width=1_400, window_height=800, is_bot=False, is_goal=pl.col("kind") == "order",
        goal_bits=(pl.col("kind") == "order").cast(pl.Int64), segment_bits=0, is_split=False, implied=False,
    )  # fmt: skip
    _filled(made, TABLES["session_events"]).write_parquet(
        folder / "events.parquet", compression="zstd", compression_level=1
    )
    shown = pl.DataFrame(
        {
            "page_view_key": np.arange(views), "session_key": keys[session], "person_key": keys[session],
            "page": pl.Series([f"p{p}" for p in range(PAGES)])[page], "device_type": pl.Series(DEVICES)[device],
            "started_at": pl.Series(began).cast(pl.Datetime("us", "UTC")),
            "ended_at": pl.Series(began + 110_000_000).cast(pl.Datetime("us", "UTC")),
            "position": np.tile(np.arange(1, VIEWS_A_SESSION + 1), views // VIEWS_A_SESSION),
        }
    ).with_columns(source=pl.lit("web"), is_bot=False, implied=False, is_landing=False, is_exit=False)  # fmt: skip
    _filled(shown, TABLES["page_views"]).write_parquet(
        folder / "views.parquet", compression="zstd", compression_level=1
    )
    _elements(chains.to_list()).write_parquet(folder / "elements.parquet")
    TABLES["friction_incidents"].schema.to_frame().write_parquet(folder / "incidents.parquet")


def _filled(frame: Any, table: Any) -> Any:
    import polars as pl

    missing = [pl.lit(None, dtype=t).alias(n) for n, t in table.schema.items() if n not in frame.columns]
    return frame.with_columns(missing).select(pl.col(n).cast(t) for n, t in table.schema.items())


def _elements(chains: list[str]) -> Any:
    """Which element lies in which zone, told to the others."""
    import polars as pl

    rows: list[tuple[str, str, bool]] = []
    for chain in chains:
        inside = [int(part.split('"')[0]) for part in chain.split('class="z')[1:]]
        known = [zone for zone in inside if zone < ZONES_A_PAGE]
        rows += [(chain, f"z{zone}", zone == known[-1]) for zone in known]
    return pl.DataFrame(rows, schema=["element_chain", "zone", "is_innermost"], orient="row")


def _scan(folder: Path, name: str) -> Any:
    import polars as pl

    return pl.scan_parquet(folder / f"{name}.parquet")


_NUMBERS = (
    *("page_views", "sessions", "clicks", "own_clicks", "page_views_clicked", "sessions_clicked", "ms_to_click"),
    *("sessions_converted_after_click", "revenue_micros_after_click"),
)


def ours_zones(folder: Path) -> Answer:
    from pipeline.domains.zones.told import told_by
    from pipeline.domains.zones.zone_facts import zone_day
    from pipeline.domains.zones.zone_tables import daily_zones, zone_sums

    events, views, product = _scan(folder, "events"), _scan(folder, "views"), _product()
    made = zone_day(events, views, _scan(folder, "incidents"), DAY, product, told_by(events, views, product))
    result = daily_zones([zone_sums(made, events, product)], DAY, product)
    result = result.sort("page", "zone", "device_type").select("page", "zone", "device_type", *_NUMBERS)
    return [list(row) for row in result.rows()]


ZONES = """
with views as (select page_view_key, session_key, page, device_type, started_at from {views} where not is_bot and not implied),
clicks as (
    select e.page_view_key as page_view_key, v.session_key as session_key, v.page as page,
        v.device_type as device_type, e.event_index as event_index, z.zone as zone, z.is_innermost as is_innermost,
        {ms}(e.occurred_at) - {ms}(v.started_at) as after
    from {events} as e
    join views as v on e.page_view_key = v.page_view_key
    join {elements} as z on e.element_chain = z.element_chain
    where e.kind = 'click'
),
by_view as (
    select page, zone, device_type, session_key, page_view_key, count(*) as clicks, {count_if}(is_innermost) as own,
        min(event_index) as event_index, min(after) as after
    from clicks group by page, zone, device_type, session_key, page_view_key
),
by_session as (
    select page, zone, device_type, session_key, sum(clicks) as clicks, sum(own) as own, count(*) as views,
        sum(after) as after, min(event_index) as event_index
    from by_view group by page, zone, device_type, session_key
),
orders as (select session_key, event_index, revenue_micros from {events} where goal_bits <> 0),
outcomes as (
    select s.page as page, s.zone as zone, s.device_type as device_type, s.session_key as session_key,
        sum(o.revenue_micros) as revenue
    from by_session as s join orders as o on s.session_key = o.session_key where o.event_index > s.event_index
    group by s.page, s.zone, s.device_type, s.session_key
),
clicked as (
    select page, zone, device_type, sum(clicks) as clicks, sum(own) as own, sum(views) as views, count(*) as sessions,
        sum(after) as after
    from by_session group by page, zone, device_type
),
converted as (
    select page, zone, device_type, count(*) as sessions, sum(revenue) as revenue from outcomes
    group by page, zone, device_type
),
shown as (
    select page, device_type, count(*) as views, count(distinct session_key) as sessions from views
    group by page, device_type
)
select c.page, c.zone, c.device_type, s.views, s.sessions, {whole}(c.clicks), {whole}(c.own), {whole}(c.views), c.sessions,
    {whole}(c.after), {zero}(o.sessions, 0), {whole}({zero}(o.revenue, 0))
from clicked as c
join shown as s on c.page = s.page and c.device_type = s.device_type
left join converted as o on c.page = o.page and c.zone = o.zone and c.device_type = o.device_type
order by c.page, c.zone, c.device_type
"""
_DUCKDB = {"ms": "epoch_ms", "count_if": "count_if", "whole": "", "zero": "coalesce", "us": "epoch_us"}
_CHDB = {"ms": "toUnixTimestamp64Milli", "count_if": "countIf", "whole": "toInt64", "zero": "ifNull"}
_CHDB["us"] = "toUnixTimestamp64Micro"
_NAMES = ("events", "views", "elements")


def _duckdb(sql: str, folder: Path, **reported: str) -> Answer:
    import duckdb

    files = {name: f"'{folder / name}.parquet'" for name in _NAMES}
    result = duckdb.sql(sql.format(**_DUCKDB, **files, **reported)).fetchall()
    return [[value if isinstance(value, str) else int(value) for value in row] for row in result]


def _chdb(sql: str, folder: Path, **reported: str) -> Answer:
    files = {name: f"file('{folder / name}.parquet', Parquet)" for name in _NAMES}
    return chdb_query(sql.format(**_CHDB, **files, **reported))


def ours_rage(folder: Path) -> Answer:
    import polars as pl

    from pipeline.domains.friction.rage import rage_clicks

    clicks = _scan(folder, "events").filter(pl.col("kind") == "click")
    reported = clicks.select("page_view_key", "occurred_at", "x", "y", element="element_chain", label="element_chain")
    result = rage_clicks(reported, ["page_view_key"], "default", px=30, ms=1000, least=3)
    return [[result["incident"].n_unique(), result.height]]


RAGE = """
with c as (
    select page_view_key, event_index, {us}(occurred_at) as t, x, y from {events} where kind = 'click'
),
flagged as (
    select *, case when t - {lag}(t) {over} <= 1000000 and (x - {lag}(x) {over}) * (x - {lag}(x) {over})
        + (y - {lag}(y) {over}) * (y - {lag}(y) {over}) < 900 and {number} {over} > 1 then 0 else 1 end as begins
    from c
),
runs as (
    select page_view_key, sum(begins) over (partition by page_view_key order by event_index rows unbounded preceding) as run
    from flagged
),
long as (select page_view_key, run, count(*) as n from runs group by page_view_key, run having count(*) >= 3)
select count(*), {whole}(sum(n)) from long
"""
_OVER = "over (partition by page_view_key order by event_index rows between 1 preceding and current row)"


def ours_grid(folder: Path) -> Answer:
    import polars as pl

    from pipeline.domains.zones.heatmap import heatmap_cells
    from pipeline.domains.zones.told import positions_told_by

    events, views = _scan(folder, "events"), _scan(folder, "views")
    made = heatmap_cells(events, views, DAY, _product(), positions_told_by(events, views))
    clicks = made.filter(pl.col("kind") == "click")
    return [[clicks.height, clicks["events"].sum(), clicks["page_views"].sum()]]


GRID = """
select count(*), {whole}(sum(n)), {whole}(sum(views)) from (
    select v.page, v.device_type, {floor}((100 * (2 * e.x - 200)) / 2400.0) as x_bin, {floor}(e.y / 20.0) as y_bin,
        count(*) as n, count(distinct e.page_view_key) as views
    from (select page_view_key, greatest(least(x, 1300), 99) as x, y from {events} where kind = 'click') as e
    join {views} as v on e.page_view_key = v.page_view_key
    where not v.is_bot and not v.implied
    group by 1, 2, 3, 4
)
"""


def _floor(columns: tuple[str, ...], folder: Path) -> Answer:
    import polars as pl

    sums = [
        pl.col(name).str.len_bytes().sum() if dtype == pl.String else pl.col(name).to_physical().sum()
        for name, dtype in _scan(folder, "events").collect_schema().items()
        if name in columns
    ]
    return [list(_scan(folder, "events").select(sums).collect(engine="streaming").row(0))]


WORK = {
    ("zones", "footfall"): ours_zones,
    ("zones", "duckdb"): partial(_duckdb, ZONES),
    ("zones", "chdb"): partial(_chdb, ZONES),
    ("zones", "floor polars"): partial(
        _floor, ("page_view_key", "kind", "event_index", "occurred_at", "element_chain")
    ),
    ("rage clicks", "footfall"): ours_rage,
    ("rage clicks", "duckdb"): partial(_duckdb, RAGE, over=_OVER, lag="lag", number="count(*)"),
    ("rage clicks", "chdb"): partial(_chdb, RAGE, over=_OVER, lag="lagInFrame", number="count()"),
    ("rage clicks", "floor polars"): partial(_floor, ("page_view_key", "kind", "occurred_at", "x", "y")),
    ("click grid", "footfall"): ours_grid,
    ("click grid", "duckdb"): partial(_duckdb, GRID, floor="floor"),
    ("click grid", "chdb"): partial(_chdb, GRID, floor="floor"),
}


def warm() -> None:
    """Compile what is compiled."""
    import polars as pl

    from pipeline.domains.friction.rage import rage_clicks

    one = pl.LazyFrame(
        {"page_view_key": [1], "occurred_at": [datetime(2026, 3, 3, tzinfo=UTC)], "x": [1], "y": [1], "element": ["a"]}
    ).with_columns(label="element")
    rage_clicks(one, ["page_view_key"], "default", px=30, ms=1000, least=3)


if __name__ == "__main__":
    main(__file__, WORK, warm, prepare, "Zones, rage clicks and click grid of a day", millions=3)
