"""Questions for assistants, over the Model Context Protocol: read-only, with the page's limits, without anybody's id."""

from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from pipeline.ask.answer import AskError
from pipeline.ask.data import Stop, StoppedError
from pipeline.ask.question import KINDS, Question
from pipeline.core.product_faults import sentences
from pipeline.core.states import published_days
from pipeline.publish.explain import explain
from pipeline.publish.query import QueryError, described, published_marts
from services.ask.home import Home
from services.ask.json_answer import json_answer
from services.ask.pages import examples
from services.ask.slots import SECONDS

_INSTRUCTIONS = (
    "Exact numbers of a product's own events. Call `describe` first: it says which days there are, which columns, events, "
    "funnels and retentions can be asked about, and gives example questions. `ask` answers a question with rows, one sentence, "
    "the definition and what makes the numbers unripe: repeat these with the number. Compare ranges with `against`. To find why a "
    "rate changed, ask the same question broken down by device_type, channel, country and page, then for friction."
)


class Tools:
    """What an assistant can call."""

    def __init__(self, path: Path | str, link: str) -> None:
        self._home, self._link = Home(path), link

    def ask(
        self,
        question: Annotated[
            dict[str, Any], Field(description="The question, by the schema that `describe` gives under `schema`.")
        ],
    ) -> dict[str, Any]:
        """Answer a question: trend, funnel, retention, journey, pages, zones, friction, scores or visits of any days and people."""
        try:
            answer = self._home.now().answer(Question.model_validate(question), Stop(SECONDS))
        except ValidationError as fault:
            said = [f"{'.'.join(map(str, path))}: {sentence}" for path, sentence in sentences(fault)]
            raise ToolError("; ".join(said)) from None
        except AskError as fault:
            raise ToolError(str(fault)) from None
        except StoppedError:
            raise ToolError(f"this took longer than {SECONDS:.0f} s; take fewer days or conditions") from None
        told = json_answer(answer)
        return {**told, "link": f"{self._link}/ask?{told['address']}" if self._link else ""}

    def describe(
        self,
        mart: Annotated[str, Field(description="A mart to describe column by column; empty: what can be asked.")] = "",
    ) -> dict[str, Any]:
        """What can be asked: days, columns with their values, events, configured metrics, example questions, the schema; or a mart."""
        if mart:
            return _mart(self._home, mart)
        known, product = self._home.known(), self._home.product
        events = [(each.label, each.match.model_dump(exclude_defaults=True), each.people) for each in known.events]
        shown = examples(known, product)
        return {
            **{name: getattr(product, name) for name in ("name", "time_zone", "currency")},
            "first_day": str(known.first),
            "last_day": str(known.last),
            "kinds": list(KINDS),
            **{name: list(getattr(product, name)) for name in ("funnels", "retention", "journeys", "goals", "surveys")},
            "pages": [page.name for page in product.pages],
            "events": [dict(zip(("label", "match", "people"), each, strict=True)) for each in events],
            "columns": {name: [value for value, _ in values] for name, values in known.values.items()},
            "examples": [
                {"text": each.text, "question": each.question.model_dump(mode="json", exclude_defaults=True)}
                for each in shown
            ],
            "marts": {name: each.grain for name, each in sorted(published_marts(self._home.lake).items())},
            "schema": Question.model_json_schema(),
        }

    def explain(
        self,
        metric: Annotated[str, Field(description="sessions, rage_clicks, retention:NAME or funnel:NAME.")],
        vendor: Annotated[Literal["posthog", "mixpanel", "amplitude"], Field(description="Whose number differs.")],
    ) -> dict[str, Any]:
        """Why a vendor's number differs from ours: the number over all days under our rules and under theirs, rule by rule."""
        lake = self._home.lake
        try:
            result = explain(lake, self._home.product, metric, vendor, published_days(lake, "events"))
        except KeyError as fault:
            names = "sessions, rage_clicks, retention:NAME or funnel:NAME"
            raise ToolError(f"no such metric: {fault.args[0]}; write {names}") from None
        rules = [{"rule": rule, "number": number} for rule, number in result.rows]
        return {"what": result.what, "unit": result.unit, "rules": rules, "note": result.note}

    def report(self) -> dict[str, Any]:
        """Where the nightly report lies, and how its pages are called."""
        lake = self._home.lake
        pages = sorted(key.removeprefix("report/") for key in lake.keys("report") if key.endswith(".html"))
        return {
            "pages": [name for name in pages if "/" not in name],
            "link": f"{self._link}/report/" if self._link else "",
            "first_page": lake.name_of("report/index.html"),
        }


def make_server(path: Path | str, link: str = "") -> MCPServer:
    """A server over a home; `link` is where its Ask page is served, for answers to name their address."""
    server, tools = MCPServer("footfall", instructions=_INSTRUCTIONS, log_level="WARNING"), Tools(path, link)
    for each in (tools.ask, tools.describe, tools.explain, tools.report):
        server.tool()(each)
    return server


def _mart(home: Home, name: str) -> dict[str, Any]:
    try:
        table = described(home.lake, name)
    except QueryError as fault:
        raise ToolError(str(fault)) from None
    columns = {c.name: f"{c.description}{f' ({c.unit})' if c.unit else ''}" for c in table.columns}
    return {"mart": name, "a_row": table.grain, "columns": columns}
