"""Where Dagster keeps its records: in the home, with settings of ours. What must not be here: Dagster itself."""

import hashlib
import os
from pathlib import Path

from pipeline.core.object_lake import url_of

VARIABLE = "DAGSTER_HOME"
_BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
HOME_VARIABLE, DEFAULT_HOME = "FOOTFALL_HOME", "footfall_home"
SETTINGS = """\
# Made by footfall. Telemetry and the sign-up prompt are off; one queued run at a time, none longer than a day.
# A worker that is gone is noticed by our sensors; ticks are kept for a month (`footfall prune` keeps runs as long).
# Records are Dagster's own, over connections that are kept: without `storage` the same folder is read, slower.
telemetry: {enabled: false}
nux: {enabled: false}
storage: {custom: {module: assets.records, class: Records, config: {base_dir: {env: DAGSTER_HOME}}}}
concurrency:
  runs: {max_concurrent_runs: 1}
run_monitoring: {enabled: true, max_runtime_seconds: 86400, start_timeout_seconds: 300, poll_interval_seconds: 30, free_slots_after_run_end_seconds: 60}
retention:
  schedule: {purge_after_days: 30}
  sensor: {purge_after_days: {skipped: 2, success: 30, failure: 30, started: 30}}
"""
# sha256 of settings that we wrote before; nobody changed them, so ours of today take their place.
_EARLIER = {
    "343a0f1fbc6cbe6dce87d55ff323d939cffa26a345e8e59fa34db351ba39864c",
    "d0abf05a74f03915e08f717b6d2bd0311dc4acc6a530f7cc88327df6866703e5",
    "6b7d50af6305ef323e82d41e742c1b80b055f8539892d038d7dc18255065e8c2",
}
_OF_HOME = "footfall_home.txt"
# What this process put into the variable itself, for Dagster: for another home it says nothing.
_OURS: set[str] = set()


class DagsterHomeError(Exception):
    """DAGSTER_HOME can't be used for this home; the sentence says what to do instead."""


def home_from_environment() -> Path | str:
    """FOOTFALL_HOME, else ./footfall_home: a folder, or the URL of a home in an object store."""
    given = os.environ.get(HOME_VARIABLE, "").strip() or DEFAULT_HOME
    return url_of(given) or Path(given).resolve()


def dagster_home(home: Path) -> Path:
    """DAGSTER_HOME, else the folder .dagster in the home; made, with its settings, where it isn't there.

    Raises DagsterHomeError where it is a relative path, can't be written to, or holds the records of another home.
    """
    home = home.resolve()
    own = home / ".dagster"
    # An empty variable is what a script leaves that unsets it.
    configured = os.environ.get(VARIABLE, "").strip()
    configured = "" if configured in _OURS else configured
    chosen = Path(configured or own)
    if not chosen.is_absolute():
        raise DagsterHomeError(
            f"{VARIABLE} must be an absolute path, and is {configured!r}; set it to {chosen.resolve()}, or unset it for {own}"
        )
    if not configured:
        _OURS.add(str(chosen))
    os.environ[VARIABLE] = str(chosen)
    # What a run is going to make is stored together (assets/records.py), not in a transaction for each day of each table.
    os.environ.setdefault(_BATCH_VARIABLE, "1000")
    try:
        chosen.mkdir(parents=True, exist_ok=True)
        _claim(chosen, home)
        _write_settings(chosen / "dagster.yaml")
    except OSError as fault:
        raise DagsterHomeError(
            f"Dagster's records can't be written to {chosen}: {fault.strerror}; give this user the right, or set "
            f"{VARIABLE} to an absolute path that can be written to"
        ) from None
    return chosen


def _claim(chosen: Path, home: Path) -> None:
    """Remember whose records these are: runs and partitions of two homes would be one in Dagster."""
    note = chosen / _OF_HOME
    owner = Path(note.read_text(encoding="utf-8").strip()) if note.exists() else home
    # A home that was moved, its records with it or not, lies where it was no longer.
    if owner != home and chosen != home / ".dagster" and (owner / "product.yaml").exists():
        raise DagsterHomeError(
            f"{VARIABLE} {chosen} holds the records of {owner}, not of {home}; set {VARIABLE} to a folder of its own, or "
            f"unset it for {home / '.dagster'}"
        )
    if not note.exists() or owner != home:
        note.write_text(f"{home}\n", encoding="utf-8")


def _write_settings(settings: Path) -> None:
    is_ours = settings.exists() and hashlib.sha256(settings.read_bytes()).hexdigest() in _EARLIER
    if is_ours or not settings.exists():
        settings.write_text(SETTINGS, encoding="utf-8")
