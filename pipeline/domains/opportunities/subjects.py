"""What opportunities are looked for, and over which days: decided by all people of the days, before their ranges."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.signals import SIGNAL_NAMES
from pipeline.stats.answers import comments, last_answers, survey_scores, team_names
from pipeline.stats.bits import has_bit, has_name

# A comment is followed by what the person does in these days.
AFTER_COMMENT = timedelta(days=7)
COMMENT = ["source", "event_id", "question"]
_RESPONSE = ["survey", "response_key"]
ZONE_SIGNALS = ("rage_click", "dead_click", "error_click")
# A survey that comes so soon after the goal was made to appear by it.
AFTER_GOAL = timedelta(days=1)
_MOST = 0.5
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

    def reads_from(self, product: Product) -> date:
        """The first day that may tell something of the span: windows of funnels and what follows comments reach back.

        A day more for a partition that holds what came after midnight, and for a goal reached just before a comment.
        """
        windows = [AFTER_COMMENT, *(funnel.length for funnel in product.funnels.values())]
        return min(self.moved(window).first for window in windows) - 2 * ONE_DAY


@dataclass(frozen=True)
class Subjects:
    """What is looked at, by all people of a span: a range of people alone must not decide it.

    `pages` by signal; `zones` as (page, signal, zone); `broken` pages that lead to missing ones; `groups` by funnel and
    0-based step; `themes`; `after_goal` the surveys that ask after the goal: what follows their comments tells nothing.
    """

    pages: Mapping[str, list[str]]
    zones: list[tuple[str, str, str]]
    broken: list[str]
    groups: Mapping[tuple[str, int], list[str]]
    themes: list[str]
    after_goal: list[str]


def goal_of(product: Product) -> str | None:
    """The goal that opportunities are counted in: the product file's, else the first that orders reach, else the first."""
    if product.opportunities.goal is not None:
        return product.opportunities.goal
    orders = sorted(name for name, goal in product.goals.items() if goal.kind == "order")
    return next(iter([*orders, *sorted(product.goals)]), None)


def subjects(views: pl.LazyFrame, beside: Streams, span: Span, product: Product) -> Subjects:
    """What somebody met in the span, often enough to speak of; of a breakdown the largest groups up to its limit."""
    rules = product.friction.first
    names = product.friction.rule_sets[rules].calibrated
    met = (
        views.filter(span.holds(), pl.col("rule_set") == rules)
        .group_by("page")
        .agg(bits=pl.col("met_in_view").bitwise_or())
    )
    bits = dict(met.sort("page").collect().rows())
    pages = {
        name: [page for page, bit in bits.items() if bit & (1 << i)]
        for i, name in enumerate(names)
        if name in SIGNAL_NAMES
    }
    own = beside["friction_incidents"].filter(span.holds(), pl.col("rule_set") == rules)
    zoned = own.filter(pl.col("zone").is_not_null(), pl.col("signal").is_in(ZONE_SIGNALS))
    key = ["page", "signal", "zone"]
    often = zoned.group_by(key).agg(n=pl.col("page_view_key").n_unique()).filter(pl.col("n") >= _LEAST_WITH)
    led = own.filter(pl.col("signal") == "broken_link", pl.col("came_from").is_not_null()).select("came_from").unique()
    after_goal = _after_goal(beside, span, product)
    return Subjects(
        pages,
        often.sort(key).select(key).collect().rows(),
        sorted(led.collect()["came_from"]),
        dict(_groups(beside["step_events"], span, product)),
        _themes(beside, span, product, after_goal),
        after_goal,
    )


def _groups(steps: pl.LazyFrame, span: Span, product: Product) -> Iterator[tuple[tuple[str, int], list[str]]]:
    for name, funnel in product.funnels.items():
        if funnel.unit != "person" or funnel.breakdown is None:
            continue
        moved = span.moved(funnel.length)
        for k in range(len(funnel.steps) - 1):
            at = steps.filter(pl.col("funnel") == name, moved.holds("day"), has_bit("steps", k))
            people = at.group_by("value").agg(n=pl.col("person_key").n_unique()).collect()
            largest = people.filter(pl.col("n") >= _LEAST_WITH).sort("n", "value", descending=[True, False])
            # A group that is all has nobody to compare with.
            chosen = largest.head(funnel.breakdown.limit if people.height > 1 else 0)
            yield (name, k), chosen["value"].to_list()


def _after_goal(beside: Streams, span: Span, product: Product) -> list[str]:
    """Surveys most of whose comments come within a day after their person reached the goal."""
    goal = goal_of(product)
    if goal is None:
        return []
    moved = span.moved(AFTER_COMMENT)
    reached = beside["outcomes"].filter(
        pl.col("day").is_between(moved.first - ONE_DAY, moved.last), has_name("goal_bits", goal, product.goals)
    ).select("person_key", at="occurred_at").sort("at")  # fmt: skip
    reported = beside["feedback"].filter(moved.holds("day"), pl.col("person_key").is_not_null(), pl.col("text") != "")
    after = reported.select("survey", "person_key", "occurred_at").sort("occurred_at").join_asof(
        reached, left_on="occurred_at", right_on="at", by="person_key", tolerance=AFTER_GOAL, check_sortedness=False
    )  # fmt: skip
    most = after.group_by("survey").agg(share=pl.col("at").is_not_null().mean()).filter(pl.col("share") > _MOST)
    return sorted(most.collect()["survey"])


def _themes(beside: Streams, span: Span, product: Product, after_goal: list[str]) -> list[str]:
    """Themes of enough comments, but praise: a theme whose comments come with higher scores than others."""
    themes = beside.get("comment_themes")
    if themes is None:
        return []
    moved = span.moved(AFTER_COMMENT)
    open_ = ~pl.col("survey").is_in([*team_names(product), *after_goal])
    answers = last_answers(beside["feedback"].filter(moved.holds("day"), open_))
    scores = survey_scores(answers, product).select(*_RESPONSE, "points").unique(_RESPONSE)
    # Comments alone: who wrote nothing says nothing of who wrote about something else.
    reported = comments(answers).select(*COMMENT, *_RESPONSE).join(scores, on=_RESPONSE, how="left")
    having = themes.select(*COMMENT, "theme").unique().collect().join(reported, on=COMMENT)
    sums = (pl.col("points").count().alias("scored"), pl.col("points").cast(pl.Float64).sum().alias("total"))
    of_theme = having.unique(["theme", *_RESPONSE]).group_by("theme", "survey").agg(sums)
    every = reported.unique(_RESPONSE).group_by("survey").agg(sums)
    others = (pl.col("total_all") - pl.col("total")) / (pl.col("scored_all") - pl.col("scored"))
    higher = pl.col("total") - pl.col("scored") * others
    praise = (
        of_theme.join(every, on="survey", suffix="_all")
        .group_by("theme")
        .agg(higher=higher.filter(higher.is_finite()).sum())
        .filter(pl.col("higher") > 0)
    )
    counted = having.group_by("theme").len().filter(pl.col("len") >= _LEAST_WITH)
    return sorted(counted.join(praise, on="theme", how="anti")["theme"])
