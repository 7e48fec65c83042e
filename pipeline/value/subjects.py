"""What opportunities are looked for, and over which days: decided by all people of the days, before their ranges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from pipeline.days import ONE_DAY
from pipeline.metrics.calibration import calibrated
from pipeline.metrics.friction import SIGNALS
from pipeline.product import Product
from pipeline.voice.scores import team_names

# A comment is followed by what the person does in these days.
AFTER_COMMENT = timedelta(days=7)
COMMENT = ["source", "event_id", "question"]
ZONE_SIGNALS = ("rage_click", "dead_click", "error_click")
_LEAST_WITH = 10
Streams = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class Span:
    """The days that are looked at, both inside, the instant at which the last one ends, and the first day with data."""

    first: date
    last: date
    end: datetime
    begin: date

    def holds(self, column: str = "session_day") -> pl.Expr:
        """Whether a local day lies in the span."""
        return pl.col(column).is_between(self.first, self.last)

    @property
    def weeks(self) -> float:
        """How many weeks the span has."""
        return ((self.last - self.first).days + 1) / 7

    def moved(self, window: timedelta) -> "Span":
        """As many days whose windows are all over by the end of this span; fewer where data begin later."""
        days = timedelta(days=-(-window // ONE_DAY))
        return Span(max(self.begin, self.first - days), self.last - days, self.end, self.begin)


@dataclass(frozen=True)
class Subjects:
    """What is looked at, by all people of a span: a range of people alone must not decide it.

    `pages` by signal; `zones` as (page, signal, zone); `broken` pages that lead to missing ones; `groups` by funnel and
    0-based step; `themes`.
    """

    pages: Mapping[str, list[str]]
    zones: list[tuple[str, str, str]]
    broken: list[str]
    groups: Mapping[tuple[str, int], list[str]]
    themes: list[str]


def goal_of(product: Product) -> str | None:
    """The goal that opportunities are counted in: the product file's, else the first that orders reach, else the first."""
    if product.opportunities.goal is not None:
        return product.opportunities.goal
    orders = sorted(name for name, goal in product.goals.items() if goal.kind == "order")
    return next(iter([*orders, *sorted(product.goals)]), None)


def subjects(views: pl.LazyFrame, beside: Streams, span: Span, product: Product) -> Subjects:
    """What somebody met in the span, often enough to speak of; of a breakdown the largest groups up to its limit."""
    rules = product.friction.first
    names = calibrated(product.friction.rule_sets[rules])
    met = (
        views.filter(span.holds(), pl.col("rule_set") == rules)
        .group_by("page")
        .agg(bits=pl.col("met_in_view").bitwise_or())
    )
    bits = dict(met.sort("page").collect().rows())
    pages = {
        name: [page for page, bit in bits.items() if bit & (1 << i)] for i, name in enumerate(names) if name in SIGNALS
    }
    own = beside["friction_incidents"].filter(span.holds(), pl.col("rule_set") == rules)
    zoned = own.filter(pl.col("zone").is_not_null(), pl.col("signal").is_in(ZONE_SIGNALS))
    key = ["page", "signal", "zone"]
    often = zoned.group_by(key).agg(n=pl.col("page_view_key").n_unique()).filter(pl.col("n") >= _LEAST_WITH)
    led = own.filter(pl.col("signal") == "broken_link", pl.col("came_from").is_not_null()).select("came_from").unique()
    return Subjects(
        pages,
        often.sort(key).select(key).collect().rows(),
        sorted(led.collect()["came_from"]),
        dict(_groups(beside["step_events"], span, product)),
        _themes(beside, span, product),
    )


def _groups(steps: pl.LazyFrame, span: Span, product: Product) -> Iterator[tuple[tuple[str, int], list[str]]]:
    for name, funnel in product.funnels.items():
        if funnel.unit != "person" or funnel.breakdown is None:
            continue
        moved = span.moved(funnel.length)
        for k in range(len(funnel.steps) - 1):
            at = steps.filter(pl.col("funnel") == name, moved.holds("day"), pl.col("steps") & (1 << k) != 0)
            people = at.group_by("value").agg(n=pl.col("person_key").n_unique()).collect()
            largest = people.filter(pl.col("n") >= _LEAST_WITH).sort("n", "value", descending=[True, False])
            # A group that is all has nobody to compare with.
            chosen = largest.head(funnel.breakdown.limit if people.height > 1 else 0)
            yield (name, k), chosen["value"].to_list()


def _themes(beside: Streams, span: Span, product: Product) -> list[str]:
    themes = beside.get("comment_themes")
    if themes is None:
        return []
    moved = span.moved(AFTER_COMMENT)
    said = beside["feedback"].filter(moved.holds("day"), ~pl.col("survey").is_in(team_names(product))).select(COMMENT)
    counted = (
        themes.join(said.unique(), on=COMMENT, how="semi").group_by("theme").len().filter(pl.col("len") >= _LEAST_WITH)
    )
    return sorted(counted.collect()["theme"])
