"""`footfall check`: warnings of what measures nothing in a home, and what the home has fixed."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import approve, at, drop, ndjson, record, take_all

from pipeline.build.compute import build_days
from pipeline.build.context import find_dirty
from pipeline.check import Checked, check_home
from pipeline.core.lake import Lake
from pipeline.core.product_file import ProductFileError, load_product
from pipeline.ingest.home import claim

HERO = '<main><section class="hero"><a class="cta" href="/p/1">'
FILE: dict[str, Any] = {
    "name": "Shop",
    "time_zone": "Europe/Berlin",
    "start_date": "2026-01-01",
    "sources": {"web": {}},
    "properties": {"plan": "string"},
    "pages": [{"name": "home", "urls": ["/"]}, {"name": "product", "urls": ["/p/*"]}],
    "zones": [{"name": "hero", "page": "home", "selectors": ["section.hero"]}],
    "goals": {"buy": {"kind": "order"}},
    "funnels": {
        "buying": {
            "unit": "plan",
            "steps": [{"label": "Home", "kind": "page_view", "page": "home"}, {"label": "Bought", "kind": "order"}],
        }
    },
}
EVENTS = [
    record("1", "2026-02-03T10:00:00Z", url="/", properties={"plan": "pro"}, browser="Mobile Safari"),
    record("2", "2026-02-03T10:00:05Z", "click", url="/", element_chain=HERO),
    record("3", "2026-02-03T10:00:09Z", url="/p/1"),
    record("4", "2026-02-03T10:01:00Z", "order", url="/thanks", order_id="o1", revenue_micros=5_000_000),
]


def home(tmp_path: Path, events: list[dict[str, Any]] | bytes = EVENTS, **changes: Any) -> Path:
    (tmp_path / "product.yaml").write_text(yaml.safe_dump({**FILE, **changes}, sort_keys=False))
    drop(tmp_path, "web/a.ndjson", events if isinstance(events, bytes) else ndjson(events))
    return tmp_path


def published(folder: Path) -> Path:
    """The home with its days of events, as `run` leaves them."""
    lake, product = Lake(folder), load_product(folder / "product.yaml")
    claim(lake, product)
    take_all(lake, product)
    list(build_days(lake, product, "events", sorted(find_dirty(lake, product, lambda _day: True).runnable), approve))
    return folder


def test_a_sound_home_has_neither_faults_nor_warnings(tmp_path: Path) -> None:
    assert check_home(Lake(home(tmp_path))) == Checked()
    assert check_home(Lake(published(tmp_path))) == Checked()


def test_an_empty_home_is_not_warned_of(tmp_path: Path) -> None:
    assert check_home(Lake(home(tmp_path, b""))) == Checked()
    assert check_home(Lake(home(tmp_path, b"no json\n"))) == Checked()


# (what changes in the file, the warnings' paths, words of the first)
UNFITTING: list[tuple[dict[str, Any], list[str], str]] = [
    ({"pages": [*FILE["pages"], {"name": "cart", "urls": ["/card"]}]}, ["pages.2"], "fits the page 'cart'; correct its `urls`"),
    ({"zones": [*FILE["zones"], {"name": "nav", "page": "home", "selectors": ["nav.main"]}]}, ["zones.1"], "lies in home/nav: `footfall zones --page home`"),
    ({"zones": [{"name": "buy", "page": "product", "selectors": ["button"]}]}, ["zones.0"], "no event on that page tells its element"),
    ({"goals": {"buy": {"kind": "order"}, "sign": {"name": "sign_up"}}}, ["goals.sign"], "fits; correct its kind, name"),
    ({"goals": {"seen": {"page": "product"}}}, ["goals.seen"], "fits every event of the page product, each click and ping too; add a `kind`"),
    ({"goals": {"free": {"properties": {"plan": {"is_not": "free"}}}}}, ["goals.free"], "fits every event of the page home, product"),
    ({"segments": {"vip": {"properties": {"plan": "vip"}}}}, ["segments.vip"], "no event in"),
    # The first event of the device tells its browser, the order doesn't.
    ({"segments": {"here": {"kind": "order", "browser": "Safari"}, "there": {"os": "Windows"}}}, ["segments.there"], "no event in"),
    ({"properties": {"plan": "integer"}, "funnels": {}}, ["properties.plan"], "bears it as integer"),
    ({"properties": {"plan": "string", "cart_id": "string"}, "funnels": {"f": {**FILE["funnels"]["buying"], "unit": "cart_id"}}},
     ["properties.cart_id", "funnels.f.unit"], "bears it as string"),
]  # fmt: skip


@pytest.mark.parametrize("is_published", [False, True], ids=["sample", "published"])
@pytest.mark.parametrize(("changes", "paths", "words"), UNFITTING, ids=[each[1][0] + each[2][:9] for each in UNFITTING])
def test_what_nothing_fits_is_warned_of_with_its_line(
    changes: dict[str, Any], paths: list[str], words: str, is_published: bool, tmp_path: Path
) -> None:
    folder = home(tmp_path, **changes)
    result = check_home(Lake(published(folder) if is_published else folder))
    assert result.faults == []
    assert [each.split(": ")[1] for each in result.warnings] == paths
    assert words in result.warnings[0]
    where = "the last 1 published days" if is_published else "4 events of the landing files' sample"
    assert where in result.warnings[0] or "fits every event" in result.warnings[0]
    (line,) = [int(each.split(":")[1]) for each in result.warnings[:1]]
    assert line > 1


def test_zones_whose_time_is_over_and_days_before_count_too(tmp_path: Path) -> None:
    old = {"name": "old", "page": "home", "selectors": [".gone"], "valid_to": "2026-02-01"}
    day = [{**each, "event_id": f"x{i}", "occurred_at": "2026-02-05T10:00:00Z"} for i, each in enumerate(EVENTS[:1])]
    folder = published(home(tmp_path, [*EVENTS, *day], zones=[old, *FILE["zones"]]))
    # On the last day there is one page view; all else was met two days before.
    assert check_home(Lake(folder)) == Checked()


def test_a_goal_by_kind_may_fit_all_of_its_page(tmp_path: Path) -> None:
    assert check_home(Lake(home(tmp_path, goals={"seen": {"kind": "page_view", "page": "product"}}))) == Checked()


MAPPING = {
    "columns": {"occurred_at": {"field": ["at", "when"], "format": "epoch_s"}, "kind": {"constant": "order"}, "event_id": "id",
                "user_id": "customer.id", "revenue_micros": {"field": "total", "scale": 1_000_000}}
}  # fmt: skip
ROWS = [
    {"id": str(i), "at": 1_770_112_800 + i, "customer": {"id": "c1"}, "total": 5, "lines": [{"sku": "a"}]}
    for i in range(3)
]


def mapped(**columns: Any) -> dict[str, Any]:
    return {"format": "mapping", "mapping": {"columns": {**MAPPING["columns"], **columns}}}


FIELDS: list[tuple[dict[str, Any], list[str], str]] = [
    (mapped(), [], ""),
    (mapped(url="page"), ["sources.web.mapping.columns.url"], "none of 3 records of landing/web holds `page`"),
    (mapped(user_id=["client", "who"]), ["sources.web.mapping.columns.user_id"], "`client` nor `who`"),
    ({**mapped(), "event_id": ["id", "line"]}, ["sources.web.event_id.1"], "`line`"),
    ({"format": "mapping", "event_id": "none", "mapping": {**MAPPING, "where": [{"field": "test", "is_not": ["1"]}],
      "events": [{"split": "lines", "columns": {"name": "item.sku"}}, {"split": "goods", "columns": {"name": "item.skuu"}}]}},
     ["sources.web.mapping.where.0", "sources.web.mapping.events.1.split", "sources.web.mapping.events.1.columns.name"], "`test`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "paths", "words"), FIELDS, ids=[(each[1] or ["sound"])[0] + each[2][:5] for each in FIELDS]
)
def test_fields_that_no_record_holds(source: dict[str, Any], paths: list[str], words: str, tmp_path: Path) -> None:
    plain = {name: {} for name in ("properties", "funnels")}
    folder = home(tmp_path, ROWS, sources={"web": source}, pages=[], zones=[], **plain)
    result = check_home(Lake(folder))
    assert [each.split(": ")[1] for each in result.warnings] == paths, result
    assert all(words in each for each in result.warnings[:1])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (mapped(url={"field": "id", "format": "epoch_s"}), "url: `format` does nothing here"),
        (mapped(user_id={"field": "id", "scale": 100}), "user_id: `scale` does nothing here"),
        (mapped(user_id={"field": "id", "zone": "Europe/Berlin"}), "user_id: `zone` does nothing here"),
        (mapped(kind={"constant": "order", "otherwise": "custom"}), "`otherwise` does nothing beside a `constant`"),
        ({**mapped(), "survey_id": "nps"}, "`survey_id` does nothing for `format: mapping`, only for surveys"),
    ],
)
def test_settings_of_a_source_that_do_nothing_are_faults(source: dict[str, Any], words: str, tmp_path: Path) -> None:
    folder = home(tmp_path, ROWS, sources={"web": source}, pages=[], zones=[], funnels={}, properties={})
    with pytest.raises(ProductFileError, match=re.escape(words)):
        load_product(folder / "product.yaml")


def test_other_settings_without_effect(tmp_path: Path) -> None:
    changes = {
        "exchange_rates": {"EUR": 1.5},
        "friction": {"rule_sets": {"x": {"rage": "posthog", "rage_px": 50}}},
        "surveys": {
            "s": {"questions": {"q": {"kind": "text", "best_choice": "yes", "choices": ["a"], "separator": ","}}}
        },
        "funnels": {"buying": {**FILE["funnels"]["buying"], "exclusion_ends": "attempt"}},
    }
    result = check_home(Lake(home(tmp_path, **changes))).warnings
    paths = [
        "friction.rule_sets.x.rage_px",
        "exchange_rates.EUR",
        "funnels.buying.exclusion_ends",
        "surveys.s.questions.q.best_choice",
        "surveys.s.questions.q.choices",
        "surveys.s.questions.q.separator",
    ]
    assert [each.split(": ")[1] for each in result] == paths


def test_only_the_newest_files_are_sampled(tmp_path: Path) -> None:
    folder = home(tmp_path, goals={"old": {"name": "old_name"}})
    for name, day in (("old_name", "2026-01-05"), ("new_name", "2026-02-05")):
        begin = at(f"{day}T10:00:00Z")
        rows = [
            record(f"{day}{i}", (begin + timedelta(seconds=i)).isoformat(), "custom", name=name) for i in range(1_000)
        ]
        drop(folder, f"web/{day}/b.ndjson", ndjson(rows))
    warned = check_home(Lake(folder)).warnings
    assert any("goals.old: no event in 1,000 events of the landing files' sample fits" in each for each in warned)


def test_what_the_home_has_fixed_is_a_fault_with_its_line(tmp_path: Path) -> None:
    folder = published(home(tmp_path))
    text = (folder / "product.yaml").read_text()
    (folder / "product.yaml").write_text(text.replace("Europe/Berlin", "UTC"))
    (fault,) = check_home(Lake(folder)).faults
    assert fault.startswith(f"{folder / 'product.yaml'}:2: time_zone was Europe/Berlin and is now UTC")
    assert "footfall r" in fault, "the command that rebuilds"
    (folder / "product.yaml").write_text(text.replace("2026-01-01", "2026-01-02"))
    (fault,) = check_home(Lake(folder)).faults
    assert fault.startswith(f"{folder / 'product.yaml'}:3: start_date was 2026-01-01")


def test_faults_of_the_file_come_alone(tmp_path: Path) -> None:
    folder = home(tmp_path, goals=[{"kind": "order"}], zones={})
    result = check_home(Lake(folder))
    assert len(result.faults) == 2
    assert result.warnings == []
    assert "footfall init" in check_home(Lake(tmp_path / "nowhere")).faults[0]
