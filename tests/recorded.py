"""Recordings that tests drop, what becomes of them, and all that is stored of them."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from support import approve, product, take_all

from pipeline.build.compute import build_days
from pipeline.build.context import find_dirty
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.states import published_days, scan_days

BEGIN = int(datetime(2026, 2, 3, 10, tzinfo=UTC).timestamp() * 1000)
SECRETS = (
    "s3cret-words",
    "4111 1111 1111 1111",
    "private-name",
    "hidden-balance",
    "tok-1234567890",
    "anna@example.com",
)
UNTIL_RECORDINGS = (
    "event_ids", "identity_events", "appearances", "events", "session_events", "sessions", "recordings",
)  # fmt: skip


def text(node: int, content: str) -> dict[str, Any]:
    return {"type": 3, "id": node, "textContent": content}


def element(node: int, tag: str, attributes: dict[str, Any], *children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 2, "id": node, "tagName": tag, "attributes": attributes, "childNodes": list(children)}


def page() -> dict[str, Any]:
    body = element(
        3,
        "body",
        {},
        element(4, "h1", {}, text(5, "Plain words stay")),
        element(6, "input", {"type": "text", "name": "nick", "value": SECRETS[0], "placeholder": "Your nick"}),
        element(7, "input", {"type": "password", "value": SECRETS[0]}),
        element(8, "textarea", {"value": SECRETS[0]}, text(9, SECRETS[0])),
        element(10, "div", {"class": "name"}, element(11, "b", {"title": SECRETS[2]}, text(12, SECRETS[2]))),
        element(13, "div", {"class": "balance box"}, text(14, SECRETS[3]), element(15, "i", {}, text(16, SECRETS[3]))),
        element(17, "a", {"href": f"/x?token={SECRETS[4]}", "data-auth-token": SECRETS[4]}, text(18, SECRETS[5])),
        element(19, "button", {"type": "submit", "value": "Send"}, text(20, "Send")),
        element(21, "meta", {"name": "csrf-token", "content": SECRETS[4]}),
    )
    return {"type": 0, "id": 1, "childNodes": [element(2, "html", {}, body)]}


def events(session: str = "s1", begin: int = BEGIN) -> list[dict[str, Any]]:
    """A visit of 20 s: a page, something typed, names that come in later, a click, a new page."""
    about = {"sessionId": session, "distinct_id": "d1"}
    later = element(30, "span", {"class": "name"}, text(31, SECRETS[2]))
    made = [
        (0, 4, {"href": f"https://a.example/?token={SECRETS[4]}", "width": 1000, "height": 600}),
        (1, 2, {"node": page(), "initialOffset": {"left": 0, "top": 0}}),
        (3_000, 3, {"source": 5, "id": 6, "text": SECRETS[0], "isChecked": False}),
        (3_500, 3, {"source": 5, "id": 8, "text": SECRETS[1], "isChecked": True}),
        (4_000, 3, mutation(adds=[{"parentId": 3, "nextId": None, "node": later}])),
        (4_100, 3, mutation(texts=[{"id": 12, "value": SECRETS[2]}, {"id": 9, "value": SECRETS[0]}])),
        (4_200, 3, mutation(attributes=[{"id": 6, "attributes": {"value": SECRETS[0]}}])),
        (4_300, 3, mutation(adds=[{"parentId": 13, "nextId": None, "node": text(40, SECRETS[3])}])),
        (4_400, 3, mutation(texts=[{"id": 999, "value": SECRETS[2]}])),
        (5_000, 3, {"source": 2, "type": 2, "id": 19, "x": 10, "y": 20}),
        (5_100, 5, {"tag": "note", "payload": {"password": SECRETS[0], "mail": SECRETS[5]}}),
        (5_200, 6, {"plugin": "rrweb/console@1", "payload": {"level": "error", "payload": [f'"{SECRETS[5]}"'], "trace": [SECRETS[0]]}}),
        (20_000, 3, {"source": 1, "positions": [{"x": 5, "y": 5, "id": 4, "timeOffset": 0}]}),
    ]  # fmt: skip
    return [{**about, "type": kind, "timestamp": begin + at, "data": data} for at, kind, data in made]


def mutation(**parts: Any) -> dict[str, Any]:
    return {"source": 0, "texts": [], "attributes": [], "removes": [], "adds": [], **parts}


def chosen(**replay: Any) -> Product:
    rules = {"mask": [".name"], "hide": [".balance"], **replay}
    return product(sources={"rec": {"format": "rrweb", "replay": rules}, "web": {}}, properties={})


def computed(home: Path, stated: Product) -> pl.DataFrame:
    """The recordings of all days after taking what landed, with the gate open."""
    lake = Lake(home)
    take_all(lake, stated)
    days = sorted(find_dirty(lake, stated, lambda _day: True).runnable)
    for name in UNTIL_RECORDINGS:
        list(build_days(lake, stated, name, days, approve))
    return scan_days(lake, "recordings", published_days(lake, "recordings")).collect()


def kept(home: Path, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a recording's only window."""
    (tab,) = json.loads(gzip.decompress((home / row["recording"]).read_bytes()))["tabs"]
    return tab["events"]


def stored(home: Path) -> bytes:
    """All that lies below lake/, unpacked, Parquet as its texts."""
    parts: list[bytes] = []
    for path in sorted((home / "lake").rglob("*")):
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            parts += [path.read_bytes(), json.dumps(frame.select(pl.col(pl.String)).to_dicts()).encode()]
        elif path.suffix == ".gz":
            parts.append(gzip.decompress(path.read_bytes()))
        elif path.is_file():
            parts.append(path.read_bytes())
    return b"\n".join(parts)
