"""Where ids of an erased person stand outside of their own rows: in texts, addresses, properties, names of files.

An id that is a common word or a small number is no mention wherever it stands: then only addresses and properties whose
name tells of an id (`referred_by`, `uid`) are looked at.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

import polars as pl

from pipeline.ingest.erased import ERASED, Erased

# Columns that tell rows apart: what replaces an id in them must tell them apart too.
_KEYS = frozenset(
    [
        "event_id",
        "anonymous_id",
        "user_id",
        "previous_user_id",
        "session_id",
        "page_view_id",
        "tab_id",
        "order_id",
        "response_id",
    ]
)
# Of other people: an id within theirs is part of it, unless it can be nothing else.
_ID_COLUMNS = frozenset(["anonymous_id", "user_id", "previous_user_id", "person_id"])
_JSON = frozenset({"properties", "event"})
_OF_IDS = re.compile(
    r"(^|_|(?<=[a-z]))(id|uid|by|user|customer|member|person|account|referrer|email|mail|login|owner)$", re.IGNORECASE
)
_SURE = 8
_SHORT = 4
_SURELY = 12


def is_distinct(name: str) -> bool:
    """Whether an id stands for nobody else: it is long, or letters with digits or signs."""
    letters = any(char.isalpha() for char in name)
    return len(name) >= _SURE or (len(name) >= _SHORT and letters and not name.isalpha())


def spellings_of(ids: Iterable[str]) -> list[str]:
    """Ids as texts, JSON and addresses write them, the longest first."""
    paths: tuple[Callable[[str], str], ...] = (
        str,
        lambda name: json.dumps(name, ensure_ascii=False)[1:-1],
        lambda name: json.dumps(name)[1:-1],
        lambda name: quote(name, safe=""),
        quote,
        quote_plus,
    )
    result = {path(name) for name in ids if name for path in paths}
    return sorted(result, key=lambda each: (-len(each), each))


class Mentions:
    """Finds and replaces ids. `erased` makes what stands for an id in a key, the same one for the same key."""

    def __init__(self, ids: Iterable[str], erased: Erased) -> None:
        self.ids = sorted(set(ids))
        self._exact = frozenset(self.ids)
        self._erased = erased
        self.distinct = [each for each in self.ids if is_distinct(each)]

    @cached_property
    def _written(self) -> list[str]:
        return spellings_of(self.distinct)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """A mention within a text: as a word or words of its own. None where no id is distinct."""
        # Addresses of mail are the same in any case, other ids may not be.
        written = "|".join(f"(?i:{re.escape(w)})" if "@" in w or "%40" in w else re.escape(w) for w in self._written)
        return re.compile(rf"(?<![^\W_])(?:{written})(?![^\W_])") if written else None

    @cached_property
    def _argument(self) -> re.Pattern[str] | None:
        """An id that isn't distinct, as the value of an address's parameter; its name is the second group."""
        short = [each for each in self.ids if each not in self.distinct]
        written = "|".join(re.escape(quote(each, safe="")) for each in short)
        return re.compile(rf"([?&;#]([\w.\-\[\]]+)=)(?:{written})(?=[&;#]|$)") if written else None

    def text(self, result: str) -> str:
        """The text with `[erased]` for each mention."""
        if self.pattern is not None:
            result = self.pattern.sub(ERASED, result)
        if self._argument is not None:
            result = self._argument.sub(lambda hit: hit[1] + ERASED if _OF_IDS.search(hit[2]) else hit[0], result)
        return result

    def holds(self, text: str) -> bool:
        """Whether the text mentions one of the ids."""
        return self.text(text) != text

    def value(self, result: Any, name: str = "") -> Any:  # noqa: ANN401  # JSON holds anything
        """A JSON value without mentions, in names as in values; `name` is the property that it belongs to."""
        if isinstance(result, dict):
            return {self.text(str(key)): self.value(inner, str(key)) for key, inner in result.items()}
        if isinstance(result, list):
            return [self.value(inner, name) for inner in result]
        if isinstance(result, str):
            return ERASED if result in self._exact and _OF_IDS.search(name) else self.text(result)
        is_whole = isinstance(result, int) and not isinstance(result, bool) and str(result) in self._exact
        return ERASED if is_whole and (str(result) in self.distinct or _OF_IDS.search(name)) else result

    def document(self, text: str) -> str:
        """A JSON text without mentions; one that mentions nobody stays as it is written."""
        try:
            result = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        cleaned = self.value(result)
        return text if cleaned == result else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))

    def key(self, result: str) -> str:
        """An id of something that holds an id of the person: another one, the same each time."""
        return f"{ERASED}-{self._erased.digest(result)[:16]}" if self.holds(result) else result

    def frame(self, rows: pl.DataFrame, keep: Sequence[str] = ()) -> tuple[pl.DataFrame, int]:
        """Rows without mentions in any text but those of the columns `keep`; how many rows changed."""
        changed = pl.Series([False], dtype=pl.Boolean).new_from_index(0, rows.height)
        for name, dtype in rows.schema.items():
            if dtype != pl.String or name in keep:
                continue
            clean = self._cleaner(name)
            distinct = rows[name].drop_nulls().unique()
            fresh = {text: new for text in self._likely(distinct) if (new := clean(text)) != text}
            if fresh:
                changed |= rows[name].is_in(list(fresh)).fill_null(value=False)
                rows = rows.with_columns(pl.col(name).replace(fresh))
        return rows, int(changed.sum())

    def _cleaner(self, column: str) -> Callable[[str], str]:
        if column in _ID_COLUMNS:
            return self._sure_ids.key if self._sure_ids else str
        return self.key if column in _KEYS else self.document if column in _JSON else self._column(column)

    @cached_property
    def _sure_ids(self) -> "Mentions | None":
        sure = [each for each in self.ids if "@" in each or len(each) >= _SURELY]
        return Mentions(sure, self._erased) if sure else None

    def _column(self, name: str) -> Callable[[str], str]:
        own = name.removeprefix("prop_")
        return lambda text: str(self.value(text, own if own != name else ""))

    @cached_property
    def looked_for(self) -> list[str]:
        """Texts one of which stands wherever there is a mention: a quick look before the exact one."""
        return sorted({*self.ids, *spellings_of(self.ids)})

    def _likely(self, texts: pl.Series) -> Iterator[str]:
        yield from texts.filter(texts.str.contains_any(self.looked_for, ascii_case_insensitive=True))
