"""The SQL models: given rows, expected rows; order, lineage, and what a model may not do."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipeline.build.sql_models import (
    ModelError,
    column_lineage,
    in_order,
    load_models,
    parse_model,
    run_model,
    sources_of,
    written_lineage,
)
from pipeline.core.published import id_of
from pipeline.core.registry import DOMAIN_OF, MARTS, TABLES

MON, TUE = date(2026, 2, 2), date(2026, 2, 3)
Row = dict[str, Any]


def given(table: str, *rows: Row) -> pl.DataFrame:
    """Rows of a published table; numbers that aren't given are 0."""
    schema = TABLES[table].schema
    blank: Row = {name: 0 if dtype.is_integer() else None for name, dtype in schema.items()}
    return pl.DataFrame([blank | row for row in rows], schema=schema, orient="row")


def result(mart: str, **tables: pl.DataFrame) -> list[Row]:
    models = load_models()
    full = {name: tables.get(name, given(name)) for name in sources_of(mart, models)}
    return run_model(mart, full, models).rows(named=True)


def shows(row: Row, expected: Row) -> None:
    assert {name: row[name] for name in expected} == expected


def test_daily_kpis() -> None:
    rows = result(
        "daily_kpis",
        people_daily=given(
            "people_daily",
            {
                "day": MON,
                "people_active": 3,
                "people_active_7d": 3,
                "people_active_28d": 3,
                "left_truncated": True,
                "goals": 1,
            },
            {
                "day": TUE,
                "left_truncated": False,
                "churn_known": True,
                "people_active_28d": 4,
                "people_active_mean_28d": 1.0,
                "people_active_28d_before": 8,
                "people_churned_28d": 6,
            },
        ),
        daily_sessions=given(
            "daily_sessions",
            {
                "session_day": MON,
                "device_type": "mobile",
                "sessions": 3,
                "sessions_with_page_view": 2,
                "sessions_bounced": 1,
                "page_views": 9,
            },
            {
                "session_day": MON,
                "device_type": "tablet",
                "sessions": 1,
                "sessions_with_page_view": 1,
                "sessions_with_goal": 1,
                "page_views": 1,
                "revenue_micros": 2**40,
            },
        ),
        quality_counts=given(
            "quality_counts",
            {
                "day": MON,
                "source": "a",
                "orders_by_order_day_without_bots": 1,
                "revenue_micros_by_order_day_without_bots": 5,
            },
            {
                "day": MON,
                "source": "b",
                "orders_by_order_day_without_bots": 2,
                "revenue_micros_by_order_day_without_bots": -7,
            },
        ),
    )
    assert [row["day"] for row in rows] == [MON, TUE]
    shows(
        rows[0],
        {
            "people_active": 3,
            "sessions": 4,
            "sessions_bounced": 1,
            "bounce_rate": 1 / 3,
            "goal_rate": 0.25,
            "page_views_per_session": 2.5,
            "revenue": Decimal(2**40) / 1_000_000,
            "orders_by_order_day": 3,
            "revenue_by_order_day": Decimal("-0.000002"),
        },
    )
    shows(rows[0], {"churn_rate_28d": None, "stickiness_ratio": None})
    shows(rows[1], {"churn_rate_28d": 0.75, "stickiness_ratio": 0.25})
    shows(rows[1], {"sessions": 0, "bounce_rate": None, "goal_rate": None, "page_views_per_session": None})


def test_a_goal_rate_without_a_goal_is_null() -> None:
    sessions = given("daily_sessions", {"session_day": MON, "device_type": "mobile", "sessions": 3})
    for goals, rate in ((0, None), (1, 0.0)):
        people = given("people_daily", {"day": MON, "left_truncated": False, "goals": goals})
        (row,) = result("daily_kpis", people_daily=people, daily_sessions=sessions)
        assert row["goal_rate"] == rate


def test_rejects_without_a_day_of_their_own_stand_apart() -> None:
    counts = given(
        "rejected_counts",
        {"day": MON, "source": "web", "rule": "wrong_type", "day_is_arrival": False, "events_rejected": 2},
        {"day": MON, "source": "web", "rule": "malformed_json", "day_is_arrival": True, "events_rejected": 5},
    )
    rows = result("daily_rejected", rejected_counts=counts)
    assert [(row["rule"], row["day_is_arrival"], row["events_rejected"]) for row in rows] == [
        ("malformed_json", True, 5),
        ("wrong_type", False, 2),
    ]
    quality = given("quality_counts", {"day": MON, "source": "web"})
    (row,) = result("daily_quality", rejected_counts=counts, quality_counts=quality)
    assert row["events_rejected"] == 2, "days of arrival are none of the promise of equal bytes"


def test_lifecycle() -> None:
    counts = given(
        "lifecycle_counts",
        {
            "period": "day",
            "period_start": MON,
            "people_new": 3,
            "people_resurrecting": 1,
            "people_dormant": -2,
            "mature": True,
        },
        {"period": "day", "period_start": TUE, "people_returning": 4, "mature": False},
    )
    monday, tuesday = result("lifecycle", lifecycle_counts=counts)
    shows(monday, {"people_active": 4, "quick_ratio": 2.0, "people_dormant": -2})
    shows(tuesday, {"people_active": 4, "quick_ratio": None})


