"""A recorded session in a sentence: where it came from, what was seen, what went wrong, how it ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from support import product

from pipeline.report.pages.replays import _filters  # pyright: ignore[reportPrivateUsage]
from pipeline.report.replay_summary import sentences
from pipeline.report.replays import Replays

ROW: dict[str, Any] = {
    "session_key": "a", "channel": "search", "views_by_page": "home 1, product 3", "path": "home > product", "revenue": 0.0,
    "converted": False, "score_given": None,
}  # fmt: skip


def moment(kind: str, at: float, page: str = "product", zone: str = "", moments: int = 1) -> dict[str, Any]:
    return {"session_key": "a", "kind": kind, "offset_seconds": at, "page": page, "zone": zone, "moments": moments}


def told(*moments: dict[str, Any], **row: Any) -> str:
    schema = {"session_key": pl.String, "kind": pl.String, "offset_seconds": pl.Float64, "page": pl.String, "zone": pl.String, "moments": pl.Int64}  # fmt: skip
    return sentences(
        pl.DataFrame([{**ROW, **row}], infer_schema_length=None), pl.DataFrame(list(moments), schema), product()
    )["a"]


@pytest.mark.parametrize(
    ("moments", "row", "sentence"),
    [
        ([], {}, "Came from a search engine, saw home and product 3 times, left at product."),
        ([], {"channel": "unknown", "views_by_page": None, "path": None}, "Left."),
        ([], {"channel": "partner_mail"}, "Came by partner mail, saw home and product 3 times, left at product."),
        (
            [],
            {"views_by_page": "a 1, b 1, c 1, d 1, e 1, f 2", "path": "f"},
            "Came from a search engine, saw a, b, c, d and 2 pages more, left at f.",
        ),
        (
            [moment("goal", 3), moment("feedback", 4)],
            {"revenue": 84.5, "converted": True, "score_given": 9},
            "Came from a search engine, saw home and product 3 times, ordered for 84.50\u00a0EUR, scored it 9.",
        ),
        ([], {"converted": True}, "Came from a search engine, saw home and product 3 times, reached a goal."),
        # A click's error is told of once, and a zone on which somebody raged in vain too.
        (
            [moment("error_click", 5, "checkout", "pay"), moment("error", 5, "checkout"), moment("error_click", 9, "checkout", "pay")],
            {"views_by_page": "checkout 1", "path": "checkout"},
            "Came from a search engine, saw checkout, got an error from a click on pay (2 times), left at checkout.",
        ),
        (
            [moment("dead_click", 2, zone="gallery", moments=4), moment("rage_click", 2, zone="gallery")],
            {"views_by_page": "product 1", "path": "product"},
            "Came from a search engine, saw product, clicked gallery again and again without any effect, left at product.",
        ),
        # The two that weigh most are told.
        (
            [moment("slow_page", 1), moment("quick_back", 2), moment("error", 3, "home"), moment("broken_link", 4)],
            {"views_by_page": "home 1", "path": "home"},
            "Came from a search engine, saw home, met a page that isn't there, turned back from product at once, left at home.",
        ),
    ],
)  # fmt: skip
def test_a_session_in_a_sentence(moments: list[dict[str, Any]], row: dict[str, Any], sentence: str) -> None:
    assert told(*moments, **row) == sentence


def test_recorded_sessions_are_filtered_by_what_is_in_them() -> None:
    rows = [
        {"path": "home > product > home", "device_type": "mobile", "signals": "rage_click 3 s, rage_click 9 s", "converted": True, "score_given": 10},
        {"path": None, "device_type": "desktop", "signals": None, "converted": False, "score_given": 2},
    ]  # fmt: skip
    made = {each.name: (each.options, each.of_rows) for each in _filters(rows)}
    assert made["page"] == (["home", "product"], [("home", "product"), ()])
    assert made["signal"] == (["rage_click"], [("rage_click",), ()])
    assert made["goal"][1] == [("reached",), ("not reached",)]
    assert made["score"] == (["2", "10"], [("10",), ("2",)])


@pytest.mark.parametrize(("after", "second"), [(None, 0), (-5, 0), (12.5, 12.5), (90, 90), (7_292, 0)])
def test_a_link_leads_into_the_recording(after: float | None, second: float) -> None:
    """An instant of a clock that was corrected lies hours outside of what was recorded."""
    begin = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
    replays = Replays({"a": (begin, 90.0)}, is_built=True)
    when = None if after is None else begin + timedelta(seconds=after)
    assert replays.address("a", when) == f"replays/a.html#t={second:.3f}"
    assert replays.address("b", when) is None
