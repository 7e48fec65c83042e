"""Commands that take back, rebuild and mend, as a user meets them; nothing here needs a whole run."""

import re
from pathlib import Path

import pytest
from support import PRODUCT, drop, ndjson, record, take_all
from typer.testing import CliRunner

from assets.cli import app
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.ingest.home import claim
from pipeline.ingest.manifests import read_manifests


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "product.yaml").write_text(PRODUCT)
    drop(tmp_path, "web/a.ndjson", ndjson([record("a", "2026-02-03T10:00")]))
    drop(tmp_path, "web/b.ndjson", ndjson([record("b", "2026-02-03T23:30")]) + b"broken\n")
    lake, product = Lake(tmp_path), parse_product(PRODUCT)
    claim(lake, product)
    take_all(lake, product)
    return tmp_path


def call(home: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*words, "--home", str(home)])
    assert result.exit_code == code, (words, result.output, result.exception)
    return re.sub(r"\s+", " ", result.output)


def test_a_rebuild_shows_what_it_would_do_and_refuses_what_it_would_lose(home: Path) -> None:
    lake = Lake(home)
    lake.path("landing/web/b.ndjson").unlink()
    call(home, "retract", "web/a.ndjson")
    product = home / "product.yaml"
    product.write_text(PRODUCT.replace("Europe/Berlin", "Asia/Tokyo"))
    refused = call(home, "run", code=1)
    assert f"or make the home anew with it: footfall rebuild --home '{home}'" in refused
    planned = call(home, "rebuild", "--dry-run")
    assert "time_zone: Europe/Berlin becomes Asia/Tokyo" in planned
    assert "rows of 1 that are gone to carry over landing/web/b.ndjson: 1 events" in planned
    assert "1 files stay retracted" in planned
    product.write_text(PRODUCT.replace("2026-01-01", "2026-02-05"))
    before = {key: lake.sha256(key) for key in lake.keys("lake")}
    lost = "landing/web/b.ndjson is gone, and 1 of its events lie before the new start date"
    assert f"nothing was changed; --accept-loss goes on without this: {lost}" in call(home, "rebuild", code=1)
    assert {key: lake.sha256(key) for key in lake.keys("lake")} == before


def test_the_doctor_names_a_flipped_bit_and_the_command_that_mends_it(home: Path) -> None:
    lake = Lake(home)
    assert "objects can't be checked" not in call(home, "doctor", "--deep")
    key = next(key for m in read_manifests(lake).values() if m.name == "web/b.ndjson" for key in m.objects)
    whole = lake.path(key).read_bytes()
    lake.path(key).write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    call(home, "doctor")
    result = call(home, "doctor", "--deep", code=1)
    assert f"{key} is damaged; run `footfall retry-rejected 'web/b.ndjson'`" in result
    assert "1 files read again" in call(home, "retry-rejected", "web/b.ndjson")
    assert lake.path(key).read_bytes() == whole
    assert "the home is sound" in call(home, "doctor", "--deep")
    assert "no landing file 'web/c.ndjson' was taken" in call(home, "retry-rejected", "web/c.ndjson", code=2)


def test_reading_all_again_leaves_what_is_retracted(home: Path) -> None:
    call(home, "retract", "web/a.ndjson")
    call(home, "retry-rejected", "--all")
    manifests = {m.name: m for m in read_manifests(Lake(home)).values()}
    assert manifests["web/a.ndjson"].retracted
    assert not manifests["web/a.ndjson"].days