def test_feature_adoption_has_no_rate_without_people() -> None:
    shared = {"period": "week", "period_start": MON, "period_end": TUE}
    sizes = {"people_could": 10, "people_tried": 4, "people_first": 3, "people_first_mature": 2, "people_again": 1}
    counts = given(
        "feature_counts",
        {"feature": "search", **shared, **sizes, "people_with_revenue": 8, "people_with_revenue_tried": 2},
        {"feature": "wishlist", **shared},
    )
    search, wishlist = result("feature_adoption", feature_counts=counts)
    shows(search, {"adoption_rate": 0.4, "again_rate": 0.5, "revenue_share": 0.25})
    shows(wishlist, {"adoption_rate": None, "again_rate": None, "revenue_share": None})


def test_stickiness() -> None:
    shared = {"period": "week", "period_start": MON}
    counts = given(
        "stickiness_counts",
        {**shared, "days_active": 1, "people": 3, "people_or_more": 4},
        {**shared, "days_active": 2, "people": 1, "people_or_more": 1},
    )
    assert [row["share_or_more"] for row in result("stickiness", stickiness_counts=counts)] == [1.0, 0.25]


def cell(cohort: date, people: int, returned: int, *, mature: bool = True) -> Row:
    return {
        "retention": "weekly", "group": "", "period": "week", "cohort_start": cohort, "offset": 1, "people_in_cohort": people,
        "people_returned": returned, "mature": mature,
    }  # fmt: skip


def test_retention_cohorts_and_their_three_averages() -> None:
    cells = given("return_cells", cell(MON, 1000, 500), cell(TUE, 500, 400), cell(date(2026, 2, 4), 9, 9, mature=False))
    rates = [row["return_rate"] for row in result("retention_cohorts", return_cells=cells)]
    assert rates == [0.5, 0.8, None]
    # docs/definitions/retention.md, "Averages": 60, 65, 56 % on cohorts of 1,000 and 500 with 500 and 400 back.
    (row,) = result("retention_averages", return_cells=cells)
    shows(
        row,
        {
            "cohorts": 2,
            "people_in_cohort": 1500,
            "people_returned": 900,
            "pooled": 0.6,
            "simple": 0.65,
            "mixpanel": 0.56,
        },
    )


def test_funnel_times_and_trends() -> None:
    durations = given(
        "funnel_durations",
        {"funnel": "f", "from_seconds": 0, "to_seconds": 60, "people": 3},
        {"funnel": "f", "from_seconds": 60, "to_seconds": 120, "people": 1},
    )
    assert [row["share"] for row in result("funnel_times", funnel_durations=durations)] == [0.75, 0.25]
    week = {"funnel": "f", "people_entered": 4, "people_converted": 1}
    trends = given("funnel_trend_counts", {**week, "week": MON, "mature": True}, {**week, "week": TUE, "mature": False})
    assert [row["conversion_rate"] for row in result("funnel_trends", funnel_trend_counts=trends)] == [0.25, None]


def test_journeys() -> None:
    shared = {"journey": "j", "source": "1_a", "mean_wait_us": 2e6}
    counts = given(
        "journey_edge_counts",
        {**shared, "target": "2_b", "transitions": 3},
        {**shared, "target": "2_c", "transitions": 1},
    )
    rows = result("journey_edges", journey_edge_counts=counts)
    assert [(row["share_of_source"], row["mean_wait_seconds"]) for row in rows] == [(0.75, 2.0), (0.25, 2.0)]
    paths = given(
        "journey_paths",
        {"journey": "j", "path": "a > b", "steps": 2, "visits": 1},
        {"journey": "j", "path": "a > c", "steps": 2, "visits": 3},
    )
    assert [row["share"] for row in result("journey_sequences", journey_paths=paths)] == [0.25, 0.75]


def test_retention() -> None:
    cell = {"cohort_day": MON, "people_in_cohort": 4, "left_truncated": False}
    rows = result(
        "retention",
        retention_cells=given(
            "retention_cells",
            {**cell, "day_offset": 1, "people_returned": 1, "mature": True},
            {**cell, "day_offset": 2, "people_returned": 1, "mature": False},
        ),
    )
    assert [row["return_rate"] for row in rows] == [0.25, None]


def test_funnel_steps() -> None:
    step = {
        "funnel": "f",
        "period": "all",
        "period_start": MON,
        "period_end": TUE,
        "step_name": "s",
        "people_entered": 8,
    }
    rows = result(
        "funnel_steps",
        funnel_results=given(
            "funnel_results",
            {**step, "step": 2, "people_at_previous_step": 4, "people_converted": 2, "median_us_from_previous": 1.5e6},
            {**step, "step": 3, "people_at_previous_step": 0, "people_converted": 0, "median_us_from_previous": None},
        ),
    )
    shows(rows[0], {"step_rate": 0.5, "conversion_rate": 0.25, "median_seconds_from_previous": 1.5})
    shows(rows[1], {"step_rate": None, "conversion_rate": 0.0, "median_seconds_from_previous": None})


