"""What every answer says to the browser, and who is answered at all. The outermost layer: refusals bear the headers too."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing inline, nothing from elsewhere.
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Pages of the report hold all that they show, under a policy of their own that names it by its hash.
WHOLE = "frame-ancestors 'none'"
_OF_REPORT = ("/report", "/replay")
_MOST_QUERY = 8_192
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class Guard:
    """Only reading, only for this site's own pages, with the same headers on whatever is said."""

    def __init__(self, app: ASGIApp, prefix: str = "") -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"].removeprefix(self._prefix)
        policy = WHOLE if path.startswith(_OF_REPORT) else PAGE
        # Styles and scripts may be kept, and are asked for; numbers may not: who is erased is gone at once.
        kept = b"no-cache" if path.startswith("/static/") else b"no-store"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [(b"content-security-policy", policy.encode()), (b"cache-control", kept), *_HEADERS]
                message["headers"] = [*message.get("headers", []), *told]
            await send(message)

        refused = _refusal(scope)
        await (refused or self._app)(scope, receive, guarded)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    headers = dict(scope["headers"])
    if scope["method"] not in ("GET", "HEAD"):
        return PlainTextResponse("Only reading is possible here: GET and HEAD.\n", 405, {"Allow": "GET, HEAD"})
    if len(scope["query_string"]) > _MOST_QUERY:
        return PlainTextResponse(f"The address is longer than {_MOST_QUERY} characters.\n", 414)
    is_elsewhere = headers.get(b"sec-fetch-site", b"none") in (b"cross-site", b"same-site")
    if is_elsewhere and headers.get(b"sec-fetch-mode") != b"navigate":
        return PlainTextResponse("Pages of other sites aren't answered.\n", 403)
    return None
