"""Who was erased: salted hashes of ids, which ingest consults for ever (design.md, "Security").

The ids themselves are nowhere: whoever reads `lake/erased` can only ask whether an id that he knows already is in it.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from functools import cached_property

import msgspec
import polars as pl

from pipeline.lake import Lake

KEY = "lake/erased/ids.json"
_WORD = re.compile(r"[^\s\"',;:{}\[\]()&=<>\\|]+")


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

    def names_one(self, text: str) -> bool:
        """Whether a text holds an erased id as a word of its own."""
        return bool(self.hashes) and any(
            self.holds(f"{kind}:{word}") for word in _WORD.findall(text) for kind in ("user", "device")
        )


def read_erased(lake: Lake) -> Erased:
    """Who was erased from this home; nobody before the first time."""
    data = lake.read(KEY)
    return msgspec.json.decode(data, type=Erased) if data else Erased(secrets.token_hex(16))


def write_erased(lake: Lake, erased: Erased) -> None:
    """Keep the hashes."""
    lake.write(KEY, msgspec.json.encode(erased, order="sorted"))