def test_zone_metrics() -> None:
    zone = {"session_day": MON, "page": "home", "zone": "z", "zone_version": MON, "segment": "", "variant": ""}
    rows = result(
        "zone_metrics",
        daily_zones=given(
            "daily_zones",
            {
                **zone,
                "device_type": "desktop",
                "page_views": 10,
                "page_views_clicked": 4,
                "sessions": 5,
                "sessions_clicked": 1,
                "clicks": 6,
                "own_clicks": 3,
                "page_clicks": 12,
                "ms_to_click": 6_000,
                "page_views_measured_hover": 8,
                "page_views_hovered": 4,
                "hover_ms": 3_000,
                "page_views_hovered_clicked": 1,
                "page_views_hesitated": 2,
                "hesitation_ms": 500,
                "page_views_measured_exposure": 6,
                "page_views_exposed": 3,
                "page_views_exposed_timed": 2,
                "exposure_ms": 5_000,
                "page_views_exposed_clicked": 1,
                "page_views_raged": 1,
                "page_views_measured_js_error": 10,
                "sessions_converted_after_click": 1,
                "revenue_micros_after_click": 2_500_000,
            },
            {**zone, "device_type": "mobile", "page_views": 1, "sessions": 1},
        ),
    )
    shows(rows[0], {"seconds_to_click": 1.5, "hover_rate": 0.5, "float_seconds": 0.75, "engagement_rate": 0.25})
    shows(rows[0], {"hesitation_seconds": 0.25, "exposure_rate": 0.5, "exposure_seconds": 2.5})
    shows(rows[0], {"attractiveness_rate": 1 / 3, "conversion_per_click": 1.0, "revenue_per_click": 2.5})
    shows(rows[0], {"rage_click_rate": 0.1, "dead_click_rate": None, "error_click_rate": 0.0})
    shows(rows[1], {"hover_rate": None, "exposure_rate": None, "conversion_per_click": None, "rage_click_rate": 0.0})
    shows(rows[0], {"click_rate": 0.4, "session_click_rate": 0.2, "click_recurrence": 1.5, "click_share": 0.25})
    shows(rows[1], {"click_rate": 0.0, "session_click_rate": 0.0, "click_recurrence": None, "click_share": None})


def test_zone_reach() -> None:
    zone = {"period": "all", "period_start": MON, "period_end": TUE, "page": "home", "zone": "z", "zone_version": MON}
    counted = {"people_viewed": 8, "people_clicked": 2, "person_days_clicked_7d": 4, "person_days_returned_7d": 1}
    rows = result("zone_reach", zone_people_counts=given("zone_people_counts", {**zone, "device_type": "", **counted}))
    shows(rows[0], {"reach": 0.25, "return_rate_7d": 0.25, "return_rate_28d": None})


HOME = {"session_day": MON, "page": "home", "device_type": "mobile", "width_class": "0-599", "layer": "page"}


def test_heatmaps_tell_where_a_cell_begins() -> None:
    rows = result("heatmaps", heatmap_cells=given("heatmap_cells", {**HOME, "kind": "click", "y_bin": 7, "events": 3}))
    shows(rows[0], {"y_px": 140, "events": 3})


def test_scroll_reach_and_the_fold() -> None:
    reach = {**HOME, "kind": "reach"}
    folds = [{**HOME, "kind": "fold", "y_bin": y, "page_views": n} for y, n in ((30, 2), (40, 1), (42, 1))]
    cells = given(
        "heatmap_cells", {**reach, "page_views": 4}, {**reach, "y_bin": 1, "page_views": 3}, *folds,
        {**HOME, "kind": "click", "page_views": 9},
    )  # fmt: skip
    rows = result("scroll_reach", heatmap_cells=cells)
    # Of four windows two are 600-619 px high: the median lies there.
    shows(rows[0], {"y_px": 0, "page_views_reached": 4, "reach_rate": 1.0, "fold_px_approx": 610})
    shows(rows[1], {"y_px": 20, "page_views_measured": 4, "reach_rate": 0.75})


def test_friction() -> None:
    counted = {"session_day": MON, "rule_set": "default", "page": "home", "device_type": "mobile", "page_views": 10}
    rows = result(
        "friction",
        daily_friction=given(
            "daily_friction",
            {**counted, "signal": "dead_click"},
            {**counted, "signal": "rage_click", "incidents": 3, "page_views_with": 2, "page_views_measured": 8},
        ),
    )
    shows(rows[0], {"signal": "dead_click", "page_views_measured": 0, "page_view_rate": None})
    shows(rows[1], {"signal": "rage_click", "incidents": 3, "page_view_rate": 0.25})


def test_friction_elements_count_incidents_page_views_and_sessions() -> None:
    incident = {
        "session_day": MON,
        "rule_set": "default",
        "signal": "error_click",
        "page": "home",
        "element": "<a>",
        "detail": "<n> is no function",
        "implied": False,
    }
    rows = result(
        "friction_elements",
        friction_incidents=given(
            "friction_incidents",
            {**incident, "incident_key": 1, "page_view_key": 1, "session_key": 1},
            {**incident, "incident_key": 2, "page_view_key": 1, "session_key": 1},
            {**incident, "incident_key": 3, "page_view_key": 2, "session_key": 1},
            {**incident, "signal": "rage_click", "incident_key": 4, "page_view_key": 2, "session_key": 1},
            # Counted for its session alone, as in all tables by page.
            {**incident, "incident_key": 5, "page_view_key": 3, "session_key": 2, "implied": True},
        ),
    )
    assert len(rows) == 2
    error = {"detail": "<n> is no function", "zone": "", "incidents": 3, "page_views_with": 2, "sessions_with": 1}
    shows(rows[0], {"signal": "error_click", **error})
    shows(rows[1], {"signal": "rage_click", "detail": "", "incidents": 1})


