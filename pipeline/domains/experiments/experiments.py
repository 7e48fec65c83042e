"""Verdicts of experiments, and whether people were divided as planned (docs/definitions/experiments.md)."""

from collections.abc import Mapping
from datetime import date
from operator import itemgetter
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.experiments.experiment_moments import KEYS, SUMS, Streams, first_exposures, moments, scale_of
from pipeline.domains.experiments.section import Experiment, Metric
from pipeline.stats import statistics
from pipeline.stats.alerts import Q, with_q
from pipeline.stats.statistics import SAMPLE_RATIO_ALARM, Difference, Moments

LEAST_PEOPLE, LEAST_CONVERSIONS = 100, 10
# Metrics that people who do something make: so many of them must have.
_COUNTED = ("conversion", "retention", "revenue", "orders")
_CELL = ["experiment", "metric", "dimension", "value"]


def experiment_days(streams: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Sufficient statistics by day of first exposure, in the metrics' units."""
    result = moments(streams, days, product)
    if result.is_empty():
        return TABLES["experiment_days"].schema.to_frame()
    scales = {
        f"{name}/{metric}": scale_of(each, metric)
        for name, each in product.experiments.items()
        for metric in each.metrics
    }
    scale = pl.concat_str("experiment", "metric", separator="/").replace_strict(scales, return_dtype=pl.Float64)
    powers = {"y": 1, "yy": 2, "d": 0, "dd": 0, "yd": 1, "x": 1, "xx": 2, "xy": 2}
    shown = result.with_columns(scale=scale).select(
        *KEYS,
        "people_exposed",
        "people",
        "people_with",
        *((pl.col(name).cast(pl.Float64) / pl.col("scale") ** powers[name]).alias(f"sum_{name}") for name in SUMS),
    )
    return TABLES["experiment_days"].conform(shown)


def experiment_checks(exposures: pl.LazyFrame, product: Product) -> pl.DataFrame:
    """Who was exposed to what, and whether people were divided by the weights in force, before and after setting aside."""
    table = TABLES["experiment_checks"]
    seen = first_exposures(exposures, product)
    rows: list[dict[str, Any]] = []
    for (name,), own in sorted(seen.partition_by("experiment", as_dict=True).items()):
        experiment = product.experiments.get(str(name))
        counted = own.filter(pl.col("variants") == 1)
        planned = experiment.variants if experiment else {}
        expected = _expected(counted, experiment)
        reported = dict(own.group_by("variant").len().rows())
        kept = dict(counted.group_by("variant").len().rows())
        after = _ratio_p(kept, expected)
        before = _ratio_p(reported, _expected(own, experiment))
        e_after, e_before = _ratio_e(counted, experiment), _ratio_e(own, experiment)
        alarm = any(e is not None and e >= 1 / SAMPLE_RATIO_ALARM for e in (e_after, e_before))
        rows += [
            {
                "experiment": name,
                "variant": variant,
                "is_configured": variant in planned,
                "is_control": experiment is not None and variant == experiment.control,
                "people_exposed": reported.get(variant, 0),
                "people_set_aside": reported.get(variant, 0) - kept.get(variant, 0),
                "people_counted": kept.get(variant, 0) if variant in planned or experiment is None else 0,
                "people_expected": expected.get(variant),
                "ratio_p_value": after,
                "ratio_p_value_before": before,
                "ratio_e_value": e_after,
                "ratio_e_value_before": e_before,
                "ratio_alarm": alarm,
            }
            for variant in sorted({*reported, *planned})
        ]
    return table.conform(pl.DataFrame(rows, schema=table.schema, orient="row"))


def _expected(people: pl.DataFrame, experiment: Experiment | None) -> dict[str, float]:
    """People by variant if each day's had been divided by the weights then in force."""
    if experiment is None:
        return {}
    own = people.filter(pl.col("variant").is_in(list(experiment.variants)))
    result = dict.fromkeys(experiment.variants, 0.0)
    for day, number in own.group_by("day").len().sort("day").rows():
        weights = weights_on(experiment, day)
        whole = sum(weights.values())
        for variant, weight in weights.items():
            result[variant] += number * weight / whole if whole else 0.0
    return result


def _ratio_e(people: pl.DataFrame, experiment: Experiment | None) -> float | None:
    """The largest e-value against the weights at the end of any day; None of an experiment that isn't configured."""
    if experiment is None:
        return None
    own = people.filter(pl.col("variant").is_in(list(experiment.variants)))
    looks: list[tuple[list[float], list[float]]] = []
    for (day,), part in sorted(own.partition_by("day", as_dict=True).items(), key=itemgetter(0)):
        came, weights = dict(part.group_by("variant").len().rows()), weights_on(experiment, day)
        if sum(weights.values()) > 0:
            looks.append(([float(came.get(each, 0)) for each in weights], list(weights.values())))
    return statistics.sample_ratio_e(looks)


def weights_on(experiment: Experiment, day: date) -> Mapping[str, float]:
    """The weights in force on a day: those of the last ramp that had begun."""
    begun = [ramp for ramp in experiment.ramps if ramp.valid_from <= day]
    return max(begun, key=lambda ramp: ramp.valid_from).weights if begun else experiment.variants


def _ratio_p(observed: Mapping[str, int], expected: Mapping[str, float]) -> float | None:
    return statistics.sample_ratio_p([float(observed.get(name, 0)) for name in expected], list(expected.values()))


def experiment_results(streams: Streams, days: list[date], product: Product) -> pl.DataFrame:
    """Each variant against its control by metric, for everybody and by group."""
    table = TABLES["experiment_results"]
    summed = moments(streams, days, product)
    if summed.is_empty():
        return table.conform(pl.DataFrame(schema=table.schema))
    checks = experiment_checks(streams.exposures, product)
    alarmed = set(checks.filter("ratio_alarm")["experiment"])
    uneven = pl.min_horizontal("ratio_p_value", "ratio_p_value_before") < SAMPLE_RATIO_ALARM
    uneven_at_end = set(checks.filter(uneven)["experiment"])
    spans = summed.group_by("experiment").agg(first_day=pl.col("day").min())
    first_days = dict(spans.rows())
    whole = summed.group_by(*_CELL, "variant").agg(pl.col("people_exposed", "people", "people_with", *SUMS).sum())
    rows: list[dict[str, Any]] = []
    for key, cells in sorted(whole.partition_by(_CELL, as_dict=True).items()):
        experiment, metric = product.experiments[str(key[0])], str(key[1])
        by_variant = {row["variant"]: row for row in cells.rows(named=True)}
        passed = (days[-1] - first_days[key[0]]).days + 1
        for variant in experiment.variants:
            if variant != experiment.control:
                reported = _compared(by_variant, variant, experiment, metric, passed)
                known = dict(zip(_CELL, key, strict=True))
                rows.append({**known, **reported, "first_day": first_days[key[0]], "last_day": days[-1]})
    frame = pl.DataFrame(rows, schema={**table.schema, "conclusion": pl.String, "planned": pl.Boolean}, orient="row")
    # The primary metric is one test a variant; the others, and groups, are looked at together.
    judged = with_q(frame, ["experiment", "is_primary", "dimension"])
    has_ended = pl.col("is_primary") & (pl.col("dimension") == "") & pl.col("planned") & (pl.col("days_to_go") == 0)
    ended = set(judged.filter(has_ended)["experiment"])
    return table.conform(_with_conclusions(judged, alarmed | (uneven_at_end & ended)))


def _moments(row: Mapping[str, Any] | None, scale: int) -> Moments:
    if row is None:
        return Moments(0, 0, 0)
    y, x, square = scale, scale, scale**2
    return Moments(
        int(row["people"]), row["y"] / y, row["yy"] / square, float(row["d"]), float(row["dd"]), row["yd"] / y,
        row["x"] / x, row["xx"] / square, row["xy"] / square,
    )  # fmt: skip


def difference_of(metric: Metric, control: Moments, variant: Moments) -> Difference | None:
    """The test that fits a metric: two proportions, a ratio by the delta method, else Welch."""
    if metric.kind in ("conversion", "retention"):
        return statistics.proportions(control, variant)
    return statistics.ratios(control, variant) if metric.kind == "score" else statistics.means(control, variant)


def _compared(
    by_variant: Mapping[str, Mapping[str, Any]], variant: str, experiment: Experiment, name: str, passed: int
) -> dict[str, Any]:
    metric, scale = experiment.metrics[name], scale_of(experiment, name)
    control, treated = (_moments(by_variant.get(each), scale) for each in (experiment.control, variant))
    reported: dict[str, Any] = {
        "metric_kind": metric.kind,
        "is_primary": name == experiment.decides,
        "variant": variant,
        "people_control": control.n,
        "people_variant": treated.n,
        "conclusion": "too few",
        "planned": False,
    }
    result = difference_of(metric, control, treated)
    if result is None:
        return reported
    low, high = result.interval()
    reported |= {
        "control": result.control,
        "treatment": result.treatment,
        "effect": result.effect,
        "low": low,
        "high": high,
    }
    reported |= {"p_value": result.p_value, "detectable": result.error * statistics.POWER_ERRORS}
    adjusted = None if metric.kind == "score" else statistics.cuped(control, treated)
    if adjusted is not None:
        half = statistics.Z95 * adjusted.error
        reported |= {"cuped_effect": adjusted.effect, "variance_kept": adjusted.kept}
        reported |= {"cuped_low": adjusted.effect - half, "cuped_high": adjusted.effect + half}
    fewest = min((by_variant.get(each) or {"people_with": 0})["people_with"] for each in (experiment.control, variant))
    counted = metric.kind not in _COUNTED or fewest >= LEAST_CONVERSIONS
    if min(control.n, treated.n) < LEAST_PEOPLE or not counted:
        # No test: it would weigh on those that are.
        return {**reported, "p_value": None}
    reported["conclusion"] = "judged"
    if metric.minimum_effect is not None:
        always = statistics.always_valid(result.effect, result.error, metric.minimum_effect)
        people = control.n + treated.n
        a_day = people / max(1, passed - experiment.window_days)
        to_go = statistics.days_until(result.error, metric.minimum_effect, people, a_day)
        reported |= {"always_low": always[0], "always_high": always[1], "days_to_go": to_go, "planned": True}
    better = 1 if metric.better == "higher" else -1
    return {**reported, "conclusion": "better" if better * result.effect > 0 else "worse"}


def _with_conclusions(judged: pl.DataFrame, alarmed: set[str]) -> pl.DataFrame:
    """What may be said: with a minimum effect at any look, without one from the fixed interval after correction."""
    outside = (pl.col("always_low") > 0) | (pl.col("always_high") < 0)
    is_found = (pl.col("q_value") < Q) & (outside | ~pl.col("planned"))
    # The primary metric has one test: the always-valid interval alone decides it.
    is_found = (
        pl.when(pl.col("planned") & pl.col("is_primary") & (pl.col("dimension") == ""))
        .then(outside)
        .otherwise(is_found)
    )
    waits = pl.col("planned") & (pl.col("days_to_go").is_null() | (pl.col("days_to_go") > 0))
    return judged.with_columns(
        conclusion=pl.when(pl.col("experiment").is_in(list(alarmed))).then(pl.lit("hidden: sample ratio"))
        .when(pl.col("conclusion") == "too few").then("conclusion")
        .when(is_found).then("conclusion")
        .when(waits).then(pl.lit("too early"))
        .otherwise(pl.lit("no difference found"))
    )  # fmt: skip
