"""What a webhook is told, and what nobody is: the address, in no message and no error."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pipeline.publish import webhook
from pipeline.publish.webhook import WebhookError, post

HIDDEN = "T0HIDDEN"


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, none of which is waited for."""
    result: list[float] = []
    monkeypatch.setattr(webhook.time, "sleep", result.append)
    return result


@contextmanager
def answering(*answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook on this machine that gives these answers, the last one for ever; its address and what it heard."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, headers = answers[min(len(heard), len(answers)) - 1]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{HIDDEN}", heard
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("answers", "waited"),
    [
        ([(200, {})], []),
        ([(500, {}), (200, {})], [1.0]),
        ([(503, {}), (429, {}), (200, {})], [1.0, 4.0]),
        ([(429, {"Retry-After": "7"}), (200, {})], [7.0]),
        ([(429, {"Retry-After": "86400"}), (200, {})], [30.0]),
        ([(429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}), (200, {})], [1.0]),
    ],
)
def test_a_busy_or_failing_other_side_is_asked_again(
    answers: Sequence[tuple[int, dict[str, str]]], waited: list[float], pauses: list[float]
) -> None:
    with answering(*answers) as (address, heard):
        post(address, "hello")
    assert heard == [{"text": "hello"}] * len(answers)
    assert pauses == waited


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (429, 3), (404, 1), (403, 1), (400, 1)])
def test_what_is_refused_is_an_error_without_the_address(status: int, tries: int) -> None:
    with answering((status, {})) as (address, heard), pytest.raises(WebhookError, match=str(status)) as fault:
        post(address, "hello")
    assert len(heard) == tries
    assert HIDDEN not in str(fault.value)
    assert fault.value.__suppress_context__


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with (
        answering((200, {})) as (elsewhere, reported),
        answering((status, {"Location": elsewhere})) as (address, _),
        pytest.raises(WebhookError, match="isn't followed"),
    ):
        post(address, "hello")
    assert not reported


@pytest.mark.parametrize(
    "address",
    [
        f"http://hooks.example.com/{HIDDEN}",
        f"ftp://hooks.example.com/{HIDDEN}",
        f"file:///etc/{HIDDEN}",
        f"hooks.example.com/{HIDDEN}",
        f"https:///{HIDDEN}",
        f"https://[half/{HIDDEN}",
        f"http://127.0.0.1.example.com/{HIDDEN}",
        "",
    ],
)
def test_only_https_unless_it_is_this_machine(address: str) -> None:
    with pytest.raises(WebhookError, match="https") as fault:
        post(address, "hello")
    assert HIDDEN not in str(fault.value)


@pytest.mark.parametrize(
    "address",
    [f"https://127.0.0.1:1/{HIDDEN}", f"http://localhost:1/{HIDDEN}", f"http://127.0.0.1/{HIDDEN} with blanks\n"],
)
def test_what_cannot_be_reached_is_told_without_the_address(address: str) -> None:
    with pytest.raises(WebhookError, match="can't be reached") as fault:
        post(address, "hello")
    assert HIDDEN not in str(fault.value)


def test_http_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTFALL_WEBHOOK_ALLOW_HTTP", "1")
    with pytest.raises(WebhookError, match="can't be reached"):
        post("http://no-such-host.invalid/x", "hello")
