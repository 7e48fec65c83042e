"""What is worth mending first: impacts of all kinds, ranked by cost of delay, week by week (docs/definitions/opportunities.md, "Cost of delay").

An opportunity's id is a hash of what it is, so its history can be followed.
"""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.opportunities.impact import impacts, kept
from pipeline.domains.opportunities.opportunity_states import GONE, overlaps, parts_of, with_states
from pipeline.domains.opportunities.subjects import AFTER_COMMENT, Span, Streams, subjects
from pipeline.domains.opportunities.units import BY, READS, units
from pipeline.stats.buckets import ranges_of
from pipeline.stats.periods import complete_weeks

# Tells of how many page views each signal was measured.
MEASURED = "daily_friction"
# A table's rows of the days from one to another.
Within = Callable[[str, date, date], pl.LazyFrame]
WEEKS, HISTORY_WEEKS = 4, 8
# A zone that holds so much of a page's signal tells better where it is.
_MOST_IN_ZONE = 0.8
_ID = ["kind", "page", "subject", "rule_set"]


def id_of(kind: str, page: str, subject: str, rule_set: str) -> str:
    """The stable id of an opportunity."""
    return hashlib.sha256(f"{kind}|{page}|{subject}|{rule_set}".encode()).hexdigest()[:10]


def spans(days: list[date], product: Product) -> list[tuple[Span, list[str] | None]]:
    """The four weeks (fewer at the product's start) that end with each week of the history, and what is kept of them.

    The history holds the last eight complete weeks whole (None), and of the last one before each closing the ids closed.
    """
    ends = [last for _, last in complete_weeks(days, product.week_start)]
    chosen: dict[date, list[str] | None] = dict.fromkeys(ends[-HISTORY_WEEKS:])
    for id_, item in product.opportunities.items.items() if ends else ():
        if item.closed is not None:
            before = max((end for end in ends if end < item.closed), default=ends[0])
            kept_ids = chosen.setdefault(before, [])
            if kept_ids is not None:
                kept_ids.append(id_)
    result: list[tuple[Span, list[str] | None]] = []
    for last, only in sorted(chosen.items(), key=lambda each: each[0]):
        weeks = min(WEEKS, sum(end <= last for end in ends))
        first = last - timedelta(days=7 * weeks - 1)
        result.append((Span(first, last, day_start(last + ONE_DAY, product.zone_info), days[0]), only))
    return result


def opportunity_results(
    views: pl.LazyFrame, beside: Streams, days: list[date], product: Product, within: Within | None = None
) -> pl.DataFrame:
    """Opportunities of each week of the history; `views` holds first_views, `beside` the tables of units.READS.

    `within` gives a table's rows of the days from one to another: a week needs the files of its own weeks alone.
    """
    table = TABLES["opportunity_results"]
    result = [table.schema.to_frame()]
    for span, only in spans(days, product):
        own, near = (views, beside) if within is None else _near(beside, within, span, product)
        looked = subjects(own, near, span, product)
        number = ranges_of(20 * own.filter(span.holds()).select(pl.len()).collect().item())
        reported = kept(lambda i, o=own, n=near, s=span, what=looked: units(o, n, i, s, product, what), number)
        last_days = dict.fromkeys(("friction", "zone", "broken_link"), span.last) | {
            "theme": span.moved(AFTER_COMMENT).last
        }
        views_with_visit = _measured(near, span, product)
        states = with_states(impacts(reported, number), reported, number, last_days, product.releases, views_with_visit)
        costed = _costed(_looked_from(_named(states, product), span, product), product)
        ranked = _ranked(_one_of_several(costed, *overlaps(reported, number)))
        wanted = pl.lit(value=True) if only is None else pl.col("id").is_in(only)
        result.append(table.conform(ranked.filter(wanted).with_columns(as_of=pl.lit(span.last))))
    return table.conform(pl.concat(result))


def _near(beside: Streams, within: Within, span: Span, product: Product) -> tuple[pl.LazyFrame, Streams]:
    """first_views and the tables beside them, of the days that a span's units are told from; who is new, all days tell."""
    first = span.reads_from(product)
    near = {name: within(name, first, span.last) for name in (*READS, MEASURED) if name != "people_first"}
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
    is_reported = (pl.col("kind") == "friction") & (pl.col("inside") >= _MOST_IN_ZONE * pl.col("sessions_with_all"))
    # A group none of which is like anybody outside is compared with nobody.
    is_alone = (pl.col("kind") == "funnel_drop") & pl.col("effect").is_null()
    # What was closed is followed under its own id, whatever became of its zones.
    followed = pl.col("id").is_in([name for name, item in product.opportunities.items.items() if item.closed])
    return named.filter(~(is_reported.fill_null(value=False) | is_alone) | followed)


