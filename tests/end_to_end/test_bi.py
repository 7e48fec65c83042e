"""What BI tools read: the catalog, the dictionary, the promise of columns, and the examples of docs/bi.md as they stand there."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from support import at, compute_all, days_from, drop, ndjson, product, record, take_all

from pipeline.build.configured import marts
from pipeline.core.contract import Table
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.published import DECIMAL_3, DECIMAL_6
from pipeline.core.registry import MARTS
from pipeline.publish.catalog import CATALOG_KEY, DICTIONARY_KEY, create_views, write_catalog
from pipeline.publish.dictionary import broken, promised
from pipeline.publish.versions import FACTS

ROOT = Path(__file__).parents[2]


def rows() -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for day in days_from("2026-02-02", 14):
        for person in range(3):
            about = {"anonymous_id": f"d{person}", "url": "https://a.example/", "device_type": "desktop"}
            result.append(record(f"v{day}-{person}", f"{day}T10:0{person}", **about))
            result.append(
                record(
                    f"c{day}-{person}",
                    f"{day}T10:0{person}:05",
                    "click",
                    element_chain='<section class="hero">',
                    **about,
                )
            )
    return result


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A home whose path has a quote in it, with a number that was restated."""
    home = tmp_path_factory.mktemp("o'home")
    made = Lake(home)
    drop(home, "web/a.ndjson", ndjson(rows()))
    take_all(made, product())
    compute_all(made, product(), now=at("2026-02-17T04:15"))
    late = [record("late", "2026-02-05T12:00", anonymous_id="d9", url="https://a.example/")]
    drop(home, "web/late.ndjson", ndjson(late))
    take_all(made, product())
    compute_all(made, product(), now=at("2026-02-18T04:15"))
    write_catalog(made)
    return made


def test_every_mart_is_a_view_with_its_meaning(lake: Lake) -> None:
    with duckdb.connect(str(lake.path(CATALOG_KEY)), read_only=True) as catalog:
        for mart in marts(product()):
            rows, columns = (
                catalog.sql(f"select count(*) from {mart.name}").fetchone(),
                catalog.table(mart.name).columns,
            )
            assert rows == (pl.scan_parquet(lake.path(f"marts/{mart.name}.parquet")).select(pl.len()).collect().item(),)
            assert columns == mart.schema.names()
        comments = dict(catalog.sql("select view_name, comment from duckdb_views() where not internal").fetchall())
        assert (
            comments["kpis"]
            == "One row per period, dimension, value and key figure, beside the period before of the same length."
        )
        reported = catalog.sql(
            "select comment from duckdb_columns() where table_name = 'daily_kpis' and column_name = 'sessions'"
        ).fetchone()
        assert reported == ("sessions [session]",)
        changed = catalog.sql(
            "select old, new, cause from restatements where mart = 'daily_kpis' and \"column\" = 'sessions'"
        ).fetchall()
        assert changed == [(3.0, 4.0, "late events")]


def test_the_catalog_is_replaced_while_somebody_reads_it(lake: Lake) -> None:
    with duckdb.connect(str(lake.path(CATALOG_KEY)), read_only=True) as reading:
        before = reading.sql("select count(*) from kpis").fetchone()
        write_catalog(lake)
        assert reading.sql("select count(*) from kpis").fetchone() == before
    assert not list(lake.path("marts").glob(".*"))


def test_the_dictionary_names_every_column(lake: Lake) -> None:
    reported = pl.read_parquet(lake.path(DICTIONARY_KEY))
    named = [(mart.name, c.name) for mart in (*MARTS, *FACTS) for c in mart.columns]
    assert reported.select("mart", "column").rows() == named
    assert reported["meaning"].str.len_chars().min() > 0
    assert set(reported["schema_version"]) == {mart.version for mart in MARTS}


