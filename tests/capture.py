"""A home that collects, and what browsers would send to it."""

import asyncio
import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from servers import free_port, wait_until_answers
from support import at

from services.capture.app import Options, make_app

ORIGIN = "https://shop.example"
PRODUCT = """
name: Shop
time_zone: UTC
start_date: 2026-01-01
sources:
  web: {heartbeat_s: 10, minimum_visit_s: 5}
  replays: {format: rrweb, replay: {events: false}}
capture:
  origins: [https://shop.example]
  recordings: replays
  consent: none
  country_header: cf-ipcountry
pages:
  - {name: home, urls: ["/"]}
  - {name: product, urls: ["/p/:id"]}
zones:
  - {name: hero, page: home, selectors: ["section.hero"]}
goals:
  purchase: {kind: order}
privacy: {drop_properties: [note]}
"""


def home_at(folder: Path, product: str = PRODUCT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "product.yaml").write_text(product, encoding="utf-8")
    return folder


def event(number: int, **more: Any) -> dict[str, Any]:
    told = {"kind": "page_view", "event_id": f"e{number}", "anonymous_id": "a", "url": f"{ORIGIN}/"}
    return {**told, "occurred_at": at("2026-02-03T10:00").isoformat(), **more}


def batch(*events: dict[str, Any], **more: Any) -> bytes:
    told = {"v": 1, "sent_at": at("2026-02-03T10:00:02").isoformat(), "common": {"device_type": "desktop"}}
    return json.dumps({**told, "events": events, **more}).encode()


def over(home: Path, work: Callable[[httpx.AsyncClient], Awaitable[None]], options: Options | None = None) -> None:
    """Run `work` over a collector in this process; at its end all is shipped."""

    async def run() -> None:
        app = make_app(home, options)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, client=("203.0.113.7", 1))
            headers = {"origin": ORIGIN, "user-agent": "Test/1"}
            async with httpx.AsyncClient(transport=transport, base_url="http://collector", headers=headers) as client:
                await work(client)

    asyncio.run(run())


@dataclass
class Collector:
    """A collector as a process of its own."""

    process: "subprocess.Popen[bytes]"
    url: str

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def collector(home: Path, *options: str) -> Iterator[Collector]:
    port = free_port()
    command = [sys.executable, "-m", "footfall", "capture", "--home", str(home), "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until_answers(f"http://127.0.0.1:{port}/settings.json", 60)
        yield Collector(process, f"http://127.0.0.1:{port}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def landed(home: Path, source: str = "web") -> list[dict[str, Any]]:
    """The records of the landing files, in their order."""
    files = sorted((home / "landing" / source).rglob("*.ndjson.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


def stored_bytes(home: Path) -> bytes:
    """All that lies in the home, unpacked where it is packed."""
    files = [path for path in home.rglob("*") if path.is_file() and path.name != "product.yaml"]
    return b"\n".join(gzip.decompress(f.read_bytes()) if f.suffix == ".gz" else f.read_bytes() for f in files)
