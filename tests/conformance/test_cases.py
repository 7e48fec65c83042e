"""Every published case, through the public functions of pipeline.domains (tests/conformance/README.md).

CONFORMANCE_CASES names another folder of cases of the same form.
"""

import json
import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.product_matches import Condition
from pipeline.domains.activity.lifecycle import active_periods, lifecycle, stickiness
from pipeline.domains.friction.rage import rage_clicks
from pipeline.domains.funnels.funnel import FunnelRules, funnel_people, step_counts
from pipeline.domains.funnels.funnel_groups import grouped_people
from pipeline.domains.funnels.funnel_times import bin_boundaries, funnel_trends, time_to_convert
from pipeline.domains.journeys.journeys import JourneyRules, edges, visits
from pipeline.domains.retention.retention import RetentionRules, grouped_retention, retention
from pipeline.events.matching import holds as condition_holds
from pipeline.stats.periods import Calendar

FOLDER = Path(os.environ.get("CONFORMANCE_CASES") or Path(__file__).parent / "cases")
CASES = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
BY = ("user_id",)
ORDERS = {"ordered": "ordered", "strict": "strict", "unordered": "unordered"}
SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 7 * 86_400, "month": 31 * 86_400}


def when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def as_text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def events_of(case: dict[str, Any]) -> pl.DataFrame:
    """The case's events in order of time, a column p:<key> per property, pp:<key> per property of the person."""
    persons = case.get("persons") or {}
    rows: list[dict[str, Any]] = []
    for event in case["events"]:
        person = (persons.get(event["user_id"]) or {}).get("properties") or {}
        rows.append(
            {
                "user_id": event["user_id"],
                "event": event["event"],
                "occurred_at": when(event["timestamp"]),
                **{f"p:{key}": as_text(value) for key, value in (event.get("properties") or {}).items()},
                **{f"pp:{key}": as_text(value) for key, value in person.items()},
            }
        )
    names = ["user_id", "event", *sorted({key for row in rows for key in row} - {"user_id", "event", "occurred_at"})]
    schema = {**dict.fromkeys(names, pl.String()), "occurred_at": UTC_MICROSECONDS}
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    return frame.sort("occurred_at", maintain_order=True)


def holds(events: pl.DataFrame, prop: dict[str, Any]) -> pl.Expr:
    name = ("pp:" if prop.get("type") == "person" else "p:") + prop["key"]
    column = pl.col(name) if name in events.columns else pl.lit(None, dtype=pl.String)
    op, given = prop.get("op", "exact"), prop.get("value")
    if op in ("is_set", "is_not_set"):
        return condition_holds(column, Condition(is_set=op == "is_set"))
    words = {"exact": "equals", "icontains": "contains", "not_icontains": "not_contains"}
    texts = [str(as_text(each)) for each in (given if isinstance(given, list) else [given])]
    value = texts[0] if op in ("regex", "not_regex", "gt", "gte", "lt", "lte") else texts
    return condition_holds(column, Condition.model_validate({words.get(op, op): value}))


def matcher(events: pl.DataFrame, step: dict[str, Any], *, filtered: bool = True) -> pl.Expr:
    tests = [pl.lit(value=True)]
    if step.get("event") is not None:
        tests.append(pl.col("event") == step["event"])
    if filtered:
        tests += [holds(events, prop) for prop in step.get("properties") or []]
    return pl.all_horizontal(*tests)


def first_time(events: pl.DataFrame, step: dict[str, Any]) -> pl.Expr:
    """The matcher of a step, which may ask for the person's first event of the name, or first that fits."""
    fits = matcher(events, step)
    kind = step.get("match")
    if kind in (None, "any"):
        return fits
    named = matcher(events, step, filtered=kind != "first_time_for_user")
    return fits & named & (named.cast(pl.Int64).cum_sum().over("user_id") == 1)


def filtered(events: pl.DataFrame, query: dict[str, Any]) -> pl.DataFrame:
    for prop in query.get("properties") or []:
        events = events.filter(holds(events, prop))
    return events


def in_range(events: pl.DataFrame, query: dict[str, Any]) -> pl.DataFrame:
    return events.filter(pl.col("occurred_at").is_between(when(query["date_from"]), last_of(query)))


def last_of(query: dict[str, Any]) -> datetime:
    """The last instant of a query: the end of `date_to`'s local day, of hourly queries `date_to` itself."""
    last = when(query["date_to"])
    if "hour" in (query.get("interval"), query.get("period")):
        return last
    zone = ZoneInfo(query.get("timezone") or "UTC")
    following = last.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(following, time(), zone).astimezone(UTC) - timedelta(microseconds=1)


