"""Answers as JSON, for agents and notebooks: the same rows, with what they mean."""

from typing import Any

import polars as pl
import polars.selectors as cs

from pipeline.ask.address import address_of
from pipeline.ask.answer import Answer

# Nobody, and no assistant, reads more; a file holds all.
MOST_ROWS = 1_000


def json_answer(answer: Answer, link: str = "") -> dict[str, Any]:
    """An answer as JSON takes it: times as ISO 8601 texts, money as numbers, nobody's key."""
    return {
        "question": answer.question.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "address": address_of(answer.question),
        "link": link,
        "headline": answer.headline,
        "sentence": answer.sentence,
        "notes": list(answer.notes),
        "columns": answer.columns,
        "rows": _rows(answer.rows),
        "left_out": max(0, answer.rows.height - MOST_ROWS),
        "more": {name: _rows(rows) for name, rows in answer.more.items()},
    }


def nobodys(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without anybody's key, or any visit's."""
    return rows.drop("person_key", "session_key", strict=False)


def _rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    plain = nobodys(rows.head(MOST_ROWS)).with_columns(
        cs.date().cast(pl.String), cs.datetime().dt.to_string("iso:strict"), cs.decimal().cast(pl.Float64)
    )
    # JSON knows no number that is none.
    return plain.with_columns(cs.float().fill_nan(None)).to_dicts()
