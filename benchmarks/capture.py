"""The collector under load: requests of 20 events at a fixed rate over loopback, from a process of its own.

    python benchmarks/capture.py --seconds 60 --rate 1000

Requests are sent when they are due, whether or not earlier ones were answered, over 64 connections; the time of an answer counts
from when it was due. Afterwards what landed is counted. Writes benchmarks/results/capture.md.
"""

import argparse
import asyncio
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
EVENTS, CLICK, CONNECTIONS = 20, 9, 64
ORIGIN = "https://shop.example"
PRODUCT = f"""
name: Load
start_date: 2026-01-01
sources: {{web: {{}}}}
capture: {{origins: ["{ORIGIN}"], consent: none}}
"""
CHAIN = '<main class="shop"><section class="hero"><div class="grid wide"><a class="card" href="/p/17"><button id="buy" class="cta">'
TICKS = os.sysconf("SC_CLK_TCK")


def body(number: int) -> bytes:
    """A batch as the tag sends it while somebody moves and clicks."""
    now = datetime.now(UTC).isoformat()
    events = [
        {
            "event_id": f"{number}-{i}", "occurred_at": now, "sequence": i, "anonymous_id": f"device-{number % 5000}",
            "session_id": f"session-{number % 5000}", "tab_id": "tab", "page_view_id": f"view-{number}", "url": f"{ORIGIN}/p/{number % 300}?size={i}",
            "window_width": 1280, "window_height": 800, "page_width": 1280, "page_height": 3000, "scroll_y": 0,
            "kind": "page_view" if i == 0 else "click" if i == CLICK else "move", "element_chain": CHAIN, "x": i, "y": number % 900,
        }
        for i in range(EVENTS)
    ]  # fmt: skip
    common = {"device_type": "desktop", "language": "en", "time_zone": "UTC", "screen_width": 1280}
    return json.dumps({"v": 1, "sent_at": now, "tag": "1.0.0", "common": common, "events": events}).encode()


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
_HEAD = f"POST /e HTTP/1.1\r\nhost: collector\r\norigin: {ORIGIN}\r\nuser-agent: {AGENT}\r\ncontent-type: text/plain\r\ncontent-length: "
_TAKEN = b"HTTP/1.1 204"


async def load(port: int, seconds: int, rate: int) -> tuple[list[float], int]:
    """Seconds from when each request was due to its answer, and how many were acknowledged."""
    taken, acknowledged, due = list[float](), 0, asyncio.Queue[tuple[float, int] | None]()
    # Made before, so that making them isn't measured; an id of each is its own.
    bodies = [body(number).replace(f'"{number}-'.encode(), b'"@-') for number in range(500)]

    async def connection() -> None:
        nonlocal acknowledged
        # A client library takes more than the collector does, of the same two processors.
        reading, writing = await asyncio.open_connection("127.0.0.1", port)
        while (next_one := await due.get()) is not None:
            at, number = next_one
            data = bodies[number % len(bodies)].replace(b"@", str(number).encode())
            writing.write(f"{_HEAD}{len(data)}\r\n\r\n".encode() + data)
            answer = await reading.readuntil(b"\r\n\r\n")
            taken.append(time.perf_counter() - at)
            acknowledged += answer.startswith(_TAKEN)
        writing.close()

    workers = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for number in range(seconds * rate):
        at = began + number / rate
        if (wait := at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((at, number))
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return taken, acknowledged


def used(pid: int) -> tuple[float, float]:
    """CPU seconds and resident MB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Start a collector, load it from another process, write what came of it."""
    parser = argparse.ArgumentParser(description="The collector under load.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--port", type=int, help="load only: the collector's")
    chosen = parser.parse_args()
    if chosen.port:
        taken, acknowledged = asyncio.run(load(chosen.port, chosen.seconds, chosen.rate))
        taken.sort()
        print(
            json.dumps(
                {
                    "n": acknowledged,
                    "p50": taken[len(taken) // 2],
                    "p99": taken[int(len(taken) * 0.99)],
                    "max": taken[-1],
                }
            )
        )
        return
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        (home / "product.yaml").write_text(PRODUCT)
        port = 18_402
        command = [
            sys.executable,
            "-m",
            "footfall",
            "capture",
            "--home",
            str(home),
            "--port",
            str(port),
            "--rate",
            "0",
            "--rotate",
            "20",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT) as collector:
            while True:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            before, memory = used(collector.pid)
            asked = [
                sys.executable,
                __file__,
                "--port",
                str(port),
                "--seconds",
                str(chosen.seconds),
                "--rate",
                str(chosen.rate),
            ]
            with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as loading:
                peaks = []
                while loading.poll() is None:
                    time.sleep(1)
                    peaks.append(used(collector.pid)[1])
                told = json.loads((loading.stdout or sys.stdin).read())
            cpu = used(collector.pid)[0] - before
            collector.terminate()
        landed = sum(gzip.decompress(file.read_bytes()).count(b"\n") for file in home.rglob("*.ndjson.gz"))
    events = chosen.seconds * chosen.rate * EVENTS
    third = max(1, len(peaks) // 3)
    lines = [
        "# The collector under load",
        "",
        f"`python benchmarks/capture.py --seconds {chosen.seconds} --rate {chosen.rate}`: requests of {EVENTS} events over loopback, each",
        f"acknowledged after its write to the disk. {platform.machine()}, {os.cpu_count()} cores, which the load shares; python {platform.python_version()}.",
        "",
        "| what | measured |",
        "| --- | --- |",
        f"| events sent | {events:,} |",
        f"| acknowledged requests | {told['n']:,} of {chosen.seconds * chosen.rate:,} |",
        f"| events landed | {landed:,} |",
        f"| p50, p99, longest answer, from when it was due | {told['p50'] * 1000:.0f} ms, {told['p99'] * 1000:.0f} ms, {told['max'] * 1000:.0f} ms |",
        f"| collector's CPU | {cpu:.1f} s: {cpu / events * 1e6:.1f} us an event |",
        f"| its memory before, in the first third, in the last (greatest) | {memory:.0f}, {max(peaks[:third]):.0f}, {max(peaks[-third:]):.0f} MB |",
    ]
    (ROOT / "benchmarks" / "results" / "capture.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