def test_friction_calibration_says_what_an_effect_amounts_to() -> None:
    effect = {
        "period": "last_28", "rule_set": "default", "page": "home", "goal": "buy", "sessions_with": 50,
        "converted_with": 10, "sessions_without": 100, "converted_without": 30, "claimed": True,
    }  # fmt: skip
    rows = result(
        "friction_calibration",
        friction_effects=given(
            "friction_effects",
            {**effect, "signal": "a", "effect": 0.1, "low": 0.05, "high": 0.15},
            {**effect, "signal": "b", "effect": -0.1, "low": -0.15, "high": -0.05},
            {**effect, "signal": "c", "effect": 0.1, "low": -0.05, "high": 0.25},
            {**effect, "signal": "d", "claimed": False, "sessions_with": 0},
        ),
    )
    assert [row["conclusion"] for row in rows] == ["costs", "helps", "unclear", "too few"]
    assert [row["plain_difference"] for row in rows[:1]] == [pytest.approx(0.1)]
    assert rows[3]["plain_difference"] is None


def test_friction_alerts_are_those_of_a_rule_set() -> None:
    alert = {"day": MON, "page": "home", "zone": "", "zone_version": "", "device_type": ""}
    results = given(
        "metric_alerts",
        {**alert, "metric": "rage_click", "rule_set": "default"},
        {**alert, "metric": "goal_rate", "rule_set": ""},
    )
    assert [row["metric"] for row in result("alerts", metric_alerts=results)] == ["goal_rate", "rage_click"]
    assert [row["metric"] for row in result("friction_alerts", metric_alerts=results)] == ["rage_click"]


def test_friction_events_bear_the_score_of_their_session() -> None:
    incident = {"session_day": MON, "rule_set": "default", "signal": "rage_click", "page": "home", "session_key": 1}
    rows = result(
        "friction_events",
        friction_incidents=given("friction_incidents", {**incident, "incident_key": 1}, {**incident, "session_key": 2}),
        session_friction=given(
            "session_friction",
            {"session_day": MON, "rule_set": "default", "session_key": 1, "score": 6, "minutes": 4.0},
            {"session_day": TUE, "rule_set": "default", "session_key": 2, "score": 9, "minutes": 1.0},
        ),
    )
    results = {row["session_key"]: (row["session_score"], row["session_score_per_minute"]) for row in rows}
    assert results == {id_of(1): (6, 1.5), id_of(2): (None, None)}


def test_feedback_has_rates_where_its_showing_is_known() -> None:
    common = {
        "day": MON,
        "survey": "shop",
        "trigger": "",
        "page": "",
        "stage": "",
        "device_type": "mobile",
        "segment": "",
    }
    rows = result(
        "feedback_daily",
        feedback_counts=given(
            "feedback_counts",
            {
                **common,
                "question": "",
                "question_kind": "",
                "impressions": 40,
                "dismissals": 10,
                "responses": 12,
                "responses_measured": 8,
            },
            {
                **common,
                "question": "recommend",
                "question_kind": "nps",
                "responses": 8,
                "high": 5,
                "middle": 1,
                "low": 2,
                "points": 300,
            },
            {**common, "question": "", "question_kind": "", "survey": "mail", "responses": 5},
        ),
    )
    results = {(row["survey"], row["question"]): row for row in rows}
    shows(results["shop", ""], {"response_rate": 0.2, "dismissal_rate": 0.25, "score": None})
    shows(results["shop", "recommend"], {"response_rate": None, "score": 37.5})
    shows(results["mail", ""], {"response_rate": None, "dismissal_rate": None})


def test_scores_stand_beside_their_counts_and_small_ones_are_marked() -> None:
    common = {
        "period": "last_28", "period_start": MON, "period_end": TUE, "survey": "shop", "question": "recommend",
        "question_kind": "nps", "dimension": "", "design_effect": 1.0,
    }  # fmt: skip
    rows = result(
        "scores",
        score_results=given(
            "score_results",
            {**common, "value": "a", "responses": 40, "high": 20, "middle": 10, "low": 10, "points": 1000},
            {**common, "value": "b", "responses": 29, "high": 29, "points": 2900},
        ),
    )
    shows(rows[0], {"score": 25, "share_high": 0.5, "share_low": 0.25, "is_small": False})
    shows(rows[1], {"score": 100, "is_small": True})


