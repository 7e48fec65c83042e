"""Take known fields out of a record, so that what is left is what no column names: nothing is lost by a mapping.

A value that doesn't fit its column stays where it was and ends up in `properties`, so one odd field costs no event.
"""

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec
import xxhash

from pipeline.core.canonical import MAX_CHAIN_CHARACTERS
from pipeline.ingest.faults import RecordFault

Fields = dict[str, Any]
Convert = Callable[[Any], Any]

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT32, _INT64 = 2**31, 2**63
# As CSV writers and float columns spell a whole number.
WHOLE_FLOAT = r"^(-?(?:0|[1-9][0-9]*))\.0+$"
# Attributes that selectors use; styles, values and handlers are left out: they are long, or what somebody typed.
_KEPT_ATTRIBUTES = frozenset(
    {"id", "class", "name", "role", "type", "aria-label", "data-testid", "alt", "for", "rel", "href", "contenteditable"}
)
MAX_TEXT_OF_ATTRIBUTE = 256


def parsed(line: bytes) -> Fields:
    """A JSON object; RecordFault where the line is none."""
    return parsed_as(line, dict[str, Any])


def parsed_as(line: bytes, kind: Any) -> Any:  # noqa: ANN401  # msgspec's own types
    """A line of JSON of that type."""
    try:
        return msgspec.json.decode(line, type=kind)
    except UnicodeDecodeError:
        raise RecordFault("invalid_utf8", "not UTF-8; save the file as UTF-8") from None
    except RecursionError:
        raise RecordFault("too_deep", "nested too deeply to be read; send it flatter") from None
    except (msgspec.DecodeError, ValueError, OverflowError) as fault:
        raise RecordFault("malformed_json", f"{fault}; send one JSON object a line") from None


