"""The product file: every fault at once, with file, line, path and remedy."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from support import PRODUCT, product

from pipeline.core.product import Product
from pipeline.core.product_faults import sentences
from pipeline.core.product_file import ProductFileError, load_product, parse_product, schema

GOOD = PRODUCT.strip()
ROOT = Path(__file__).parents[2]
# What the demo's product file lacks.
MORE = """
exposure: {line: 0.5}
elements: {dynamic: ["x"]}
voice: {language: en, discover: true, non_answers: {en: [none]}}
exchange_rates: {USD: 0.9, GBP: [{valid_from: 2026-01-01, rate: 1.2}]}
channels: {mail: {mediums: [mail]}}
value: {windows_days: [7, 30], start: first_event}
sessions: {pause_minutes: 30, use_source_ids: true}
identity: {strike_out: [{device: d, user: u}], as_of: 2026-01-31}
bots: {acts_per_minute: 120}
privacy: {drop_properties: [birthday]}
friction: {rule_sets: {default: {rage: default, quick_back_s: 7, repetition: [input], weights: {rage_click: 4}}}}
dedup_days: 90
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ProductFileError) as raised:
        parse_product(text, "product.yaml")
    return raised.value.faults


# (what, text in, text out, the fault's line, words that must be in it)
FAULTS = [
    ("unknown section", "name: Test shop", "name: Test shop\nzonez: []", 2, ["zonez", "spelling"]),
    ("unknown zone", "time_zone: Europe/Berlin", "time_zone: Berlin", 2, ["time_zone", "IANA", "Europe/Berlin"]),
    ("no start date", "start_date: 2026-01-01\n", "", 1, ["start_date", "add it"]),
    ("wrong currency", "name: Test shop", "name: Test shop\ncurrency: euro", 2, ["currency", "three capitals"]),
    ("page name", "{name: home, urls", "{name: Home Page, urls", 9, ["pages.0.name", "lower-case"]),
    ("zone on no page", 'page: home, selectors: ["section.hero"]', 'page: hom, selectors: ["section.hero"]', 12, ["no page 'hom'", "home, product"]),
    ("selector", '["section.hero a.cta"]', '["section..hero"]', 13, ["CSS selector"]),
    ("sibling selector", '["section.hero a.cta"]', '["a:nth-child(2)"]', 13, ["siblings"]),
    ("selector of the first child", '["section.hero a.cta"]', '["a:first-child"]', 13, ["siblings"]),
    ("event kind", "buy: {kind: order}", "buy: {kind: ordr}", 15, ["goals.buy.kind", "order"]),
    ("goal fits all", "buy: {kind: order}", "buy: {}", 15, ["every event"]),
    ("property not promoted", "buy: {kind: order}", "buy: {kind: order, properties: {colour: red}}", 15, ["colour", "properties"]),
    ("window", "window_days: 7", "window_days: 0", 18, ["funnels.purchase.window_days: 0 is too small", "from 1 to 366"]),
    ("near section", "goals:", "gaols:", 14, ["gaols: isn't known here", "did you mean `goals`?"]),
    ("near key", "window_days: 7", "window_day: 7", 18, ["did you mean `window_days`?"]),
    ("near word", "event_id: none}", "event_id: none, format: posthogg}", 6, ["did you mean `posthog`?"]),
    ("list of goals", "  buy: {kind: order}", "  - {kind: order}", 14, ["goals: a list is no section", "a name, a colon"]),
    ("section of pages", '  - {name: home, urls: ["/"]}\n  - {name: product, urls: ["/p/*"]}', '  home: {urls: ["/"]}', 8, ["pages: a section is no list", "keys such as name, urls"]),
    ("no such day", "start_date: 2026-01-01", "start_date: 2026-02-30", 3, ["start_date: '2026-02-30' is no day", "such as 2026-01-31"]),
    ("another form of day", "start_date: 2026-01-01", "start_date: 1.2.2026", 3, ["start_date: '1.2.2026' is no day"]),
    ("neither of both", "event_id: none", "event_id: 5", 6, ["sources.noid.event_id: 5 can't stand here", "event_id, none", "or a list"]),
    ("entry of a list", "event_id: none", "event_id: [5]", 6, ["sources.noid.event_id.0: 5 can't stand here", "text"]),
    ("truth", "event_id: none}", "event_id: none}\nsessions: {use_source_ids: maybe}", 7, ["'maybe' is neither true nor false"]),
    ("key twice", "name: Test shop", "name: Test shop\nname: Other", 2, ["`name` stands twice", "keep one"]),
    ("page twice", "{name: product, urls", "{name: home, urls", 8, ["'home' stands twice"]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "line", "words"), FAULTS, ids=[case[0] for case in FAULTS])
def test_fault_names_line_path_and_remedy(what: str, old: str, new: str, line: int, words: list[str]) -> None:
    assert old in GOOD, what
    fault, *_ = faults(GOOD.replace(old, new, 1))
    assert fault.startswith(f"product.yaml:{line}: "), fault
    assert all(word in fault for word in words), fault


