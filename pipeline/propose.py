"""A first product file from a sample of events: which column is what, told by names and values.

It is a proposal to be read and corrected: what it isn't sure of stands in the comments.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading import read_records
from pipeline.ingest.sources.fields import epoch, number, parsed, peek, text
from pipeline.product_base import EPOCHS, ISO

SAMPLE_RECORDS = 1_000
# Names by which each column goes in the field, the surest first.
_NAMES: dict[str, tuple[str, ...]] = {
    "event_id": ("event_id", "eventid", "message_id", "messageid", "uuid", "insert_id", "id"),
    "occurred_at": (
        "occurred_at", "event_time", "event_timestamp", "timestamp", "ts", "time", "created_at", "datetime", "date",
    ),
    "received_at": ("received_at", "collector_tstamp", "ingested_at", "server_time"),
    "sent_at": ("sent_at",),
    "anonymous_id": (
        "anonymous_id", "anonymousid", "device_id", "deviceid", "visitor_id", "client_id", "cookie_id", "domain_userid",
    ),
    "user_id": ("user_id", "userid", "customer_id", "customerid", "account_id", "member_id", "customer"),
    "session_id": ("session_id", "sessionid", "session", "visit_id", "domain_sessionid"),
    "kind": ("kind", "event_type", "event_name", "event", "type", "action", "name"),
    "url": ("url", "page_url", "page_location", "current_url", "page", "path", "page_path"),
    "referrer": ("referrer", "referer", "page_referrer"),
    "page_title": ("page_title", "title"),
    "order_id": ("order_id", "orderid", "order_no", "order_number", "transaction_id", "ordernumber"),
    "revenue_micros": ("revenue", "total", "amount", "order_total", "value", "price", "total_price"),
    "currency": ("currency", "currency_code"),
    "user_agent": ("user_agent", "useragent", "ua"),
    "device_type": ("device_type", "device", "device_category"),
    "country": ("country", "country_code", "geo_country"),
    "language": ("language", "lang", "locale"),
    "x": ("x", "click_x", "page_x"),
    "y": ("y", "click_y", "page_y"),
    "score": ("score", "nps", "rating"),
    "text": ("comment", "feedback", "text"),
}  # fmt: skip
# By the words of a value, the surest first: border_click is a click, and a refunded order a refund.
_KINDS: dict[str, str] = {
    "refund": r"refund(ed|s)?|chargeback|order (returned|cancell?ed)",
    "page_view": r"page ?views?|pageviews?|view(ed)? page|screen ?views?|visits?",
    "order": r"purchased?|purchases|orders?|transactions?|checkout completed?|payment succe\w+",
    "click": r"click(s|ed)?|tap(s|ped)?",
    "identify": r"identify|identified|log(ged)? ?in|sign(ed)? ?in",
    "reset": r"log(ged)? ?out|sign(ed)? ?out",
    "form_submit": r"submit(ted)?",
    "error": r"errors?|exceptions?",
    "survey_answered": r"survey|feedback|nps",
}
_PATTERNS = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y",
)  # fmt: skip
_SURE_SHARE = 0.95
_MAX_KINDS = 50


class CannotPropose(Exception):
    """The sample tells too little; the sentence says what was missing."""


@dataclass(frozen=True)
class _Sample:
    rows: list[dict[str, Any]]
    paths: list[str]

    def values(self, path: str) -> list[Any]:
        found = (peek(row, path) for row in self.rows)
        return [value for value in found if value is not None and value != ""]


def propose(file: Path, source: str) -> str:
    """The text of a product file whose `source` reads files like `file`; CannotPropose where no time is found."""
    sample = _read(file)
    columns: dict[str, Any] = {}
    taken: set[str] = set()
    for column, names in _NAMES.items():
        rules = ((path, _rule(column, path, sample)) for path in _called(sample, names, taken))
        path, rule = next(((path, rule) for path, rule in rules if rule is not None), (None, None))
        if path is not None:
            columns[column] = rule
            taken.add(path)
            if column == "kind":
                columns["name"] = path
    if "occurred_at" not in columns:
        raise CannotPropose(
            f"no column of {file.name} looks like a time; name one `timestamp`, or write the mapping by hand"
        )
    columns.setdefault("kind", {"constant": "custom"})
    mapping = {"format": "mapping"}
    if "event_id" not in columns or not _is_unique(sample, columns["event_id"]):
        columns.pop("event_id", None)
        mapping["event_id"] = "none"
    tree = {
        "name": "My product",
        "time_zone": "UTC",
        "currency": "EUR",
        "start_date": _first_day(sample, columns["occurred_at"]),
        "sources": {source: {**mapping, "mapping": {"columns": columns}}},
        "pages": [{"name": "home", "urls": ["/"]}],
    }
    return _written(tree, file, sample, taken)


def _read(file: Path) -> _Sample:
    rows: list[dict[str, Any]] = []
    try:
        for record in itertools.islice(read_records(file), SAMPLE_RECORDS):
            if isinstance(record, RecordFault):
                continue
            try:
                rows.append(parsed(record) if isinstance(record, bytes) else record)
            except RecordFault:
                continue
    except FileFault as fault:
        raise CannotPropose(f"{file.name}: {fault.reason}") from None
    if not rows:
        raise CannotPropose(f"{file.name} holds no record that can be read")
    paths = Counter(path for row in rows for path in _leaves(row))
    return _Sample(rows, list(paths))


def _leaves(row: Mapping[str, Any], before: str = "") -> list[str]:
    found: list[str] = []
    for name, value in row.items():
        path = f"{before}{name}"
        found += _leaves(value, f"{path}.") if isinstance(value, dict) else [path]
    return found


def _called(sample: _Sample, names: Sequence[str], taken: set[str]) -> Iterator[str]:
    """The paths whose last part is one of `names`, by the order of these."""
    plain = {path: re.sub(r"[^a-z0-9]+", "_", path.rsplit(".", 1)[-1].lower()).strip("_") for path in sample.paths}
    for name in names:
        yield from (path for path, called in plain.items() if called == name and path not in taken)


def _rule(column: str, path: str, sample: _Sample) -> Any:  # noqa: ANN401  # a rule in short or at length
    """How the column is read from the field; None where its values don't fit."""
    values = sample.values(path)
    if not values:
        return None
    if column in ("occurred_at", "received_at", "sent_at"):
        form = _time_format(values)
        if form is None:
            return None
        return path if form == ISO else {"field": path, "format": form}
    special = {"kind": _kind_rule, "revenue_micros": _money_rule}
    if column in special:
        return special[column](path, values)
    if column in ("x", "y", "score") and _share(values, _is_number) < _SURE_SHARE:
        return None
    return path


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return number(value) is not None


