"""Conditions and events as words that people type, and as the model takes them; one way and back."""

import re
from difflib import get_close_matches
from typing import Any

from pipeline.ask.answer import AskError
from pipeline.ask.known import Known
from pipeline.ask.words import match_in_words
from pipeline.core.canonical import KINDS as EVENT_KINDS
from pipeline.core.product import Product
from pipeline.core.product_matches import Match, Where

# As one would say it: the longer words first.
_SAID = {
    "is not": "is_not",
    "does not contain": "not_contains",
    "contains": "contains",
    "fits": "regex",
    "is at least": "gte",
    "is at most": "lte",
    "is over": "gt",
    "is under": "lt",
    "is": "equals",
}
_CONDITION = re.compile(rf"\s*(\w+)\s+({'|'.join(_SAID)})\s+(.+?)\s*", re.IGNORECASE)
_OR = re.compile(r"\s+or\s+|\s*,\s*")


def condition_of(text: str, known: Known | None = None) -> dict[str, Any]:
    """A condition from words like "os is iOS", "country is not DE or AT", "plan is known".

    A value that is `known` is taken as it is, whatever words are in it.
    """
    for column, values in known.values.items() if known else ():
        for words, name in (("is not", "is_not"), ("is", "equals")):
            begin = f"{column} {words} "
            if text.startswith(begin) and any(text == begin + value for value, _ in values):
                return {"column": column, name: [text.removeprefix(begin)]}
    if result := re.fullmatch(r"\s*(\w+)\s+is\s+(not\s+)?known\s*", text, re.IGNORECASE):
        return {"column": result[1], "is_set": result[2] is None}
    result = _CONDITION.fullmatch(text)
    if result is None:
        raise AskError(
            f'"{text}" isn\'t understood; write a column, {", ".join(_SAID)} and a value, for example: os is iOS'
        )
    column, said, value = result[1], _SAID[result[2].lower()], result[3]
    if said in ("gt", "gte", "lt", "lte", "regex"):
        return {"column": column, said: value}
    return {"column": column, said: [each for each in _OR.split(value) if each]}


def condition_text(where: Where) -> str:
    """The words that stand in the form for a condition."""
    if where.is_set is not None:
        return f"{where.column} is {'' if where.is_set else 'not '}known"
    for words, name in _SAID.items():
        value = getattr(where, name)
        if value is not None:
            if isinstance(value, float):
                said = _number(value)
            else:
                said = " or ".join(value) if isinstance(value, tuple) else value
            return f"{where.column} {words} {said}"
    return where.column


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def is_said(where: Where, known: Known) -> bool:
    """Whether the words for a condition mean just it."""
    try:
        return Where.model_validate({**condition_of(condition_text(where), known), "about": where.about}) == where
    except ValueError:
        return False


def is_named(match: Match, known: Known, product: Product) -> bool:
    """Whether the words for an event mean just it."""
    plain = Match.model_validate(match.model_dump(include=set(Match.model_fields), exclude_defaults=True))
    try:
        return Match.model_validate(match_of(event_text(match, known), known, product)) == plain
    except ValueError:
        return False


def match_of(text: str, known: Known, product: Product) -> dict[str, Any]:
    """An event from words: one that is offered, a page, a kind of event, or an event's own name."""
    wanted = text.casefold()
    for each in known.events:
        if each.label.casefold() == wanted:
            return _said(each.match)
    # As the team itself calls it in its funnels.
    for step in (each for funnel in product.funnels.values() for each in funnel.steps):
        if step.label.casefold() == wanted:
            return _plain(step)
    pages = {page.name for page in product.pages}
    name, _, page = text.partition(" on ")
    if page in pages:
        return {**match_of(name, known, product), "page": page}
    if wanted.removeprefix("saw ") in pages:
        return {"kind": "page_view", "page": wanted.removeprefix("saw ")}
    kind = wanted.replace(" ", "_")
    if kind in EVENT_KINDS:
        return {"kind": kind}
    if known.events and not any(each.match.name == text for each in known.events):
        near = get_close_matches(text, [each.label for each in known.events], n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "pick one from the list"
        raise AskError(f'no event "{text}" came in the last days; {hint}')
    return {"kind": "custom", "name": text}


def _plain(match: Match) -> dict[str, Any]:
    return match.model_dump(include={"kind", "name", "page", "properties"}, exclude_defaults=True)


def _said(match: Match) -> dict[str, Any]:
    return match.model_dump(exclude_defaults=True)


def event_text(match: Match, known: Known) -> str:
    """The words that stand in the form for an event."""
    plain = Match.model_validate(_plain(match))
    label = next((each.label for each in known.events if each.match == plain), None)
    if label is not None:
        return label
    on_page = plain.model_copy(update={"page": None})
    label = next((each.label for each in known.events if plain.page and each.match == on_page), None)
    return f"{label} on {plain.page}" if label else match_in_words(plain)
