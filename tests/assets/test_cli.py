"""The command line as a user meets it: on a real home, through a real instance, with its exit codes."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from support import PLAIN_PRODUCT, PRODUCT, drop, ndjson, record
from typer.testing import CliRunner

from assets.cli import app
from pipeline.core.product_file import load_product

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "demo",
    "init",
    "check",
    "run",
    "backfill",
    "status",
    "marts",
    "trace",
    "retract",
    "retry-rejected",
    "erase",
    "doctor",
    "zones",
    "friction",
]


def fill(home: Path, product: str = PLAIN_PRODUCT) -> None:
    """A product file and landing files of three days."""
    (home / "product.yaml").write_text(product)
    for day in ("02", "03", "04"):
        rows = [
            record(f"e{day}{i}", f"2026-02-{day}T10:{i:02}:00", url="/", anonymous_id=f"d{i % 4}") for i in range(20)
        ]
        drop(home, f"web/2026-02-{day}/a.ndjson", ndjson(rows) + b"broken\n")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    monkeypatch.delenv("FOOTFALL_HOME", raising=False)
    fill(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with clicks outside all zones, after its first run."""
    home = tmp_path_factory.mktemp("once")
    fill(home, PRODUCT)
    clicked(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / ".dagster"))
        call(home, "run")
    return home


@pytest.fixture
def ran(once: Path, home: Path) -> Path:
    """A copy of that home, for a test of what comes after a run."""
    shutil.copytree(once, home, dirs_exist_ok=True)
    return home


def call(home: Path, *words: str, code: int = 0) -> str:
    """Run a command on `home`; its output with the runs of spaces folded."""
    result = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert result.exit_code == code, (words, result.output, result.exception)
    return re.sub(r"\s+", " ", result.output)


def test_help_is_quick_and_loads_neither_dagster_nor_polars() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom assets.cli import app\n"
        "print(CliRunner().invoke(app, ['--help']).output)\n"
        "print('loaded', sorted({'dagster', 'polars', 'duckdb'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert "loaded []" in done.stdout
    assert all(re.search(rf"\b{command}\b", done.stdout) for command in COMMANDS)


def test_the_whole_way(home: Path) -> None:
    assert "3 landing files to take" in call(home, "run", "--dry-run")
    assert not (home / "lake").exists(), "a dry run changes nothing"
    out = call(home, "run")
    assert "events: 3" in out
    assert "daily_kpis: 1" in out
    assert "no day is dirty" in (status := call(home, "status"))
    assert "rejected as malformed_json: 3" in status
    assert "marts are up to date" in status
    assert "sound" in call(home, "doctor")
    assert "retention" in call(home, "marts")
    assert "0 landing files to take" in call(home, "run", "--dry-run")

    traced = call(home, "trace", "e037")
    assert "accepted: record 8 of landing/web/2026-02-03/a.ndjson" in traced
    assert "event: page_view at 2026-02-03T10:07:00+00:00 by device:d3 on page home" in traced
    assert "session: " in traced
    assert "no landing file" in call(home, "trace", "nobody", code=1)

    before = (home / "marts" / "daily_kpis.parquet").read_bytes()
    call(home, "retract", "landing/web/2026-02-03/a.ndjson")
    assert "days 2026-02-02 to 2026-02-04" in call(home, "run", "--dry-run")
    call(home, "run")
    assert (home / "marts" / "daily_kpis.parquet").read_bytes() != before
    assert "no file was taken" in call(home, "retract", "nothing", code=2)
    assert "2 files read again, 2 records still rejected" in call(home, "retry-rejected")

    stamp = (home / "lake" / "events" / "day=2026-02-04" / "part.parquet").stat().st_mtime_ns
    call(home, "backfill", "--from", "2026-02-04", "--to", "2026-02-04")
    assert (home / "lake" / "events" / "day=2026-02-04" / "part.parquet").stat().st_mtime_ns != stamp
    call(home, "marts", "--rebuild")
    settings = (home / ".dagster" / "dagster.yaml").read_text()
    assert "telemetry: {enabled: false}" in settings


def test_a_held_back_day_is_an_exit_1_with_the_numbers(home: Path) -> None:
    rows = [record(f"x{i}", "2026-02-03T11:00:00") for i in range(100)]
    drop(home, "web/2026-02-03/bad.ndjson", ndjson(rows) + b"broken\n" * 100)
    out = call(home, "run", code=1)
    assert "2026-02-03 held back" in out
    assert "were rejected; from 100 records on at most 20% may be" in out
    assert "events of 2026-02-03 is held back" in call(home, "status", code=1)
    assert "held back" in call(home, "doctor", code=1)


