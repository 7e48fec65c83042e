"""What the first page tells besides numbers: what stopped costing, and what people said in the last seven days."""

from datetime import timedelta

import polars as pl

from pipeline.core.product import Product
from pipeline.report.business_case import cost, title_of
from pipeline.report.parts import Marts, Section, day_text, label, linked, theme_names
from pipeline.report.replays import Replays, quote_of

_SHOWN, _QUOTED = 3, 3
_WEEK = timedelta(days=7)


def got_better(product: Product, marts: Marts) -> Section | None:
    """Problems that were fixed or are seen no longer, with what they used to cost; None where there are none."""
    names = theme_names(marts)
    used_to_cost = pl.coalesce("promised_per_week", "used_to_cost")
    # What the product file calls fixed is so where it brought something, or is seen no longer.
    is_over = (pl.col("state") == "gone") | (pl.col("closed").is_not_null() & (pl.col("realised_low") > 0))
    gone = marts["opportunities"].with_columns(used=used_to_cost, ended=pl.coalesce("closed", "since"), is_over=is_over)
    ended = gone.filter("is_over", pl.col("used").is_not_null(), pl.col("ended").is_not_null())
    rows = [
        (title_of(r, names), day_text(r["ended"]), label(r["release"] or ""), cost(r["used"], product))
        for r in ended.sort("ended", "opportunity_id", descending=[True, False]).head(_SHOWN).rows(named=True)
    ]
    if not rows:
        return None
    return Section(
        "What got better",
        "Problems that were fixed, or are seen no longer though their pages are seen as before; what they cost in the last week before.",
        header=("problem", "until", "release", "used to cost a week"),
        rows=rows,
        note=linked("All opportunities", "opportunities"),
    )


def people_said(marts: Marts, replays: Replays) -> Section | None:
    """The newest comments of the last seven days, low scores first; None where nobody said anything."""
    quotes = marts["quotes"].unique(["quote", "day"], keep="first", maintain_order=True)
    if quotes.is_empty():
        return None
    recent = quotes.filter(pl.col("day") > pl.col("day").max() - _WEEK)
    # Scores of several surveys have scales of their own.
    unhappy = pl.col("score_group").replace_strict({"low": 0, "middle": 1, "high": 2}, default=3)
    shown = recent.sort(unhappy, "day", "quote", descending=[False, True, False]).head(_QUOTED)
    return Section(
        "What people said",
        "Comments of the last seven days with any, those of unhappy people first. Verbatim, personal data removed.",
        quotes=[
            quote_of(r, replays)
            for r in shown.rows(named=True)
        ],
        note=linked("All that people said", "voice"),
    )  # fmt: skip