def _has_decimal_comma(value: Any) -> bool:  # noqa: ANN401
    return bool(re.fullmatch(r"-?[\d.]+,\d{1,2}", str(value)))


def _money_rule(path: str, values: Sequence[Any]) -> dict[str, Any] | None:
    rule: dict[str, Any] = {"field": path, "scale": 1_000_000}
    with_comma = _share(values, _has_decimal_comma)
    if with_comma + _share(values, _is_number) < _SURE_SHARE:
        return None
    return {**rule, "decimal": ","} if with_comma > 1 - _SURE_SHARE else rule


def _kind_rule(path: str, values: Sequence[Any]) -> dict[str, Any] | None:
    distinct = Counter(text(value) or "" for value in values)
    if len(distinct) > _MAX_KINDS:
        return None
    known = {
        value: next(
            (kind for kind, pattern in _KINDS.items() if re.search(rf"\b(?:{pattern})\b", _words(value))), "custom"
        )
        for value in sorted(distinct)
    }
    return {"field": path, "values": known, "otherwise": "custom"}


def _words(value: str) -> str:
    """The words of a name like page_view or pageView, in lower case."""
    return " ".join(re.findall(r"[a-z]+|[A-Z]+[a-z]*|\d+", value)).lower()


def _time_format(values: Sequence[Any]) -> str | None:
    if _share(values, _is_written_time) >= _SURE_SHARE:
        return ISO
    for form, unit in EPOCHS.items():
        if _share([epoch(value, unit) for value in values], _is_of_our_time) >= _SURE_SHARE:
            return form
    return next((p for p in _PATTERNS if _share(values, partial(_by_pattern, p)) >= _SURE_SHARE), None)


