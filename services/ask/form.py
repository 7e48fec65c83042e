"""What the form sends, as a question, and a question as what stands in the form. Fields are words: they can be typed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.ask.address import Params, nested, params_of
from pipeline.ask.answer import AskError
from pipeline.ask.known import Known, Offered
from pipeline.ask.question import CONFIGURED, KINDS, OF_PAGE, OF_SESSIONS, Question
from pipeline.core.product import Product
from services.ask.phrases import condition_of, condition_text, event_text, is_named, is_said, match_of
from services.ask.presets import RELEASE, around_release, preset_days

MARK = "form"
# What the form can't show in words goes along under the model's own names.
_KEPT = ("where.", "people.", "other.", "trend.", "funnel.", "retention.", "journey.")


@dataclass(frozen=True)
class Row:
    """A line of the form that asks about people: what they did, whether, how often, when."""

    event: str = ""
    did: bool = True
    at_least: int = 1
    when: str = "range"


def is_form(params: Params) -> bool:
    """Whether the form was sent, rather than an address followed."""
    return any(name == MARK for name, _ in params)


def asked_by_form(params: Params, known: Known, product: Product) -> dict[str, Any]:
    """The question that the form's fields say, as the model takes it; raises AskError with a sentence on what isn't understood."""
    fields = {name: value.strip() for name, value in params if value.strip()}
    show = fields.get("show", "trend")
    if show not in KINDS:
        raise AskError(f"there is no kind of question {show!r}; there are {', '.join(KINDS)}")
    if (preset := fields.get("preset", "")).startswith(RELEASE):
        fields |= around_release(preset, known, product)
    first, last = _days(fields, known, product)
    asked: dict[str, Any] = {"show": show, "first": first, "last": last}
    asked |= {name: fields[name] for name in ("against",) if name in fields}
    by = [fields[name] for name in ("by.0", "by.1") if name in fields]
    if by and show in ("trend", "funnel", "retention"):
        asked["by"] = by[: 1 if show == "retention" else 2]
    kept = nested([(name, value) for name, value in fields.items() if name.startswith(_KEPT)])
    if show == "trend":
        asked["trend"] = {**_trend(fields, known, product).get("trend", {}), **kept.get("trend", {})}
    else:
        asked |= {show: kept[show]} if show in kept else _OWN[show](fields, known, product)
    asked["where"] = [
        *(
            {**condition_of(text, known), "about": fields.get(f"about.{n}", "visit" if of_visits(asked) else "event")}
            for n, text in _numbered(fields, "cond")
        ),
        *kept.pop("where", []),
    ]
    did = [
        {
            "event": match_of(text, known, product),
            "did": fields.get(f"did.{n}", "yes") == "yes",
            "at_least": fields.get(f"times.{n}", "1"),
            "when": fields.get(f"when.{n}", "range"),
        }
        for n, text in _numbered(fields, "who")
    ]
    asked["people"] = [*did, *kept.pop("people", [])]
    if fields.get("against") == "range":
        asked["other"] = kept.get("other")
    return asked


def of_visits(asked: Mapping[str, Any]) -> bool:
    """Whether what is asked counts visits, so that a condition on an event is one on its visit."""
    if asked["show"] == "trend":
        return (asked.get("trend") or {}).get("measure", "people") in OF_SESSIONS
    return asked["show"] not in CONFIGURED


def _numbered(fields: Mapping[str, str], name: str) -> list[tuple[str, str]]:
    found = [(key.removeprefix(f"{name}."), value) for key, value in fields.items() if key.startswith(f"{name}.")]
    return sorted(found, key=lambda pair: int(pair[0]) if pair[0].isdigit() else 0)


def _days(fields: Mapping[str, str], known: Known, product: Product) -> tuple[date | str, date | str]:
    if preset := fields.get("preset"):
        return preset_days(preset, known, product)
    return fields.get("first", str(known.first)), fields.get("last", str(known.last))


def _trend(fields: Mapping[str, str], known: Known, product: Product) -> dict[str, Any]:
    trend: dict[str, Any] = {name: fields[name] for name in ("measure", "every") if name in fields}
    if "event" in fields:
        trend["event"] = match_of(fields["event"], known, product)
    if "goal" in fields and fields.get("measure") == "goal_rate":
        trend["goal"] = fields["goal"]
    return {"trend": trend} if trend else {}


def _of(fields: Mapping[str, str], section: Iterable[str], own: str) -> str | None:
    """The configured one that is chosen: the first one where nothing is; None for one of the question's own."""
    names = list(section)
    chosen = fields.get("of")
    if chosen == own or (chosen is None and not names):
        return None
    return chosen or names[0]


def _funnel(fields: Mapping[str, str], known: Known, product: Product) -> dict[str, Any]:
    steps = [text for _, text in _numbered(fields, "pick")]
    name = None if steps else _of(fields, product.funnels, OWN)
    usual = product.funnels[name].range if name in product.funnels else "ends"
    asked: dict[str, Any] = {"range": fields["range"]} if fields.get("range", usual) != usual else {}
    if name is not None:
        return {**asked, "of": name}
    if len(steps) < 2:  # noqa: PLR2004  # from one to another
        offered = [each.label for each in (*default_steps(known), *known.events)]
        steps = [
            *steps,
            *(label for label in dict.fromkeys(offered) if label not in steps),
            *offered,
            "page_view",
            "order",
        ][:2]
    named = [{**match_of(text, known, product), "label": f"{n}. {text}"} for n, text in enumerate(steps, start=1)]
    own: dict[str, Any] = {"steps": named, "window": fields.get("window", "7d")}
    own |= {"order": fields["order"]} if "order" in fields else {}
    return {**asked, "funnel": own}


