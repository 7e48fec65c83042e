"""What a user sees where the machine or the surroundings are at fault: one sentence with the remedy, never a traceback."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from support import PLAIN_PRODUCT, drop, ndjson, record, take_all
from typer.testing import CliRunner

from assets import dev
from assets.cli import app
from assets.dagster_home import SETTINGS, DagsterHomeError, dagster_home, home_from_environment
from assets.faults import in_words, of_disk
from assets.resources import Home
from pipeline.core.lake import Lake


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("FOOTFALL_HOME", raising=False)
    monkeypatch.delenv("FOOTFALL_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "product.yaml").write_text(PLAIN_PRODUCT)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "OSError: [Errno 28] No space left on device: '/h/lake/x.parquet'",
            "can't write to /h/lake/x.parquet: the disk is full; free space there, then run again",
        ),
        (
            "PermissionError: [Errno 13] Permission denied: '/h/a b'",
            "can't use /h/a b: permission denied; give this user the right to it, then run again",
        ),
        (
            "OSError: [Errno 30] Read-only file system: '/h/lake'",
            "can't write to /h/lake: it is read-only; mount it for writing, or choose another home with --home, then run again",
        ),
        ("ComputeError: No space left on device (os error 28): /h/x", "can't write to /h/x: the disk is full"),
        ("sqlite3.OperationalError: database or disk is full", "can't write to the home: the disk is full"),
        ("sqlite3.OperationalError: attempt to write a readonly database", "can't write to the home: it is read-only"),
        ("[Errno 5] Input/output error: '/h/x'", "can't use /h/x: the disk fails"),
        ("[Errno 2] No such file or directory: '/h/x'", None),
        ("2026-02-03 held back: 13 rows", None),
    ],
)
def test_faults_of_the_disk_in_words(text: str, sentence: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    result = of_disk(text)
    assert result == sentence if sentence is None else sentence in (result or "")


def test_the_cause_of_a_fault_is_looked_for() -> None:
    fault = RuntimeError("a step failed")
    fault.__cause__ = OSError(errno.ENOSPC, "No space left on device", "/h/x")
    assert in_words(fault).startswith("can't write to /h/x: the disk is full")


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*words])
    return result.exit_code, " ".join(result.output.split())


def raising(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("assets.running.plan", broken)


def test_what_nobody_foresaw_is_a_sentence_and_a_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("assets.faults.tempfile.gettempdir", lambda: str(tmp_path))
    raising(monkeypatch, ZeroDivisionError("division by zero"))
    code, stated = invoke("status", "--home", str(home))
    assert code == 1
    assert "ZeroDivisionError: division by zero; the traceback is in" in stated
    assert "Traceback" not in stated
    (kept,) = tmp_path.glob("footfall-error-*.txt")
    assert "Traceback" in kept.read_text()
    monkeypatch.setenv("FOOTFALL_DEBUG", "1")
    result = CliRunner().invoke(app, ["status", "--home", str(home)])
    assert isinstance(result.exception, ZeroDivisionError)


class DagsterExecutionInterruptedError(BaseException):
    """Dagster's own, by name."""


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), DagsterExecutionInterruptedError()])
def test_interrupted_is_130(home: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    raising(monkeypatch, fault)
    code, stated = invoke("status", "--home", str(home))
    assert (code, stated) == (130, "interrupted; what is published is whole. Run again to go on")


def test_exit_codes_of_commands_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, typer.Exit(7))
    assert invoke("status", "--home", str(home))[0] == 7
    assert invoke("nosuch")[0] == 2