def test_choices_stand_beside_the_answers_that_they_are_a_share_of() -> None:
    common = {
        "period": "last_28", "period_start": MON, "period_end": TUE, "survey": "exit", "question": "reason", "page": "",
        "device_type": "", "design_effect": 1.0,
    }  # fmt: skip
    rows = result(
        "choices",
        choice_counts=given(
            "choice_counts",
            {**common, "choice": "price", "answers": 12, "people": 11, "answers_all": 30},
            {**common, "choice": "other shop", "answers": 0, "people": 0, "answers_all": 29},
        ),
    )
    results = {row["choice"]: row for row in rows}
    shows(results["price"], {"share": 0.4, "is_small": False})
    shows(results["other shop"], {"share": 0, "is_small": True})


def test_themes_have_a_name_a_share_and_a_trend() -> None:
    common = {"period": "last_28", "period_start": MON, "period_end": TUE, "survey": "shop", "question": ""}
    rows = result(
        "themes",
        theme_results=given(
            "theme_results",
            {
                **common,
                "theme": "size",
                "comments": 40,
                "comments_all": 100,
                "comments_before": 20,
                "comments_all_before": 100,
            },
            {**common, "theme": "", "comments": 70, "comments_all": 100},
        ),
        theme_list=given(
            "theme_list", {"theme": "size", "name": "Size", "origin": "team", "words": "size", "is_new": False}
        ),
    )
    results = {row["theme"]: row for row in rows}
    # 0.4 - 0.2; 1.96 sqrt(.4 x .6 / 100 + .2 x .8 / 100) = .124.
    shows(results["size"], {"name": "Size", "share": 0.4, "share_before": 0.2, "is_small": True})
    assert results["size"]["share_change_low"] == pytest.approx(0.2 - 0.124, abs=1e-3)
    assert results["size"]["share_change_high"] == pytest.approx(0.2 + 0.124, abs=1e-3)
    shows(results[""], {"name": None, "share": 0.7, "share_before": None, "share_change": None})


def test_score_by_behaviour_says_what_a_difference_amounts_to() -> None:
    common = {
        "period": "last_28", "period_start": MON, "period_end": TUE, "survey": "shop", "question": "recommend",
        "question_kind": "nps", "behaviour": "friction", "responses_with": 50, "responses_without": 100,
        "points_with": 1000, "points_without": 5000,
    }  # fmt: skip
    rows = result(
        "score_by_behaviour",
        behaviour_results=given(
            "behaviour_results",
            {**common, "value": "a", "effect": -30.0, "q_value": 0.01, "low_difference_low": 0.1},
            {**common, "value": "b", "effect": 30.0, "q_value": 0.01, "low_difference_low": -0.3},
            {**common, "value": "c", "effect": -30.0, "q_value": 0.2, "low_difference_low": 0.2},
            {**common, "value": "d", "effect": -30.0, "responses_with": 29},
        ),
    )
    results = {
        row["value"]: (row["conclusion"], row["low_rank"], row["score_with"], row["score_without"]) for row in rows
    }
    assert results == {
        "a": ("lower", 2, 20, 50),
        "b": ("higher", 3, 20, 50),
        "c": ("unclear", 1, 20, 50),
        "d": ("too few", 4, pytest.approx(1000 / 29), 50),
    }


def test_quotes_bear_the_name_of_their_theme() -> None:
    quote = {"survey": "shop", "theme": "size", "pick": "typical", "position": 1, "quote": "Runs small", "day": MON}
    rows = result(
        "quotes",
        quote_list=given("quote_list", {**quote, "question": "why", "page": "", "device_type": "mobile"}),
        theme_list=given("theme_list", {"theme": "size", "name": "Size", "origin": "team", "is_new": False}),
    )
    assert [(row["name"], row["quote"]) for row in rows] == [("Size", "Runs small")]


def test_key_figures_say_whether_they_changed() -> None:
    about = {
        "period": "week",
        "period_start": MON,
        "period_end": TUE,
        "dimension": "",
        "value": "",
        "unit": "share",
        "mature": True,
    }
    rows = result(
        "kpis",
        kpi_results=given(
            "kpi_results",
            {
                **about,
                "kpi": "a",
                "figure": 0.3,
                "figure_before": 0.2,
                "change": 0.1,
                "change_low": 0.05,
                "change_high": 0.15,
            },
            {
                **about,
                "kpi": "b",
                "figure": 0.1,
                "figure_before": 0.2,
                "change": -0.1,
                "change_low": -0.15,
                "change_high": -0.05,
            },
            {
                **about,
                "kpi": "c",
                "figure": 0.1,
                "figure_before": 0.0,
                "change": 0.1,
                "change_low": -0.1,
                "change_high": 0.3,
            },
            {**about, "kpi": "d", "figure": 0.1},
        ),
    )
    shows(rows[0], {"conclusion": "up", "change_share": pytest.approx(0.5)})
    shows(rows[1], {"conclusion": "down", "change_share": pytest.approx(-0.5)})
    shows(rows[2], {"conclusion": "unclear", "change_share": None})
    shows(rows[3], {"conclusion": "no comparison", "change_share": None})


