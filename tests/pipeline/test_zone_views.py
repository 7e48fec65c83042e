"""What can be laid side by side on the page of zones, and what "everybody else" is."""

from datetime import date
from typing import Any

import polars as pl
from support import product

from pipeline.report.zone_views import _compared, _groups, _rest  # pyright: ignore[reportPrivateUsage]

EXPERIMENTS: dict[str, Any] = {
    "note": {"variants": {"a": 1, "b": 1, "c": 1}, "control": "b"},
    "button": {"id": "exp/7", "variants": {"old": 1, "new": 1}, "control": "old"},
}


def rows(*groups: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"day": date(2026, 2, 2), "segment": s, "variant": v} for s, v in groups],
        schema={"day": pl.Date, "segment": pl.String, "variant": pl.String},
    )


def test_variants_stand_beside_their_control_and_segments_beside_everybody_else() -> None:
    # Sources tell of experiments by id, also of those that the product file doesn't know.
    told = rows(
        ("", ""), ("plus", ""), ("", "note/a"), ("", "note/b"), ("", "exp/7/old"), ("", "exp/7/new"), ("", "foreign/x")
    )
    groups = _groups(told)
    made = _compared(product(experiments=EXPERIMENTS), groups)
    assert {name: each["names"] for name, each in made.items()} == {
        "segment plus": ["everybody else", "segment plus"],
        "variant note/a": ["note: b", "note: a"],
        "variant exp/7/new": ["button: old", "button: new"],
    }
    assert made["variant exp/7/new"]["groups"] == ["variant exp/7/old", "variant exp/7/new"]
    assert told.filter(groups["variant exp/7/old"]).select("variant").item() == "exp/7/old"


def test_everybody_else_is_everybody_less_the_segment() -> None:
    whole, part = {"all": [10, 4, 2.5]}, {"all": [3, 4, 0.3]}
    assert _rest(whole, part) == {"all": [7, 0, 2.2]}
