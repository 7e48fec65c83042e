"""The collector: what it takes, what it refuses, and that nothing acknowledged is lost (docs/capture.md)."""

import asyncio
import errno
import gzip
import json
import os
import signal
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from capture import ORIGIN, PRODUCT, batch, collector, event, home_at, landed, over, stored_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compute_all, take_all
from typer.testing import CliRunner

from assets.cli import app
from footfall import server
from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from services.capture.app import Options
from services.capture.batches import BodyError, decoded, event_lines, recorded_line
from services.capture.spool import ship, ship_left_behind

# SIGKILLs under load; FOOTFALL_KILLS=20 is what docs/capture.md tells of.
KILLS = int(os.environ.get("FOOTFALL_KILLS", "4"))


def test_what_is_taken_is_ingested_as_it_was_sent(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        body = batch(
            event(1, properties={"plan": "plus"}),
            event(2, kind="click", x=3, y=4, odd={"deep": [1]}),
            tag="1.0.0",
            lost=2,
        )
        assert (await client.post("/e", content=body, headers={"cf-ipcountry": "de"})).status_code == 204
        packed = gzip.compress(batch(event(3)))
        assert (await client.post("/e?z=gzip", content=packed)).status_code == 204
        counts = (await client.get("/metrics")).text
        assert "footfall_capture_events_total 3\n" in counts
        assert "footfall_capture_lost_in_browsers_total 2\n" in counts

    over(home, send)
    first, second, third = landed(home)
    assert (first["event_id"], second["event_id"], third["event_id"]) == ("e1", "e2", "e3")
    assert first["properties"] == {"plan": "plus", "tag": "1.0.0", "lost": 2}
    assert second["properties"] == {"odd": {"deep": [1]}}
    assert first["user_agent"] == "Test/1"
    assert first["country"] == "DE"
    assert "country" not in third
    assert first["device_type"] == "desktop"
    assert not list((home / "spool").iterdir())
    lake, product = Lake(home), load_product(home / "product.yaml")
    (manifest, *others) = take_all(lake, product)
    assert not others
    assert (manifest.records_read, manifest.accepted) == (3, 3)
    compute_all(lake, product)
    assert Lake(home).exists("marts/daily_kpis.parquet")


def test_each_refusal_has_its_code_and_leaves_nothing(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    deep = b'{"v":1,"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    bomb = gzip.compress(b" " * (40 << 20))
    refused: list[tuple[int, str, bytes, dict[str, str]]] = [
        (403, "/e", batch(event(1)), {"origin": "https://evil.example"}),
        (403, "/e", batch(event(1)), {"origin": "null"}),
        (400, "/e", b"{", {}),
        (400, "/e", b"[1]", {}),
        (400, "/e", b"\xff\xfe", {}),
        (400, "/e", deep, {}),
        (400, "/e", batch(event(1), v=2), {}),
        (400, "/e", batch(*[event(i) for i in range(1001)]), {}),
        (400, "/e", b'{"v":1,"events":[1]}', {}),
        (400, "/e", b'{"v":1,"events":{},"common":3}', {}),
        (400, "/e?z=gzip", b"no gzip", {}),
        (413, "/e?z=gzip", bomb, {}),
        (413, "/e", b" " * (513 << 10), {}),
        (413, "/r", b" " * (3 << 20), {}),
        (400, "/r", b'{"v":1,"data":[1]}', {}),
        (405, "/settings.json", b"", {}),
        (404, "/nothing", b"", {}),
    ]

    async def send(client: httpx.AsyncClient) -> None:
        for status, path, body, headers in refused:
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code == status, (path, body[:80])
        without = httpx.AsyncClient(transport=client._transport, base_url="http://collector")
        assert (await without.post("/e", content=batch(event(1)))).status_code == 403

    over(home, send)
    assert landed(home) == []
    assert stored_bytes(home) == b""


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["v", "events", "common", "kind", "url", "properties", "data"]) | st.text(max_size=3),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_body_is_lines_or_refused(body: Any) -> None:
    told = {**body, "v": 1} if isinstance(body, dict) else body
    for make in (
        lambda known: event_lines(known, {}, frozenset(), datetime.now(UTC)),
        lambda known: [recorded_line(known)],
    ):
        try:
            lines = make(decoded(json.dumps(told).encode()))
        except BodyError:
            continue
        assert all(b"\n" not in line and isinstance(json.loads(line), dict) for line in lines)


def test_global_privacy_control_is_a_no_unless_there_was_a_yes(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        for name in ("sec-gpc", "dnt"):
            assert (await client.post("/e", content=batch(event(1)), headers={name: "1"})).status_code == 204
        assert (
            await client.post("/e", content=batch(event(2), consent="yes"), headers={"sec-gpc": "1"})
        ).status_code == 204
        assert "refused_by_signal_total 2\n" in (await client.get("/metrics")).text

    over(home, send)
    assert [each["event_id"] for each in landed(home)] == ["e2"]


def test_nothing_that_is_written_holds_a_secret(tmp_path: Path) -> None:
    home, secrets = (
        home_at(tmp_path / "home"),
        ("eve@mail.example", "s3cr3t-t0ken-9f8e7d6c", "4111111111111111", "hunter2", "203.0.113.7"),
    )
    mail, token, card, typed, _address = secrets
    chunk = {
        "v": 1, "session_id": "s", "distinct_id": "a",
        "data": [
            {"type": 4, "timestamp": 1, "data": {"href": f"{ORIGIN}/?token={token}"}},
            {"type": 2, "timestamp": 2, "data": {"node": {"type": 0, "id": 1, "childNodes": [
                {"type": 2, "id": 2, "tagName": "input", "attributes": {"type": "hidden", "value": typed}, "childNodes": []},
                {"type": 2, "id": 3, "tagName": "textarea", "attributes": {}, "childNodes": [{"type": 3, "id": 4, "textContent": typed}]},
                {"type": 2, "id": 5, "tagName": "div", "attributes": {"contenteditable": "true"}, "childNodes": [{"type": 3, "id": 6, "textContent": typed}]},
                {"type": 2, "id": 7, "tagName": "p", "attributes": {}, "childNodes": [{"type": 3, "id": 8, "textContent": f"mail {mail}, card {card}"}]},
            ]}}},
            {"type": 3, "timestamp": 3, "data": {"source": 5, "id": 2, "text": typed, "isChecked": False}},
            {"type": 3, "timestamp": 4, "data": {"source": 0, "texts": [], "removes": [], "adds": [], "attributes": [{"id": 2, "attributes": {"value": typed}}]}},
        ],
    }  # fmt: skip

    async def send(client: httpx.AsyncClient) -> None:
        told = event(
            1, url=f"{ORIGIN}/?token={token}&mail={mail}", page_title=f"Hello {mail}", error_message=f"card {card}"
        )
        own = event(
            2,
            properties={
                "password": typed,
                "note": typed,
                "comment": f"write to {mail}",
                "referrer": f"/?token={token}",
            },
        )
        assert (await client.post("/e", content=batch(told, own))).status_code == 204
        assert (await client.post("/r", content=json.dumps(chunk))).status_code == 204
        # What waits for its time to be shipped holds none either.
        assert all(each.encode() not in stored_bytes(home) for each in secrets)
        assert b"e2" in stored_bytes(home)

    over(home, send)
    kept = stored_bytes(home)
    assert [each for each in secrets if each.encode() in kept] == []
    (recorded,) = landed(home, "replays")
    assert len(recorded["data"]) == 4
    assert recorded["session_id"] == "s"


def test_an_answer_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, may_sync, real = home_at(tmp_path / "home"), threading.Event(), os.fdatasync

    def slow(fd: int) -> None:
        assert may_sync.wait(60)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", slow)

    async def send(client: httpx.AsyncClient) -> None:
        sent = asyncio.create_task(client.post("/e", content=batch(event(1))))
        spool = home / "spool"
        # It is written, and not answered.
        while not any(each.stat().st_size for each in spool.iterdir()):  # noqa: ASYNC110  # a file, not a task
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not sent.done()
        may_sync.set()
        assert (await sent).status_code == 204

    over(home, send)
    assert len(landed(home)) == 1


def test_what_the_disk_refuses_is_not_there_and_lands_once_when_it_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, real, is_full = home_at(tmp_path / "home"), os.write, True

    def full(fd: int, data: Any) -> int:
        if is_full and len(data) > 10:
            # Half of it fits.
            real(fd, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "no space left")
        return real(fd, data)

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal is_full
        is_full = False
        assert (await client.post("/e", content=batch(event(1)))).status_code == 204
        monkeypatch.setattr(os, "write", full)
        is_full = True
        answer = await client.post("/e", content=batch(event(2)))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        is_full = False
        assert (await client.post("/e", content=batch(event(2)))).status_code == 204

    over(home, send)
    assert [each["event_id"] for each in landed(home)] == ["e1", "e2"]


def test_a_disk_under_its_floor_takes_nothing(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        answer = await client.post("/e", content=batch(event(1)))
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert (await client.get("/health")).status_code == 503

    over(home, send, Options(least_free_bytes=1 << 60))
    assert stored_bytes(home) == b""


def test_one_address_may_not_take_it_all(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        codes = [(await client.post("/e", content=b"{")).status_code for _ in range(300)]
        assert set(codes) == {400, 429}
        # The first ones, as many as ten seconds allow.
        assert codes[:20] == [400] * 20

    over(home, send, Options(per_second=2))


def test_a_server_of_the_team_sends_with_the_key(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        for key, status in (("wrong", 403), ("", 403), ("right", 204)):
            headers = {"authorization": f"Bearer {key}", "origin": ""}
            assert (await client.post("/e", content=batch(event(1)), headers=headers)).status_code == status

    over(home, send, Options(key="right"))
    assert len(landed(home)) == 1


def test_the_settings_follow_the_product_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.capture.settings._LOOK_SECONDS", 0.0)
    home = home_at(tmp_path / "home")

    async def look(client: httpx.AsyncClient) -> None:
        first = await client.get("/settings.json")
        assert first.json()["zones"] == [{"name": "hero", "page": "home", "selectors": ["section.hero"]}]
        assert (await client.get("/settings.json", headers={"if-none-match": first.headers["etag"]})).status_code == 304
        file = home / "product.yaml"
        file.write_text(PRODUCT.replace("consent: none", "consent: ask"))
        until = time.monotonic() + 60
        while (second := await client.get("/settings.json")).json()["consent"] != "ask":
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        assert second.headers["etag"] != first.headers["etag"]
        # A faulty one changes nothing, and nothing stops.
        file.write_text(PRODUCT.replace("consent: none", "consent: perhaps"))
        while not (faults := (await client.get("/health")).json()["faults"]):
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        assert "capture.consent" in faults[0]
        assert (await client.get("/settings.json")).headers["etag"] == second.headers["etag"]
        assert (await client.post("/e", content=batch(event(1)))).status_code == 204

    over(home, look)


def test_a_spool_is_shipped_to_the_same_name_with_the_same_bytes(tmp_path: Path) -> None:
    lake, spool = Lake(home_at(tmp_path / "home")), tmp_path / "home" / "spool"
    spool.mkdir()
    file = spool / "web.18f0c0ffee000000-0a0b0c0d.open"
    made = []
    for _ in range(2):
        file.write_bytes(b'{"a":1}\n{"b":2}\n{"torn')
        assert ship_left_behind(lake, spool) == 1
        assert not file.exists()
        (landing,) = lake.path("landing").rglob("*.gz")
        made.append((landing, landing.read_bytes()))
        assert landing.with_name(landing.name + ".done").exists()
    assert made[0] == made[1]
    assert gzip.decompress(made[0][1]) == b'{"a":1}\n{"b":2}\n'


def test_the_spool_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")

    async def send(client: httpx.AsyncClient) -> None:
        assert (await client.post("/e", content=batch(event(1)))).status_code == 204
        assert len(list((home / "spool").iterdir())) == 1
        assert ship_left_behind(Lake(home), home / "spool") == 0
        assert len(list((home / "spool").iterdir())) == 1
        # Shipped by another meanwhile, it is shipped.
        ship(Lake(home), home / "spool" / "web.1-2.open")

    over(home, send)


@pytest.mark.slow
def test_killed_under_load_nothing_acknowledged_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    home, acknowledged, number = home_at(tmp_path / "home"), set[str](), 0
    for _ in range(KILLS):
        with collector(home, "--rotate", "1", "--rate", "0") as running:
            ends = time.monotonic() + 1.5
            threading.Timer(1.2, running.end, (signal.SIGKILL,)).start()
            with httpx.Client(base_url=running.url, headers={"origin": ORIGIN}) as client:
                while time.monotonic() < ends:
                    ids = [number + i for i in range(5)]
                    number += 5
                    try:
                        if client.post("/e", content=batch(*map(event, ids)), timeout=5).status_code == 204:
                            acknowledged |= {f"e{each}" for each in ids}
                    except httpx.HTTPError:
                        break
    with collector(home) as running:
        # Ended as asked, and said so as its exit code.
        assert running.end() in (0, -signal.SIGTERM)
    ids = [each["event_id"] for each in landed(home)]
    assert len(acknowledged) > 20 * KILLS
    assert acknowledged <= set(ids)
    assert len(ids) == len(set(ids))
    assert not list((home / "spool").iterdir())


@pytest.mark.slow
def test_ended_under_load_it_ships_all_that_it_took(tmp_path: Path) -> None:
    home, acknowledged = home_at(tmp_path / "home"), set[str]()
    with collector(home, "--rate", "0") as running:
        threading.Timer(0.5, running.process.terminate).start()
        with httpx.Client(base_url=running.url, headers={"origin": ORIGIN}) as client:
            for number in range(100_000):
                try:
                    if client.post("/e", content=batch(event(number)), timeout=5).status_code == 204:
                        acknowledged.add(f"e{number}")
                except httpx.HTTPError:
                    break
        assert running.process.wait(60) in (0, -signal.SIGTERM)
    assert acknowledged
    assert {each["event_id"] for each in landed(home)} >= acknowledged
    assert not list((home / "spool").iterdir())


def test_without_the_section_the_command_says_what_to_write(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home", "name: x\nstart_date: 2026-01-01\nsources: {web: {}}\n")
    said = CliRunner().invoke(app, ["capture", "--home", str(home)])
    assert said.exit_code == 2
    assert "origins: [https://www.shop.example]" in said.stderr


def test_the_line_for_pages() -> None:
    said = CliRunner().invoke(app, ["capture", "--snippet", "https://collect.shop.example/"])
    assert said.stdout == '<script async src="https://collect.shop.example/t.js"></script>\n'


def test_a_server_tells_of_orders_and_refunds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home_at(tmp_path / "home")
    monkeypatch.setenv("FOOTFALL_CAPTURE_KEY", "the key")
    with collector(home) as running:
        for _ in range(2):
            made = server.track(running.url, "order", user_id="u1", order_id="o7", revenue=12.5, currency="EUR")
        assert made == "order:o7"
        server.track(running.url, "refund", user_id="u1", order_id="o7", revenue=2, currency="EUR")
        with pytest.raises(server.NotTakenError, match="key") as refused:
            server.track(running.url, "order", order_id="o8", key="another")
        assert not refused.value.again
        with pytest.raises(ValueError, match="zone"):
            server.track(running.url, "order", order_id="o8", occurred_at=datetime(2026, 2, 3))  # noqa: DTZ001
        running.end()
    with pytest.raises(server.NotTakenError) as gone:
        server.track(running.url, "order", order_id="o8")
    assert gone.value.again
    lake, product = Lake(home), load_product(home / "product.yaml")
    assert [each.records_rejected for each in take_all(lake, product)] == [0]
    compute_all(lake, product)
    (day,) = pl.read_parquet(lake.path("marts/daily_kpis.parquet")).to_dicts()
    assert (day["orders"], day["revenue"]) == (1, Decimal("10.5"))


def test_while_landing_files_cannot_be_written_all_waits_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, real, is_down = home_at(tmp_path / "home"), Lake.write, True

    def write(lake: Lake, key: str, data: bytes) -> None:
        if is_down:
            raise OSError(errno.EIO, "the disk is away")
        real(lake, key, data)

    monkeypatch.setattr(Lake, "write", write)

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal is_down
        assert (await client.post("/e", content=batch(event(1)))).status_code == 204
        until = time.monotonic() + 60
        while not (told := (await client.get("/health")).json())["faults"]:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        assert "the disk is away" in told["faults"][0]
        assert told["unshipped_bytes"] > 0
        # What comes meanwhile is taken.
        assert (await client.post("/e", content=batch(event(2)))).status_code == 204
        is_down = False

    over(home, send, Options(rotate_seconds=0.2))
    assert sorted(each["event_id"] for each in landed(home)) == ["e1", "e2"]
    assert not list((home / "spool").iterdir())


def test_a_body_that_is_deep_only_within_is_refused(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    nested: Any = []
    for _ in range(900):
        nested = [nested]

    async def send(client: httpx.AsyncClient) -> None:
        for body in (batch(event(1, properties={"deep": nested})), batch(event(1, properties={"text": "[" * 5000}))):
            assert (await client.post("/e", content=body)).status_code in (204, 400)
        listed = batch(event(3, properties=["eve@mail.example"], name={"mail": "eve@mail.example"}))
        assert (await client.post("/e", content=listed)).status_code == 204

    over(home, send)
    assert b"mail.example" not in stored_bytes(home)
    assert landed(home)[-1]["properties"] == {"properties": ["[email]"]}
