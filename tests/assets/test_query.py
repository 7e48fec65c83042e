"""`footfall query` and `footfall describe`: questions over the marts of a home, and nothing else."""

import json
from pathlib import Path

import polars as pl
import pytest
from support import compute_all, drop, ndjson, record, take_all
from typer.testing import CliRunner

from assets.cli import app
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product

PRODUCT = """
name: Query
time_zone: Europe/Berlin
start_date: 2026-02-02
sources: {web: {}}
pages: [{name: home, urls: ["/"]}]
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "product.yaml").write_text(PRODUCT)
    for day in ("02", "03"):
        rows = [record(f"{day}{i}", f"2026-02-{day}T10:{i:02}:00", anonymous_id=f"d{i % 3}", url="/") for i in range(9)]
        drop(home, f"web/2026-02-{day}/a.ndjson", ndjson(rows))
    lake, chosen = Lake(home), load_product(home / "product.yaml")
    take_all(lake, chosen)
    compute_all(lake, chosen)
    return home


def call(home: Path, *words: str, code: int = 0, text: str | None = None) -> str:
    result = CliRunner().invoke(app, [*words, "--home", str(home)], input=text)
    assert result.exit_code == code, (words, result.output, result.exception)
    return result.output


BY_DAY = "select day, sum(sessions) as sessions from sessions_daily group by day order by day"


def test_a_question_is_answered_with_what_its_columns_mean(home: Path) -> None:
    shown = call(home, "query", BY_DAY)
    assert "2026-02-02 │ 3" in shown
    assert "sessions: sessions [session]" in shown
    assert "day: local day of the session's first event" in shown
    assert call(home, "query", "--csv", BY_DAY) == "day,sessions\n2026-02-02,3\n2026-02-03,3\n"
    assert call(home, "query", "-", "--csv", text=BY_DAY) == call(home, "query", "--csv", BY_DAY)
    assert call(home, "query", "--csv", "select first_day is null as n from (select null as first_day)") == "n\ntrue\n"
    assert "null" in call(home, "query", "select null as nothing")


def test_answers_go_to_files(home: Path, tmp_path: Path) -> None:
    for ending in ("csv", "parquet", "json"):
        target = tmp_path / f"answer.{ending}"
        assert "2 rows written" in call(home, "query", BY_DAY, "--out", str(target))
    assert pl.read_parquet(tmp_path / "answer.parquet")["sessions"].to_list() == [3, 3]
    assert [row["sessions"] for row in json.loads((tmp_path / "answer.json").read_text())] == [3, 3]
    call(home, "query", "select '=cmd()' as text", "--out", str(tmp_path / "harmless.csv"))
    assert "'=cmd()" in (tmp_path / "harmless.csv").read_text(encoding="utf-8-sig")
    assert "must be .csv" in call(home, "query", BY_DAY, "--out", str(tmp_path / "answer.xlsx"), code=2)


def test_many_rows_are_cut_and_said_to_be(home: Path) -> None:
    shown = call(home, "query", "select unnest(range(250)) as n")
    assert "100 of 250 rows; --out FILE writes all" in shown
    assert "│ 99 " in shown
    assert "│ 100 " not in shown


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select sesions from daily_kpis", "sessions"),
        ("select * from daily_kpi", "daily_kpis"),
        ("select * from read_text('/etc/hostname')", "disabled"),
        ("copy daily_kpis to 'x.csv'", "one SELECT"),
        ("drop view daily_kpis", "one SELECT"),
        ("set enable_external_access = true", "one SELECT"),
        ("select 1; select 2", "one SELECT"),
        ("", "one SELECT"),
        ("selekt 1", "syntax error"),
    ],
)
def test_what_is_no_question_over_the_marts_is_refused(home: Path, sql: str, words: str) -> None:
    before = sorted(path for path in home.rglob("*") if path.is_file())
    assert words in call(home, "query", sql, code=1)
    assert sorted(path for path in home.rglob("*") if path.is_file()) == before


def test_marts_describe_themselves(home: Path) -> None:
    listed = call(home, "describe")
    assert "sessions_daily" in listed
    assert "dim_page" in listed
    shown = " ".join(call(home, "describe", "sessions_daily").split())
    assert "may be summed" in shown
    assert "sessions_with_page_view" in shown
    assert "did you mean sessions_daily" in call(home, "describe", "session_daily", code=2)


def test_before_the_first_run_both_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "product.yaml").write_text(PRODUCT)
    for words in (("query", "select 1"), ("describe",)):
        assert "`footfall run` first" in call(tmp_path, *words, code=1)


def test_a_key_figure_is_asked_for_by_name_period_and_dimension(home: Path) -> None:
    shown = call(
        home, "query", "--csv", "select period_start, figure from kpi('sessions', 'day') where mature order by 1"
    )
    assert shown.splitlines()[-2:] == ["2026-02-02,3.0", "2026-02-03,3.0"]
    by_device = call(home, "query", "--csv", "select sum(figure) as all from kpi('sessions', 'day', 'device_type')")
    assert by_device == "all\n6.0\n"
    for asked, words in (
        ("'sesions', 'day'", "no key figure `sesions`; there are: average_order, bounce_rate"),
        ("'sessions', 'hour'", "no period `hour`; there are: day, last_28"),
        ("'sessions', 'day', 'colour'", "no dimension `colour`; there are: browser, channel"),
    ):
        assert words in " ".join(call(home, "query", f"from kpi({asked})", code=1).split())