def copied(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """A copy that may be changed, down to the leaves."""
    if isinstance(value, Mapping):
        return {name: copied(inner) for name, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


def peek(record: Any, path: str) -> Any:  # noqa: ANN401  # JSON holds anything
    """The value at a path with dots; a name that holds dots itself is found whole. None where there is none."""
    node = record
    if isinstance(node, dict) and path in node:
        return node[path]
    for name in path.split("."):
        if not isinstance(node, dict) or name not in node:
            return None
        node = node[name]
    return node


def naming(record: Fields, paths: Iterable[str]) -> list[Any]:
    """The values at `paths` of which an id is made: 4711.0, as number or text, is 4711 in whatever column it stood."""
    return [_without_fraction(peek(record, path)) for path in paths]


def _without_fraction(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return re.sub(WHOLE_FLOAT, r"\1", value) if isinstance(value, str) else value


def take(record: Fields, path: str, convert: Convert | None = None) -> Any:  # noqa: ANN401  # JSON holds anything
    """Remove the value at `path` and return it converted; one that `convert` can't read (None) stays where it is."""
    holder, within, name = record, (), path
    if path not in record:
        # A path with dots: down to the object that holds the last name.
        within, name = _names(path)
        for each in within:
            inner = holder.get(each)
            if type(inner) is not dict:
                return None
            holder = inner
        if name not in holder:
            return None
    result = holder[name]
    value = result if convert is None or result is None else convert(result)
    if value is not None or result is None:
        del holder[name]
        if within and not holder:
            _without_empty(record, within)
    return value


def first(record: Fields, paths: Iterable[str], convert: Convert | None = None) -> Any:  # noqa: ANN401
    """`take` of the first path that has a value; the others stay."""
    for path in paths:
        value = take(record, path, convert)
        if value is not None:
            return value
    return None


@lru_cache(maxsize=4_096)
def _names(path: str) -> tuple[tuple[str, ...], str]:
    *within, name = path.split(".")
    return tuple(within), name


def _without_empty(record: Fields, within: Sequence[str]) -> None:
    """Remove the last of these objects, each in the one before, and those that are empty then."""
    head, *rest = within
    if rest:
        _without_empty(record[head], rest)
    if not record[head]:
        del record[head]


# Conversions: None says that the value doesn't fit.


def text(value: Any) -> str | None:  # noqa: ANN401
    """Text or a number as text, one without a fraction as an integer's; blanks are no value."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    return None


def number(value: Any) -> Decimal | None:  # noqa: ANN401
    """A finite number, also as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        result = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # Hundreds of digits are an attack, not a quantity.
    return result if result.is_finite() and abs(result.adjusted()) < 30 else None  # noqa: PLR2004


def _scaled(value: Any, scale: int, limit: int) -> int | None:  # noqa: ANN401
    if type(value) is int:
        rounded = value * scale
        return rounded if -limit <= rounded < limit else None
    result = number(value)
    if result is None:
        return None
    rounded = int((result * scale).to_integral_value())
    return rounded if -limit <= rounded < limit else None


def whole(value: Any) -> int | None:  # noqa: ANN401
    """A number of pixels or points, rounded to a 32-bit integer."""
    return _scaled(value, 1, _INT32)


def long(value: Any) -> int | None:  # noqa: ANN401
    """A 64-bit integer."""
    return _scaled(value, 1, _INT64)


def micros(value: Any) -> int | None:  # noqa: ANN401
    """Money in whole currency units as micro-units."""
    return _scaled(value, MICROS, _INT64)


def thousandfold(value: Any) -> int | None:  # noqa: ANN401
    """Seconds as milliseconds."""
    return _scaled(value, 1_000, _INT64)


def e4(value: Any) -> int | None:  # noqa: ANN401
    """A fraction in 1/10,000."""
    return _scaled(value, 10_000, _INT32)


def boolean(value: Any) -> bool | None:  # noqa: ANN401
    """True or false, also as 1, 0 or in words."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def epoch(value: Any, unit_us: int) -> datetime | None:  # noqa: ANN401
    """A time as units since 1970, each of `unit_us` microseconds."""
    result = number(value)
    if result is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(result * unit_us))
    except OverflowError:
        return None


def epoch_ms(value: Any) -> datetime | None:  # noqa: ANN401
    """A time in milliseconds since 1970."""
    return epoch(value, 1_000)


# Made of several fields.


def derived_id(*parts: object) -> str:
    """A stable id from content, for formats that send none: equal content has an equal id."""
    return xxhash.xxh3_128_hexdigest(json.dumps(parts, sort_keys=True, default=str).encode())


def element_chain(elements: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Open HTML tags, outermost first, from (tag, attributes) innermost first.

    Ancestors that don't fit the limit are left out from the outside: the element acted on matters most.
    """
    tags: list[str] = []
    room = MAX_CHAIN_CHARACTERS
    for tag, attributes in elements:
        opened = _open_tag(tag, attributes)
        room -= len(opened)
        if room < 0:
            break
        tags.append(opened)
    return "".join(reversed(tags)) or None


def _open_tag(tag: str, attributes: Mapping[str, Any]) -> str:
    if tag.lower() == "a" and "href" not in attributes:
        # Links in a drawing.
        attributes = {**attributes, "href": attributes.get("xlink:href")}
    kept = {
        name: (_address(str(value)) if name == "href" else str(value))[:MAX_TEXT_OF_ATTRIBUTE]
        for name, value in attributes.items()
        if value not in (None, False) and (name in _KEPT_ATTRIBUTES or name.startswith("data-"))
    }
    shown = "".join(f' {name}="{html.escape(kept[name])}"' for name in sorted(kept) if _is_name(name))
    return f"<{tag.lower()}{shown}>" if _is_name(tag) else ""


@lru_cache(maxsize=4_096)
def _address(value: str) -> str:
    """What a chain tells of an address: the path, since what else stands in it may be anybody's.

    Of other things than pages (`mailto:`, `javascript:`) it tells the scheme. `#` leads nowhere and stays as it is, also
    where a recorder has put the page's own address before it.
    """
    value = value.strip()
    if value.endswith("#"):
        return "#"
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    if parts.scheme not in ("", "http", "https"):
        return f"{parts.scheme}:"
    return parts.path or ("/" if parts.netloc else "")


def _is_name(name: str) -> bool:
    return bool(name) and all(char.isalnum() or char in "-_:." for char in name)


def outcome(
    event: Fields, row: Fields, *, order_id: Sequence[str], revenue: Sequence[str], currency: Sequence[str]
) -> None:
    """An order's number, revenue and currency from the first path that tells each; a refund's revenue is negative."""
    event["order_id"] = first(row, order_id, text)
    event["currency"] = (first(row, currency, text) or "").upper() or None
    amount = first(row, revenue, micros)
    event["revenue_micros"] = -abs(amount) if amount is not None and event["kind"] == "refund" else amount


def properties(own: Fields | None, rest: Fields) -> Fields:
    """The event's own properties, and under `_record` whatever else the record held."""
    result = dict(own or {})
    if kept := _without_nothing(rest):
        result["_record"] = kept
    return result


def _without_nothing(value: Fields) -> Fields:
    """Without nulls and what is empty, which say nothing."""
    result: Fields = {}
    for name, each in value.items():
        inner = _without_nothing(each) if type(each) is dict else each
        # Of what counts as false, numbers and flags say something.
        if inner or not (inner is None or isinstance(inner, str | dict | list)):
            result[name] = inner
    return result
