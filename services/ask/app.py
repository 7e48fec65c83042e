"""Routes of the Ask page. What must not be here: what numbers mean, and how they are computed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import vl_convert
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.ask.address import Params, address_of, question_of
from pipeline.ask.answer import Answer, AskError, Cell
from pipeline.ask.data import Stop, StoppedError
from pipeline.ask.known import checked
from pipeline.ask.question import Question
from pipeline.ask.snippet import snippet, with_snippet
from pipeline.build.today import today_of
from pipeline.core.keys import mart_key
from pipeline.core.lake import DamagedObject
from pipeline.core.object_lake import StoreError
from pipeline.core.product_file import PRODUCT_FILE
from pipeline.report.asked import flow_of_answer, heat_maps, pictures_of, zone_maps
from pipeline.report.write import replay_page
from services.ask.exports import WRITTEN, file_of
from services.ask.faults import TOO_MUCH, said_of
from services.ask.form import asked_by_form, is_form
from services.ask.guard import Guard
from services.ask.home import Home
from services.ask.json_answer import json_answer, nobodys
from services.ask.pages import Pages, examples
from services.ask.shown import PAGE_ROWS, visit_rows
from services.ask.slots import BusyError, Slots

LOCAL = ("127.0.0.1", "localhost", "[::1]")
STATIC = files("services.ask") / "static"
_CELL, _REPLAYS = "cell.", mart_key("replays")


class AskApp:
    """What the routes share: the home, the slots, the templates."""

    def __init__(self, path: Path | str) -> None:
        self.home = Home(path)
        self.slots = Slots()
        self.pages = Pages(self.home)

    async def start(self, _request: Request) -> Response:
        """The first page: questions to begin with, made of what the home holds."""
        known = await self._in_thread(self.home.known)
        shown = examples(known, self.home.product)
        return self.pages.html("start.html.j2", known=known, examples=shown)

    async def ask(self, request: Request) -> Response:
        """A question and its answer; a form that was sent leads to the question's address."""
        params = request.query_params.multi_items()
        if not params:
            return RedirectResponse("./", 303)
        question = await self._question(params)
        if is_form(params) and not _is_partial(request):
            return RedirectResponse(f"ask?{address_of(question)}", 303)
        answer, pictures, flow = await self._computed(request, question)
        told = await self._in_thread(lambda: self.pages.answer(answer, pictures, flow))
        page = self.pages.html("partial.html.j2" if _is_partial(request) else "ask.html.j2", **told)
        if _is_partial(request):
            page.headers["HX-Push-Url"] = f"ask?{address_of(question)}"
        return page

    async def behind(self, request: Request) -> Response:
        """The people behind a number, a page of them at a time."""
        params = request.query_params.multi_items()
        cell, number = _cell_of(params), max(1, _number(params, "part", 1))
        own = [(name, value) for name, value in params if not name.startswith(_CELL) and name != "part"]
        question = await self._question(own)
        rows = await self._compute(request, f"behind {params}", lambda stop: self._asker.behind(question, cell, stop))
        shown = rows.slice((number - 1) * PAGE_ROWS, PAGE_ROWS)
        table = visit_rows(shown, question, self.home.product)
        told = self.pages.behind(question, cell, rows, table, number)
        return self.pages.html("behind.html.j2", **told)

    async def export(self, request: Request) -> Response:
        """The answer's rows as a file."""
        question = await self._question(request.query_params.multi_items())
        answer, *_ = await self._computed(request, question)
        form: str = request.path_params["form"]
        if form == "json":
            told = await self._in_thread(lambda: json_answer(answer, _link(request, question)))
            return JSONResponse(told)
        if form not in WRITTEN:
            raise AskError(f"an answer can be taken as {', '.join(WRITTEN)} or json")
        kind, write = WRITTEN[form]
        data = await self._in_thread(lambda: write(nobodys(answer.rows)))
        return file_of(data, kind, f"answer.{form}")

    async def picture(self, request: Request) -> Response:
        """One of the answer's pictures as a file."""
        params = request.query_params.multi_items()
        number = _number(params, "n", 0)
        question = await self._question([(name, value) for name, value in params if name != "n"])
        _, pictures, _ = await self._computed(request, question)
        if not 0 <= number < len(pictures):
            raise AskError(f"the answer has {len(pictures)} pictures; there is no picture {number}")
        svg = str(pictures[number])
        if request.path_params["form"] == "svg":
            return file_of(svg.encode(), "image/svg+xml", "answer.svg")
        png = await self._in_thread(lambda: vl_convert.svg_to_png(svg.replace("currentColor", "#202124"), scale=2))
        return file_of(png, "image/png", "answer.png")

    async def check(self, request: Request) -> Response:
        """Whether the product file would be sound with the question's lines in it; nothing is written."""
        params = request.query_params.multi_items()
        name = dict(params).get("name", "") or "asked"
        question = await self._question([pair for pair in params if pair[0] != "name"])
        lines = snippet(checked(question, self.home.product), self.home.product, name)
        file = self.home.lake.path(PRODUCT_FILE)
        faults = ["the product file has no section for this"]
        if lines:
            faults = await self._in_thread(lambda: with_snippet(file.read_text(encoding="utf-8"), lines))
        return self.pages.html("checked.html.j2", faults=faults, lines=lines, name=name, question=question)

    async def replay(self, request: Request) -> Response:
        """The replay of a recorded session, made when it is asked for."""
        session, at = request.query_params.get("session", ""), request.query_params.get("at")
        if at is not None:
            begun = await self._in_thread(lambda: self._began(session))
            second = max(0.0, (_instant(at) - begun).total_seconds()) if begun else 0.0
            return RedirectResponse(f"replay?session={session}#t={second:.3f}", 303)
        html = await self._in_thread(lambda: self._replayed(session))
        if html is None:
            raise AskError("this session has no recording, or the player isn't built (`make assets`)")
        return HTMLResponse(html)

    def _replayed(self, session: str) -> str | None:
        """The page of a recording, of today's too, which says so."""
        lake, product = self.home.lake, self.home.product
        today = today_of(lake, product)
        html = replay_page(lake, product, session)
        if html is None and today is not None:
            html = replay_page(today.lake, product, session, f"{today.day} isn't over: more may come.")
        return None if html is None else html.replace('href="../replays.html"', 'href="report/replays.html"')

    def _began(self, session: str) -> datetime | None:
        today = today_of(self.home.lake, self.home.product)
        for lake in (self.home.lake, *([today.lake] if today else [])):
            if lake.exists(_REPLAYS):
                replays = pl.scan_parquet(lake.path(_REPLAYS))
                found = replays.filter(pl.col("session_key") == session).select("started_at").collect()
                if found.height == 1:
                    return found.item()
        return None

    async def schema(self, _request: Request) -> Response:
        """The JSON Schema of a question."""
        return JSONResponse(Question.model_json_schema())

    async def health(self, _request: Request) -> Response:
        """Whether the process answers."""
        return PlainTextResponse("ok\n")

    async def to_report(self, _request: Request) -> Response:
        """The report's first page."""
        return RedirectResponse("report/", 303)

    async def report(self, request: Request) -> Response:
        """A file of the report, its links to questions shown: from here they lead somewhere."""
        name: str = request.path_params["name"] or "index.html"
        key = f"report/{name}"
        data = None if ".." in name else await self._in_thread(lambda: self.home.lake.read(key))
        if data is None:
            return PlainTextResponse("There is no such page of the report; `footfall run` writes it.\n", 404)
        if name.endswith(".html"):
            return HTMLResponse(data.replace(b"data-ask hidden", b"data-ask"))
        kinds = {".png": "image/png", ".json": "application/json", ".css": "text/css", ".svg": "image/svg+xml"}
        return Response(data, media_type=kinds.get(Path(name).suffix, "application/octet-stream"))

    @property
    def _asker(self) -> Any:  # noqa: ANN401  # whatever answers now
        return self.home.now()

    async def _question(self, params: Params) -> Question:
        # Looked at here, and not where all others would wait for it.
        await self._in_thread(self.home.now)
        if not is_form(params):
            return question_of(params)
        known = await self._in_thread(self.home.known)
        return Question.model_validate(asked_by_form(params, known, self.home.product))

    async def _computed(self, request: Request, question: Question) -> tuple[Answer, list[Any], Any]:
        product = self.home.product

        def work(stop: Stop) -> tuple[Answer, list[Any], Any]:
            answer: Answer = self._asker.answer(question, stop)
            maps = [*zone_maps(answer, product, self.home.lake), *heat_maps(answer, product, self.home.lake)]
            return answer, [*maps, *pictures_of(answer, product)], flow_of_answer(answer)

        return await self._compute(request, f"answer {address_of(question)}", work)

    async def _compute(self, request: Request, key: str, work: Callable[[Stop], Any]) -> Any:  # noqa: ANN401
        return await self.slots.compute(key, work, request.is_disconnected)

    async def _in_thread(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever it gives
        return await asyncio.to_thread(work)

    async def fault(self, request: Request, fault: Exception) -> Response:
        """A sentence for whoever asked; 400 what can't be asked, 503 what is too much."""
        status, said = said_of(fault, self.slots.seconds)
        if request.url.path.endswith((".json", "/schema")):
            return JSONResponse({"error": said}, status)
        # htmx shows no answer of another status.
        code, partial = 200 if _is_partial(request) else status, _is_partial(request)
        page = self.pages.html("fault.html.j2", code, said=said, is_busy=status == TOO_MUCH, partial=partial)
        if partial:
            # What was typed stays in the form.
            page.headers["HX-Retarget"], page.headers["HX-Reswap"] = "#answer", "outerHTML"
        return page


def _is_partial(request: Request) -> bool:
    """Whether htmx asks for the inner part; after Back it asks for the whole page."""
    told = request.headers
    return told.get("HX-Request") == "true" and told.get("HX-History-Restore-Request") != "true"


def _cell_of(params: Params) -> Cell:
    fields = {name.removeprefix(_CELL): value for name, value in params if name.startswith(_CELL)}
    try:
        return msgspec.convert(fields, Cell, strict=False)
    except msgspec.ValidationError as fault:
        raise AskError(f"cell: {fault}") from None


def _number(params: Params, name: str, default: int) -> int:
    given = dict(params).get(name, "")
    return min(int(given), 1_000_000) if given.isascii() and given.isdigit() and len(given) < 9 else default  # noqa: PLR2004


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise AskError(f"{text!r} is no instant; write one like 2026-10-12T10:00:00+00:00") from None
    if at.tzinfo is None:
        raise AskError(f"{text!r} has no time zone")
    return at


def _link(request: Request, question: Question) -> str:
    return f"{str(request.base_url).rstrip('/')}/ask?{address_of(question)}"


def make_app(path: Path | str, hosts: Sequence[str] = (), *, prefix: str = "") -> Guard:
    """The application over a home; `hosts` are the names it answers to besides the machine's own."""
    asked = AskApp(path)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        # The first question of a cold process costs seconds: compiled passes are loaded, days read.
        warm = asyncio.create_task(asyncio.to_thread(_warm, asked))
        yield
        asked.slots.close()
        await warm

    routes = [
        Route("/", asked.start),
        Route("/ask", asked.ask),
        Route("/behind", asked.behind),
        Route("/answer.{form}", asked.export),
        Route("/picture.{form}", asked.picture),
        Route("/check", asked.check),
        Route("/replay", asked.replay),
        Route("/schema", asked.schema),
        Route("/health", asked.health),
        Route("/report", asked.to_report),
        Route("/report/{name:path}", asked.report),
        Mount("/static", StaticFiles(directory=str(STATIC))),
    ]
    known = (ValueError, BusyError, StoppedError, DamagedObject, FileNotFoundError, StoreError)
    allowed = [*LOCAL, *hosts]
    inner = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=allowed, www_redirect=False)],
        exception_handlers=dict.fromkeys(known, asked.fault),
    )
    # The outermost: refusals and faults bear its headers too.
    return Guard(Starlette(routes=[Mount(prefix, inner)], lifespan=lifespan) if prefix else inner, prefix)


def _warm(asked: AskApp) -> None:
    with suppress(Exception):
        known = asked.home.known()
        for example in examples(known, asked.home.product)[:2]:
            pictures_of(asked.home.now().answer(example.question), asked.home.product)
