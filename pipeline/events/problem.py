"""What a problem with the data is, and which ones a run still has to speak of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, NamedTuple

import polars as pl

from pipeline.core.product import Product
from pipeline.core.state import DayFailure
from pipeline.events.profile import Facts
from pipeline.ingest.drift import CHECKS
from pipeline.ingest.manifests import Manifest

Severity = Literal["problem", "note"]
# Days up to the newest on which a problem of a day is still told; others are told until they are mended.
RECENT_DAYS = 7
# A clock or an id in doubt now and then is the way of the world: below this share of a day's events it is a note.
NOTED_SHARE = 0.01
KINDS: dict[str, str] = {
    "day_held_back": "A day's gate failed: its old numbers stay.",
    "file_refused": "A landing file couldn't be read and was refused whole.",
    "file_not_accepted": "Not one record of a landing file was accepted.",
    "file_rejected_share": "Many records of a landing file were rejected.",
    "mapped_field_absent": "A field that the mapping names is in no record of a file.",
    **CHECKS,
    "no_people": "A day's events bear no id, so they count for nobody.",
    "placeholder_ids": "Ids such as `undefined` or `null`, which are none.",
    "heavy_id": "One id carries over a fifth of a source's events.",
    "orders_without_revenue": "Orders that bear no revenue.",
    "currency_without_rate": "Orders in a currency that the product file has no rate for: their revenue isn't counted.",
    "order_ids_collide": "Orders that bear the order id of another.",
    "clock_doubtful": "Clocks that can't be corrected by a sent time that can't be true.",
    "far_future": "Events dated long after everything else.",
    "source_silent": "A source that sent every day sent nothing.",
    "rows_missing": "A kind of event that came every day didn't come.",
    "page_silent": "A page that nothing matches any more.",
    "zone_silent": "A selector of a zone that no element fits any more.",
    "sample_ratio": "An experiment whose variants weren't given to people as planned.",
    "model_unusable": "A model or small table of the team's own can't be used: its mart stays as it was.",
}
_UNTIL_MENDED = frozenset(
    {
        "day_held_back",
        "file_refused",
        "file_not_accepted",
        "page_silent",
        "zone_silent",
        "sample_ratio",
        "model_unusable",
    }
)


# What is one problem however many days it lasts: kind, source, subject, since.
ProblemId = tuple[str, str, str, date]


class Problem(NamedTuple):
    """One thing that makes numbers doubtful.

    `size` counts what is concerned, `out_of` out of how many, where that is known; `since` is the first of the consecutive days
    on which it stands. `sentence` names where and how much, `remedy` what to do. A note is told and asks for nothing.
    """

    day: date
    source: str
    problem: str
    subject: str
    severity: Severity
    size: int
    out_of: int | None
    since: date
    sentence: str
    remedy: str

    @property
    def name(self) -> ProblemId:
        """What is one problem however many days it lasts."""
        return self.problem, self.source, self.subject, self.since

    @property
    def text(self) -> str:
        """The sentence with its remedy."""
        return f"{self.sentence}; {self.remedy}"


def problems_of(rows: pl.DataFrame) -> list[Problem]:
    """The rows of the mart `data_problems`, or of its list, as problems."""
    return [Problem(*row) for row in rows.select(Problem._fields).rows()]


def newest_of(marts: Mapping[str, pl.DataFrame]) -> date | None:
    """The newest day of data that `daily_quality` tells of; before there is any that of arrival in `ingest_quality`."""
    files = marts["ingest_quality"]
    # As it was called until the first run after an upgrade has made the mart anew.
    arrived = files["day" if "day" in files.columns else "arrived"]
    days = (marts["daily_quality"]["day"].max(), arrived.max())
    return next((day for day in days if isinstance(day, date)), None)


def in_order(result: Iterable[Problem]) -> list[Problem]:
    """Problems before notes, the latest day first, each day and subject once, `since` filled in over consecutive days."""
    by_key = {(p.problem, p.source, p.subject, p.day): p for p in result}
    dated: dict[tuple[str, str, str, date], Problem] = {}
    for key in sorted(by_key):
        *what, day = key
        before = dated.get((*what, day - timedelta(days=1)))  # pyright: ignore[reportArgumentType]
        own = by_key[key]
        dated[key] = own._replace(since=min(before.since, own.since)) if before else own
    return sorted(dated.values(), key=_gravity)


def _gravity(p: Problem) -> tuple[bool, int, str, str, str]:
    return p.severity != "problem", -p.day.toordinal(), p.source, p.problem, p.subject


def current(result: Sequence[Problem], newest: date | None) -> list[Problem]:
    """Those that still stand: of the last days up to `newest`, and those that last until they are mended."""
    return [
        p
        for p in result
        if p.problem in _UNTIL_MENDED or (newest is not None and p.day > newest - timedelta(days=RECENT_DAYS))
    ]


def latest(result: Iterable[Problem]) -> list[Problem]:
    """Each problem once, on the last of its consecutive days, the gravest and latest first."""
    last: dict[ProblemId, Problem] = {}
    for p in result:
        if p.name not in last or last[p.name].day < p.day:
            last[p.name] = p
    return sorted(last.values(), key=_gravity)


@dataclass(frozen=True)
class Known:
    """What problems are looked for in: manifests, days with data and their counts, days held back, and daily tables.

    `model_faults` says by file what is wrong with models and small tables of the team's own.
    """

    product: Product
    manifests: Sequence[Manifest]
    days: Sequence[date]
    facts: Mapping[date, Facts]
    held_back: Mapping[str, Mapping[date, DayFailure]]
    scan: Callable[[str], pl.LazyFrame]
    model_faults: Mapping[str, str] = field(default_factory=dict[str, str])
