"""The device's clock: by how much it is off, and whether that can be true (docs/definitions/events.md, "Device clock")."""

from datetime import timedelta

import polars as pl

TOLERANCE = timedelta(seconds=60)
# So long a device keeps its queue.
LONGEST_QUEUE = timedelta(days=90)
_OFFSET = pl.col("received_at") - pl.col("sent_at")


def _is_off() -> pl.Expr:
    return (_OFFSET.abs() > TOLERANCE).fill_null(value=False)


def clock_corrected(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the batch's offset to `occurred_at` where it can be true: sent after it happened, from a queue of 90 days.

    Then the corrected time isn't later than received_at (plus 60 s) either: both say sent_at - occurred_at.
    """
    waited = pl.col("sent_at") - pl.col("occurred_at")
    can_be = waited.is_between(-TOLERANCE, LONGEST_QUEUE).fill_null(value=False)
    corrected = pl.col("occurred_at") + _OFFSET
    return frame.with_columns(occurred_at=pl.when(_is_off() & can_be).then(corrected).otherwise("occurred_at"))


def clock_doubtful() -> pl.Expr:
    """True where sent_at says that the clock was off, but by an offset that can't be true: the time stayed as it was."""
    return _is_off() & (pl.col("occurred_at") == pl.col("occurred_at_raw"))