def _measured(beside: Streams, span: Span, product: Product) -> pl.DataFrame | None:
    """Page views by page, signal and day whose source tells of the signal; None where nothing says so."""
    if MEASURED not in beside:
        return None
    own = beside[MEASURED].filter(span.holds(), pl.col("rule_set") == product.friction.first)
    counted = own.group_by("page", "signal", day="session_day").agg(measured=pl.col("page_views_measured").sum())
    return counted.collect()


def _looked_from(named: pl.DataFrame, span: Span, product: Product) -> pl.DataFrame:
    """Add `looked_from`, the first day whose units count: drops and themes need time after them that is over."""
    by_funnel = {name: span.moved(funnel.length).first for name, funnel in product.funnels.items()}
    drops = pl.col("page").replace_strict(by_funnel, default=None, return_dtype=pl.Date)
    themes = pl.lit(span.moved(AFTER_COMMENT).first)
    return named.with_columns(
        looked_from=pl.when(pl.col("kind") == "funnel_drop").then(drops)
        .when(pl.col("kind") == "theme").then(themes).otherwise(pl.lit(span.first))
    )  # fmt: skip


def _costed(named: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Add what a fix takes and brings for a week of work."""
    stated = product.opportunities
    efforts = {name: item.weeks for name, item in stated.items.items() if item.weeks is not None}
    closed = {name: item.closed for name, item in stated.items.items() if item.closed is not None}
    own = pl.col("id").replace_strict(efforts, default=None, return_dtype=pl.Float64)
    costed = named.with_columns(
        weeks_of_work=own.fill_null(stated.weeks),
        effort_stated=own.is_not_null(),
        closed=pl.col("id").replace_strict(closed, default=None, return_dtype=pl.Date),
    ).with_columns(
        cd3=pl.col("cost_per_week") / pl.col("weeks_of_work"), cd3_low=pl.col("cost_low") / pl.col("weeks_of_work")
    )
    spent = pl.lit(stated.cost_per_week, dtype=pl.Float64) * pl.col("weeks_of_work")
    paid = pl.when(pl.col("cost_per_week") > 0).then(spent / pl.col("cost_per_week"))
    # Without orders goals that are lost stand for money.
    lost = pl.col("lost_low") / pl.col("weeks_of_work")
    return costed.with_columns(payback_weeks=paid, lost=lost)


# Strongest first; what is closed or gone stands apart.
_DONE = pl.col("closed").is_not_null() | (pl.col("state") == GONE)
_STRONGEST = ("claimed", "cd3_low", "lost", "id")


def _strongest_first(costed: pl.DataFrame) -> pl.DataFrame:
    return costed.sort(_DONE, *_STRONGEST, descending=[False, True, True, True, False], nulls_last=True)


def _one_of_several(costed: pl.DataFrame, shared: pl.DataFrame, sessions: int) -> pl.DataFrame:
    """Add `part_of`: the id of the stronger one among whose sessions over half of its own are; null: it stands for itself.

    What is gone names others first: a page's signal isn't to be fixed for the weeks in which a zone that was fixed had it.
    """
    other = [f"{name}_other" for name in BY]
    ids = costed.select(*BY, "id")
    named = shared.join(ids, on=BY).join(ids, left_on=other, right_on=BY, suffix="_other")
    known = {(mine, its): both for mine, its, both in named.select("id", "id_other", "sessions").rows()}
    is_open, is_gone = pl.col("closed").is_null(), pl.col("state") == GONE
    gone, others = costed.filter(is_open, is_gone), costed.filter(is_open, ~is_gone)
    ordered = [id_ for part in (gone, others) for id_ in _strongest_first(part)["id"]]
    of_gone = set(gone["id"])
    parts = {id_: whole for id_, whole in parts_of(ordered, known, sessions) if id_ not in of_gone}
    part_of = pl.col("id").replace_strict(parts, default=None, return_dtype=pl.String)
    return costed.with_columns(part_of=part_of)


def _ranked(costed: pl.DataFrame) -> pl.DataFrame:
    """Add `rank`, of those that are open and stand for themselves."""
    stands = ~_DONE & pl.col("part_of").is_null()
    ordered = _strongest_first(costed)
    return ordered.with_columns(rank=pl.when(stands).then(stands.cast(pl.Int64).cum_sum()))
