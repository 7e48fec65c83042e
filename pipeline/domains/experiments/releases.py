"""Releases and hypotheses: what changed after a release beside the same weekdays before, and what data say of beliefs."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from pipeline.core.kpi_names import NOT_OF_A_DAY
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.experiments.experiment_moments import Streams
from pipeline.domains.experiments.experiments import experiment_results
from pipeline.domains.experiments.section import Hypothesis
from pipeline.stats.key_figures import FIGURES
from pipeline.stats.memberships import EVERYBODY, in_segments

_SPAN = timedelta(days=28)
_WEEK = 7
_ROUNDING = 1e-9
DAILY_FIGURES = tuple(name for name in FIGURES if name not in NOT_OF_A_DAY)
_DAY = ["session_day", "segment"]


def release_results(sessions: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Each release's before and after by key figure and segment; `sessions` holds session_kpis of `days`."""
    table = TABLES["release_results"]
    if not product.releases or not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    spans = {name: _days_of(release.day, product) for name, release in product.releases.items()}
    wanted = sorted({day for before, after in spans.values() for day in (*before, *after)} & set(days))
    figures = _daily(sessions.filter(pl.col("session_day").is_in(wanted)), wanted, product)
    rows: list[dict[str, Any]] = []
    for (segment,), own in sorted(figures.partition_by("segment", as_dict=True).items()):
        by_day = {row["session_day"]: row for row in own.rows(named=True)}
        for name, (before, after) in spans.items():
            about = {"release": name, "day": product.releases[name].day, "segment": segment}
            rows += [{**about, **each} for each in _figures(by_day, before, after)]
    return table.conform(pl.DataFrame(rows, schema=table.schema, orient="row"))


def _days_of(day: date, product: Product) -> tuple[list[date], list[date]]:
    """28 days before, and 28 from it on, neither across another release."""
    others = [each.day for each in product.releases.values()]
    last = min((other for other in others if other > day), default=day + _SPAN)
    first = max((other for other in others if other < day), default=day - _SPAN)
    count = _SPAN.days
    before = [day - timedelta(days=i) for i in range(count, 0, -1) if day - timedelta(days=i) >= first]
    return before, [day + timedelta(days=i) for i in range(count) if day + timedelta(days=i) < last]


