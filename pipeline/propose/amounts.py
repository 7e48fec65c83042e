"""How a sample writes money, and in which currency."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.sources import FORMATS
from pipeline.ingest.sources.times import Clock
from pipeline.propose.names import CURRENCIES, NAMES, SYMBOLS
from pipeline.propose.sample import SURE_SHARE, Sample, called, plain, share, words

_COMMA = re.compile(r"-?[\d.'\s\u00a0]+,\d{1,2}")
_AMOUNT = re.compile(r"[-+]?\d[\d.,'\s\u00a0]*")
_CALLED = {"dollar": "USD", "dollars": "USD", "euro": "EUR", "euros": "EUR", "pound": "GBP", "pounds": "GBP"}
# Words that are codes of currencies too.
_ORDINARY = frozenset({"all", "top", "try", "mad", "bob", "cup"})
_CENTS = {"cents": 10_000, "cent": 10_000, "micros": 1, "pence": 10_000, "minor": 10_000}


@dataclass
class Money:
    """The rule for revenue_micros (None: no field can be read), the currency that amounts or headers name, what to say."""

    rule: dict[str, Any] | None = None
    currency: str | None = None
    notes: list[str] = field(default_factory=list[str])


def money(sample: Sample, paths: Sequence[str]) -> tuple[str | None, Money]:
    """The field that holds an order's revenue, and how it is read."""
    stripped = {path: _without_code(path) for path in paths}
    named = [*called(paths, NAMES["revenue_micros"])]
    named += [path for name in NAMES["revenue_micros"] for path in paths if plain(stripped[path]) == name]
    notes: list[str] = []
    reported: str | None = None
    for path in dict.fromkeys(named):
        values = sample.values(path)
        rule = _rule(path, values)
        currency = _code(path) or _symbol(values)
        if rule is not None:
            return path, Money(rule, currency, notes)
        if currency is not None and values:
            reported = reported or currency
            notes.append(f"`{path}` writes a currency beside the number, which isn't read: send the number alone")
    return None, Money(None, reported, notes)


def _rule(path: str, values: Sequence[Any]) -> dict[str, Any] | None:
    stated = {*words(path).split()}
    scale = next((scale for word, scale in _CENTS.items() if word in stated), 1_000_000)
    rule: dict[str, Any] = {"field": path, "scale": scale}
    if any(_COMMA.fullmatch(str(value).strip()) for value in values):
        rule["decimal"] = ","
    return rule if share(values, _reading(rule)) >= SURE_SHARE else None


def _reading(rule: dict[str, Any]) -> Callable[[Any], bool]:
    """Whether a mapping with that rule reads a value."""
    columns = {"occurred_at": "t", "kind": {"constant": "order"}, "revenue_micros": {**rule, "field": "v"}}
    source = Source.model_validate({"format": "mapping", "event_id": "none", "mapping": {"columns": columns}})
    to_events = FORMATS["mapping"].begin(source, Clock())

    def reads(value: Any) -> bool:  # noqa: ANN401
        try:
            result = list(to_events({"t": "2026-01-01", "v": value}))
        except (RecordFault, RecordLeftOut):
            return False
        return not isinstance(result[0], RecordFault) and result[0].get("revenue_micros") is not None

    return reads


def _without_code(path: str) -> str:
    """The last part of a path without a currency in it: betrag_eur, Total (USD)."""
    return " ".join(
        word for word in words(path.rsplit(".", 1)[-1]).split() if word.upper() not in CURRENCIES and word not in _CENTS
    )


def _code(path: str) -> str | None:
    """The currency that a header names, as in betrag_eur and dollar_value."""
    stated = words(path.rsplit(".", 1)[-1]).split()
    codes = (_CALLED.get(word) or word.upper() for word in stated if word not in _ORDINARY)
    return next((code for code in codes if code in CURRENCIES), None)


def _symbol(values: Sequence[Any]) -> str | None:
    """The currency that amounts bear as a symbol or a code."""
    beside = Counter(_AMOUNT.sub("", str(value)).strip() for value in values if isinstance(value, str))
    known = {mark: SYMBOLS.get(mark) or (mark if mark in CURRENCIES else None) for mark in beside}
    result = [(number, code) for mark, number in beside.items() if (code := known[mark])]
    return max(result)[1] if result and sum(n for n, _ in result) >= SURE_SHARE * sum(beside.values()) else None


def currency_rule(path: str, values: Sequence[Any]) -> Any:  # noqa: ANN401  # a rule in short or at length
    """How a field of currency codes is read; None where it holds something else."""
    codes = Counter(str(value).strip() for value in values)
    known = {code: code.upper() for code in sorted(codes) if code.upper() in CURRENCIES}
    if sum(codes[code] for code in known) < SURE_SHARE * len(values) or not known:
        return None
    return path if all(code == upper for code, upper in known.items()) else {"field": path, "values": known}
