"""Real BI tools over the catalog of the shop: a notebook, Superset and Cube, each in an environment of its own (examples/bi)."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support import as_numbers

from pipeline.core.lake import Lake
from pipeline.publish.catalog import CATALOG_KEY
from pipeline.publish.cube_models import export_cubes
from pipeline.publish.query import query

BI = Path(__file__).parents[2] / "examples" / "bi"
DUCKDB = f"duckdb=={duckdb.__version__}"
NOTEBOOK = ("nbconvert", "ipykernel", DUCKDB, "polars", "pyarrow", "altair", "vl-convert-python")
# The last release of Cube's compiler that doesn't load a binary which is no package of npm.
CUBE = "@cubejs-backend/schema-compiler@0.32.31"
TOTALS = """
    select sum(sessions), sum(sessions_with_goal) / sum(sessions), sum(revenue),
        (select score from scores where period = 'all' and question_kind = 'nps' and dimension = '')
    from sessions_daily
"""
# Superset's own objects, asked as its dashboard asks them.
CHARTS = """
import json
from superset.app import create_app
with create_app().app_context():
    from superset import db
    from superset.models.dashboard import Dashboard
    board = db.session.query(Dashboard).filter_by(slug="footfall").one()
    found = {}
    for chart in board.slices:
        params = json.loads(chart.params)
        metric = params.get("metric") or params["metrics"][0]
        (sql,) = [m.expression for m in chart.datasource.metrics if m.metric_name == metric]
        with chart.datasource.database.get_sqla_engine() as engine:
            (row,) = engine.execute(f"select {sql} from {chart.datasource.table_name}").fetchall()
        found[chart.slice_name] = float(row[0])
    print("CHARTS" + json.dumps(found))
"""
SUPERSET_CONFIG = """
SECRET_KEY = "not a secret: a test's own"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {{"CACHE_TYPE": "SimpleCache"}}
"""
ASK_CUBE = """
const fs = require("fs"), path = require("path");
const { prepareCompiler, PostgresQuery } = require("@cubejs-backend/schema-compiler");
const [folder, question] = [process.argv[2], JSON.parse(process.argv[3])];
const files = fs.readdirSync(folder).map((n) => ({ fileName: n, content: fs.readFileSync(path.join(folder, n), "utf8") }));
const made = prepareCompiler({ localPath: () => folder, dataSchemaFiles: async () => files }, { standalone: true });
made.compiler.compile().then(() => {
  const [sql, given] = new PostgresQuery(made, question).buildSqlAndParams();
  console.log(JSON.stringify({ cubes: made.cubeEvaluator.cubeNames(), sql, given }));
}, (e) => { console.error(String(e.message || e)); process.exit(1); });
"""


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """A virtual environment with these packages; its Python. Skips where they can't be had."""
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    for words in (["venv", "--python", sys.executable, str(folder)], ["pip", "install", "--python", str(python), *packages]):  # fmt: skip
        done = subprocess.run([str(uv), *words, "--quiet"], check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{packages[0]} can't be installed here: {done.stderr.strip()[-300:]}")
    return python


def told(words: Sequence[str | Path], **settings: Any) -> str:
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True, **settings)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def totals(shop_lake: Lake) -> list[float]:
    return as_numbers(query(shop_lake, TOTALS).rows.row(0))


def test_the_notebook_runs_and_draws(shop_lake: Lake, totals: list[float], tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", NOTEBOOK)
    words = [python, "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", tmp_path, BI / "notebook" / "footfall.ipynb"]  # fmt: skip
    told(words, env={**os.environ, "FOOTFALL_HOME": str(shop_lake.home)})
    cells = json.loads((tmp_path / "footfall.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert sum("image/svg+xml" in output.get("data", {}) for output in outputs) == 3
    (shown,) = [text for cell in cells if "as nps" in "".join(cell["source"]) and "sessions_daily" in "".join(cell["source"]) and "conversion" in "".join(cell["source"]) for output in cell["outputs"] for text in ["".join(output["data"]["text/html"])]]  # fmt: skip
    numbers = [float(cell) for cell in re.findall(r"<td>([-0-9.]+)</td>", shown)]
    assert numbers == pytest.approx(totals, rel=1e-4)


def test_superset_imports_the_dashboard_and_its_charts_have_our_numbers(
    shop_lake: Lake, totals: list[float], tmp_path: Path
) -> None:
    python = environment(tmp_path / "venv", [*(BI / "superset" / "requirements.txt").read_text().split(), DUCKDB])
    config = tmp_path / "superset_config.py"
    config.write_text(SUPERSET_CONFIG.format(folder=tmp_path))
    settings = {"env": {**os.environ, "SUPERSET_CONFIG_PATH": str(config), "FLASK_APP": "superset"}, "cwd": tmp_path}
    superset, bundle = python.with_name("superset"), tmp_path / "footfall.zip"
    assert "8 charts" in told([python, BI / "superset" / "bundle.py", shop_lake.home, bundle])
    admin = [
        "--username",
        "admin",
        "--firstname",
        "a",
        "--lastname",
        "b",
        "--email",
        "a@b.example",
        "--password",
        "admin",
    ]
    for own in (["db", "upgrade"], ["fab", "create-admin", *admin], ["init"]):
        # Steps in which nothing of ours takes part: what fails in them is a package that doesn't fit another.
        begun = subprocess.run([str(superset), *own], check=False, capture_output=True, text=True, **settings)
        if begun.returncode:
            pytest.skip(f"Superset doesn't start here: {begun.stderr.strip()[-300:]}")
    told([superset, "import-dashboards", "--path", bundle, "--username", "admin"], **settings)
    shown = json.loads(told([python, "-c", CHARTS], **settings).rpartition("CHARTS")[2])
    assert len(shown) == 8
    assert [shown[name] for name in ("Sessions", "Conversion", "Revenue", "NPS")] == pytest.approx(totals)


def test_cube_compiles_the_models_and_asks_what_we_answer(shop_lake: Lake, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm isn't here, so Cube's compiler can't be installed")
    (tmp_path / "package.json").write_text('{"private": true}')
    installed = subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", CUBE], check=False, cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    if installed.returncode:
        pytest.skip(f"Cube's compiler can't be installed here: {installed.stderr.strip()[-300:]}")
    (tmp_path / "ask.cjs").write_text(ASK_CUBE)
    names = export_cubes(shop_lake, tmp_path / "cubes")
    question = {"measures": ["daily_kpis.bounce_rate", "daily_kpis.revenue"], "dimensions": ["dim_date.week_start"], "timezone": "UTC", "order": []}  # fmt: skip
    answer = json.loads(told(["node", tmp_path / "ask.cjs", tmp_path / "cubes", json.dumps(question)], cwd=tmp_path))
    assert answer["cubes"] == sorted(names)
    assert {"sessions_daily", "fact_sessions", "dim_page"} <= set(names)
    assert answer["given"] == []
    with duckdb.connect(str(shop_lake.path(CATALOG_KEY)), read_only=True) as catalog:
        theirs = catalog.execute(answer["sql"]).fetchall()
    ours = query(shop_lake, "select week_start::timestamp, sum(sessions_bounced) / sum(sessions_with_page_view), sum(revenue) from daily_kpis join dim_date using (day) group by 1").rows.rows()  # fmt: skip
    assert len(ours) == 4
    for their, our in zip(sorted(theirs), sorted(ours), strict=True):
        assert their[0] == our[0]
        assert as_numbers(their[1:]) == pytest.approx(as_numbers(our[1:]))
