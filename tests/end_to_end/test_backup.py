"""What docs/operations.md says of backups: from what can't be made again, all else comes back with the same bytes."""

import json
import re
import shutil
from pathlib import Path

import pytest
from support import compute_all, drop, marts_of, plain_product, record, take_all

from pipeline.core.lake import Lake
from pipeline.ingest.files import retract
from pipeline.ingest.home import claim
from pipeline.maintenance.erase import erase

BACKUP = (Path(__file__).parents[2] / "docs" / "operations.md").read_text().partition("## Backup")[2]


def day(lake: Lake, name: str, people: int) -> None:
    lines = [record(f"{name}-{i}", f"2026-02-{name} 10:00", anonymous_id=f"d{i}", url="https://x.example/") for i in range(people)]  # fmt: skip
    drop(lake.home, f"web/2026-02-{name}/a.ndjson", "\n".join(map(json.dumps, lines)).encode())


@pytest.mark.slow
def test_a_restored_home_has_the_same_marts(tmp_path: Path) -> None:
    lake, restored, product = Lake(tmp_path / "home"), Lake(tmp_path / "restored"), plain_product()
    for name, people in (("03", 5), ("04", 7), ("05", 2)):
        day(lake, name, people)
    claim(lake, product)
    take_all(lake, product)
    retract(lake, "web/2026-02-04/a.ndjson")
    erase(lake, product, "device:d1")
    compute_all(lake, product)
    # Of landing nothing is left.
    named = {name for name in re.findall(r"`([a-z_/.]+)`", BACKUP) if "landing" not in name}
    assert {"ingested", "raw_events", "erased", "_state/home.json"} <= named
    for name in named:
        source = lake.home / "lake" / name
        if source.is_dir():
            shutil.copytree(source, restored.home / "lake" / name)
        elif source.is_file():
            (restored.home / "lake" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, restored.home / "lake" / name)
    claim(restored, product)
    assert not take_all(restored, product)
    compute_all(restored, product)
    assert marts_of(restored) == marts_of(lake)
    # What was taken back stays so where files come once more.
    shutil.copytree(lake.home / "landing", restored.home / "landing")
    take_all(restored, product)
    compute_all(restored, product)
    assert marts_of(restored) == marts_of(lake)