def test_wrong_calls_are_an_exit_2_with_the_fix(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert "footfall init" in call(empty, "run", code=2)
    assert "swap them" in call(home, "backfill", "--from", "2026-02-04", "--to", "2026-02-01", code=2)
    assert "exist" in call(home, "backfill", "--from", "2020-02-04", "--to", "2020-02-05", code=2)
    assert "Invalid value" in call(home, "backfill", "--from", "yesterday", "--to", "2026-02-01", code=2)


def test_init_and_check(tmp_path: Path) -> None:
    made = tmp_path / "new"
    assert "product.yaml is written" in call(made, "init")
    assert "sound" in call(made, "check")
    assert "is there already" in call(made, "init", code=2)
    other = tmp_path / "other"
    assert "did you mean `segment`" in call(other, "init", "--format", "segmnt", code=2)
    assert "leave out --format and --start" in call(
        other, "init", "--from", str(made / "product.yaml"), "--format", "ga4", code=2
    )
    assert not (other / "product.yaml").exists()
    assert "product.yaml is written" in call(other, "init", "--format", "ga4", "--start", "2026-01-15")
    chosen = load_product(other / "product.yaml")
    assert (chosen.sources["web"].format, str(chosen.start_date)) == ("ga4", "2026-01-15")
    (made / "product.yaml").write_text("name: x\nstart_date: soon\nzonez: []\n")
    out = call(made, "check", code=1)
    assert "product.yaml:2: start_date" in out
    assert "product.yaml:3: zonez" in out
    assert "product.yaml:1: sources" in out
    schema = json.loads(CliRunner().invoke(app, ["check", "--schema"]).output)
    assert schema["additionalProperties"] is False


def test_a_moved_time_zone_is_refused_with_the_command_that_rebuilds(ran: Path) -> None:
    home = ran
    (home / "product.yaml").write_text(PRODUCT.replace("Europe/Berlin", "UTC"))
    assert "footfall rebuild --home" in call(home, "run", code=1)


def test_the_demo_deletes_no_home_but_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    assert "holds something else" in call(home, "demo", code=2)
    assert (home / "product.yaml").exists()


BANNER, HERO = '<main><a class="banner">', '<main><section class="hero"><img>'


def clicked(home: Path) -> None:
    """A page view with three quick clicks on a banner outside all zones, and one click on the hero."""
    rows = [
        record("v", "2026-02-05T10:00:00", url="/"),
        record("h", "2026-02-05T10:00:30", "click", url="/", element_chain=HERO),
    ]
    rows += [
        record(f"c{i}", f"2026-02-05T10:00:10.{i}00", "click", url="/", element_chain=BANNER, x=5, y=5)
        for i in range(0, 9, 3)
    ]
    drop(home, "web/2026-02-05/clicks.ndjson", ndjson(rows))


def test_what_needs_a_run_says_so(home: Path) -> None:
    assert "run `footfall run` first" in call(home, "zones", "--page", "home", code=1)
    assert "run `footfall run` first" in call(home, "friction", "--compare", "default", "mixpanel", code=1)


def test_zones_lists_what_is_clicked_outside_all_zones(ran: Path) -> None:
    home = ran
    out = call(home, "zones", "--page", "home")
    assert "a.banner │ 3 │ 75.0%" in out
    assert "selectors: ['a.banner']" in out
    assert "hero" not in out
    assert "every clicked element of product lies in a zone" in call(home, "zones", "--page", "product")
    assert "the pages are home, product" in call(home, "zones", "--page", "nowhere", code=2)


def test_friction_compares_two_rule_sets_over_all_days(ran: Path) -> None:
    home = ran
    # Three clicks are a rage click by default, and a click too few for Mixpanel's rule.
    out = call(home, "friction", "--compare", "default", "mixpanel")
    assert re.search(r"rage_\S* │ home │ 1 │ 0 │ 1 │ 0 │ 0 │", out), out
    same = call(home, "friction", "--compare", "default", "posthog")
    assert re.search(r"rage_\S* │ home │ 1 │ 1 │ 0 │ 0 │ 1 │", same), same
    assert "there are default, posthog" in call(home, "friction", "--compare", "default", "nosuch", code=2)


def test_doctor_finds_what_was_tampered_with(ran: Path) -> None:
    home = ran
    raw = next((home / "lake" / "raw_events").rglob("*.parquet"))
    raw.unlink()
    partition = home / "lake" / "sessions" / "day=2026-02-03" / "part.parquet"
    partition.write_bytes(b"not parquet")
    (home / "marts" / "retention.parquet").write_bytes(b"nor this")
    leftover = home / "lake" / "events" / "day=2026-02-03" / ".part.parquet.1-ab.tmp"
    leftover.write_bytes(b"half")
    os.utime(leftover, (1, 1))
    out = call(home, "doctor", code=1)
    for words in ("is gone", "sessions of 2026-02-03 isn't what was published", "mart retention", "half-written"):
        assert words in out, words
    assert not leftover.exists()


def test_a_mapping_proposed_from_a_sample_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    sample = tmp_path / "export.csv"
    lines = [f"{i};03.02.2026 10:{i:02};page view;c{i % 3};/" for i in range(20)]
    sample.write_text("id;timestamp;event;customer_id;url\n" + "\n".join(lines) + "\n")
    home = tmp_path / "home"
    assert "is written" in call(home, "init", "--from", str(sample), "--source", "erp")
    assert "sound" in call(home, "check")
    drop(home, "erp/2026-02-03/export.csv", sample.read_bytes())
    call(home, "run")
    reported = (home / "product.yaml").read_text()
    (home / "product.yaml").write_text(
        reported + "  refunds: {kind: refund}\n"
        if "\ngoals:" in reported
        else reported + "goals: {refunds: {kind: refund}}\n"
    )
    # What measures nothing is a warning; what would move every event is a fault.
    checked = call(home, "check")
    assert "warning: " in checked
    assert "goals.refunds: no event in the last 1 published days fits" in checked
    (home / "product.yaml").write_text(reported.replace("time_zone: UTC", "time_zone: Europe/Berlin"))
    assert "time_zone was UTC and is now Europe/Berlin" in call(home, "check", code=1)
    assert "20" in call(home, "trace", "7") or "page_view" in call(home, "trace", "7")
    (tmp_path / "no.csv").write_text("a,b\n1,2\n")
    assert "looks like a time" in call(tmp_path / "other", "init", "--from", str(tmp_path / "no.csv"), code=1)


def test_erase_tells_until_the_landing_files_are_gone(ran: Path, tmp_path: Path) -> None:
    home = ran
    assert "write user:<id> or device:<id>" in call(home, "erase", "--person", "d1", code=2)
    reported = call(home, "erase", "--person", "device:d1", code=1)
    assert "20 events, 0 rejected records and 0 recorded events removed" in reported
    assert "landing/web/2026-02-03/a.ndjson" in reported
    assert "marts are up to date" in call(home, "status")
    for file in (home / "landing").rglob("*.ndjson"):
        file.unlink()
    assert "0 events" in call(home, "erase", "--person", "device:d1")
    out = tmp_path.with_name("then")
    assert "as they were known on 2026-02-03" in call(home, "run", "--identity-as-of", "2026-02-03", "--out", str(out))
    assert sorted(path.name for path in out.iterdir()) == ["marts"]
    assert "belong together" in call(home, "run", "--identity-as-of", "2026-02-03", code=2)
    assert "lies in the home" in call(home, "run", "--identity-as-of", "2026-02-03", "--out", str(home / "x"), code=2)


def test_a_run_says_what_makes_numbers_doubtful_and_exits_with_1(home: Path) -> None:
    rows = [record(f"n{i}", f"2026-02-05T10:{i:02}:00", anonymous_id=None, uid=f"u{i}") for i in range(30)]
    drop(home, "web/2026-02-05/renamed.ndjson", ndjson(rows))
    drop(home, "web/2026-02-05/bad.ndjson", b"broken\n" * 4)
    drop(home, "web/2026-02-05/bad.csv", b'a,b\n"never closed,1\n')
    out = call(home, "run", code=1)
    assert "6 landing files taken, 97 records: 90 accepted, 7 rejected, 0 left out; 1 files refused whole" in out
    reported = (
        "no_people: web on 2026-02-05: none of 30 events bears an id",
        "file_not_accepted: landing/web/2026-02-05/bad.ndjson: none of 4 records was accepted (4 malformed_json)",
        "file_refused: landing/web/2026-02-05/bad.csv: refused whole as unclosed_quote",
    )
    assert all(words in out for words in reported), out
    # Every place that is asked says the same.
    status = call(home, "status", code=1)
    assert all(words in status for words in reported), status
    mart = pl.read_parquet(home / "marts" / "data_problems.parquet")
    assert set(mart.filter(pl.col("severity") == "problem")["problem"]) == {
        "no_people", "file_not_accepted", "file_refused", "field_vanished", "field_renamed",
    }  # fmt: skip
    first_page = (home / "report" / "index.html").read_text()
    assert "problems with the data: read numbers with care" in first_page
    assert "none of 30 events bears an id, so the day counts 0 people" in first_page
    shown = call(home, "rejected", "--rule", "malformed_json", code=1)
    assert "landing/web/2026-02-05/bad.ndjson, record 1" in shown
    # What waits for a mend is told again; taken back or mended it isn't.
    assert "file_refused" in call(home, "run", code=1)
    for name in ("bad.csv", "bad.ndjson", "renamed.ndjson"):
        call(home, "retract", f"web/2026-02-05/{name}")
    assert "problems with the data" not in call(home, "run")
    assert "marts are up to date" in call(home, "status")


def test_a_home_of_which_nothing_could_be_read_has_a_report_that_says_so(home: Path) -> None:
    for file in (home / "landing").rglob("*.ndjson"):
        file.write_bytes(b"broken\n" * 200)
    assert "none of 200 records was accepted" in call(home, "run", code=1)
    assert "none of 200 records was accepted" in (home / "report" / "index.html").read_text()