STATED = re.compile(r"[a-z_]+(?:\.[^:]+)*: .*(?:;|write|give|use|add|name|must)")
PYDANTIC = ("Input should", "valid dictionary", "Value error", "valid integer", "Extra inputs", "Field required")
DEMO = ROOT / "examples" / "shop" / "product.yaml"
WRONG: list[Any] = [
    [],
    {},
    [1],
    {"no": 1},
    "",
    "no such word",
    -1,
    10**30,
    1.5,
    True,
    None,
    "\u0000",
    [[[]]],
    date(2026, 1, 1),
]


def inside(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*before, key)
        yield from inside(each, (*before, key))


def replaced(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    if not path:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], wrong)
    return copy


def test_a_wrong_value_anywhere_is_told_in_our_words_with_line_path_and_remedy() -> None:
    """Each path of the demo's product file bears each wrong value once: what is refused says how to mend it."""
    tree = yaml.safe_load(DEMO.read_text())
    tree |= {section: value for section, value in yaml.safe_load(MORE).items() if section not in tree}
    paths = [*inside(tree)]
    assert len(paths) > 400
    reported = 0
    for i, path in enumerate(paths):
        # In turn, so that all kinds of values meet all kinds of paths.
        for position in range(i, i + len(WRONG), 5):
            wrong = WRONG[position % len(WRONG)]
            broken = replaced(tree, path, wrong)
            try:
                Product.model_validate(broken)
            except ValidationError as fault:
                result = [*sentences(fault)]
                reported += len(result)
                for _, stated in result:
                    assert not any(phrase in stated for phrase in PYDANTIC), stated
                    assert STATED.match(stated), (path, wrong, stated)
                # Reading YAML is slow, so few of them are written to a file.
                if position % 100 == 0:
                    text = yaml.safe_dump(broken, sort_keys=False)
                    assert all(re.match(r"product\.yaml:\d+: [a-z]", each) for each in faults(text))
    assert reported > 1_000


def test_all_faults_at_once() -> None:
    broken = (
        GOOD.replace("Europe/Berlin", "Nowhere")
        .replace("kind: order", "kind: nope")
        .replace("window_days: 7", "window: 7")
    )
    assert len(faults(broken)) == 4


@pytest.mark.parametrize("file", ["/etc/passwd.png", "../other/a.png", "a/../../b.png", "page.svg", "page"])
def test_a_picture_lies_below_the_product_file(file: str) -> None:
    with pytest.raises(ValidationError, match="below the product file's folder"):
        product(pages=[{"name": "home", "urls": ["/"], "pictures": [{"file": file, "device_type": "x", "width": 9}]}])


def test_a_zone_has_one_box_a_device() -> None:
    boxes = [{"device_type": "mobile", "y": 0, "height": 9}, {"device_type": "mobile", "y": 9, "height": 9}]
    with pytest.raises(ValidationError, match="two boxes for one device"):
        product(zones=[{"name": "z", "page": "home", "selectors": ["a"], "boxes": boxes}])


def test_the_order_of_rule_sets_counts_and_the_look_of_a_page_does_not() -> None:
    one, two = ({"rule_sets": {name: {} for name in names}} for names in ("ab", "ba"))
    assert product(friction=one).section_hash("friction") != product(friction=two).section_hash("friction")
    pages = [{"name": "home", "urls": ["/"]}, {"name": "product", "urls": ["/p/*"]}]
    drawn = [{**pages[0], "pictures": [{"file": "a.png", "device_type": "mobile", "width": 390}]}, pages[1]]
    assert product(pages=pages).section_hash("pages") == product(pages=drawn).section_hash("pages")


def test_overlapping_zone_versions_are_refused() -> None:
    more = 'zones:\n  - {name: hero, page: home, selectors: ["b"], valid_from: 2026-02-01}\n'
    (fault,) = faults(GOOD.replace("zones:\n", more))
    assert "overlaps" in fault
    assert "valid_to" in fault