def test_value_of_mature_people_has_an_interval() -> None:
    about = {"period": "all", "cohort_start": MON, "people_in_cohort": 300}
    rows = result(
        "customer_value",
        value_counts=given(
            "value_counts",
            {
                **about,
                "window_days": 7,
                "people_mature": 100,
                "people_with_revenue": 40,
                "revenue_micros": 500_000_000,
                "error": 0.5,
            },
            {**about, "window_days": 30},
        ),
    )
    shows(
        rows[0],
        {
            "value_per_person": 5.0,
            "buyer_rate": 0.4,
            "low": pytest.approx(5 - 0.979982),
            "high": pytest.approx(5 + 0.979982),
        },
    )
    shows(rows[1], {"value_per_person": None, "buyer_rate": None, "low": None})


def test_revenue_of_a_cohort_is_cumulated() -> None:
    about = {"cohort_start": MON, "people_in_cohort": 4}
    rows = result(
        "revenue_cohorts",
        revenue_cells=given(
            "revenue_cells",
            {**about, "offset": 0, "people_with_orders": 4, "revenue_micros": 40_000_000, "mature": True},
            {**about, "offset": 1, "revenue_micros": -2_000_000, "mature": True},
            {**about, "offset": 2, "people_with_orders": 1, "revenue_micros": 10_000_000, "mature": False},
            {"cohort_start": TUE, "people_in_cohort": 1, "offset": 0, "revenue_micros": 1_000_000, "mature": True},
        ),
    )
    assert [row["revenue_cumulated"] for row in rows] == [40, 38, 48, 1]
    assert [row["cumulated_per_person"] for row in rows] == [10.0, 9.5, 12.0, 1.0]
    assert [row["order_rate"] for row in rows] == [1.0, 0.0, 0.25, 0.0]


def test_rfm_counts_people_by_score() -> None:
    scores = {"recency_score": 5, "frequency_score": 1, "monetary_score": 3}
    rows = result(
        "rfm",
        customers=given(
            "customers",
            {**scores, "person_key": 1, "orders": 2, "revenue_micros": 5, "chance_alive": 0.5},
            {**scores, "person_key": 2, "orders": 1, "revenue_micros": -1, "chance_alive": 1.0},
            {**scores, "person_key": 3, "recency_score": 1, "orders": 1},
        ),
    )
    shows(rows[0], {"recency_score": 1, "people": 1, "chance_alive_mean": None})
    shows(
        rows[1],
        {
            "people": 2,
            "orders": 3,
            "revenue": Decimal("0.000004"),
            "chance_alive_mean": 0.75,
            "expected_revenue_mean": None,
        },
    )


def test_the_model_of_buyers_says_how_far_it_was_off() -> None:
    rows = result(
        "customer_model",
        customer_fits=given(
            "customer_fits",
            {"fit": "holdout", "expected_purchase_days": 90.0, "actual_purchase_days": 100},
            {"fit": "whole", "actual_purchase_days": None},
        ),
    )
    assert [row["holdout_error"] for row in rows] == [pytest.approx(-0.1), None]


def test_closed_opportunities_show_what_was_promised_and_what_came() -> None:
    """Closed on 2 March; the last week before it cost 900, four weeks later 200 are left; of `gone` nothing is left."""
    ends = [date(2026, 2, 22), date(2026, 3, 1), date(2026, 3, 29)]

    def week(name: str, end: date, cost: float, **more: Any) -> Row:
        money = {"cost_per_week": cost, "cost_low_95": cost - 30, "cost_high_95": cost + 30}
        looked = {"as_of": end, "looked_from": end - timedelta(days=27), "state": "open"}
        return {**looked, "id": name, "claimed": cost > 500, "rank": 1, **money, **more}

    closed = {"closed": date(2026, 3, 2)}
    rows = result(
        "opportunities",
        opportunity_results=given(
            "opportunity_results",
            week("left", ends[0], 800, **closed),
            week("left", ends[1], 900, **closed),
            week("left", ends[2], 200, **closed),
            week("gone", ends[1], 700, **closed),
            week("open", ends[1], 600),
            week("open", ends[2], 650),
            week("past", ends[0], 650),
            week("late", ends[1], 500, closed=date(2026, 3, 20)),
            week("late", ends[2], 400, closed=date(2026, 3, 20)),
            week("vague", ends[1], 500, **closed),
            {**week("vague", ends[2], 0, **closed), "cost_per_week": None, "cost_low_95": None, "cost_high_95": None},
        ),
    )
    results = {row["opportunity_id"]: row for row in rows}
    assert set(results) == {"left", "gone", "open", "late", "vague"}, (
        "what isn't met any more and wasn't closed is over"
    )
    half = (30**2 + 30**2) ** 0.5
    shows(
        results["left"],
        {
            "promised_per_week": 900.0,
            "promised_low": 870.0,
            "realised_per_week": 700.0,
            "realised_low": pytest.approx(700 - half),
        },
    )
    shows(results["left"], {"first_as_of": ends[0], "weeks_claimed": 2, "as_of": ends[2]})
    shows(
        results["gone"], {"promised_per_week": 700.0, "realised_per_week": 700.0, "realised_high": pytest.approx(730.0)}
    )
    shows(
        results["open"],
        {"promised_per_week": None, "realised_per_week": None, "cost_per_week": 650.0, "weeks_claimed": 2},
    )
    # Still met, but nobody can say what it costs: that is not nothing.
    shows(results["vague"], {"promised_per_week": 500.0, "realised_per_week": None})
    # Four weeks must have passed.
    shows(results["late"], {"promised_per_week": 500.0, "realised_per_week": None})


