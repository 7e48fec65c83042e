"""Who was erased: salted hashes of ids, which ingest consults for ever (docs/design.md, "Security").

The ids themselves are nowhere: whoever reads `lake/erased` can only ask whether an id that he knows already is in it.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import msgspec
import polars as pl

from pipeline.core.lake import Lake
from pipeline.core.sealed import read_sealed, write_sealed

KEY, COPY = "lake/erased/ids.json", "lake/erased/ids-copy.json"
ERASED = "[erased]"
# What may be an id within a text: words, parts of addresses, cells of a row, texts in quotes.
_PIECES = tuple(
    re.compile(pattern)
    for pattern in (r"[^\s\"',;:{}\[\]()&=<>\\|]+", r"[^\s\"'&=/?#%]+", r"[^,;\t\r\n]+", r"[^|]+", r'"([^"]+)"')
)

# Words of a name and what stands between them.
_TOKENS = re.compile(r"([^\w%]|_)")
_MOST_TOKENS = 24


class Erased(msgspec.Struct, frozen=True, dict=True):
    """Hashes of erased ids under one salt, each of `user:` or `device:` and the id."""

    salt: str
    hashes: frozenset[str] = frozenset()

    @cached_property
    def _key(self) -> bytes:
        return bytes.fromhex(self.salt)

    def digest(self, person_id: str) -> str:
        """The salted hash of `user:` or `device:` and an id."""
        return hashlib.blake2b(person_id.encode(), key=self._key, digest_size=20).hexdigest()

    def holds(self, person_id: str) -> bool:
        """Whether that id was erased."""
        return bool(self.hashes) and self.digest(person_id) in self.hashes

    def plus(self, person_ids: Iterable[str]) -> "Erased":
        """With further ids."""
        return Erased(self.salt, self.hashes | {self.digest(each) for each in person_ids})

    def among(self, kind: str, ids: pl.Series) -> list[str]:
        """Those of `ids`, devices or users, that were erased."""
        distinct = ids.drop_nulls().unique().to_list() if self.hashes else []
        return [each for each in distinct if self.holds(f"{kind}:{each}")]

    def without(self, name: str) -> str:
        """A short text, such as a file's name, with `[erased]` for each erased id in it."""
        if not self.hashes:
            return name
        parts = _TOKENS.split(name)
        # An id may be several words: the longest run of them comes first.
        for length in range(min(len(parts), _MOST_TOKENS), 0, -1):
            for begin in range(len(parts) - length + 1):
                run = "".join(parts[begin : begin + length])
                if run and any(self.holds(f"{kind}:{unquote(run)}") for kind in ("user", "device")):
                    parts[begin : begin + length] = [ERASED, *[""] * (length - 1)]
        return "".join(parts)

    def names_one(self, result: Any) -> bool:  # noqa: ANN401  # JSON holds anything
        """Whether a record, or a text, holds an erased id: as a value, a name, a cell or a word of its own."""
        return bool(self.hashes) and any(
            self.holds(f"{kind}:{each}") for each in set(_candidates(result)) for kind in ("user", "device")
        )


def _candidates(result: Any) -> Iterator[str]:  # noqa: ANN401  # JSON holds anything
    if isinstance(result, Mapping):
        for name, inner in result.items():
            yield from _candidates(str(name))
            yield from _candidates(inner)
    elif isinstance(result, list | tuple):
        for inner in result:
            yield from _candidates(inner)
    else:
        text = str(int(result)) if isinstance(result, float) and result.is_integer() else str(result)
        yield text
        for pattern in _PIECES:
            yield from pattern.findall(text)


class ErasedUnreadable(Exception):
    """Who was erased can't be told any more, so that nothing may be taken; the sentence says what to do."""


def read_erased(lake: Lake) -> Erased:
    """Who was erased from this home; nobody before the first time. It is kept twice, and either one will do.

    Raises ErasedUnreadable where neither does: an erased person must not come back.
    """
    result = [each for key in (KEY, COPY) if (each := read_sealed(lake, key, Erased))]
    if result:
        return Erased(
            result[0].salt, frozenset().union(*(each.hashes for each in result if each.salt == result[0].salt))
        )
    if lake.read(KEY) is not None or lake.read(COPY) is not None:
        raise ErasedUnreadable(
            f"{KEY} and its copy are damaged, and erased people could come back; restore one from a backup, or remove "
            "both and erase everybody again"
        )
    return Erased(secrets.token_hex(16))


def write_erased(lake: Lake, erased: Erased) -> None:
    """Keep the hashes, the copy first."""
    for key in (COPY, KEY):
        write_sealed(lake, key, erased)


def mend_erased(lake: Lake) -> None:
    """Make both again what they should be, where one of them is damaged or gone."""
    both = [read_sealed(lake, key, Erased) for key in (KEY, COPY)]
    known = read_erased(lake)
    if any(both) and both != [known, known]:
        write_erased(lake, known)