def test_ctrl_c_while_a_run_is_under_way(home: Path) -> None:
    drop(home, "web/2026-02-02/a.ndjson", ndjson([record("a", "2026-02-02T10:00:00")]))
    code = (
        "import os, signal, sys, assets.resources\n"
        "assets.resources.ingest = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT) or iter(())\n"
        "from assets.cli import app\n"
        "app(['run', '--home', sys.argv[1]])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "interrupted; what is published is whole. Run again to go on"


def test_python_m_works_like_footfall(home: Path) -> None:
    command = [sys.executable, "-m", "assets.cli", "check", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "the product file and the SQL models are sound")


# DAGSTER_HOME.


@pytest.mark.parametrize("stated", ["", "  "])
def test_an_empty_dagster_home_is_none(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", stated)
    assert dagster_home(home) == home / ".dagster"
    assert os.environ["DAGSTER_HOME"] == str(home / ".dagster")
    assert dagster_home(tmp_path / "second") == tmp_path / "second" / ".dagster", "one process may open two homes"
    assert not (tmp_path / "dagster.yaml").exists()
    monkeypatch.setenv("FOOTFALL_HOME", stated)
    assert home_from_environment() == tmp_path / "footfall_home"


def test_a_relative_one_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "records")
    code, stated = invoke("run", "--home", str(home))
    assert code == 2
    assert f"must be an absolute path, and is 'records'; set it to {tmp_path / 'records'}, or unset it" in stated
    assert not (tmp_path / "records").exists()


def test_one_that_cannot_be_written_to_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file" / "records"))
    code, stated = invoke("run", "--home", str(home))
    assert code == 2
    assert f"records can't be written to {tmp_path / 'file' / 'records'}: Not a directory; give this user" in stated


def test_two_homes_under_one_are_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = tmp_path / "records"
    monkeypatch.setenv("DAGSTER_HOME", str(records))
    assert dagster_home(home) == records
    other = tmp_path / "other"
    other.mkdir()
    (other / "product.yaml").write_text(PLAIN_PRODUCT)
    with pytest.raises(DagsterHomeError, match=f"{records} holds the records of {home}, not of {other}"):
        dagster_home(other)
    assert dagster_home(home) == records
    moved = home.rename(tmp_path / "moved")
    assert dagster_home(moved) == records, "a home that was moved takes its records along"
    with pytest.raises(DagsterHomeError, match=f"records of {moved}"):
        dagster_home(other)


def test_settings_of_ours_are_renewed_and_those_of_a_user_stay(home: Path) -> None:
    settings = home / ".dagster" / "dagster.yaml"
    dagster_home(home)
    assert settings.read_text() == SETTINGS
    settings.write_text("telemetry: {enabled: true}\n")
    dagster_home(home)
    assert settings.read_text() == "telemetry: {enabled: true}\n"


# Landing.


def test_a_landing_folder_that_cannot_be_right(home: Path) -> None:
    opened = Home(home)
    assert opened.landing_faults() == [
        f"{home / 'landing'} is missing; make it and drop event files into {home / 'landing'}/<source>/"
    ]
    for name in ("web", "wbe", ".trash", "_checkpoint"):
        (home / "landing" / name).mkdir(parents=True)
    (fault,) = opened.landing_faults()
    assert fault == (
        "landing/wbe/ belongs to no source of product.yaml, only web, noid; add it under sources, or rename the folder"
    )


def test_days_that_are_not_over_are_told(home: Path) -> None:
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    (home / "product.yaml").write_text(PLAIN_PRODUCT.replace("2026-01-01", str(today.date() - timedelta(days=3))))
    times = [today - timedelta(days=2), today.replace(hour=0, minute=0), today + timedelta(days=2)]
    drop(home, "web/a.ndjson", ndjson(record(f"e{i}", when.isoformat()) for i, when in enumerate(times)))
    opened = Home(home)
    assert not opened.open_days()
    take_all(opened.lake, opened.product)
    ahead = times[2].date()
    assert opened.open_days() == [
        f"1 events of today, {today.date()}: today's day ends at midnight (Europe/Berlin) and is computed then",
        f"1 events are dated ahead, {ahead} to {ahead}: they wait for their days",
    ]


# `footfall ui`.


def test_the_ui_refuses_a_taken_port_and_a_second_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTFALL_HOME", str(home))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert dev.serve(Lake(home), port) == 2
        assert f"port {port} of 127.0.0.1 is taken; choose another one: --port {port + 1}" in capsys.readouterr().err
    with (home / ".dagster" / "dev.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert dev.serve(Lake(home), port) == 2
    assert f"{home} is served already" in capsys.readouterr().err
    monkeypatch.setenv("DAGSTER_HOME", "relative")
    assert dev.serve(Lake(home), port) == 2


class Fake(dev.Server):
    """`dg dev` as a process that ends at once, and the second time lives until it is told to end."""

    started = 0

    def start(self) -> subprocess.Popen[bytes]:
        Fake.started += 1
        code = "import signal; signal.pause()" if Fake.started > 1 else "raise SystemExit(3)"
        self.child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        return self.child

    def look(self) -> None:
        # However long the first one takes to end: it isn't told to.
        if Fake.started > 1:
            self.stop(signal.SIGTERM, None)


def test_what_ends_is_started_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(dev, "LOOK_SECONDS", 0.5)
    Fake.started = 0
    with (home / "lock").open("w") as lock:
        assert dev.keep_alive(Fake(Lake(home), 1, lock)) == 130
    assert Fake.started == 2
    assert "ended with code 3; it is started again" in capsys.readouterr().err


class Deaf(dev.Server):
    """`dg dev` that doesn't end when it is told to, as where SIGTERM is ignored."""

    def start(self) -> subprocess.Popen[bytes]:
        code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
        self.child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
        assert self.child.stdout is not None
        with self.child.stdout as heard:
            heard.readline()
        return self.child

    def look(self) -> None:
        self.stop(signal.SIGTERM, None)


def test_what_does_not_end_when_told_to_is_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(dev, "STOP_SECONDS", 0.5)
    with (home / "lock").open("w") as lock:
        assert dev.keep_alive(Deaf(Lake(home), 1, lock)) == 130
    assert "it is killed" in capsys.readouterr().err


@pytest.mark.parametrize(("start", "broken", "reloads"), [(None, False, 0), ("2026-01-05", False, 1), (None, True, 1)])
def test_a_changed_start_or_a_dead_code_server_is_reloaded(
    home: Path, monkeypatch: pytest.MonkeyPatch, start: str | None, broken: bool, reloads: int
) -> None:
    asked: list[str] = []
    with (home / "lock").open("w") as lock:
        server = dev.Server(Lake(home), 1, lock)
        server.fixed = server.first_day_zone_and_tables()
        monkeypatch.setattr(dev.Server, "is_broken", lambda _self: broken)
        monkeypatch.setattr(dev.Server, "ask", lambda _self, query: asked.append(query) or {})
        if start:
            (home / "product.yaml").write_text(PLAIN_PRODUCT.replace("2026-01-01", start))
        server.look()
        assert len(asked) == reloads
        broken_file = PLAIN_PRODUCT.replace("start_date: 2026-01-01", "start_date: soon")
        (home / "product.yaml").write_text(broken_file)
        asked.clear()
        monkeypatch.setattr(dev.Server, "is_broken", lambda _self: False)
        server.look()
        assert not asked, "a product file that can't be read changes nothing"