def test_what_is_gone_stays_with_what_it_used_to_cost() -> None:
    ends = [date(2026, 3, 1) + timedelta(days=7 * i) for i in range(4)]

    def week(name: str, end: date, cost: float, state: str = "open", **more: Any) -> Row:
        return {"as_of": end, "looked_from": end, "id": name, "claimed": cost > 500, "state": state, "cost_per_week": cost, **more}  # fmt: skip

    since = {"since": date(2026, 3, 12)}
    rows = result(
        "opportunities",
        opportunity_results=given(
            "opportunity_results",
            week("fixed", ends[0], 800),
            # Claimed for the last time before the day; the week with the day is half free of it.
            week("fixed", ends[1], 900),
            week("fixed", ends[2], 450, "gone", **since),
            week("fixed", ends[3], 200, "gone", **since),
            # Not met any more at all, and claimed in the week of the fix only.
            week("days only", ends[1], 700, since=None),
            week("days only", ends[2], 400, "gone", since=date(2026, 3, 4)),
            week("never claimed", ends[2], 100),
            week("never claimed", ends[3], 90, "gone", **since),
            week("back", ends[2], 600, "gone", **since),
            week("back", ends[3], 550),
            week("no more", ends[2], 600),
        ),
    )
    results = {row["opportunity_id"]: (row["state"], row["used_to_cost"], row["as_of"]) for row in rows}
    assert results == {
        "fixed": ("gone", 900.0, ends[3]),
        "days only": ("gone", 700.0, ends[3]),
        "never claimed": ("gone", None, ends[3]),
        "back": ("open", None, ends[3]),
    }


@pytest.mark.parametrize("mart", [mart.name for mart in MARTS])
def test_no_rows_give_no_rows(mart: str) -> None:
    assert result(mart) == []


@pytest.mark.parametrize("mart", [mart.name for mart in MARTS])
def test_every_mart_has_a_model_with_its_description_and_lineage(mart: str) -> None:
    models = load_models()
    assert models[mart].layer == f"marts/{DOMAIN_OF[mart]}"
    assert models[mart].description
    traced = column_lineage(mart, models, TABLES[mart])
    written = {column: set(sources) for column, sources in written_lineage()[mart].items()}
    assert written == traced, "lineage.json is of other models; run `make docs`"
    assert set(traced) == set(TABLES[mart].schema)
    for column, sources in traced.items():
        assert sources, column
        for table, source in sources:
            assert source in TABLES[table].schema, (column, table, source)


def test_lineage_goes_through_models_and_arithmetic() -> None:
    traced = column_lineage("daily_kpis", load_models(), TABLES["daily_kpis"])
    assert traced["bounce_rate"] == {
        ("daily_sessions", "sessions_bounced"),
        ("daily_sessions", "sessions_with_page_view"),
    }
    assert traced["revenue_by_order_day"] == {("quality_counts", "revenue_micros_by_order_day_without_bots")}


def test_models_stand_after_what_they_read() -> None:
    models = load_models()
    names = list(models)
    for name, model in models.items():
        assert all(names.index(read) < names.index(name) for read in model.reads if read in models)
    assert sources_of("daily_kpis", models) == {"people_daily", "daily_sessions", "quality_counts"}


def test_a_cte_named_like_a_table_hides_no_dependency() -> None:
    model = parse_model(
        "m", "marts", "with daily_sessions as (select * from daily_sessions) select * from daily_sessions"
    )
    assert model.reads == ("daily_sessions",)


# (what, SQL, words of the error)
REFUSED = [
    ("a file", "select * from read_parquet('x.parquet')", "plain names"),
    ("a file by its name", "select * from 'x.parquet'", "no table|plain names"),
    ("another schema", "select * from other.t", "plain names"),
    ("two statements", "select 1; select 2", "one SELECT"),
    ("no SELECT", "create table x as select 1", "one SELECT"),
    ("nothing", "-- only a comment", "one SELECT"),
    ("no SQL", "select from where", "marts/m.sql"),
    ("an unknown table", "select * from nowhere", "no table 'nowhere'"),
]