def default_steps(known: Known) -> list[Offered]:
    """What a funnel begins with before anything is picked: the most frequent pages, and an order where there are any."""
    views = [each for each in known.events if each.match.kind == "page_view" and each.match.page][:2]
    return [*views, *(each for each in known.events if each.match.kind == "order")]


def _retention(fields: Mapping[str, str], known: Known, product: Product) -> dict[str, Any]:
    own = {name: match_of(fields[name], known, product) for name in ("start", "returning") if name in fields}
    name = None if own else _of(fields, product.retention, OWN)
    if name is not None:
        return {"of": name}
    return {"retention": {**own, "period": fields.get("period", "week"), "periods": fields.get("periods", "8")}}


def _journey(fields: Mapping[str, str], _known: Known, product: Product) -> dict[str, Any]:
    own = {name: fields[name] for name in ("start", "end") if name in fields}
    name = None if own else _of(fields, product.journeys, OWN)
    if name is not None:
        return {"of": name}
    return {"journey": {**own, "items": fields.get("items", "pages"), "steps": fields.get("steps", "5")}}


def _page(fields: Mapping[str, str], _known: Known, _product: Product) -> dict[str, Any]:
    return {"page": fields["page"]} if "page" in fields else {}


def _heatmap(fields: Mapping[str, str], known: Known, product: Product) -> dict[str, Any]:
    viewed = [each.match.page for each in known.events if each.match.kind == "page_view" and each.match.page]
    pages = [*viewed, *(page.name for page in product.pages)]
    if not pages:
        raise AskError("the product file names no pages; add `pages` to it, then `footfall run`")
    return {"page": fields.get("page", pages[0]), **({"heat": fields["heat"]} if "heat" in fields else {})}


def _nothing(_fields: Mapping[str, str], _known: Known, _product: Product) -> dict[str, Any]:
    return {}


OWN = "(own)"
_OWN = {
    "trend": _trend,
    "funnel": _funnel,
    "retention": _retention,
    "journey": _journey,
    "pages": _nothing,
    "zones": _page,
    "elements": _page,
    "heatmap": _heatmap,
    "friction": _page,
    "scores": _nothing,
    "choices": _nothing,
    "visits": _nothing,
}


def rows_of_people(question: Question, known: Known, product: Product) -> Iterator[Row]:
    """The lines about people as they stand in the form, with an empty one to go on."""
    for each in question.people:
        if is_named(each.event, known, product):
            yield Row(event_text(each.event, known), each.did, each.at_least, each.when)
    yield Row()


def kept_params(question: Question, known: Known, product: Product) -> Params:
    """What of the question the form can't show, as hidden fields under the model's own names."""
    said = params_of(question)
    own = "trend.event." if question.show == "trend" else f"{question.show}."
    whole = [own] if not _is_shown(question, known, product) else []
    whole += ["other."]
    whole += [f"where.{n}." for n, each in enumerate(question.where) if not is_said(each, known)]
    whole += [f"people.{n}." for n, each in enumerate(question.people) if not is_named(each.event, known, product)]
    return [(name, value) for name, value in said if name.startswith(tuple(whole))]


def _is_shown(question: Question, known: Known, product: Product) -> bool:
    """Whether the form holds all of what the question counts."""
    own = {"funnel": question.funnel, "retention": question.retention, "journey": question.journey}.get(question.show)
    trend = question.trend
    if trend is not None and trend.event is not None and not is_named(trend.event, known, product):
        return False
    if own is None:
        return True
    shown = _SHOWN[question.show]
    matches = [*(question.funnel.steps if question.funnel else ())]
    matches += [
        each
        for each in ((question.retention.start, question.retention.returning) if question.retention else ())
        if each
    ]
    is_plain = all(is_named(each, known, product) and not getattr(each, "first_time", None) for each in matches)
    return is_plain and set(own.model_dump(exclude_defaults=True)) <= shown


_SHOWN = {
    "funnel": {"steps", "window", "order"},
    "retention": {"start", "returning", "period", "periods"},
    "journey": {"items", "start", "end", "steps"},
}


def with_kind(question: Question, show: str, known: Known, product: Product) -> Params:
    """The form's fields when another kind is chosen: the days, the comparison and the conditions go along."""
    fields = [(MARK, "1"), ("show", show), ("first", str(question.first)), ("last", str(question.last))]
    fields += [("against", question.against)] if question.against != "none" else []
    fields += [("page", question.page)] if question.page and show in OF_PAGE else []
    fields += [(f"by.{n}", name) for n, name in enumerate(question.by)]
    said = params_of(question)
    fields += [(name, value) for name, value in said if name.startswith("other.")]
    for n, where in enumerate(question.where):
        if is_said(where, known):
            fields += [(f"cond.{n}", condition_text(where)), (f"about.{n}", where.about)]
        else:
            fields += [(name, value) for name, value in said if name.startswith(f"where.{n}.")]
    for n, each in enumerate(question.people):
        if not is_named(each.event, known, product):
            fields += [(name, value) for name, value in said if name.startswith(f"people.{n}.")]
            continue
        fields += [
            (f"who.{n}", event_text(each.event, known)),
            (f"did.{n}", "yes" if each.did else "no"),
            (f"times.{n}", str(each.at_least)),
            (f"when.{n}", each.when),
        ]
    return fields