def _daily(sessions: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Key figures of each of `days` and segment; of a day without a session totals are 0."""
    rows = sessions.collect()
    groups = pl.concat(
        [
            rows.with_columns(segment=pl.lit(EVERYBODY)),
            in_segments(rows, product).select(*rows.columns, "segment"),
        ]
    )
    summed = groups.group_by(_DAY).agg(
        one=pl.col("person_key").n_unique(),
        sessions=pl.len(),
        sessions_with_goal=(pl.col("goal_bits") != 0).sum(),
        sessions_bounced=pl.col("is_bounce").sum(),
        sessions_with_page_view=pl.col("has_page_view").sum(),
        orders=pl.col("orders").sum(),
        revenue_micros=pl.col("revenue_micros").sum(),
        engaged_ms=pl.col("engaged_ms").sum(),
        sessions_engaged=pl.col("engaged_ms").count(),
        friction_score=pl.col("friction_score").sum(),
    )

    def figure(name: str) -> pl.Expr:
        each = FIGURES[name]
        top = pl.col(each.top).cast(pl.Float64) / each.scale
        return top if each.bottom is None else pl.when(pl.col(each.bottom) > 0).then(top / pl.col(each.bottom))

    segments = pl.DataFrame({"segment": [EVERYBODY, *sorted(product.segments)]}, schema={"segment": pl.String})
    grid = pl.DataFrame({"session_day": days}, schema={"session_day": pl.Date}).join(segments, how="cross")
    whole = grid.join(summed, on=_DAY, how="left").with_columns(pl.exclude(_DAY).fill_null(0))
    return whole.select(*_DAY, **{name: figure(name) for name in DAILY_FIGURES}).sort(_DAY)


def _figures(
    by_day: Mapping[date, Mapping[str, Any]], before: list[date], after: list[date]
) -> Iterator[dict[str, Any]]:
    for name in DAILY_FIGURES:
        sides = [
            [(day, by_day[day][name]) for day in side if day in by_day and by_day[day][name] is not None]
            for side in (before, after)
        ]
        yield {"kpi": name, "days_before": len(sides[0]), "days_after": len(sides[1]), **_change(*sides)}


def _change(before: list[tuple[date, float]], after: list[tuple[date, float]]) -> dict[str, float]:
    """Mean of the days after less that of the same weekdays before, by least squares with a level for each weekday."""
    shared = {day.weekday() for day, _ in before} & {day.weekday() for day, _ in after}
    kept = [(day, value, 0.0) for day, value in before if day.weekday() in shared]
    kept += [(day, value, 1.0) for day, value in after if day.weekday() in shared]
    freedom = len(kept) - len(shared) - 1
    if not shared or freedom < _WEEK:
        return {}
    weekdays = sorted(shared)
    levels = np.array([[float(day.weekday() == each) for each in weekdays] + [side] for day, _, side in kept])
    values = np.array([value for _, value, _ in kept])
    solved: NDArray[np.float64] = np.linalg.lstsq(levels, values, rcond=None)[0]
    square = float(((values - levels @ solved) ** 2).sum()) / freedom
    error = float(np.sqrt(square * np.linalg.inv(levels.T @ levels)[-1, -1]))
    change = float(solved[-1])
    later = [value for _, value, side in kept if side]
    half = float(stdtrit(freedom, 0.975)) * error
    after_mean = sum(later) / len(later)
    reported = {"before": after_mean - change, "after": after_mean, "change": change}
    # A figure that never varies has no test: what is left of it is rounding.
    if error > _ROUNDING * max(1.0, abs(after_mean)):
        reported |= {"low": change - half, "high": change + half}
        reported["p_value"] = float(2 * stdtr(freedom, -abs(change) / error))
    return {name: float(f"{value:.6g}") for name, value in reported.items()}


def hypothesis_results(sessions: pl.LazyFrame, streams: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """The conclusion on each hypothesis of the product file, from its experiment or its release."""
    table = TABLES["hypothesis_results"]
    if not product.hypotheses:
        return table.conform(pl.DataFrame(schema=table.schema))
    experiments = experiment_results(streams, days, product)
    releases = release_results(sessions, days, product)
    rows: list[dict[str, Any]] = []
    for name, each in product.hypotheses.items():
        reported = _by_experiment(each, experiments) if each.experiment else _by_release(each, releases)
        conclusion, reason = reported.pop("conclusion", None), reported.pop("reason", None)
        if conclusion is None:
            conclusion, reason = judged(each, reported.get("before"), reported.get("low"), reported.get("high"))
        tested = f"experiment {each.experiment}" if each.experiment else f"release {each.release}"
        rows.append(
            {
                "hypothesis": name, "statement": each.statement, "metric": each.metric, "expected": each.expected,
                "expected_size": each.size, "tested_by": tested, **reported, "conclusion": conclusion, "reason": reason,
            }
        )  # fmt: skip
    return table.conform(pl.DataFrame(rows, schema=table.schema, orient="row"))


def judged(believed: Hypothesis, before: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    """`supported` where the whole interval lies at or beyond the least size expected, `refuted` where none of it does."""
    if before is None or low is None or high is None:
        return _OPEN, "there is no interval yet"
    sign = 1 if believed.expected == "higher" else -1
    near, far = sorted((sign * low, sign * high))
    least = (believed.size or 0.0) * abs(before)
    if near > 0 and near >= least:
        return "supported", "the whole interval lies where it was expected"
    if far < least or far <= 0:
        return "refuted", "the whole interval lies short of what was expected"
    return _OPEN, "the interval holds both what was expected and less"


_OPEN = "too little data yet"


def _by_experiment(each: Hypothesis, experiments: pl.DataFrame) -> dict[str, Any]:
    group = ("segment", each.segment) if each.segment else ("", "")
    own = experiments.filter(
        pl.col("experiment") == each.experiment,
        pl.col("metric") == each.metric,
        pl.col("dimension") == group[0],
        pl.col("value") == group[1],
        pl.lit(each.variant is None) | (pl.col("variant") == pl.lit(each.variant)),
    )
    if own.is_empty():
        return {}
    row = own.row(0, named=True)
    if row["conclusion"] in ("too few", "hidden: sample ratio"):
        reason = {"too few": "too few people", "hidden: sample ratio": "people were not divided as planned"}
        return {
            "before": row["control"],
            "effect": row["effect"],
            "conclusion": _OPEN,
            "reason": reason[row["conclusion"]],
        }
    always = row["always_low"] is not None
    low, high = (row["always_low"], row["always_high"]) if always else (row["low"], row["high"])
    return {"before": row["control"], "effect": row["effect"], "low": low, "high": high}


def _by_release(each: Hypothesis, releases: pl.DataFrame) -> dict[str, Any]:
    own = releases.filter(
        pl.col("release") == each.release, pl.col("kpi") == each.metric, pl.col("segment") == (each.segment or "")
    )
    if own.is_empty():
        return {}
    row = own.row(0, named=True)
    return {"before": row["before"], "effect": row["change"], "low": row["low"], "high": row["high"]}