def test_names_of_one_version_ago_are_views(shop_lake: Lake) -> None:
    """Every renamed column under its old name, type and unit, with the same rows."""
    lake = shop_lake
    with duckdb.connect() as catalog:
        create_views(catalog, lake)
        views = {row[0] for row in catalog.execute("select view_name from duckdb_views() where schema_name = 'old_names'").fetchall()}  # fmt: skip
        renamed = {mart.name for mart in MARTS if mart.version > 1 and any(c.was for c in mart.columns)}
        assert views == {name for name in renamed if lake.exists(mart_key(name))}
        assert len(views) > 20
        for mart in MARTS:
            if mart.name in views:
                columns = catalog.execute(f"select * from old_names.{mart.name} limit 0").description
                assert [column[0] for column in columns or ()] == [c.was or c.name for c in mart.columns]
        old = catalog.execute("select sum(revenue_micros) from old_names.daily_kpis").fetchone()
        new = catalog.execute("select sum(revenue) from daily_kpis").fetchone()
        keys = catalog.execute(
            "select session_day, session_key, offset_ms from old_names.friction_events order by all"
        ).pl()
        comment = catalog.execute("select comment from duckdb_views() where schema_name = 'old_names' and view_name = 'kpi_changes'").fetchone()  # fmt: skip
    assert old is not None
    assert new is not None
    assert old[0] == new[0] * 1_000_000
    lying = pl.read_parquet(lake.path("lake/friction_incidents") / "**" / "*.parquet").select(keys.columns)
    assert keys.equals(lying.sort(keys.columns, nulls_last=True))
    assert keys.height > 50
    assert comment is not None
    assert "had before" in comment[0]


RESERVED = {row[0] for row in duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'").fetchall()}  # fmt: skip


@pytest.mark.parametrize("mart", [*MARTS, *FACTS], ids=lambda mart: mart.name)
def test_names_and_units_are_those_of_people(mart: Table) -> None:
    """Days are called day, nothing asks for quotes, money and seconds are exact, keys are no numbers, shares lie in 0..1."""
    for column in mart.columns:
        assert column.name not in RESERVED
        assert column.name not in {"session_day", "week", "arrived", "id"}
        assert column.unit not in {"ms", "us", "micro-units"}
        assert not (column.name.endswith(("_key", "_id")) and column.dtype.is_numeric())
        if column.unit == "s" and column.name.endswith("_total"):
            assert column.dtype == DECIMAL_3
        if column.name.startswith("revenue") and column.unit == "currency" and "mean" not in column.description:
            assert column.dtype == DECIMAL_6


def examples() -> dict[str, str]:
    """Each heading's Python of docs/bi.md."""
    text = (ROOT / "docs" / "bi.md").read_text()
    return dict(re.findall(r"## (\w+)\n\n```python\n(.*?)```", text, re.DOTALL))


def run(name: str, lake: Lake) -> Any:
    known: dict[str, Any] = {"HOME": str(lake.home)}
    exec(compile(examples()[name], f"docs/bi.md, {name}", "exec"), known)  # noqa: S102  # our own documentation
    return known["result"]


def test_examples_of_the_documentation_give_the_numbers_of_the_marts(lake: Lake) -> None:
    assert set(examples()) == {"DuckDB", "Polars", "pandas"}
    weeks = run("DuckDB", lake)
    assert [sessions for _, sessions in weeks] == [22.0, 21.0]
    zones = {(row["page"], row["zone"]): row["click_rate"] for row in run("Polars", lake).to_dicts()}
    assert zones["home", "hero"] == pytest.approx(42 / 43)
    days = run("pandas", lake)
    assert days["sessions"].tolist() == [3, 3, 3, 4, *[3] * 10]


def test_published_columns_are_those_that_were_promised() -> None:
    """Where this fails: add columns by `make docs`; for any other change raise the table's `version` first."""
    known = json.loads((ROOT / "docs" / "marts.schema.json").read_text())
    assert broken(known, promised()) == []
    assert known == promised(), "run `make docs`"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda mart: mart["columns"].pop("sessions"), "was ['BIGINT', 'session', False], is gone"),
        (lambda mart: mart["columns"].update(sessions=["DOUBLE", "session", False]), "is ['DOUBLE', 'session', False]"),
        (lambda mart: mart["columns"].update(sessions=["BIGINT", "visit", False]), "is ['BIGINT', 'visit', False]"),
        (lambda mart: mart.update(key=["day", "source"]), "the key changed"),
    ],
)
def test_a_broken_promise_is_named_unless_the_version_rises(change: Any, fault: str) -> None:
    now = promised()
    change(now["daily_kpis"])
    (stated,) = broken(promised(), now)
    assert fault in stated
    assert f"raise `version` of the table daily_kpis to {now['daily_kpis']['version'] + 1}" in stated
    now["daily_kpis"]["version"] += 1
    assert broken(promised(), now) == []
    now = promised()
    now["daily_kpis"]["columns"]["more"] = ["BIGINT", "", False]
    assert broken(promised(), now) == [], "a new column breaks nothing"
