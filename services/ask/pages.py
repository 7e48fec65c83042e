"""What the templates are filled with."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import polars as pl
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from pipeline.ask.address import address_of, params_of
from pipeline.ask.answer import Answer, Cell
from pipeline.ask.known import Known, known_columns
from pipeline.ask.nightly import nightly
from pipeline.ask.question import CONFIGURED, KINDS, OF_PAGE, Question
from pipeline.ask.snippet import snippet
from pipeline.ask.trend import SESSION_DIMENSIONS
from pipeline.ask.variants import is_variant
from pipeline.core.product import Product
from pipeline.report.asked import MOST_MAPS
from pipeline.report.flow import Flow
from pipeline.report.parts import label
from services.ask.form import OWN, kept_params, of_visits, rows_of_people, with_kind
from services.ask.home import Home
from services.ask.phrases import condition_text, event_text, is_named, is_said
from services.ask.presets import PRESETS, RELEASE, TODAY, preset_days, releases
from services.ask.shown import PAGE_ROWS, Table, tables_of

TITLES = {
    "trend": "Trend",
    "funnel": "Funnel",
    "retention": "Retention",
    "journey": "Journeys",
    "pages": "Pages",
    "zones": "Zones",
    "elements": "Elements",
    "heatmap": "Heatmap",
    "friction": "Friction",
    "scores": "Scores",
    "choices": "Reasons",
    "visits": "Visits and replays",
}
_MEASURES = {
    "people": "People",
    "sessions": "Sessions",
    "events": "Events",
    "orders": "Orders",
    "revenue": "Revenue",
    "goal_rate": "Goal rate",
}
_HEATS = {"click": "clicks", "move": "the pointer", "attention": "attention", "reach": "scroll reach"}
_ABOUT = {"event": "this event", "visit": "the visit", "person": "the person, ever"}
_OPTIONS = 40


@dataclass(frozen=True)
class Example:
    """A question to begin with, and what it answers."""

    text: str
    question: Question

    @property
    def address(self) -> str:
        """Where it is answered."""
        return f"ask?{address_of(self.question)}"


def examples(known: Known, product: Product) -> list[Example]:
    """Questions made of what the home holds: each can be answered there."""
    first, last = preset_days("last_7", known, product)
    days: dict[str, Any] = {"first": first, "last": last}
    before = {"against": "before"} if first - timedelta(days=7) >= known.first else {}
    made: list[tuple[str, dict[str, Any]]] = [("How many people came, against the week before?", {**days, **before})]
    if product.funnels:
        name = next(iter(product.funnels))
        funnel = {"show": "funnel", "of": name, **days}
        made.append((f"Where do people drop out of {label(name)}, by device?", {**funnel, "by": ["device_type"]}))
        made.append(
            (
                f"How does {label(name)} convert by channel, against the week before?",
                {**funnel, **before, "by": ["channel"]},
            )
        )
    made.append(("Which pages did people on phones see?", {"show": "pages", **days, "where": [_IS_PHONE]}))
    if any(each.match.kind == "order" for each in known.events):
        ordered = {"event": {"kind": "order"}}
        made.append(("Which visits did people make who ordered?", {"show": "visits", **days, "people": [ordered]}))
    if product.retention:
        name = next(iter(product.retention))
        whole = {"first": known.first, "last": known.last}
        made.append((f"Who comes back ({label(name)})?", {"show": "retention", "of": name, **whole}))
    made.append(("What gets in the way of people on phones?", {"show": "friction", **days, "where": [_IS_PHONE]}))
    if product.journeys:
        name = next(iter(product.journeys))
        made.append((f"Which paths do people take ({label(name)})?", {"show": "journey", "of": name, **days}))
    if product.surveys:
        made.append(
            ("What do people say who ordered?", {"show": "scores", **days, "people": [{"event": {"kind": "order"}}]})
        )
    return [Example(text, Question.model_validate(asked)) for text, asked in made]


_IS_PHONE = {"column": "device_type", "equals": "mobile"}


class Pages:
    """Fills templates; everything from outside is escaped."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._templates = Environment(
            # The report's, for what is drawn alike.
            loader=ChoiceLoader(
                [PackageLoader("services.ask", "templates"), PackageLoader("pipeline.report", "templates")]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def html(self, template: str, status: int = 200, **told: Any) -> HTMLResponse:  # noqa: ANN401  # what templates take
        """A filled template."""
        common = {"product": self._home.product, "titles": TITLES}
        return HTMLResponse(self._templates.get_template(template).render(**common, **told), status)

    def answer(self, answer: Answer, pictures: list[Markup], flow: Flow | None) -> dict[str, Any]:
        """What the page of an answer is filled with."""
        question, product = answer.question, self._home.product
        known = self._home.known()
        address = address_of(question)
        return {
            "title": TITLES[question.show],
            "question": question,
            "known": known,
            "form": self._form(question, known),
            "headline": answer.headline,
            "sentence": answer.sentence,
            "notes": answer.notes,
            "nightly": nightly(self._home.lake, question),
            "pictures": pictures,
            "most_maps": MOST_MAPS,
            "captions": [_caption(each) for each in pictures],
            "flow": flow,
            "tables": tables_of(answer, product),
            "address": address,
            "params": params_of(question),
            "snippet": snippet(question, product, f"my_{question.of or question.show}"),
            "name": f"my_{question.of or question.show}",
            "everybody": address_of(question.model_copy(update={"where": (), "people": ()})),
            "kinds": [
                (kind, TITLES[kind], f"ask?{urlencode(with_kind(question, kind, known, product))}") for kind in KINDS
            ],
        }

    def _form(self, question: Question, known: Known) -> dict[str, Any]:
        product = self._home.product
        conditions = [
            (f"{column} is {value}", people)
            for column, values in known.values.items()
            for value, people in values[:_OPTIONS]
        ]
        variants = tuple(name for name in known.values if is_variant(name))
        there = tuple(name for name in known_columns(product) if name in known.values)
        columns = (*SESSION_DIMENSIONS, *variants) if _is_of_sessions(question) else there
        return {
            "presets": [(name, text, *preset_days(name, known, product)) for name, text in _presets(known).items()],
            "releases": [(RELEASE + name, f"Around {label(name)}", *days) for name, days in releases(known, product)],
            "preset": _pressed(question, known, product),
            "events": [(each.label, each.people) for each in known.events],
            "conditions": conditions,
            "columns": [(name, label(name)) for name in columns],
            "where": [(condition_text(each), each.about) for each in question.where if is_said(each, known)]
            + [("", "event")],
            "kept": (kept := kept_params(question, known, product)),
            "is_kept": any(name.startswith(f"{question.show}.") for name, _ in kept),
            "about": {
                name: words
                for name, words in _ABOUT.items()
                if name != "event" or not of_visits({"show": question.show, "trend": question.counted.model_dump()})
            },
            "people": list(rows_of_people(question, known, product)),
            "own": OWN,
            "measures": _MEASURES,
            "heats": _HEATS,
            "has_page": question.show in OF_PAGE,
            **self._of_kind(question, known),
        }

    def _of_kind(self, question: Question, known: Known) -> dict[str, Any]:
        product, told = self._home.product, {}
        section = CONFIGURED.get(question.show)
        told["configured"] = list(getattr(product, section)) if section else []
        steps = question.funnel.steps if question.funnel else ()
        told["steps"] = [event_text(step, known) for step in steps] + [""] if question.show == "funnel" else []
        trend = question.counted
        has_words = trend.event is not None and is_named(trend.event, known, product)
        told["event"] = event_text(trend.event, known) if trend.event and has_words else ""
        retention = question.retention
        told["start"] = event_text(retention.start, known) if retention and retention.start else ""
        told["returning"] = event_text(retention.returning, known) if retention and retention.returning else ""
        told["range"] = question.asked_funnel(product).range if question.show == "funnel" else "ends"
        told["window"] = (
            (question.funnel.window or f"{question.funnel.window_days or 14}d") if question.funnel else "7d"
        )
        told["pages"] = [page.name for page in product.pages]
        told["goals"] = list(product.goals)
        return told

    def behind(self, question: Question, cell: Cell, rows: pl.DataFrame, table: Table, number: int) -> dict[str, Any]:
        """What the page of the people behind a number is filled with."""
        fields = [(f"cell.{name}", str(value)) for name, value in vars(cell).items() if value not in ("", None, False)]
        fields = [(name, "true" if value == "True" else value) for name, value in fields]
        return {
            "question": question,
            "cell": cell,
            "total": rows.height,
            "recorded": int(rows["is_recorded"].sum()),
            "table": table,
            "number": number,
            "pages": -(-rows.height // PAGE_ROWS),
            "link": f"behind?{address_of(question, fields)}",
            "address": address_of(question),
            "title": "The people behind a number",
            "counted": "sessions" if _counts_sessions(question, self._home.product) else "people",
        }


_MAP_TITLE = re.compile(r'<svg role="img" class="map".*?<title>(.*?)</title>', re.DOTALL)


def _caption(picture: Markup) -> Markup:
    """What stands below a map: its own title, which charts bear in themselves."""
    found = _MAP_TITLE.match(picture)
    return Markup(found[1] if found else "")  # noqa: S704  # escaped in the picture


def _pressed(question: Question, known: Known, product: Product) -> str:
    """The preset that the days are; of several the first."""
    if question.against == "range":
        own = [RELEASE + name for name, days in releases(known, product) if days == (question.first, question.last)]
    else:
        days = {name: preset_days(name, known, product) for name in _presets(known)}
        own = [name for name, each in days.items() if each == (question.first, question.last)]
    return own[0] if own else ""


def _presets(known: Known) -> dict[str, str]:
    return {**({TODAY: "Today so far"} if known.today else {}), **PRESETS}


def _counts_sessions(question: Question, product: Product) -> bool:
    if question.show == "trend":
        return _is_of_sessions(question)
    if question.show == "funnel":
        return question.asked_funnel(product).unit == "session"
    return question.show in ("pages", "zones", "elements", "friction", "visits")


def _is_of_sessions(question: Question) -> bool:
    return question.show == "trend" and question.counted.measure not in ("people", "events")
