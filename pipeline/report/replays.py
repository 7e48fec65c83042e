"""Replays: which sessions to watch for what, and a page for each that is linked, which plays from disk.

The player is rrweb's own, put beside this module by `make assets`; without it nothing is linked and the page says how to
get it. A replay's page holds everything it plays, under a policy that lets it ask nobody.
"""

import base64
import gzip
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec
import polars as pl
from markupsafe import Markup

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.report.parts import Marts, Quote, day_text, duration, label
from pipeline.report.replay_summary import summary

FOLDER = "replays"
# So many pages with a player are made at most; each is a quarter of a megabyte and more.
MOST_PAGES = 300
# What a page may hold of a recording, packed, so that it stays below two megabytes.
MOST_PACKED = 1_200_000
NO_PLAYER = (
    "The player isn't built here: run `make assets` in the checkout (Node comes from the machine or from PyPI), then "
    "`footfall report`. Until then sessions are listed without links."
)


@dataclass(frozen=True)
class Player:
    """rrweb's player: its script and style."""

    script: str
    style: str


def player() -> Player | None:
    """The player as `make assets` built it; None where it isn't built."""
    folder = files("pipeline.report") / "player" / "dist"
    if not (folder / "player.js").is_file():
        return None
    script = (folder / "player.js").read_text(encoding="utf-8").rsplit("//# sourceMappingURL", 1)[0]
    style = (folder / "player.css").read_text(encoding="utf-8").rsplit("/*# sourceMappingURL", 1)[0]
    return Player(script.replace("</script", "<\\/script"), style)


@dataclass
class Replays:
    """Links to the replays of sessions; which ones are linked is noted, for only these get a page."""

    # When each begins, and how many seconds it lasts.
    spans: dict[str, tuple[datetime, float]]
    is_built: bool
    linked: dict[str, None] = field(default_factory=dict[str, None])

    def address(self, session_key: str, at: datetime | None = None) -> str | None:
        """Where the session's replay lies, at that instant; None where there is none.

        A device's wrong clock is corrected in its events, not in its recording: an instant outside of it is none.
        """
        if session_key not in self.spans or not self.is_built:
            return None
        begin, seconds = self.spans[session_key]
        if session_key not in self.linked and len(self.linked) >= MOST_PAGES:
            return None
        self.linked[session_key] = None
        second = 0.0 if at is None else max(0.0, (at - begin).total_seconds())
        second = 0.0 if second > seconds else second
        return f"{FOLDER}/{session_key}.html#t={second:.3f}"

    def link(self, text: str, session_key: str, at: datetime | None = None) -> str:
        """`text`, linked to the session's replay at that instant where there is one."""
        address = self.address(session_key, at)
        return text if address is None else Markup('<a href="{}" title="Watch the replay">{}</a>').format(address, text)

    def of_session(self, session_key: str | None) -> str | None:
        """A session's name, linked where it was recorded; None where there is none."""
        return None if session_key is None else self.link(f"session {session_key[:8]}", session_key)


def replays_of(marts: Marts) -> Replays:
    """Links to what can be shown of these marts."""
    shown = marts["replays"].filter(pl.col("completeness") != "nothing to show")
    spans = {
        key: (begin, seconds)
        for key, begin, seconds in shown.select("session_key", "started_at", "duration_seconds").rows()
    }
    return Replays(spans, player() is not None)


def quote_of(row: dict[str, Any], replays: Replays) -> Quote:
    """A row of the mart `quotes`, with where it stands and its session, linked where that was recorded."""
    score = None if row["score"] is None else f"score {row['score']}"
    stands = (score, day_text(row["day"]), row["page"], row["device_type"], replays.of_session(row["session_key"]))
    return Quote(row["quote"], row["pick"], Markup(" · ").join(filter(None, stands)))


def watch_links(own: pl.DataFrame, replays: Replays) -> str:
    """Links to the sessions of one list, in order of their places."""
    links = [
        replays.link(f"{r['device_type']} {duration(r['duration_seconds'])}", r["session_key"], r["happened_at"])
        for r in own.sort("position").rows(named=True)
    ]
    return Markup(" · ").join(links)


def replay_parts(lake: Lake, row: dict[str, Any], moments: pl.DataFrame, product: Product) -> dict[str, Any] | None:
    """What a replay's page is filled with: the packed recording, its moments, its facts; None where the object is gone."""
    packed = lake.read(row["recording"])
    if packed is None:
        return None
    tabs, is_cut = _cut(packed)
    own = moments.filter(pl.col("session_key") == row["session_key"]).sort("offset_seconds", "kind")
    reported = [
        {"at": round(1000 * max(0, r["offset_seconds"])), "kind": r["kind"], "text": " – ".join(filter(None, (label(r["page"]), label(r["zone"]), r["detail"])))}  # noqa: RUF001
        for r in own.rows(named=True)
    ]  # fmt: skip
    data = {"moments": reported, "begin": row["started_at"].timestamp() * 1000}
    return {
        "name": row["session_key"],
        "events": base64.b64encode(tabs).decode(),
        "data": msgspec.json.encode(data)
        .decode()
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026"),
        "row": row,
        "sentence": summary(row, own, product),
        "length": duration(row["duration_seconds"]),
        "is_cut": is_cut,
    }


def _cut(packed: bytes) -> tuple[bytes, bool]:
    """The recording as it fits into a page: where it is too long, its begin."""
    if len(packed) <= MOST_PACKED:
        return packed, False
    tabs = msgspec.json.decode(gzip.decompress(packed))["tabs"]
    kept = 1.0
    while len(packed) > MOST_PACKED and kept > 0.001:  # noqa: PLR2004  # a thousandth of it doesn't fit either
        kept *= 0.8 * MOST_PACKED / len(packed)
        shorter = [{**tab, "events": tab["events"][: max(2, int(len(tab["events"]) * kept))]} for tab in tabs]
        packed = gzip.compress(msgspec.json.encode({"tabs": shorter}), 6, mtime=0)
    return packed, True
