"""A first product file from a sample of events: which format it is, or which column is what, told by names and values.

It is a proposal to be read and corrected: what was assumed and what isn't sure stands in the comments. No value of the
sample is written but names of kinds of events, currency codes, time zones and usual parts of paths
([decision 0027](docs/decisions/0027-what-a-proposal-writes.md)).
"""

from collections.abc import Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
from ruamel.yaml import YAML

from pipeline.ingest.sources import FORMATS
from pipeline.propose.columns import Columns, find_columns
from pipeline.propose.formats import Read, known_format, read_by
from pipeline.propose.pages import currencies_of, goals_of, pages_of, personal_fields, zone_of
from pipeline.propose.sample import CannotPropose, Sample, first_records, is_safe_name, paths_of, plain, sample_of
from pipeline.propose.times import is_of_our_time

__all__ = ["CannotPropose", "propose"]
_MOST_LISTED = 40


def propose(file: Path, source: str) -> str:
    """The text of a product file whose `source` reads files like `file`; CannotPropose where no time is found."""
    read = known_format(file)
    if read is not None:
        records = first_records(file, FORMATS[read.source["format"]])
        rows = [dict(record) for record in records if isinstance(record, dict)]
        sample = Sample(rows, [path for path in paths_of(rows) if plain(path).endswith("timezone")])
        notes = [f"The records look like the format {read.source['format']}: docs/sources.md tells what is read."]
        return _file(file, source, read, sample, notes, currency=None)
    sample = sample_of(file, first_records(file, FORMATS["mapping"]))
    result = find_columns(sample)
    if "occurred_at" not in result.rules:
        raise CannotPropose(
            f"no column of {file.name} looks like a time; name one `timestamp`, or write the mapping by hand"
        )
    _without_kind(file, result)
    form: dict[str, Any] = {"format": "mapping"}
    if "event_id" not in result.rules:
        form["event_id"] = "none"
        result.notes.append("No column tells one event from another, so equal rows are all kept (event_id: none).")
    read = read_by({**form, "mapping": {"columns": result.rules}}, sample.rows)
    return _file(file, source, read, sample, [*result.notes, *_unsure(result)], currency=result.money.currency)


def _without_kind(file: Path, result: Columns) -> None:
    """Rows that tell no kind are all of one: orders, answers, clicks, page views, by what else they hold."""
    if "kind" in result.rules:
        return
    rules = result.rules
    reported = [
        ("order", "revenue_micros" in rules or "order_id" in rules),
        ("survey_answered", "score" in rules or "text" in rules),
        ("click", "x" in rules and "y" in rules),
        ("page_view", "url" in rules),
    ]
    kind = next((kind for kind, holds in reported if holds), "custom")
    is_somebodys = {"user_id", "anonymous_id"} & {*rules}
    if kind == "custom" and (not is_somebodys or len(result.sample.rows) == 1):
        raise CannotPropose(
            f"{file.name} tells times, but neither what happened nor to whom: no kind of event, address, order or answer "
            "and no id of a device or user; is it a table beside the events?"
        )
    rules["kind"] = {"constant": kind}
    result.notes.append(f"No column tells kinds of events, so each row is taken for one: {kind}.")


def _unsure(result: Columns) -> list[str]:
    notes: list[str] = []
    form = result.time
    if form is not None and form.is_ambiguous:
        stated = ", ".join(form.formats)
        notes.append(
            f"occurred_at: every date of the sample could be day/month or month/day; {stated} is assumed, look."
        )
    if form is not None and not form.tells_zone:
        notes.append(
            "occurred_at: no time tells its zone, so UTC is assumed; where it is another write `zone: ...` there."
        )
    if form is not None and not form.tells_clock:
        notes.append("occurred_at: only days are told; `value: {calendar_days: true}` counts so.")
    rest = [" ".join(path.split()) for path in result.rest()]
    shown = [path for path in rest if is_safe_name(path) and path.isprintable()][:_MOST_LISTED]
    if shown:
        more = f" and {len(rest) - len(shown)} more" if len(rest) > len(shown) else ""
        notes.append(f"Kept in the properties: {', '.join(shown)}{more}.")
    return notes


def _file(file: Path, source: str, read: Read, sample: Sample, notes: Sequence[str], *, currency: str | None) -> str:
    """The product file as text, with what was found and assumed in its head."""
    events = read.events
    stated = list(notes)
    zone, pages = zone_of(sample), pages_of(events)
    codes = currencies_of(events) or ([currency] if currency else [])
    goals = goals_of(events, pages)
    personal = personal_fields(sample)
    tree: dict[str, Any] = {
        "name": "My product",
        "time_zone": zone[0] if zone else "UTC",
        "currency": codes[0] if codes else "EUR",
        "start_date": _first_day(file, events, zone[0] if zone else "UTC"),
        "sources": {source: read.source},
    }
    more = {"pages": pages, "goals": goals, "privacy": {"drop_properties": personal} if personal else {}}
    tree |= {section: value for section, value in more.items() if value}
    if personal:
        stated.append(
            "privacy: these fields tell who somebody is and are never stored; a name may be kept by removing it."
        )
    stated.append(
        f"time_zone: that of most records (`{zone[1]}`)."
        if zone
        else "time_zone: UTC is assumed; a day is a calendar day there."
    )
    stated.append("currency: the sample's." if codes else "currency: EUR is assumed, nothing tells it.")
    if len(codes) > 1:
        stated.append(f"Orders in {', '.join(codes[1:])} count once `exchange_rates` has their rates.")
    stated.append(
        "pages: only usual parts of paths are proposed; write your own."
        if events["url"].drop_nulls().len()
        else "pages: no address was found."
    )
    if not goals:
        stated.append("goals: none was found; write what success means.")
    return _written(tree, file, len(sample.rows) or events.height, stated)


def _first_day(file: Path, events: pl.DataFrame, zone: str) -> date:
    """First local day of the month of the earliest time; a time that was never set reads as 1970."""
    times = [at for at in events["occurred_at"].drop_nulls().to_list() if is_of_our_time(at)]
    if not times:
        raise CannotPropose(f"the times of {file.name} lie before 1990 or after 2100; correct them first")
    return min(times).astimezone(ZoneInfo(zone)).date().replace(day=1)


def _written(tree: dict[str, Any], file: Path, records: int, stated: Sequence[str]) -> str:
    yaml = YAML()
    yaml.default_flow_style = False
    body = StringIO()
    yaml.dump(msgspec.to_builtins(tree, builtin_types=(date,)), body)
    name = "".join(char for char in file.name if char.isprintable())
    head = [
        f"Proposed from {records} records of {name}: read it, correct it, then `footfall check`.",
        "docs/product.md explains every section.",
        *stated,
    ]
    return "".join(f"# {line}\n" for line in head) + body.getvalue()
