"""The marts as a dbt project: real dbt over a real home makes the same rows, and its tests are those of the contracts."""

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
from shop import first_days_of_shop
from support import compute_all, take_all

from pipeline.core.contract import Column, Table
from pipeline.core.lake import Lake
from pipeline.publish.dbt_project import contract_test, export_dbt

# The newest dbt needs a parser that isn't built for every machine.
DBT = ("dbt-core>=1.10,<1.11", "dbt-duckdb>=1.9,<1.11", f"duckdb=={duckdb.__version__}")
OWN = """-- grain: One row per owner.
-- key: [owner]
-- columns: {owner: who answers, pages: how many pages}
select o.owner, count(*) as pages from owners as o join dim_page using (page) group by o.owner
"""
# Run with dbt's own DuckDB: rows that are in one and not in the other, and types that differ.
COMPARE = """
import duckdb, json, pathlib, sys
dbt, found, home = duckdb.connect(sys.argv[1], read_only=True), {}, pathlib.Path(sys.argv[2])
files = {file.stem: str(file) for file in home.glob("marts/[a-z]*.parquet")}
files |= {fact.name: f"{fact}/*/part.parquet" for fact in home.glob("lake/fact_*")}
for name, file in files.items():
    ours, theirs = f"(from read_parquet('{file}', hive_partitioning = false))", f'(from "{name}")'
    types = [[row[:2] for row in dbt.execute(f"describe from {each}").fetchall()] for each in (ours, theirs)]
    other = dbt.execute(f"select count(*) from ((from {ours} except all from {theirs}) union all (from {theirs} except all from {ours}))")
    found[name] = [other.fetchone()[0], types[0] == types[1]]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt in an environment of its own, as a user has it."""
    folder, uv = tmp_path_factory.mktemp("dbt"), Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    for words in (["venv", "--python", sys.executable, str(folder)], ["pip", "install", "--python", str(python), *DBT]):
        done = subprocess.run([str(uv), *words, "--quiet"], check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"dbt can't be installed here: {done.stderr.strip()[-300:]}")
    return python


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A few days of the shop, with a mart of the team's own over a table of its own."""
    lake = Lake(tmp_path_factory.mktemp("home"))
    chosen = first_days_of_shop(lake, "2026-10-01", people=300)
    for key, text in (("tables/owners.csv", "page,owner\nhome,anna\ncart,ben\n"), ("models/owned.sql", OWN)):
        lake.write(key, text.encode())
    take_all(lake, chosen)
    compute_all(lake, chosen)
    return lake


def test_dbt_builds_the_same_marts(lake: Lake, python: Path, tmp_path: Path) -> None:
    marts = export_dbt(lake, tmp_path)
    assert len(marts) > 50
    assert {"owned", "fact_sessions"} <= set(marts)
    dbt = [str(python.with_name("dbt")), "build", "--profiles-dir", "."]
    built = subprocess.run(dbt, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-3000:]
    (passed,) = re.findall(r"PASS=(\d+) WARN=0 ERROR=0 SKIP=0", built.stdout)
    assert int(passed) > 2 * len(marts), "a model and a test each, and the models below"
    # dbt has checked it by MetricFlow's own rules.
    semantic = json.loads((tmp_path / "target" / "semantic_manifest.json").read_text())
    metrics = {metric["name"]: metric["type"] for metric in semantic["metrics"]}
    assert metrics["sessions_daily_sessions"] == "simple"
    assert metrics["daily_kpis_bounce_rate"] == "ratio"
    assert metrics["fact_orders_revenue"] == "simple"
    assert not [name for name in metrics if "people_active" in name], "distinct people don't add up"
    words = [str(python), "-c", COMPARE, str(tmp_path / "footfall.duckdb"), str(lake.home)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    assert found == {name: [0, True] for name in marts}


def test_an_export_again_leaves_nothing_of_the_old_one(lake: Lake, tmp_path: Path) -> None:
    export_dbt(lake, tmp_path)
    for name in ("models/marts/gone/gone.sql", "tests/contract_gone.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("select 1")
    (tmp_path / "tests" / "own.sql").write_text("select 1 where false")
    export_dbt(lake, tmp_path)
    assert not list(tmp_path.rglob("*gone.sql"))
    assert (tmp_path / "tests" / "own.sql").exists(), "what a team added stays"


CONTRACT = Table(
    "t",
    "mart",
    "One row per a.",
    (
        Column("a", pl.Int64(), "a", minimum=0, maximum=5),
        Column("b", pl.Int64(), "b", nullable=True),
    ),
    key=("a",),
    at_most=(("a", "b"),),
)


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ("(1, 2), (2, null)", []),
        ("(1, 2), (1, 3)", ["a key that stands twice"]),
        ("(null, 1)", ["a is null"]),
        ("(-1, 1)", ["a below 0"]),
        ("(6, 7)", ["a above 5"]),
        ("(2, 1)", ["a above b"]),
    ],
)
def test_a_contracts_test_finds_each_fault(rows: str, faults: list[str]) -> None:
    sql = contract_test(CONTRACT).replace("{{ ref('t') }}", f"(values {rows}) t(a, b)")
    assert [fault for (fault,) in duckdb.sql(sql).fetchall()] == faults