@pytest.mark.parametrize(("what", "sql", "words"), REFUSED, ids=[case[0] for case in REFUSED])
def test_refused_models(what: str, sql: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        in_order({"m": parse_model("m", "marts", sql)})
    assert what


def test_a_models_name_is_an_identifier() -> None:
    with pytest.raises(ModelError, match="lower-case"):
        parse_model('x"; drop', "marts", "select 1 as a")


def test_sessions_by_day_are_in_the_currencys_unit_and_in_seconds() -> None:
    counted: Row = {
        "session_day": MON,
        "device_type": "mobile",
        "channel": "search",
        "country": "DE",
        "landing_page": "home",
    }
    (row,) = result(
        "sessions_daily",
        session_counts=given("session_counts", {**counted, "sessions": 2, "duration_ms": 90_001, "revenue_micros": -1_234_567}),
    )  # fmt: skip
    shows(row, {"day": MON, "landing_page": "home", "sessions": 2, "orders": 0})
    assert (row["duration_seconds"], row["revenue"]) == (Decimal("90.001"), Decimal("-1.234567"))


@pytest.mark.parametrize(
    ("mart", "made"),
    [("dim_date", "dates"), ("dim_page", "page_list"), ("dim_zone", "zone_list"), ("dim_experiment", "variant_list"), ("dim_release", "release_list")],
)  # fmt: skip
def test_dimensions_are_published_as_they_are_made(mart: str, made: str) -> None:
    blank: Row = {name: MON if dtype == pl.Date else "x" if dtype == pl.String else None for name, dtype in TABLES[made].schema.items()}  # fmt: skip
    (row,) = result(mart, **{made: given(made, blank)})
    assert row == given(made, blank).row(0, named=True)


@pytest.mark.parametrize(
    ("better", "figure", "target", "by", "expected"),
    [
        ("higher", 0.13, 0.15, date(2026, 2, 22), {"gap": 0.02, "is_reached": False, "weeks_left": 2.0, "needed_per_week": 0.01}),
        ("higher", 0.15, 0.15, date(2026, 2, 22), {"gap": 0.0, "is_reached": True, "weeks_left": 2.0, "needed_per_week": None}),
        ("lower", 0.35, 0.30, None, {"gap": 0.05, "is_reached": False, "weeks_left": None, "needed_per_week": None}),
        ("lower", 0.25, 0.30, None, {"gap": -0.05, "is_reached": True, "weeks_left": None, "needed_per_week": None}),
        # The day is over.
        ("higher", 0.13, 0.15, date(2026, 2, 1), {"gap": 0.02, "is_reached": False, "weeks_left": -1.0, "needed_per_week": None}),
    ],
)  # fmt: skip
def test_kpi_targets(better: str, figure: float, target: float, by: date | None, expected: Row) -> None:
    week = {"kpi": "conversion", "week_start": MON, "week_end": MON + timedelta(days=6), "unit": "share"}
    told = {**week, "figure": figure, "target": target, "better": better, "target_day": by}
    [row] = result("kpi_targets", target_weeks=given("target_weeks", told))
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_web_vitals_are_rated_by_their_p75() -> None:
    about = {
        "period": "day",
        "period_start": MON,
        "period_end": MON,
        "page": "",
        "device_type": "",
        "p50": 1,
        "p75": 1,
        "p95": 1,
    }
    rows = [
        {**about, "metric": name, "page_views_measured": 4, "page_views_good": good, "page_views_poor": poor}
        for name, good, poor in (("cls", 3, 1), ("inp", 2, 1), ("lcp", 0, 2))
    ]
    found = result("web_vitals", vital_percentiles=given("vital_percentiles", *rows))
    assert [(r["metric"], r["rating"], r["good_rate"], r["poor_rate"]) for r in found] == [
        ("cls", "good", 0.75, 0.25), ("inp", "needs improvement", 0.5, 0.25), ("lcp", "poor", 0.0, 0.5),
    ]  # fmt: skip


def test_errors_and_forms_bear_their_rates() -> None:
    counts = {
        "errors": 5,
        "sessions_with": 4,
        "sessions_with_goal": 1,
        "sessions_without": 10,
        "sessions_without_with_goal": 5,
    }
    [row] = result("errors", error_counts=given("error_counts", {"message": "x", **counts}))
    shows(row, {"goal_rate_with": 0.25, "goal_rate_without": 0.5})
    views = {
        "page_views_started": 5,
        "page_views_measured_submit": 4,
        "page_views_submitted": 3,
        "page_views_refused": 1,
    }
    [row] = result("forms", daily_forms=given("daily_forms", {"form": "pay", **views}))
    shows(row, {"submit_rate": 0.75, "refused_rate": 0.2})
    touched = {
        "page_views_touched": 8,
        "page_views_measured_submit": 4,
        "page_views_changed": 4,
        "page_views_corrected": 1,
        "page_views_left_at": 2,
        "changes": 5,
        "changes_timed": 2,
        "fill_ms": 3_000,
    }
    [row] = result("form_fields", daily_form_fields=given("daily_form_fields", {"field": "card", **touched}))
    shows(row, {"correction_rate": 0.25, "left_rate": 0.5, "refused_rate": 0.0, "fill_seconds": 1.5})
    assert row["fill_seconds_total"] == 3


def test_replays_say_how_often_each_page_was_seen() -> None:
    session = {"person_key": 1, "session_day": MON, "device_type": "mobile", "channel": "search"}
    view = {"session_key": 1, "person_key": 1, "session_day": MON}
    pages = ["home", "product", None, "product", "home", "product"]
    rows = result(
        "replays",
        recordings=given("recordings", *({**session, "session_key": key, "recording": "r"} for key in (1, 2))),
        sessions=given("sessions", *({**session, "session_key": key} for key in (1, 2))),
        page_views=given(
            "page_views",
            *({**view, "page_view_key": n, "position": n, "page": page} for n, page in enumerate(pages)),
        ),
    )
    shows(rows[0], {"path": "home > product > home > product", "views_by_page": "home 2, product 3"})
    shows(rows[1], {"path": None, "views_by_page": None})