def entity_of(events: pl.DataFrame, query: dict[str, Any]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    name = (query.get("entity") or {}).get("property")
    if name is None:
        return events, BY
    column = f"p:{name}"
    if column not in events.columns:
        return events.clear().with_columns(pl.lit("").alias(column)), (column,)
    return events.filter(pl.col(column).is_not_null() & (pl.col(column) != "")), (column,)


def funnel_stream(case: dict[str, Any]) -> tuple[pl.DataFrame, FunnelRules, tuple[str, ...]]:
    query = case["query"]
    events, by = entity_of(filtered(events_of(case), query), query)
    steps = [first_time(events, step).cast(pl.Int64) * (1 << k) for k, step in enumerate(query["steps"])]
    exclusions = query.get("exclusions") or []
    excluded = [matcher(events, each).cast(pl.Int64) * (1 << i) for i, each in enumerate(exclusions)]
    stream = in_range(
        events.with_columns(steps=pl.sum_horizontal(steps), excluded=pl.sum_horizontal(0, *excluded)), query
    )
    window = query.get("window") or {"value": 14, "unit": "day"}
    rules = FunnelRules(
        steps=len(query["steps"]),
        window=timedelta(seconds=window["value"] * SECONDS[window["unit"]]),
        order=query.get("order", "ordered"),
        exclusions=tuple((each["from_step"], each["to_step"]) for each in exclusions),
    )
    return stream, rules, by


def calendar_of(query: dict[str, Any], unit: str) -> Calendar:
    return Calendar(unit, query.get("timezone", "UTC"), query.get("week_start", "sunday"))  # pyright: ignore[reportArgumentType]


def seconds(micros: float | None) -> float | None:
    return None if micros is None else micros / 1_000_000


def check_steps(expected: dict[str, Any], people: pl.DataFrame, rules: FunnelRules, by: tuple[str, ...]) -> None:
    rows = step_counts(people, rules).rows(named=True)
    counts = [row["converted"] for row in rows]
    for name in ("counts", "each_counts"):
        if expected.get(name) is not None:
            # The source asserts nothing where the case says null.
            assert len(counts) == len(expected[name])
            assert all(want in (None, count) for count, want in zip(counts, expected[name], strict=True)), counts
    for name, column in (("average_conversion_time", "mean_us"), ("median_conversion_time", "median_us")):
        for step, value in (expected.get(name) or {}).items():
            results = seconds(rows[int(step)][column])
            assert (results is None) == (value is None), (name, step, results)
            assert value is None or results == pytest.approx(value, abs=0.5)
    for step, members in (expected.get("users_at_step") or {}).items():
        assert sorted(people.filter(pl.col("depth") > int(step))[by[0]]) == sorted(members)


def check_funnel(case: dict[str, Any]) -> None:
    query, expected = case["query"], case["expected"]
    result = query.get("result", "steps")
    if result == "bin_boundaries":
        results = bin_boundaries(
            query["min_seconds"], query["max_seconds"], query["sample_count"], query.get("bin_count")
        )
        assert results == expected["boundaries"]
        return
    stream, rules, by = funnel_stream(case)
    if result == "time_to_convert":
        results = time_to_convert(
            funnel_people(stream.lazy(), rules, by),
            query.get("from_step") or 0,
            query.get("to_step"),
            query.get("bin_count"),
        )
        assert [list(row) for row in results.bins.rows()] == expected["bins"]
        if expected.get("average_conversion_time") is not None:
            assert results.mean_s == pytest.approx(expected["average_conversion_time"], abs=0.5)
        return
    if result == "trends":
        calendar = calendar_of(query, query.get("interval", "day"))
        results = funnel_trends(
            stream.lazy(), rules, calendar, when(query["date_from"]), last_of(query),
            from_step=query.get("from_step") or 0, to_step=query.get("to_step"), by=by,
        )  # fmt: skip
        rows = results.rows(named=True)
        assert len(rows) == len(expected["series"])
        for row, want in zip(rows, expected["series"], strict=True):
            assert str(calendar.first_day(row["period"])) == want["period"][:10]
            assert (row["entered"], row["converted"]) == (want["entered"], want["converted"])
            if want.get("rate") is not None:
                assert round(100 * row["converted"] / row["entered"] if row["entered"] else 0, 2) == want["rate"]
        return
    breakdown = query.get("breakdown")
    if breakdown is None:
        check_steps(expected, funnel_people(stream.lazy(), rules, by), rules, by)
        return
    prefix = "pp:" if breakdown.get("type") == "person" else "p:"
    values = [prefix + name for name in breakdown["properties"]]
    given = stream.with_columns(pl.lit("").alias(name) for name in values if name not in stream.columns)
    people = grouped_people(
        given.lazy(), rules, values, attribution=breakdown.get("attribution", "first_touch"),
        step=breakdown.get("attribution_step") or 0, limit=breakdown.get("limit"), by=by,
    )  # fmt: skip
    groups = people.partition_by(values, as_dict=True)
    if expected.get("breakdown_count") is not None:
        assert len(groups) == expected["breakdown_count"]
    for want in expected.get("breakdowns") or []:
        name = want["value"] if isinstance(want["value"], list) else [want["value"]]
        check_steps(want, groups.get(tuple(name), people.clear()), rules, by)
    if expected.get("each_counts") is not None:
        for part in groups.values():
            check_steps(expected, part, rules, by)


def check_retention(case: dict[str, Any]) -> None:
    query, expected = case["query"], case["expected"]
    events = filtered(events_of(case), query)
    calendar = calendar_of(query, query.get("period", "day"))
    stream = events.with_columns(
        is_start=matcher(events, query["target"]),
        returns=matcher(events, query["returning"]),
        is_named=matcher(events, query["target"], filtered=False),
    )
    last = last_of(query)
    intervals = query.get("total_intervals")
    if query.get("date_from"):
        first, columns = when(query["date_from"]), intervals
    else:
        first, columns = calendar.start(calendar.number_of(last) - intervals + 1), None
    rules = RetentionRules(
        calendar,
        first,
        last,
        columns=columns,
        cohort=query.get("type", "recurring"),
        mode="on_or_after" if query.get("cumulative") else "on",
        minimum=query.get("minimum_occurrences") or 1,
        brackets=tuple(query.get("brackets") or ()),
        elapsed=query.get("window_mode") == "24h",
    )
    breakdown = query.get("breakdown")
    if breakdown is not None:
        name = ("pp:" if breakdown.get("type") == "person" else "p:") + breakdown["property"]
        cells = grouped_retention(stream.lazy(), rules, name, breakdown.get("limit"), BY)
        for value, matrix in expected["matrix_by_breakdown"].items():
            check_matrix(cells.filter(pl.col(name) == value).select("cohort", "offset", "returned"), matrix)
        assert set(cells[name]) == set(expected["matrix_by_breakdown"])
        return
    cells = retention(stream.lazy(), rules, BY)
    rows = matrix_of(cells)
    if expected.get("matrix") is not None:
        check_matrix(cells, expected["matrix"])
    for row, column, number in expected.get("cells") or []:
        assert rows[row][column] == number
    if expected.get("row") is not None:
        index, want = expected["row"]
        assert rows[index][: len(want)] == want
        assert not any(rows[index][len(want) :])
    if expected.get("sums") is not None:
        sums = [sum(row[j] for row in rows if j < len(row)) for j in range(len(rows[0]))]
        assert sums[: len(expected["sums"])] == expected["sums"]
    if expected.get("dates") is not None:
        starts = sorted(set(cells["cohort"]))
        local = [calendar.start(n).astimezone(ZoneInfo(calendar.zone)).replace(tzinfo=None) for n in starts]
        assert local == [datetime.fromisoformat(each).replace(tzinfo=None) for each in expected["dates"]]


def matrix_of(cells: pl.DataFrame) -> list[list[int]]:
    return cells.sort("cohort", "offset").group_by("cohort", maintain_order=True).agg("returned")["returned"].to_list()


def check_matrix(cells: pl.DataFrame, matrix: list[list[int]]) -> None:
    rows = matrix_of(cells)
    assert len(rows) == len(matrix)
    for row, want in zip(rows, matrix, strict=True):
        # Short rows mean zeros after.
        width = max(len(row), len(want))
        assert row + [0] * (width - len(row)) == want + [0] * (width - len(want))


def check_lifecycle(case: dict[str, Any]) -> None:
    query, expected = case["query"], case["expected"]
    events, by = entity_of(filtered(events_of(case), query), query)
    calendar = calendar_of(query, query["interval"])
    created = pl.DataFrame(
        [{"user_id": name, "created_at": when(person["created_at"])} for name, person in case["persons"].items()],
        schema={"user_id": pl.String, "created_at": UTC_MICROSECONDS},
    )
    active = active_periods(events.filter(matcher(events, {"event": query.get("event")})).lazy(), calendar, by)
    results = lifecycle(active, created, calendar, when(query["date_from"]), last_of(query), by)
    for name in ("new", "returning", "resurrecting", "dormant"):
        assert results[name].to_list() == expected[name], name


def check_stickiness(case: dict[str, Any]) -> None:
    query, expected = case["query"], case["expected"]
    events, by = entity_of(filtered(events_of(case), query), query)
    calendar = calendar_of(query, query["interval"])
    chosen = events.filter(matcher(events, {"event": query.get("event")}))
    criteria = query.get("criteria")
    results = stickiness(
        active_periods(in_range(chosen, query).lazy(), calendar, by), calendar, when(query["date_from"]),
        last_of(query), criterion=(criteria["op"], criteria["value"]) if criteria else None,
        width=query.get("interval_count") or 1, cumulative=bool(query.get("cumulative")), by=by,
    )  # fmt: skip
    assert results["entities"].to_list() == expected["data"]


def check_paths(case: dict[str, Any]) -> None:
    query, expected = case["query"], case["expected"]
    events = in_range(filtered(events_of(case), query), query)
    # Without a filter every kind of event is an item.
    include = query.get("include") or []
    tests = [pl.col("event") == name for name in include if name != "custom_event"] or [pl.lit(not include)]
    if "custom_event" in include:
        tests.append(~pl.col("event").str.starts_with("$"))
    for name in ("p:$current_url", "p:$screen_name"):
        if name not in events.columns:
            events = events.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    item = (
        pl.when(pl.col("event") == "$pageview").then("p:$current_url")
        .when(pl.col("event") == "$screen").then("p:$screen_name").otherwise("event")
    )  # fmt: skip
    rules = JourneyRules(
        start=query.get("start_point"),
        end=query.get("end_point"),
        steps=query.get("step_limit") or 5,
        excluded=tuple(query.get("exclude") or ()),
        groupings=tuple(query.get("groupings") or query.get("path_groupings") or ()),
    )
    steps = visits(events.filter(pl.any_horizontal(tests)).with_columns(item=item).lazy(), rules, BY)
    results = edges(
        steps,
        BY,
        least=query.get("min_edge_weight") or 1,
        most=query.get("max_edge_weight"),
        limit=query.get("edge_limit") or 50,
    )
    rows = results.rows(named=True)
    if expected.get("total") is not None:
        assert len(rows) == expected["total"]
    got = [(row["source"], row["target"], row["transitions"]) for row in rows]
    want = [(each["source"], each["target"], each["value"]) for each in expected["edges"]]
    if expected.get("ordered"):
        assert got[: len(want)] == want
    else:
        assert set(want) <= set(got)
    times = {(row["source"], row["target"]): row["mean_wait_us"] / 1_000 for row in rows}
    for each in expected["edges"]:
        if each.get("average_conversion_time_ms") is not None:
            assert times[each["source"], each["target"]] == pytest.approx(each["average_conversion_time_ms"])


def check_rageclick(case: dict[str, Any]) -> None:
    query = case["query"]
    rows = [
        {
            "user_id": e["user_id"],
            "occurred_at": when(e["timestamp"]),
            "x": e["properties"]["x"],
            "y": e["properties"]["y"],
        }
        for e in case["events"]
    ]
    schema = {"user_id": pl.String, "occurred_at": UTC_MICROSECONDS, "x": pl.Float64, "y": pl.Float64}
    clicks = pl.LazyFrame(rows, schema=schema).with_row_index("row").with_columns(element=pl.lit(""), label=pl.lit(""))
    results = rage_clicks(
        clicks, BY, "posthog", px=query.get("threshold_px", 30), ms=query.get("timeout_ms", 1000),
        least=query.get("click_count", 3),
    )  # fmt: skip
    fired = set(results.filter("fires")["row"])
    for row, want in enumerate(case["expected"]["flags"]):
        assert want is None or (row in fired) == want


CHECKS = {
    "funnel": check_funnel,
    "retention": check_retention,
    "lifecycle": check_lifecycle,
    "stickiness": check_stickiness,
    "paths": check_paths,
    "rageclick": check_rageclick,
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    CHECKS[case["kind"]](case)


def test_there_are_cases() -> None:
    assert CASES, f"no cases in {FOLDER}"
