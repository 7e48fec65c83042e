"""Alerts: the rule worked out by hand, planted jumps, quiet days, and messages to a real server."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from support import product

from pipeline.core.keys import day_key, mart_key
from pipeline.core.lake import Lake
from pipeline.core.published import id_of
from pipeline.core.registry import TABLES
from pipeline.core.state import DayState
from pipeline.core.states import write_state
from pipeline.domains.alerts.metric_alerts import metric_alerts
from pipeline.publish.alert_messages import newest_alerts, send_new
from pipeline.stats.alerts import alerts

START = date(2026, 1, 5)
Day = tuple[int, int]  # hits, n


def series(days: dict[int, Day], name: str = "a") -> pl.DataFrame:
    rows = [(name, START + timedelta(days=number), hits, n) for number, (hits, n) in days.items()]
    return pl.DataFrame(
        rows, schema={"metric": pl.String, "day": pl.Date, "hits": pl.Int64, "n": pl.Int64}, orient="row"
    )


def weeks(*rates: Day) -> dict[int, Day]:
    return {7 * week: day for week, day in enumerate(rates)}


def result(days: dict[int, Day]) -> list[int]:
    return [(day - START).days for day in alerts(series(days), ["metric"])["day"]]


def test_a_day_far_from_the_same_weekdays_is_out() -> None:
    # Expected 0.1; three binomial errors at n = 1,000 are 3 x sqrt(0.1 x 0.9 / 1,000) = 0.0285.
    (row,) = alerts(series(weeks(*[(100, 1_000)] * 8, (160, 1_000))), ["metric"]).rows(named=True)
    assert row["expected"] == 0.1
    assert row["width"] == pytest.approx(0.02846, abs=1e-5)
    assert (row["rate"], row["days_compared"], row["since"]) == (0.16, 8, row["day"])


CASES: list[tuple[str, dict[int, Day], list[int]]] = [
    ("within three errors", weeks(*[(100, 1_000)] * 8, (128, 1_000)), []),
    ("it falls too", weeks(*[(100, 1_000)] * 8, (40, 1_000)), [56]),
    ("three weeks are too few", weeks(*[(100, 1_000)] * 3, (300, 1_000)), []),
    ("four are enough", weeks(*[(100, 1_000)] * 4, (300, 1_000)), [28]),
    ("99 page views are too few", weeks(*[(10, 99)] * 8, (80, 99)), []),
    # The median deviation is 0.03, so 3 x 1.4826 x 0.03 = 0.133 is what it may differ.
    ("weeks that swing", weeks(*[(60, 1_000), (140, 1_000), (80, 1_000), (120, 1_000)] * 2, (200, 1_000)), []),
    ("other weekdays say nothing", {**weeks(*[(100, 1_000)] * 8), 57: (300, 1_000)}, []),
    ("where it never happened one case is no alarm", weeks(*[(0, 1_000)] * 8, (1, 1_000)), []),
    ("where it never happened many are", weeks(*[(0, 1_000)] * 8, (30, 1_000)), [56]),
    ("a day without page views is no day", weeks(*[(100, 1_000)] * 3, (0, 0), (300, 1_000)), []),
    ("nothing", {}, []),
]


@pytest.mark.parametrize(("days", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_rule(days: dict[int, Day], expected: list[int]) -> None:
    assert result(days) == expected


def test_since_is_the_first_of_the_consecutive_days_out() -> None:
    days = dict.fromkeys(range(56), (100, 1000)) | dict.fromkeys(range(56, 59), (200, 1000))
    out = alerts(series(days), ["metric"])
    assert out.select((pl.col("day") - START).dt.total_days(), (pl.col("since") - START).dt.total_days()).rows() == [
        (56, 56), (57, 56), (58, 56),
    ]  # fmt: skip


def test_friction_alerts_name_the_sessions_to_look_at() -> None:
    days = [START + timedelta(days=7 * week) for week in range(9)]
    raged = [30] * 8 + [120]
    about = {"rule_set": "default", "signal": "rage_click", "page": "home", "device_type": "mobile"}
    friction = pl.DataFrame(
        [
            {**about, "session_day": d, "page_views_with": n, "page_views_measured": 1_000}
            for d, n in zip(days, raged, strict=True)
        ]
    )
    weights = {7: 4, 8: 9, 9: 4}
    incidents = pl.DataFrame(
        [
            {**about, "session_day": days[-1], "session_key": s, "weight": w, "incident_key": s}
            for s, w in weights.items()
        ]
    )
    zones = TABLES["daily_zones"].schema.to_frame()
    sessions = TABLES["daily_sessions"].schema.to_frame()
    made = metric_alerts(friction.lazy(), zones.lazy(), sessions.lazy(), incidents.lazy(), days)
    assert made.select("metric", "page", "device_type", "hits", "n", "example_sessions").rows() == [
        ("rage_click", "home", "", 120, 1_000, ", ".join(map(id_of, (8, 7, 9)))),
        ("rage_click", "home", "mobile", 120, 1_000, ", ".join(map(id_of, (8, 7, 9)))),
    ]
    assert made["relative_change"].to_list() == [3.0, 3.0]
    assert metric_alerts(friction.lazy(), zones.lazy(), sessions.lazy(), incidents.lazy(), []).is_empty()


def test_a_redesigned_zone_begins_anew() -> None:
    days = [START + timedelta(days=7 * week) for week in range(9)]
    rows = [
        {"session_day": d, "page": "home", "zone": "hero", "zone_version": START if i < 8 else days[8], "segment": "",
         "variant": "", "device_type": "mobile", "page_views": 1_000, "page_views_clicked": 100 if i < 8 else 400}
        for i, d in enumerate(days)
    ]  # fmt: skip
    zones, empty = pl.DataFrame(rows), TABLES["daily_friction"].schema.to_frame().lazy()
    sessions, incidents = (TABLES[n].schema.to_frame().lazy() for n in ("daily_sessions", "friction_incidents"))
    assert metric_alerts(empty, zones.lazy(), sessions, incidents, days).is_empty()
    same = zones.with_columns(zone_version=pl.lit(START))
    assert metric_alerts(empty, same.lazy(), sessions, incidents, days)["metric"].to_list() == ["zone_click_rate"]


SERIES, QUIET_DAYS = 40, 100


def simulated(seed: int, jump: float = 1.0) -> pl.DataFrame:
    """Forty shares over 156 days with weekly rhythm; the first is `jump` times as high on the last day."""
    rng = random.Random(seed)
    rows: list[tuple[str, date, int, int]] = []
    for number in range(SERIES):
        base, traffic = (rng.uniform(0.02, 0.12), rng.randint(1_500, 6_000)) if number else (0.06, 5_000)
        for day in range(56 + QUIET_DAYS):
            weekend = day % 7 >= 5
            n = int(traffic * (0.6 if weekend else 1.0) * rng.uniform(0.9, 1.1))
            share = base * (1.2 if weekend else 1.0) * (jump if number == 0 and day == 55 + QUIET_DAYS else 1.0)
            # A normal draw is near enough to a binomial one at these sizes.
            hits = min(n, max(0, round(rng.gauss(n * share, (n * share * (1 - share)) ** 0.5))))
            rows.append((f"s{number}", START + timedelta(days=day), hits, n))
    return pl.DataFrame(rows, schema=["metric", "day", "hits", "n"], orient="row")


def test_quiet_days_give_at_most_one_alarm_in_a_hundred_days() -> None:
    per_run = [alerts(simulated(seed), ["metric"])["day"].n_unique() for seed in range(10)]
    assert max(per_run) <= 1


def test_a_planted_jump_of_half_is_found() -> None:
    last = START + timedelta(days=55 + QUIET_DAYS)
    hits = [alerts(simulated(seed, 1.5), ["metric"]).filter(pl.col("day") == last) for seed in range(10)]
    assert [frame["metric"].to_list() for frame in hits] == [["s0"]] * 10


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing on the test's output."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
        server.shutdown()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    day, table = date(2026, 2, 3), TABLES["alerts"]
    blank: dict[str, Any] = {name: 0 if dtype.is_numeric() else "" for name, dtype in table.schema.items()}
    rose = {"metric": "rage_click", "page": "product", "hits": 90, "n": 2_000, "rate": 0.045, "expected": 0.03}
    row = {**blank, **rose, "day": day, "since": date(2026, 2, 1), "example_sessions": "17, 4"}
    lake.write_frame(mart_key("alerts"), pl.DataFrame([row], schema=table.schema, orient="row"))
    sha256 = lake.write_frame(day_key("daily_sessions", day), pl.DataFrame(schema=TABLES["daily_sessions"].schema))
    write_state(lake, "daily_sessions", day, DayState("", sha256, 0))
    return lake


def test_an_alert_is_told_once(lake: Lake) -> None:
    with webhook() as (address, heard):
        assert [send_new(lake, product(), address) for _ in range(2)] == [1, 0]
    assert heard == [
        {
            "text": "*Test shop*: out of the usual\n• rage click of product rose to 4.5% (expected 3.0%, n = 2,000) "
            "on 03 Feb, since 01 Feb; sessions to look at: 17, 4"
        }
    ]


def test_what_could_not_be_told_is_told_the_next_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.publish.webhook.time.sleep", lambda _seconds: None)
    with webhook(500) as (address, _), pytest.raises(OSError, match="500"):
        send_new(lake, product(), address)
    with webhook() as (address, heard):
        assert send_new(lake, product(), address) == 1
    assert len(heard) == 1


def test_without_a_webhook_nothing_is_told(lake: Lake) -> None:
    assert send_new(lake, product(), None) == 0
    assert len(newest_alerts(lake)) == 1
    with pytest.raises(OSError, match="https address"):
        send_new(lake, product(), "file:///etc/passwd")


def test_before_the_first_day_there_is_no_alert(tmp_path: Path) -> None:
    assert newest_alerts(Lake(tmp_path)) == []