@pytest.mark.parametrize("text", ["", "- a\n- b", "just text", "a: [1", "a: 1\na: 2", "\t- x"])
def test_no_yaml_mapping(text: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith("product.yaml:")


def test_missing_and_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ProductFileError, match="footfall init"):
        load_product(tmp_path / "product.yaml")
    (tmp_path / "product.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ProductFileError, match="UTF-8"):
        load_product(tmp_path / "product.yaml")


def test_event_id_none_may_be_written_in_every_way_of_yaml() -> None:
    for word in ("none", '"none"', "null", "~"):
        text = GOOD.replace("event_id: none", f"event_id: {word}")
        assert parse_product(text).sources["noid"].event_id == "none"


def test_parts_change_their_own_hash_only() -> None:
    one, other = product(), product(goals={"buy": {"kind": "refund"}})
    assert one.section_hash("goals") != other.section_hash("goals")
    assert one.section_hash("ingest", "pages", "zones") == other.section_hash("ingest", "pages", "zones")


def test_schema_is_the_committed_one() -> None:
    committed = Path(__file__).parents[2] / "docs" / "product.schema.json"
    assert json.loads(committed.read_text()) == json.loads(schema()), "run `make docs`"


def test_example_product_is_sound() -> None:
    example = Path(__file__).parents[2] / "examples" / "shop" / "product.yaml"
    assert load_product(example).name == "Demo shop"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"experiments": {"x": {"variants": {"a": 1, "b": 1}, "control": "c"}}}, "`control` is one of a, b"),
        ({"experiments": {"x": {"variants": {"a": 1, "b": 1}, "control": "a", "primary": "y"}}}, "`primary` is one of conversion, revenue"),
        (
            {"experiments": {"x": {"variants": {"a": 1, "b": 1}, "control": "a", "ramps": [{"valid_from": "2026-01-01", "weights": {"a": 1, "c": 1}}]}}},
            "weigh each variant: a, b",
        ),
        (
            {"experiments": {"x": {"variants": {"a": 1, "b": 1}, "control": "a", "metrics": {"m": {"kind": "conversion", "goal": "no"}}}}},
            "experiments.x.metrics.m.goal: no goal 'no'; there are buy",
        ),
        (
            {"experiments": {"x": {"variants": {"a": 1, "b": 1}, "control": "a", "metrics": {"m": {"kind": "score"}}}}},
            "a score needs one",
        ),
        ({"hypotheses": {"h": {"statement": "s", "metric": "people", "expected": "higher"}}}, "the `experiment` or the `release`"),
        (
            {"hypotheses": {"h": {"statement": "s", "metric": "people", "expected": "higher", "release": "r"}}},
            "hypotheses.h.release: no release 'r'; there are none",
        ),
        (
            {"releases": {"r": {"day": "2026-01-01"}}, "hypotheses": {"h": {"statement": "s", "metric": "no", "expected": "higher", "release": "r"}}},
            "hypotheses.h.metric: no metric 'no'; there are people, sessions",
        ),
        (
            {"releases": {"r": {"day": "2026-01-01"}}, "hypotheses": {"h": {"statement": "s", "metric": "retention", "expected": "higher", "release": "r"}}},
            "no metric 'retention'",
        ),
        (
            {
                "experiments": {"x": {"variants": {"a": 1, "b": 1, "c": 1}, "control": "a"}},
                "hypotheses": {"h": {"statement": "s", "metric": "revenue", "expected": "higher", "experiment": "x"}},
            },
            "hypotheses.h.variant: no variant ''; there are b, c",
        ),
        ({"opportunities": {"goal": "no"}}, "opportunities.goal: no goal 'no'"),
        ({"channels": {"c": {}}}, "name `mediums`, `sources` or `referrers`"),
        ({"exchange_rates": {"USD": 0}}, "greater than 0"),
        ({"kpis": {"north_star": "luck"}}, "north_star"),
    ],
)  # fmt: skip
def test_faults_of_the_sections_about_decisions(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as fault:
        product(**section)
    assert words in str(fault.value)


def test_where_the_order_of_a_section_means_something_it_changes_the_hash() -> None:
    channels = {"a": {"sources": ["x"]}, "b": {"sources": ["x"]}}
    metrics = {"conv": {"kind": "conversion"}, "rev": {"kind": "revenue"}}
    questions = {"nps": {"kind": "nps"}, "ces": {"kind": "ces"}}
    one = {"variants": {"a": 1, "b": 1}, "control": "a"}

    def made(*, turned: bool) -> Product:
        def order(section: dict[str, Any]) -> dict[str, Any]:
            return dict(reversed(section.items())) if turned else section

        return product(
            channels=order(channels),
            experiments={"x": {**one, "metrics": order(metrics)}},
            surveys={"s": {"questions": order(questions)}},
            goals=order({"buy": {"kind": "order"}, "click": {"kind": "click"}}),
        )

    there, turned = made(turned=False), made(turned=True)
    assert there.experiments["x"].decides != turned.experiments["x"].decides
    for part in ("channels", "experiments", "surveys"):
        assert there.section_hash(part) != turned.section_hash(part)
    assert there.section_hash("goals") == turned.section_hash("goals")


def test_experiments_share_an_id_where_days_or_windows_tell_them_apart() -> None:
    one = {"variants": {"a": 1, "b": 1}, "control": "a"}
    spring = {**one, "id": "x", "valid_from": "2026-03-01", "valid_to": "2026-03-31"}
    for other in ({**one, "id": "x"}, {**spring, "valid_from": "2026-02-01", "valid_to": "2026-03-01"}):
        with pytest.raises(ValidationError, match="the id 'x' stands twice, in x too; give them days apart"):
            product(experiments={"x": {**spring, "id": None} if "valid_to" in other else one, "y": other})
    product(experiments={"x": {**one, "valid_to": "2026-02-28"}, "y": spring, "z": {**spring, "window_days": 28}})
    with pytest.raises(ValidationError, match="valid_to lies before valid_from"):
        product(experiments={"x": {**spring, "valid_to": "2026-02-01"}})
