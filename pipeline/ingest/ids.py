"""Ids of records as text, and which of them are none: placeholders that a program wrote where it had no id.

Definition: docs/definitions/events.md, "Placeholder ids". Whoever takes them for ids makes one person of thousands.
"""

from collections import Counter

import polars as pl

from pipeline.core.canonical import ID_COLUMNS
from pipeline.core.product_identity import Identity
from pipeline.ingest.sources.fields import WHOLE_FLOAT

PLACEHOLDERS = frozenset(
    {
        *("undefined", "null", "none", "nan", "nil", "(not set)", "not set", "unknown", "anonymous", "guest"),
        *("0", "-1", "true", "false", "[object object]"),
    }
)
# The first number of a counter; of these columns a 0 joins no people.
_COUNTERS = frozenset({"event_id", "page_view_id", "tab_id", "response_id"})
_ONLY_ZEROS = r"^[0-]*0[0-]*$"
_SEPARATOR = ","


def with_ids_as_text(frame: pl.DataFrame, identity: Identity) -> pl.DataFrame:
    """Whole floats as integers' text, blanks and placeholders as null; `placeholder_ids` names the columns that held one."""
    given = [name for name in ID_COLUMNS if frame[name].null_count() < frame.height]
    floats = _where_any(frame, {name: pl.col(name).str.contains(".0", literal=True) for name in given})
    whole = frame.with_columns(pl.col(name).str.replace(WHOLE_FLOAT, "$1") for name in floats)
    added = {_compared(each) for each in identity.placeholders}
    allowed = {_compared(each) for each in identity.allowed}
    longest = max(len(each.encode()) for word in PLACEHOLDERS | added for each in (word, word.upper()))
    # Most ids are too long for a word and begin as no zeros do; of the others each text is looked at once.
    few = {name: whole.select(pl.col(name).filter(_may_be_none(name, longest)).unique()) for name in given}
    none = {name: texts.filter(_is_placeholder(name, added, allowed))[name] for name, texts in few.items()}
    blank = {name: texts.filter(pl.col(name).str.strip_chars() == "")[name] for name, texts in few.items()}
    gone = {name: pl.concat([none[name], blank[name]]) for name in given}
    kept = [
        pl.when(~pl.col(name).is_in(texts.implode())).then(pl.col(name)).alias(name)
        for name, texts in gone.items()
        if len(texts)
    ]
    # Named only where there is one: most files hold none.
    named = [
        pl.when(pl.col(name).is_in(texts.implode())).then(pl.lit(name)) for name, texts in none.items() if len(texts)
    ]
    listed = pl.concat_str(named, separator=_SEPARATOR, ignore_nulls=True) if named else pl.lit(None, dtype=pl.String)
    return whole.with_columns(*kept, placeholder_ids=pl.when(listed != "").then(listed))


def _where_any(frame: pl.DataFrame, tests: dict[str, pl.Expr]) -> list[str]:
    """The names whose test is true of a row."""
    found = frame.select(test.any().alias(name) for name, test in tests.items())
    return [name for name in found.columns if found[name].item()]


def _may_be_none(column: str, longest: int) -> pl.Expr:
    value = pl.col(column)
    size, bare = value.str.len_bytes(), value.str.strip_chars().str.len_bytes()
    return (size <= longest) | (bare < size) | value.str.starts_with("0") | value.str.starts_with("-")


def _compared(value: str) -> str:
    return value.strip().lower()


def _is_placeholder(column: str, added: set[str], allowed: set[str]) -> pl.Expr:
    value = pl.col(column).str.strip_chars().str.to_lowercase()
    is_word = value.is_in([*(PLACEHOLDERS | added)])
    is_allowed = [*(allowed | ({"0"} - added if column in _COUNTERS else set()))]
    return ((is_word | value.str.contains(_ONLY_ZEROS)) & ~value.is_in(is_allowed)).fill_null(value=False)


def placeholders_by_column(frame: pl.DataFrame) -> Counter[str]:
    """Placeholders by the column that held them."""
    return Counter(frame["placeholder_ids"].drop_nulls().str.split(_SEPARATOR).explode().to_list())
