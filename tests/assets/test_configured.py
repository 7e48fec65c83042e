"""What the product file doesn't configure doesn't exist; adding and removing a section makes and removes its tables."""

from pathlib import Path

import dagster as dg
import pytest
from support import PRODUCT, compute_all, drop, marts_of, ndjson, product, record, take_all

from assets.resources import Home
from assets.running import Runner
from pipeline.build.configured import day_tables, marts, period_tables, unconfigured
from pipeline.build.home_models import models_of
from pipeline.build.marts import read_record
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.base import Recorder

PLAIN = "name: Plain\ntime_zone: UTC\nstart_date: 2026-02-01\nsources: {web: {}}\n"
FUNNEL = (
    "funnels:\n  visit: {window_days: 7, steps: [{label: Seen, kind: page_view}, {label: Left, kind: page_leave}]}\n"
)


def names(text: str) -> set[str]:
    chosen = parse_product(text)
    return {
        *(table.contract.name for table in (*day_tables(chosen), *period_tables(chosen))),
        *(mart.name for mart in marts(chosen)),
    }


@pytest.mark.parametrize(
    ("section", "tables"),
    [
        (FUNNEL, {"step_events", "funnel_results", "funnel_steps", "funnel_times", "opportunities"}),
        ("retention: {weekly: {start: {kind: page_view}}}\n", {"return_events", "return_cells", "retention_cohorts"}),
        ('pages: [{name: home, urls: ["/"]}]\n', {"heatmap_cells", "heatmaps", "scroll_reach"}),
        ("goals: {buy: {kind: order}}\n", {"outcomes", "rfm", "friction_calibration", "opportunities", "evidence"}),
        ("surveys: {shop: {}}\n", {"feedback", "theme_list", "scores", "score_by_behaviour", "quotes", "choices"}),
        ("segments: {mobile: {device_type: mobile}}\n", {"segment_validity", "segment_members"}),
        ("releases: {one: {day: 2026-02-03}}\n", {"release_results", "releases"}),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_a_section_brings_its_tables(tmp_path: Path, section: str, tables: set[str]) -> None:
    without, with_it = names(PLAIN), names(PLAIN + section)
    assert without < with_it
    assert tables <= with_it - without
    lacking = {
        name for group in unconfigured(parse_product(PLAIN), models_of(Lake(tmp_path))).values() for name in group
    }
    assert {mart.name for mart in marts(parse_product(PLAIN + section))} & tables <= lacking


def test_a_source_brings_what_its_format_holds() -> None:
    assert {"replays", "watch", "recorded_moments"} <= names(PLAIN.replace("web: {}", "web: {format: rrweb}")) - names(
        PLAIN
    )
    assert "scores" in names(PLAIN.replace("web: {}", "web: {format: surveys}"))
    source = product().sources["web"]
    recording = {name for name, each in FORMATS.items() if isinstance(each.begin(source, None), Recorder)}  # pyright: ignore[reportArgumentType]
    assert recording == {"rrweb"}


def test_a_section_that_goes_takes_its_tables_along(tmp_path: Path) -> None:
    home = tmp_path / "home"
    rows = [
        record(f"{person}-{url}", f"2026-02-0{1 + person % 3}T10:00:0{i}", url=url, anonymous_id=f"d{person}")
        for person in range(9)
        for i, url in enumerate(["/", "/p/1"])
    ]
    drop(home, "web/2026-02-04/a.ndjson", ndjson(rows))
    file, lake = home / "product.yaml", Lake(home)

    def run(text: str) -> None:
        file.write_text(text)
        with dg.DagsterInstance.ephemeral() as instance:
            runner = Runner(Home(home), instance)
            runner.run()
        assert not runner.failures
        assert read_record(lake).keys() == {path.stem for path in (home / "marts").glob("[a-z]*.parquet")}

    run(PLAIN)
    plain = marts_of(lake)
    assert "funnel_steps" not in read_record(lake)
    assert not lake.path("lake/step_events").exists()
    assert (home / "report" / "index.html").exists()
    run(PLAIN + FUNNEL)
    with_it = marts_of(lake)
    assert "funnel_steps" in read_record(lake)
    run(PLAIN)
    assert marts_of(lake) == plain
    assert not [
        path
        for path in (home / "lake").rglob("*")
        if path.is_file() and ("step_events" in str(path) or "funnel_results" in str(path))
    ]
    run(PLAIN + FUNNEL)
    assert marts_of(lake) == with_it


def test_what_still_lies_there_of_a_section_that_went_is_not_read(tmp_path: Path) -> None:
    """A day is computed before the marts are, which remove it."""
    drop(tmp_path, "web/2026-02-04/a.ndjson", ndjson([record("a", "2026-02-01T10:00:00", url="/")]))
    lake, before, after = Lake(tmp_path), product(), product(funnels={}, zones=())
    take_all(lake, before)
    compute_all(lake, before)
    compute_all(lake, after)
    anew = Lake(tmp_path / "anew")
    drop(anew.home, "web/2026-02-04/a.ndjson", ndjson([record("a", "2026-02-01T10:00:00", url="/")]))
    take_all(anew, after)
    compute_all(anew, after)
    assert lake.path("lake/step_events").exists()
    fresh = marts_of(anew)
    assert {name: data for name, data in marts_of(lake).items() if name in fresh} == fresh


def test_the_ui_waits_until_it_knows_the_tables(tmp_path: Path) -> None:
    (tmp_path / "product.yaml").write_text(PRODUCT)
    home = Home(tmp_path)
    assert home.outdated is None
    (tmp_path / "product.yaml").write_text(PRODUCT + "\nreleases: {one: {day: 2026-02-03}}\n")
    assert home.outdated is not None
    assert "other tables (dim_release, release_list, release_results, releases)" in home.outdated
    assert "reload the code location" in home.outdated
