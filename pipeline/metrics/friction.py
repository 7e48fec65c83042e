"""Where people get stuck: rage clicks by PostHog's rule (metrics.md, "Friction"; semantics.md, section 7)."""

from collections.abc import Sequence

import polars as pl


def posthog_rage_clicks(
    clicks: pl.LazyFrame, by: Sequence[str], *, threshold_px: int = 30, timeout_ms: int = 1000, click_count: int = 3
) -> pl.DataFrame:
    """Clicks in order with `is_rage`: exactly the `click_count`-th of a run is one.

    `clicks`: the columns `by` (whose clicks they are), `occurred_at`, `x` and `y` in px. A run goes on while each click
    is less than `threshold_px` (Manhattan) and `timeout_ms` from the one before.
    """
    ordered = clicks.sort(*by, "occurred_at", maintain_order=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in by)
    waited = pl.col("occurred_at").diff().dt.total_microseconds() < timeout_ms * 1_000
    near = pl.col("x").diff().abs() + pl.col("y").diff().abs() < threshold_px
    goes_on = (same & waited & near).fill_null(value=False)
    numbered = ordered.with_columns(run=(~goes_on).cum_sum())
    place = pl.int_range(1, pl.len() + 1).over("run")
    return numbered.with_columns(is_rage=place == click_count).drop("run").collect()