def _is_of_our_time(at: datetime | None) -> bool:
    return at is not None and datetime(2000, 1, 1, tzinfo=UTC) <= at < datetime(2100, 1, 1, tzinfo=UTC)


def _is_written_time(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, datetime) or _by_iso(value)


def _by_iso(value: Any) -> bool:  # noqa: ANN401
    try:
        datetime.fromisoformat(str(value).strip())
    except ValueError:
        return False
    # Digits alone are seconds since 1970 rather than a date without separators.
    return not str(value).strip().isdigit()


def _by_pattern(pattern: str, value: Any) -> bool:  # noqa: ANN401
    try:
        datetime.strptime(str(value).strip(), pattern)  # noqa: DTZ007  # only asks whether it fits
    except ValueError:
        return False
    return True


def _share(values: Sequence[Any], holds: Callable[[Any], bool]) -> float:
    return sum(bool(holds(value)) for value in values) / len(values)


def _is_unique(sample: _Sample, rule: Any) -> bool:  # noqa: ANN401
    values = sample.values(rule)
    return len(values) == len(sample.rows) and len({str(value) for value in values}) == len(values)


def _first_day(sample: _Sample, rule: Any) -> date:  # noqa: ANN401
    """First day of the month of the earliest time in the sample."""
    path, form = (rule, ISO) if isinstance(rule, str) else (rule["field"], rule["format"])
    times = [_read_time(value, form) for value in sample.values(path)]
    # A time that was never set reads as 1970.
    days = [at.date() for at in times if at is not None and _is_of_our_time(at)]
    if not days:
        raise CannotPropose(f"the times of `{path}` lie before 2000 or after 2100; correct them first")
    return min(days).replace(day=1)


def _read_time(value: Any, form: str) -> datetime | None:  # noqa: ANN401
    if form in EPOCHS:
        return epoch(value, EPOCHS[form])
    if isinstance(value, datetime) or form == ISO:
        at = (
            value
            if isinstance(value, datetime)
            else datetime.fromisoformat(str(value).strip())
            if _by_iso(value)
            else None
        )
    else:
        at = datetime.strptime(str(value).strip(), form) if _by_pattern(form, value) else None  # noqa: DTZ007
    return at and (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))


def _written(tree: dict[str, Any], file: Path, sample: _Sample, taken: set[str]) -> str:
    yaml = YAML()
    yaml.default_flow_style = False
    body = StringIO()
    yaml.dump(msgspec.to_builtins(tree, builtin_types=(date,)), body)
    rest = [" ".join(path.split()) for path in sample.paths if path not in taken]
    head = [
        f"# Proposed from {len(sample.rows)} records of {file.name}: read it, correct it, then `footfall check`.",
        "# docs/product.md explains every section.",
    ]
    if rest:
        head.append(f"# Kept in the properties: {', '.join(rest)}.")
    if tree["sources"] and any(source.get("event_id") == "none" for source in tree["sources"].values()):
        head.append("# No column tells one event from another, so equal rows are all kept (event_id: none).")
    else:
        head.append("# event_id: no value came twice in the sample; is it so in all your data, and stays on a resend?")
    if _is_ambiguous(tree, sample):
        head.append("# occurred_at: every date of the sample could be day/month or month/day; look which it is.")
    return "\n".join(head) + "\n" + body.getvalue()


def _is_ambiguous(tree: dict[str, Any], sample: _Sample) -> bool:
    (source,) = tree["sources"].values()
    rule = source["mapping"]["columns"]["occurred_at"]
    form = rule["format"] if isinstance(rule, dict) else ISO
    swapped = form.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
    return swapped in _PATTERNS and _share(sample.values(rule["field"]), partial(_by_pattern, swapped)) >= _SURE_SHARE
