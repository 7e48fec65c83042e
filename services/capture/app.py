"""Routes of the collector: the tag and its settings, events, recordings. What must not be here: what events mean."""

import asyncio
import hmac
import re
import zlib
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.core.object_lake import open_lake
from services.capture.batches import BodyError, decoded, event_lines, recorded_line
from services.capture.limits import Disk, Rate
from services.capture.picks import keep_picks, may_pick
from services.capture.settings import Known, Settings
from services.capture.spool import Spool, left_behind, ship

STATIC = Path(str(files("services.capture") / "static"))
_MOST_EVENT_BYTES, _MOST_RECORDED_BYTES = 512 << 10, 2 << 20
_PART = re.compile(r"[a-z]+-[0-9A-Z]{8}\.js")
_LATER, _WHEN_FULL = {"retry-after": "10"}, {"retry-after": "60"}
_FOR_EVER, _SHORT = "public, max-age=31536000, immutable", "public, max-age=300"


@dataclass(frozen=True)
class Options:
    """How the collector runs; what it takes stands in the product file."""

    rotate_seconds: float = 60
    per_second: float = 50
    least_free_bytes: int = 200 << 20
    spool: Path | None = None
    # Lets a server of the team's own send without an origin.
    key: str | None = None


class Refused(Exception):
    """A request that isn't taken, with what it is told."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers


class Collector:
    """What the routes share: settings, spools, limits, counts."""

    def __init__(self, home: Path | str, options: Options) -> None:
        self.lake = open_lake(home)
        self.settings = Settings(self.lake)
        self._options = options
        self._folder = options.spool or self.lake.home / "spool"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._disk, self._rate = Disk(self._folder, options.least_free_bytes), Rate(options.per_second)
        self._spools: dict[str, Spool] = {}
        self.counts = Counter[str]()

    # --- what is taken

    async def events(self, request: Request) -> Response:
        """A batch of events: 204 once they are on the disk."""
        return await self._taken(request, _MOST_EVENT_BYTES)

    async def recording(self, request: Request) -> Response:
        """A chunk of a recording: 204 once it is on the disk."""
        return await self._taken(request, _MOST_RECORDED_BYTES)

    async def _taken(self, request: Request, most: int) -> Response:
        known = self.settings.now()
        origin = request.headers.get("origin", "").lower()
        answer: dict[str, str] = {"vary": "origin"}
        if origin in known.capture.origins:
            answer["access-control-allow-origin"] = origin
        try:
            self._let_in(request, known, origin)
            told = decoded(await _body(request, most))
            await self._store(request, known, told)
            status, headers = 204, answer
        except Refused as refused:
            status, headers = refused.status, {**answer, **(refused.headers or {})}
        except BodyError:
            status, headers = 400, answer
        except ClientDisconnect:
            status, headers = 400, answer
        except OSError:
            status, headers = 503, {**answer, **_LATER}
        self.counts[f"requests_{status}"] += 1
        return Response(status_code=status, headers=headers)

    def _let_in(self, request: Request, known: Known, origin: str) -> None:
        if origin not in known.capture.origins and not self._bears_key(request):
            raise Refused(403, "another origin")
        if self._rate.is_over(request.client.host if request.client else ""):
            raise Refused(429, "too many requests", _LATER)
        if not self._disk.has_room:
            raise Refused(503, "the disk is full", _WHEN_FULL)

    def _bears_key(self, request: Request) -> bool:
        key = self._options.key
        return bool(key) and hmac.compare_digest(
            request.headers.get("authorization", "").encode(), f"Bearer {key}".encode()
        )

    async def _store(self, request: Request, known: Known, told: dict[str, object]) -> None:
        # Said by the browser itself; a page that has a yes of this person says so.
        if told.get("consent") != "yes" and "1" in (request.headers.get("sec-gpc"), request.headers.get("dnt")):
            self.counts["refused_by_signal"] += 1
            return
        capture = known.capture
        if request.url.path.endswith("/r"):
            if capture.recordings is None:
                raise BodyError("nothing is recorded here")
            # A chunk may hold a whole page: others needn't wait for it.
            lines = [await run_in_threadpool(recorded_line, told)]
            source = capture.recordings
            self.counts["chunks"] += 1
        else:
            # What a server of the team's own sends bears that server's, which would make a bot of the person.
            is_browser = request.headers.get("origin", "").lower() in capture.origins
            said = {"user_agent": request.headers.get("user-agent", "")} if is_browser else {}
            if is_browser and capture.country_header:
                said["country"] = request.headers.get(capture.country_header, "")
            lines = event_lines(told, said, known.denied, datetime.now(UTC))
            source = capture.source
        if lines:
            await self._spool(source).add(b"\n".join(lines) + b"\n")
        if source == capture.source:
            self.counts["events"] += len(lines)
            lost = told.get("lost")
            self.counts["lost_in_browsers"] += lost if isinstance(lost, int) and 0 < lost < 1_000_000 else 0  # noqa: PLR2004

    def _spool(self, source: str) -> Spool:
        if source not in self._spools:
            self._spools[source] = Spool(self.lake, self._folder, source, self._options.rotate_seconds)
        return self._spools[source]

    async def picks(self, request: Request) -> Response:
        """Zones that somebody picked, by a token of `footfall zones --pick`."""
        known = self.settings.now()
        origin = request.headers.get("origin", "").lower()
        headers = {"vary": "origin"}
        if origin in known.capture.origins:
            headers["access-control-allow-origin"] = origin
        try:
            self._let_in(request, known, origin)
            told = decoded(await _body(request, _MOST_EVENT_BYTES))
            await run_in_threadpool(self._keep_picks, told)
        except Refused as refused:
            return Response(status_code=refused.status, headers=headers)
        except ValueError as fault:
            return PlainTextResponse(f"{fault}\n", 400, headers)
        return Response(status_code=204, headers=headers)

    def _keep_picks(self, told: dict[str, object]) -> None:
        if not may_pick(self.lake, told.get("token")):
            raise Refused(403, "no such token")
        keep_picks(self.lake, told.get("zones"))

    # --- what is given

    async def tag(self, _request: Request) -> Response:
        """The tag."""
        return _script("t.js", _SHORT)

    async def part(self, request: Request) -> Response:
        """A part of the tag, under a name that changes with it."""
        name: str = request.path_params["name"]
        return _script(name, _FOR_EVER) if _PART.fullmatch(name) else PlainTextResponse("not found\n", 404)

    async def told(self, request: Request) -> Response:
        """The tag's settings."""
        known = self.settings.now()
        headers = {"etag": known.etag, "cache-control": _SHORT, "access-control-allow-origin": "*"}
        if request.headers.get("if-none-match") == known.etag:
            return Response(status_code=304, headers=headers)
        return Response(known.body, headers=headers, media_type="application/json")

    async def health(self, _request: Request) -> Response:
        """Whether it takes anything now."""
        has_room = self._disk.has_room
        return JSONResponse({"ok": has_room, "waiting_bytes": self._waiting}, 200 if has_room else 503)

    async def metrics(self, _request: Request) -> Response:
        """Counts since the start, as Prometheus reads them."""
        own = {f"footfall_capture_{name}_total": n for name, n in sorted(self.counts.items())}
        spools = self._spools.values()
        own["footfall_capture_commits_total"] = sum(each.commits for each in spools)
        own["footfall_capture_files_shipped_total"] = sum(each.shipped for each in spools)
        own["footfall_capture_waiting_bytes"] = self._waiting
        return PlainTextResponse("".join(f"{name} {n}\n" for name, n in own.items()))

    @property
    def _waiting(self) -> int:
        return sum(each.waiting for each in self._spools.values())

    # --- its life

    def recover(self) -> int:
        """Ship what processes that are gone have left; how many files."""
        left = list(left_behind(self._folder))
        for path in left:
            ship(self.lake, path)
        return len(left)

    async def keep_shipping(self) -> None:
        """Ship each spool when it is old enough, for ever."""
        while True:
            await asyncio.sleep(min(1.0, self._options.rotate_seconds / 2))
            for each in list(self._spools.values()):
                # A store that can't be reached now is tried again; what waits is on the disk.
                with suppress(OSError):
                    await each.ship_when_due()

    async def close(self) -> None:
        """Write and ship all that was taken."""
        for each in self._spools.values():
            await each.close()


