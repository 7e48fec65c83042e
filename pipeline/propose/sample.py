"""The first records of a file, and which fields they have."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.peeking import parsed_records
from pipeline.ingest.sources.base import Format
from pipeline.ingest.sources.fields import parsed, peek

SAMPLE_RECORDS = 1_000
# The sample is spread over so many records from the beginning: what hands write changes on the way.
_READ_RECORDS = 20_000
SURE_SHARE = 0.95
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w{2,}")
# What no header says: an address, a number, a day, a long id.
_VALUE = re.compile(
    rf"{EMAIL.pattern}|[-+]?[\d.,]*\d[\d.,]*|\d{{2,4}}[-./]\d{{1,2}}[-./]\d{{2,4}}.*|[0-9a-f]{{8}}-[0-9a-f-]{{27}}|https?:.*"
)
_ID_WITHIN = re.compile(r"\d{4}|[0-9a-f]{12}|@", re.IGNORECASE)


class CannotPropose(Exception):
    """The sample tells too little; the sentence says what was missing."""


@dataclass(frozen=True)
class Sample:
    """Records and the paths (with dots) of their fields, in the order of the file."""

    rows: list[dict[str, Any]]
    paths: list[str]

    def values(self, path: str) -> list[Any]:
        """What stands in a field, blanks left out."""
        result = (peek(row, path) for row in self.rows)
        return [value for value in result if value is not None and value != ""]


def first_records(file: Path, form: Format) -> list[Any]:
    """A sample of the first records of `file`, read and parsed as `form` does; those that can't be are left out."""
    try:
        result = list(itertools.islice(parsed_records(file, form), _READ_RECORDS))
    except (FileFault, CannotRead) as fault:
        raise CannotPropose(f"{file.name}: {fault.reason}") from None
    if form.parse is not parsed or len(result) <= SAMPLE_RECORDS:
        # Of recordings one record explains the next.
        return result[:SAMPLE_RECORDS]
    return [result[i * len(result) // SAMPLE_RECORDS] for i in range(SAMPLE_RECORDS)]


def sample_of(file: Path, records: Sequence[Any]) -> Sample:
    """The records with their fields; CannotPropose where there are none, or values stand in the place of names."""
    rows = [dict(record) for record in records if isinstance(record, dict)]
    if not rows:
        raise CannotPropose(f"{file.name} holds no record that can be read")
    names = [name for name in rows[0] if not name.startswith("column_")]
    if len(names) > 1 and sum(bool(_VALUE.fullmatch(name.strip())) for name in names) * 3 >= len(names):
        raise CannotPropose(
            f"the first line of {file.name} holds values and no names; add a line with a name per column"
        )
    return Sample(rows, paths_of(rows))


def paths_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paths of all fields, in the order of the file."""
    return list(dict.fromkeys(path for row in rows for path in _leaves(row)))


def _leaves(row: Mapping[str, Any], before: str = "") -> list[str]:
    result: list[str] = []
    for name, value in row.items():
        path = f"{before}{name}"
        result += _leaves(value, f"{path}.") if isinstance(value, dict) and value else [path]
    return result


def share(values: Sequence[Any], holds: Callable[[Any], object]) -> float:
    """The share of values of which it holds; 0 of none."""
    return sum(bool(holds(value)) for value in values) / len(values) if values else 0


def plain(name: str) -> str:
    """The letters and digits of a name, small and without accents."""
    bare = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    return re.sub(r"[^a-z0-9]+", "", bare.lower())


def words(value: str) -> str:
    """The words of a name like page_view or pageView, small and without accents."""
    bare = "".join(char for char in unicodedata.normalize("NFKD", value) if not unicodedata.combining(char))
    return " ".join(re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+", bare)).lower()


def called(paths: Sequence[str], names: Sequence[str]) -> Iterator[str]:
    """The paths that bear one of the plain `names`, by the order of these: whole, or with their last parts alone."""
    for name in names:
        yield from (path for path in paths if name in _plain_forms(path))


def _plain_forms(path: str) -> tuple[str, ...]:
    parts = path.split(".")
    last = plain(parts[-1])
    # `user.id` is the user's and no event's id.
    is_telling = len(parts) == 1 or last not in ("id", "name", "type", "value", "key", "text")
    return (plain(path), plain("".join(parts[-2:])), *((last,) if is_telling else ()))


def is_safe_name(path: str) -> bool:
    """Whether a field's name can be shown: where ids or addresses are names of fields it can't."""
    return not _ID_WITHIN.search(path) and len(path) < 80  # noqa: PLR2004
