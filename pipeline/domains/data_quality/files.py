"""Problems of landing files: what was refused, what was rejected, what a mapping names and nothing holds."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from pipeline.core.product import Product
from pipeline.core.product_mapping import ColumnRule
from pipeline.events.problem import NOTED_SHARE, Problem
from pipeline.ingest.drift import Finding, find_drift
from pipeline.ingest.manifests import Manifest

_AGAIN = "mend it and put it in again; `footfall retract {name}` takes it off this list"
# How deep the fields of records are counted (pipeline/ingest/batch.py).
_COUNTED_DEPTH = 3
_REMEDIES = {
    "field_vanished": "ask who sends it; if it has another name now, add that to the source's mapping",
    "field_renamed": "`footfall run` reads the files again after the change",
    "field_appeared": "nothing need be done: it is kept in the properties",
    "field_null_share": "ask who sends it what changed on that day",
    "field_type": "ask who sends it what changed on that day",
}


def file_problems(manifests: Iterable[Manifest], product: Product) -> Iterator[Problem]:
    """Problems of files that were taken and not retracted; one whose content was read under another name has none."""
    kept = [m for m in manifests if not m.retracted]
    read = {m.sha256 for m in kept if not m.file_rule}
    for m in {(m.sha256, m.reader): m for m in sorted(kept, key=lambda m: m.name)}.values():
        if m.file_rule:
            if m.sha256 not in read:
                yield _of_file(m, "file_refused", 1, None, f"refused whole as {m.file_rule}: {m.file_reason}")
        else:
            yield from _of_records(m, product)
            yield from _absent(m, product)


def _of_records(m: Manifest, product: Product) -> Iterator[Problem]:
    by_rule = ", ".join(f"{number} {rule}" for rule, number in sorted(m.rejected.items(), key=lambda e: (-e[1], e[0])))
    if m.records_rejected and not m.accepted:
        reported = f"none of {m.records_read} records was accepted ({by_rule})"
        yield _of_file(m, "file_not_accepted", m.records_rejected, m.records_read, reported)
    elif (
        m.records_read >= product.quality.min_records
        and m.records_rejected > product.quality.max_rejected_share * m.records_read
    ):
        reported = f"{m.records_rejected} of {m.records_read} records were rejected ({by_rule})"
        yield _of_file(m, "file_rejected_share", m.records_rejected, m.records_read, reported)


def _of_file(m: Manifest, problem: str, size: int, out_of: int | None, reported: str) -> Problem:
    arrived = date.fromisoformat(m.arrived)
    look = "" if problem == "file_refused" else f"`footfall rejected --source {m.source}` shows them; "
    remedy = look + _AGAIN.format(name=m.name)
    return Problem(
        arrived, m.source, problem, m.name, "problem", size, out_of, arrived, f"landing/{m.name}: {reported}", remedy
    )


def _absent(m: Manifest, product: Product) -> Iterator[Problem]:
    """Fields that the mapping names and no record of the file holds: a note, since a source may send files of several kinds."""
    config = product.sources.get(m.source)
    if config is None or config.mapping is None or not m.accepted:
        return
    rules: list[tuple[str, ColumnRule]] = [
        *config.mapping.columns.items(), *(entry for event in config.mapping.events for entry in event.columns.items())
    ]  # fmt: skip
    arrived = date.fromisoformat(m.arrived)
    for column, rule in rules:
        named = [name for name in rule.field or () if not name.startswith("item.")]
        is_counted = named and all(name.count(".") < _COUNTED_DEPTH for name in named)
        # A name with dots may be one field's own.
        if not is_counted or any(field == name or field.startswith(f"{name}.") for name in named for field in m.fields):
            continue
        reported = f"landing/{m.name}: `{'` or `'.join(named)}`, which `{column}` is mapped from, is in none of {m.records_read} records"
        yield Problem(
            arrived, m.source, "mapped_field_absent", column, "note", m.records_read, m.records_read,
            arrived, reported, "correct the mapping in product.yaml, or ask who sends the file",
        )  # fmt: skip


def placeholder_problems(manifests: Iterable[Manifest]) -> Iterator[Problem]:
    """Values of id columns that are no ids, by arrival day, source and column."""
    kept = {(m.sha256, m.reader): m for m in manifests if not m.retracted}.values()
    records: Counter[tuple[str, str]] = Counter()
    result: Counter[tuple[str, str, str]] = Counter()
    for m in kept:
        records[m.arrived, m.source] += m.records_read
        for column, number in m.placeholder_ids.items():
            result[m.arrived, m.source, column] += number
    for (arrived, source, column), number in result.items():
        day, total = date.fromisoformat(arrived), records[arrived, source]
        reported = f"{source} on {day}: {number} of {total} records bear a placeholder such as `undefined` or `null` as {column}; it counts as no id"
        yield Problem(
            day, source, "placeholder_ids", column, "problem" if number >= NOTED_SHARE * total else "note", number, total, day,
            reported, "mend it where it is sent; `identity.allowed` of product.yaml keeps a value that is an id",
        )  # fmt: skip


def drift_problems(manifests: Iterable[Manifest], product: Product) -> Iterator[Problem]:
    """What changed in the records, on every arrival day."""
    known = list(manifests)
    days = {date.fromisoformat(m.arrived) for m in known}
    for result in find_drift(known, days, product):
        is_note = result.is_read or result.check == "field_appeared"
        remedy = "the mapping reads it under another name" if result.is_read else _REMEDIES[result.check]
        yield _of_field(result, "note" if is_note else "problem", remedy)


def _of_field(result: Finding, severity: str, remedy: str) -> Problem:
    return Problem(
        result.day, result.source, result.check, result.field, "note" if severity == "note" else "problem", result.records, None,
        result.day, result.sentence, remedy,
    )  # fmt: skip
