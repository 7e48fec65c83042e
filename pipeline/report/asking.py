"""From a page of the report to the question that it answers: the address on the Ask page (docs/ask.md).

The link is hidden until `footfall serve` shows the page: from a disk it would lead nowhere.
"""

from datetime import date, timedelta
from typing import Any

from pipeline.ask.address import address_of
from pipeline.ask.question import Question
from pipeline.report.parts import Marts


def asking(first: date | None, last: date | None, **asked: Any) -> str:  # noqa: ANN401  # fields of a question
    """The query of a question's address; empty where there are no days."""
    if first is None or last is None:
        return ""
    return address_of(Question.model_validate({"first": first, "last": last, **asked}))


def asking_lately(marts: Marts, days: int = 28, **asked: Any) -> str:  # noqa: ANN401  # fields of a question
    """The same of the last days that the report is made of."""
    first, last = _days(marts)
    if first is None or last is None:
        return ""
    return asking(max(first, last - timedelta(days=days - 1)), last, **asked)


def asking_of_all(marts: Marts, **asked: Any) -> str:  # noqa: ANN401  # fields of a question
    """The same of all days."""
    return asking(*_days(marts), **asked)


def _days(marts: Marts) -> tuple[date | None, date | None]:
    if "daily_kpis" not in marts:
        return None, None
    known = marts["daily_kpis"]["day"]
    return known.min(), known.max()  # pyright: ignore[reportReturnType]  # days
