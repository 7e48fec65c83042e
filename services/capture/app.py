"""Routes of the collector: the tag and its settings, events, recordings. What must not be here: what events mean."""

import asyncio
import hmac
import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pipeline.core.object_lake import StoreError, open_lake
from services.capture.batches import BodyError, decoded, event_lines, recorded_line
from services.capture.bodies import Refused, body_of, cross_origin
from services.capture.limits import Disk, Rate
from services.capture.picks import keep_picks, may_pick
from services.capture.settings import Known, Settings
from services.capture.spool import Spool, ship_left_behind

STATIC = Path(str(files("services.capture") / "static"))
_MOST_EVENT_BYTES, _MOST_RECORDED_BYTES, _LARGE_BYTES = 512 << 10, 2 << 20, 32 << 10
_log = logging.getLogger("footfall.capture")
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
        self._unshippable: str | None = None

    # --- what is taken

    async def events(self, request: Request) -> Response:
        """A batch of events: 204 once they are on the disk."""
        return await self._taken(request, _MOST_EVENT_BYTES)

    async def recording(self, request: Request) -> Response:
        """A chunk of a recording: 204 once it is on the disk."""
        return await self._taken(request, _MOST_RECORDED_BYTES)

    async def _taken(self, request: Request, most: int) -> Response:
        known = self.settings.known
        origin = request.headers.get("origin", "").lower()
        answer = cross_origin(known, origin)
        try:
            self._let_in(request, known, origin)
            body = await body_of(request, most)
            await self._store(request, known, decoded(body), len(body))
            status, headers = 204, answer
        except Refused as refused:
            status, headers = refused.status, {**answer, **(refused.headers or {})}
        except (BodyError, RecursionError, ClientDisconnect):
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

    async def _store(self, request: Request, known: Known, told: dict[str, object], size: int) -> None:
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
            work = partial(event_lines, told, said, known.denied, datetime.now(UTC))
            # Others needn't wait for a large one.
            lines = await run_in_threadpool(work) if size > _LARGE_BYTES else work()
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
        known = self.settings.known
        origin = request.headers.get("origin", "").lower()
        headers = cross_origin(known, origin)
        try:
            self._let_in(request, known, origin)
            told = decoded(await body_of(request, _MOST_EVENT_BYTES))
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
        known = self.settings.known
        headers = {"etag": known.etag, "cache-control": _SHORT, "access-control-allow-origin": "*"}
        if request.headers.get("if-none-match") == known.etag:
            return Response(status_code=304, headers=headers)
        return Response(known.body, headers=headers, media_type="application/json")

    async def health(self, _request: Request) -> Response:
        """Whether it takes anything now."""
        has_room = self._disk.has_room
        told = {
            "ok": has_room,
            "waiting_bytes": self._waiting,
            "unshipped_bytes": self._unshipped,
            "faults": self.faults,
        }
        return JSONResponse(told, 200 if has_room else 503)

    async def metrics(self, _request: Request) -> Response:
        """Counts since the start, as Prometheus reads them."""
        own = {f"footfall_capture_{name}_total": n for name, n in sorted(self.counts.items())}
        spools = self._spools.values()
        own["footfall_capture_commits_total"] = sum(each.commits for each in spools)
        own["footfall_capture_files_shipped_total"] = sum(each.shipped for each in spools)
        own["footfall_capture_waiting_bytes"] = self._waiting
        own["footfall_capture_unshipped_bytes"] = self._unshipped
        return PlainTextResponse("".join(f"{name} {n}\n" for name, n in own.items()))

    @property
    def _waiting(self) -> int:
        return sum(each.waiting for each in self._spools.values())

    @property
    def _unshipped(self) -> int:
        return sum(each.unshipped_bytes for each in self._spools.values())

    @property
    def faults(self) -> list[str]:
        """What doesn't work now, in sentences."""
        own = self.settings.fault
        said = [f"the product file as it is now isn't used: {own}"] if own else []
        return [*said, *([f"landing files can't be written: {self._unshippable}"] if self._unshippable else [])]

    # --- its life

    async def keep_going(self) -> None:
        """Ship what is left behind, and each spool when it is old enough, for ever; look at the product file."""
        has_recovered = False
        while True:
            await run_in_threadpool(self.settings.look)
            try:
                if not has_recovered:
                    await run_in_threadpool(ship_left_behind, self.lake, self._folder)
                    has_recovered = True
                for each in list(self._spools.values()):
                    await each.ship_when_due()
                self._said(None)
            except (OSError, StoreError) as fault:
                # What waits is on the disk, and is tried again.
                self._said(str(fault))
            await asyncio.sleep(min(1.0, self._options.rotate_seconds / 2))

    def _said(self, fault: str | None) -> None:
        if fault and fault != self._unshippable:
            _log.error("landing files can't be written: %s; what was taken waits in %s", fault, self._folder)
        self._unshippable = fault

    async def close(self) -> None:
        """Write and ship all that was taken; what can't be shipped now the next process does."""
        for each in self._spools.values():
            try:
                await each.close()
            except (OSError, StoreError) as fault:
                self._said(str(fault))


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
        going = asyncio.create_task(collector.keep_going())
        yield
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going
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