async def _body(request: Request, most: int) -> bytes:
    """The body, unpacked where it says that it is gzip; Refused (413) where it is larger than `most`, packed or not."""
    if int(request.headers.get("content-length") or 0) > most:
        raise Refused(413, "too large")
    parts, size = list[bytes](), 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise Refused(413, "too large")
    body = b"".join(parts)
    # A header would cost a question beforehand, which a page that is being left can't ask.
    if request.query_params.get("z") != "gzip":
        return body
    unpacking = zlib.decompressobj(31)
    try:
        body = unpacking.decompress(body, most)
    except zlib.error as fault:
        raise BodyError(str(fault)) from None
    if unpacking.unconsumed_tail:
        raise Refused(413, "too large")
    return body


def _script(name: str, keep: str) -> Response:
    file = STATIC / name
    if not file.is_file():
        return PlainTextResponse("The tag isn't built; run `make assets`.\n", 404)
    headers = {"cache-control": keep, "access-control-allow-origin": "*", "x-content-type-options": "nosniff"}
    return Response(file.read_bytes(), headers=headers, media_type="text/javascript")


def make_app(home: Path | str, options: Options | None = None) -> Starlette:
    """The collector over a home."""
    collector = Collector(home, options or Options())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await run_in_threadpool(collector.recover)
        shipping = asyncio.create_task(collector.keep_shipping())
        yield
        shipping.cancel()
        await collector.close()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/t.js", collector.tag),
            Route("/t/{name}", collector.part),
            Route("/settings.json", collector.told),
            Route("/e", collector.events, methods=["POST"]),
            Route("/r", collector.recording, methods=["POST"]),
            Route("/z", collector.picks, methods=["POST"]),
            Route("/health", collector.health),
            Route("/metrics", collector.metrics),
        ],
    )
