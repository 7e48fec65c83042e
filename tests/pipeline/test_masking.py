"""What may not be kept of a recording is nowhere below lake/, in whichever way a page shows it."""

import json
from pathlib import Path
from typing import Any

import pytest
from recorded import BEGIN, chosen, computed, element, kept, mutation, stored, text
from support import drop, ndjson

LEAK = "L3aked-words"
_META: dict[str, Any] = {"href": "https://a.example/", "width": 1000, "height": 600}
Rules = dict[str, Any]
Recorded = list[tuple[int, dict[str, Any]]]


def snapshot(*body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 2, {"node": {"type": 0, "id": 1, "childNodes": [element(2, "html", {}, element(3, "body", {}, *body))]}}


def field(node: int, **attributes: Any) -> dict[str, Any]:
    return element(node, "input", {name.replace("_", "-"): value for name, value in attributes.items()})


def typed(node: int) -> tuple[int, dict[str, Any]]:
    return 3, {"source": 5, "id": node, "text": LEAK, "isChecked": False}


def clicked(node: int) -> tuple[int, dict[str, Any]]:
    return 3, {"source": 2, "type": 2, "id": node, "x": 5, "y": 5}


def changed(node: int, **attributes: Any) -> tuple[int, dict[str, Any]]:
    return 3, mutation(attributes=[{"id": node, "attributes": attributes}])


def plugin(name: str, payload: Any) -> tuple[int, dict[str, Any]]:
    return 6, {"plugin": name, "payload": payload}


_PRIVATE = element(10, "div", {"class": "private"}, element(11, "b", {"aria-label": LEAK}, text(12, LEAK)))
_CANVAS = (3, {"source": 9, "id": 10, "type": 0, "commands": [{"property": "fillText", "args": [LEAK, 1, 1]}]})
_SVG = f"data:image/svg+xml,<svg><text>anna@{LEAK}.example</text></svg>"
CASES: dict[str, tuple[Rules, Recorded]] = {
    "requests of the network plugin": ({}, [snapshot(), plugin("rrweb/network@1", {"requests": [{"requestBody": LEAK}]})]),
    "objects on the console": ({}, [snapshot(), plugin("rrweb/console@1", {"level": "log", "payload": [{"user": LEAK}]})]),
    "further words on the console": (
        {},
        [snapshot(), plugin("rrweb/console@1", {"level": "log", "payload": ['"Hello"', LEAK], "trace": [LEAK]})],
    ),
    "the console of a page whose texts are masked": (
        {"texts": "mask"},
        [snapshot(), plugin("rrweb/console@1", {"level": "log", "payload": [LEAK]})],
    ),
    "a canvas below mask": ({"mask": [".private"]}, [snapshot(element(10, "canvas", {"class": "private"})), _CANVAS]),
    "a canvas below hide": ({"hide": [".private"]}, [snapshot(element(10, "canvas", {"class": "private"})), _CANVAS]),
    "a picture of a masked canvas": (
        {"mask": [".private"]},
        [snapshot(element(10, "canvas", {"class": "private", "rr_dataURL": f"data:image/png;base64,{LEAK}"}))],
    ),
    "a masked frame's document": (
        {"mask": [".private"]},
        [snapshot(element(10, "iframe", {"class": "private", "srcdoc": f"<p>{LEAK}</p>"}))],
    ),
    "a comment below mask": (
        {"mask": [".private"]},
        [snapshot(element(10, "div", {"class": "private"}, {"type": 5, "id": 11, "textContent": LEAK}))],
    ),
    "labels of what is clicked in a masked element": ({"mask": [".private"]}, [snapshot(_PRIVATE), clicked(11)]),
    "labels of what is clicked in a hidden element": ({"hide": [".private"]}, [snapshot(_PRIVATE), clicked(11)]),
    "a field below hide though fields are kept": (
        {"inputs": "keep", "hide": [".private"]},
        [snapshot(element(10, "div", {"class": "private"}, field(11, type="text", value=LEAK))), typed(11)],
    ),
    "a one-time code": (
        {"inputs": "keep"},
        [snapshot(field(10, type="text", autocomplete="one-time-code", value=LEAK)), typed(10)],
    ),
    "a password that is shown": (
        {"inputs": "keep"},
        [snapshot(field(10, type="password")), changed(10, type="text"), typed(10), changed(10, value=LEAK)],
    ),
    "a password that was shown before the recording": (
        {"inputs": "keep"},
        [snapshot(field(10, **{"type": "text", "data-rr-is-password": "true", "value": LEAK})), typed(10)],
    ),
    "a password that is shown at a further snapshot": (
        {"inputs": "keep"},
        [snapshot(field(10, type="password")), changed(10, type="text"), snapshot(field(10, type="text", value=LEAK))],
    ),
    "an element whose ancestor begins to be masked": (
        {"mask": [".private"]},
        [
            snapshot(element(10, "section", {}, element(11, "p", {}, text(12, "before")))),
            changed(10, **{"class": "card private"}),
            (3, mutation(texts=[{"id": 12, "value": LEAK}])),
            (3, mutation(adds=[{"parentId": 11, "nextId": None, "node": text(13, LEAK)}])),
        ],
    ),
    "an element that moves into a hidden one": (
        {"hide": [".private"]},
        [
            snapshot(element(10, "section", {"class": "private"}), element(11, "p", {}, text(12, "before"))),
            (3, mutation(removes=[{"parentId": 3, "id": 11}], adds=[{"parentId": 10, "nextId": None, "node": element(11, "p", {}, text(12, LEAK))}])),
            (3, mutation(texts=[{"id": 12, "value": LEAK}])),
        ],
    ),
    "an element of the page's own making": (
        {},
        [snapshot(element(10, "fancy-input", {"value": LEAK})), changed(10, value=LEAK), typed(10)],
    ),
    "what a field says of its value": (
        {},
        [snapshot(field(10, type="text", aria_valuetext=LEAK, data_value=LEAK)), clicked(10), typed(10)],
    ),
    "what a field says of itself": (
        {},
        [
            snapshot(field(10, type="text", placeholder=LEAK, title=LEAK, aria_label=LEAK, aria_description=LEAK, data_initial=LEAK)),
            changed(10, placeholder=LEAK, title=LEAK, **{"aria-placeholder": LEAK, "data-x": LEAK}),
            clicked(10),
        ],
    ),
    "what is chosen and worked out": (
        {},
        [
            snapshot(
                element(10, "select", {"title": LEAK}, element(11, "option", {"value": LEAK, "label": LEAK}, text(12, LEAK))),
                element(13, "output", {}, element(14, "b", {}, text(15, LEAK))),
                element(16, "progress", {"value": LEAK, "title": LEAK}, text(17, LEAK)),
                element(18, "meter", {"value": LEAK, "aria-valuetext": LEAK}),
                element(19, "div", {"role": "combobox", "aria-label": LEAK}, text(20, LEAK)),
                element(21, "div", {"role": "slider", "aria-valuetext": LEAK, "aria-label": LEAK}),
            ),
            (3, mutation(texts=[{"id": 12, "value": LEAK}, {"id": 15, "value": LEAK}])),
            (3, mutation(adds=[{"parentId": 14, "nextId": None, "node": text(30, LEAK)}])),
            (3, mutation(adds=[{"parentId": 10, "nextId": None, "node": element(31, "option", {}, text(32, LEAK))}])),
            changed(16, value=LEAK),
            clicked(11),
            clicked(19),
        ],
    ),
    "what was typed, in later addresses": (
        {},
        [
            snapshot(field(10, type="text"), element(11, "a", {"href": "/"})),
            typed(10),
            (4, {**_META, "href": f"https://a.example/s/{LEAK}?q={LEAK}&r=%4C3aked+words"}),
            changed(11, href=f"/find?q={LEAK}#x"),
            (3, mutation(adds=[{"parentId": 3, "nextId": None, "node": element(12, "form", {"action": f"/a/{LEAK.lower()}"})}])),
            (5, {"tag": "went", "payload": {"to": f"https://a.example/?q={LEAK}"}}),
            clicked(11),
        ],
    ),
    "what a field was given by the page, in later addresses": (
        {},
        [snapshot(field(10, type="text")), changed(10, value=LEAK), (4, {**_META, "href": f"https://a.example/?q={LEAK}"})],
    ),
    "secrets in a page's address": (
        {},
        [snapshot(), (4, {**_META, "href": f"https://a.example/?creditcard=12&username={LEAK}&password=a {LEAK}"})],
    ),
    "descriptions below mask": (
        {"mask": [".private"]},
        [snapshot(element(10, "div", {"class": "private", "aria-description": LEAK, "data-name": LEAK}))],
    ),
    "words in a drawing": ({}, [snapshot(element(10, "img", {"src": _SVG}))]),
    "a field far down": ({}, [snapshot(element(999, "div", {}, field(10, type="text", value=LEAK))), typed(10)]),
    "a record that is rejected": (
        {},
        [snapshot(), (3, {"source": 5, "id": [], "text": LEAK, "url": {}}), (2, {"node": [LEAK]})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_may_not_be_kept_is_nowhere_on_disk(tmp_path: Path, case: str) -> None:
    rules, recorded = CASES[case]
    about = {"sessionId": "s1", "distinct_id": "d1"}
    lines = [
        {**about, "type": kind, "timestamp": BEGIN + 100 * i, "data": data}
        for i, (kind, data) in enumerate([(4, _META), *recorded])
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson(lines))
    (row,) = computed(tmp_path, chosen(**{"mask": [], "hide": [], **rules})).to_dicts()
    assert LEAK.encode() not in stored(tmp_path)
    assert len(kept(tmp_path, row)) == row["recorded_events"] >= 2, "the recording is there"


def test_an_error_on_the_console_is_kept_with_its_message(tmp_path: Path) -> None:
    stated = plugin("rrweb/console@1", {"level": "error", "payload": ['"Not found"'], "trace": [LEAK]})
    lines = [
        {"sessionId": "s1", "distinct_id": "d1", "type": kind, "timestamp": BEGIN + i, "data": data}
        for i, (kind, data) in enumerate([(4, _META), snapshot(), stated])
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson(lines))
    (row,) = computed(tmp_path, chosen()).to_dicts()
    payload = kept(tmp_path, row)[-1]["data"]["payload"]
    assert (payload["level"], json.loads(payload["payload"][0])) == ("error", "Not found")


def test_what_no_selector_fits_is_kept_as_it_was(tmp_path: Path) -> None:
    lines = [
        {"sessionId": "s1", "distinct_id": "d1", "type": kind, "timestamp": BEGIN + i, "data": data}
        for i, (kind, data) in enumerate(
            [
                (4, _META),
                snapshot(
                    element(10, "p", {"class": "first"}, text(11, "Plain")), element(12, "p", {}, text(13, "Other"))
                ),
                changed(10, **{"class": "second"}),
                (3, mutation(texts=[{"id": 11, "value": "Changed"}])),
            ]
        )
    ]
    drop(tmp_path, "rec/a.ndjson", ndjson(lines))
    computed(tmp_path, chosen(mask=["p:not(.first):not(.second)", ".other"], hide=[]))
    result = stored(tmp_path)
    assert b"Plain" in result
    assert b"Changed" in result
    assert b"Other" not in result


def test_addresses_stay_but_for_what_was_typed(tmp_path: Path) -> None:
    addresses = [
        "https://a.example/shoes",
        "https://a.example/shoes/red?q=boots&v=12&w=he",
        "https://a.example/bootstrap",
    ]
    about = {"sessionId": "s1", "distinct_id": "d1"}
    letters = [(3, {"source": 5, "id": 10, "text": "boots"[:n], "isChecked": False}) for n in range(1, 6)]
    recorded: Recorded = [
        (4, {**_META, "href": addresses[0]}),
        snapshot(field(10, type="search", **{"data-testid": "find"}), field(11, type="text"), field(12, type="text")),
        *letters,
        (3, {"source": 5, "id": 11, "text": "shoes", "isChecked": False}),
        (3, {"source": 5, "id": 12, "text": "he", "isChecked": False}),
        (4, {**_META, "href": addresses[1]}),
        (4, {**_META, "href": addresses[2]}),
        clicked(10),
    ]
    lines = [{**about, "type": k, "timestamp": BEGIN + 100 * i, "data": d} for i, (k, d) in enumerate(recorded)]
    drop(tmp_path, "rec/a.ndjson", ndjson(lines))
    (row,) = computed(tmp_path, chosen(mask=[], hide=[])).to_dicts()
    result = [event["data"]["href"] for event in kept(tmp_path, row) if event["type"] == 4]
    clean = addresses[1].replace("boots", "[secret]")
    assert result == [addresses[0], clean, addresses[2]], (
        "not what the site's path had, nor short values, nor parts of words"
    )
    assert b'data-testid="find"' in stored(tmp_path).replace(b'\\"', b'"'), "names for tests tell nothing of a person"
