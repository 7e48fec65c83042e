"""What is worth mending first: impacts of all kinds, ranked by cost of delay, week by week (metrics.md, "cost of delay").

An opportunity's id is a hash of what it is, so its history can be followed.
"""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from pipeline.contracts import TABLES
from pipeline.days import ONE_DAY, day_start
from pipeline.metrics.buckets import ranges_of
from pipeline.metrics.periods import complete_weeks
from pipeline.product import Product
from pipeline.value.impact import impacts, kept
from pipeline.value.opportunity_states import GONE, overlaps, parts_of, with_states
from pipeline.value.subjects import AFTER_COMMENT, Span, Streams, subjects
from pipeline.value.units import BY, READS, units

# A table's rows of the days from one to another.
Within = Callable[[str, date, date], pl.LazyFrame]
WEEKS, HISTORY_WEEKS = 4, 8
# A zone that holds so much of a page's signal tells better where it is.
_MOST_IN_ZONE = 0.8
_ID = ["kind", "page", "subject", "rule_set"]


def id_of(kind: str, page: str, subject: str, rule_set: str) -> str:
    """The stable id of an opportunity."""
    return hashlib.sha256(f"{kind}|{page}|{subject}|{rule_set}".encode()).hexdigest()[:10]


def spans(days: list[date], product: Product) -> list[Span]:
    """The four weeks (fewer at the product's start) that end with each week of the history.

    The history holds the last eight complete weeks, and the last one before each closing.
    """
    ends = [last for _, last in complete_weeks(days, product.week_start)]
    chosen = set(ends[-HISTORY_WEEKS:])
    for item in product.opportunities.items.values():
        if item.closed is not None:
            chosen |= {max((end for end in ends if end < item.closed), default=ends[0])} if ends else set()
    found: list[Span] = []
    for last in sorted(chosen):
        weeks = min(WEEKS, sum(end <= last for end in ends))
        first = last - timedelta(days=7 * weeks - 1)
        found.append(Span(first, last, day_start(last + ONE_DAY, product.zone_info), days[0]))
    return found


def opportunity_results(
    views: pl.LazyFrame, beside: Streams, days: list[date], product: Product, within: Within | None = None
) -> pl.DataFrame:
    """Opportunities of each week of the history; `views` holds first_views, `beside` the tables of units.READS.

    `within` gives a table's rows of the days from one to another: a week needs the files of its own weeks alone.
    """
    table = TABLES["opportunity_results"]
    found = [table.schema.to_frame()]
    for span in spans(days, product):
        own, near = (views, beside) if within is None else _near(beside, within, span, product)
        looked = subjects(own, near, span, product)
        number = ranges_of(20 * own.filter(span.holds()).select(pl.len()).collect().item())
        told = kept(lambda i, o=own, n=near, s=span, what=looked: units(o, n, i, s, product, what), number)
        last_days = dict.fromkeys(("friction", "zone", "broken_link"), span.last) | {
            "theme": span.moved(AFTER_COMMENT).last
        }
        states = with_states(impacts(told, number), told, number, last_days, product.releases)
        # A group none of which is like anybody outside is compared with nobody.
        named = _named(states.filter((pl.col("kind") != "funnel_drop") | pl.col("effect").is_not_null()), product)
        ranked = _ranked(_one_of_several(_costed(named, product), overlaps(told, number)))
        found.append(table.conform(ranked.with_columns(as_of=pl.lit(span.last))))
    return table.conform(pl.concat(found))


def _near(beside: Streams, within: Within, span: Span, product: Product) -> tuple[pl.LazyFrame, Streams]:
    """first_views and the tables beside them, of the days that a span's units are told from; who is new, all days tell."""
    first = span.reads_from(product)
    near = {name: within(name, first, span.last) for name in READS if name != "activity"}
    return within("first_views", span.first, span.last), {**beside, **near}


def _named(made: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Add ids; a page's signal that one zone holds nearly all of is told by the zone."""
    zones = made.filter(pl.col("kind") == "zone").select(
        "page", subject=pl.col("subject").str.split(" in ").list.first(), inside="sessions_with_all"
    )
    most = zones.group_by("page", "subject").agg(pl.col("inside").max())
    joined = made.join(most, on=["page", "subject"], how="left")
    ids = [id_of(*row) for row in joined.select(_ID).rows()]
    named = joined.with_columns(pl.Series("id", ids, dtype=pl.String))
    is_told = (pl.col("kind") == "friction") & (pl.col("inside") >= _MOST_IN_ZONE * pl.col("sessions_with_all"))
    # What was closed is followed under its own id, whatever became of its zones.
    followed = pl.col("id").is_in([name for name, item in product.opportunities.items.items() if item.closed])
    return named.filter(~is_told.fill_null(value=False) | followed)


def _costed(named: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Add what mending takes and brings for a week of it."""
    said = product.opportunities
    efforts = {name: item.weeks for name, item in said.items.items() if item.weeks is not None}
    closed = {name: item.closed for name, item in said.items.items() if item.closed is not None}
    own = pl.col("id").replace_strict(efforts, default=None, return_dtype=pl.Float64)
    costed = named.with_columns(
        weeks_of_work=own.fill_null(said.weeks),
        effort_said=own.is_not_null(),
        closed=pl.col("id").replace_strict(closed, default=None, return_dtype=pl.Date),
    ).with_columns(
        cd3=pl.col("cost_per_week") / pl.col("weeks_of_work"), cd3_low=pl.col("cost_low") / pl.col("weeks_of_work")
    )
    spent = pl.lit(said.cost_per_week, dtype=pl.Float64) * pl.col("weeks_of_work")
    paid = pl.when(pl.col("cost_per_week") > 0).then(spent / pl.col("cost_per_week"))
    # Without orders goals that are lost stand for money.
    lost = pl.col("lost_low") / pl.col("weeks_of_work")
    return costed.with_columns(payback_weeks=paid, lost=lost)


# Strongest first; what is closed or gone waits for nobody.
_DONE = pl.col("closed").is_not_null() | (pl.col("state") == GONE)
_STRONGEST = ("claimed", "cd3_low", "lost", "id")


def _strongest_first(costed: pl.DataFrame) -> pl.DataFrame:
    return costed.sort(_DONE, *_STRONGEST, descending=[False, True, True, True, False], nulls_last=True)


def _one_of_several(costed: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """Add `part_of`: the id of the stronger one among whose sessions over half of its own are; null: it stands for itself."""
    other = [f"{name}_other" for name in BY]
    ids = costed.select(*BY, "id")
    named = shared.join(ids, on=BY).join(ids, left_on=other, right_on=BY, suffix="_other")
    known = {(mine, its): sessions for mine, its, sessions in named.select("id", "id_other", "sessions").rows()}
    parts = dict(parts_of(_strongest_first(costed.filter(~_DONE))["id"].to_list(), known))
    part_of = pl.col("id").replace_strict(parts, default=None, return_dtype=pl.String)
    return costed.with_columns(part_of=part_of)


def _ranked(costed: pl.DataFrame) -> pl.DataFrame:
    """Add `rank`, of those that are open and stand for themselves."""
    stands = ~_DONE & pl.col("part_of").is_null()
    ordered = _strongest_first(costed)
    return ordered.with_columns(rank=pl.when(stands).then(stands.cast(pl.Int64).cum_sum()))
