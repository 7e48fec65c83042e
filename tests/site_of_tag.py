"""A small site that bears the tag, under a strict policy: what tests in a browser visit."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

NONCE = "c2l0ZQ"
STYLE = """
section,main{max-width:100%}
body{margin:0;font:16px sans-serif;height:3000px;position:relative}
section.hero{position:absolute;top:100px;left:0;width:900px;height:300px;background:#eee}
section.low{position:absolute;top:2400px;left:0;width:900px;height:300px;background:#ddd}
main{position:absolute;top:420px;left:0;width:900px}
"""
HOME = """
<section class=hero><button class="cta a" id=cta>Buy</button><a href="/p/1?size=3" id=product>Coat</a></section>
<main>
<form name=signup id=signup action="/thanks"><input name=email id=email type=text><input name=age id=age required pattern="[0-9]+">
<button id=send>Send</button></form>
<div id=shadow></div><div id=note contenteditable=true>My own words</div><p id=text>Text to mark</p>
<p data-ff-hide>Account 12</p>
</main>
<section class=low>End</section>
"""


@dataclass
class Site:
    """Where it is, which pages it has, what was asked of it."""

    url: str
    pages: dict[str, str]
    asked: list[str]


@contextmanager
def site(collector: str, pages: Mapping[str, str], *, lang: str = "en") -> Iterator[Site]:
    """Serve `pages` (path: body), each with the tag of `collector`."""
    asked: list[str] = []
    bodies = dict(pages)

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            asked.append(self.path)
            body = bodies.get(path)
            if path.endswith(".js") and body is not None:
                self._answer(200, "text/javascript", body.encode())
                return
            html = (
                f"<!doctype html><html lang={lang}><head><title>Page {path}</title><meta charset=utf-8><style nonce={NONCE}>{STYLE}</style>"
                f'<script nonce={NONCE} async src="{collector}/t.js"></script></head><body>{body}</body></html>'
            )
            is_there = body is not None
            self._answer(200 if is_there else 404, "text/html; charset=utf-8", html.encode() if is_there else b"gone")

        def _answer(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            policy = f"default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'nonce-{NONCE}'; connect-src 'self' {collector}; form-action 'self'"
            self.send_header("content-security-policy", policy)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", bodies, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
