"""Real tracker output with planted faults: Snowplow's web events against the publisher's expected files.

The events (160 rows, 2020-2021) and web vitals (1,001 rows, 2023) go as they are through the `snowplow` source and the
assets. Their user_id holds test notes and no people, so it is ignored. Every row is accounted for, and each difference from the publisher's page views, sessions and users is named
with its cause. Definitions: docs/definitions/sessions.md; the publisher's rules: docs/definitions/sessions.md, "Sessions in Snowplow".
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from support import drop

from assets.resources import Home
from assets.running import Runner
from pipeline.core.states import published_days, scan_days
from pipeline.ingest.manifests import read_manifests

DATA = Path(__file__).parents[3] / "shared" / "data" / "snowplow_web"
pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/snowplow_web isn't here"),
    pytest.mark.slow,
]
PRODUCT = """
name: Snowplow web
time_zone: UTC
start_date: 2020-07-01
sources:
  web: {format: snowplow, ignore_columns: [user_id], heartbeat_s: 10, minimum_visit_s: 5}
  vitals: {format: snowplow, ignore_columns: [user_id]}
"""
# Each difference from the publisher's files, with its cause. Ids by their first eight characters.
NO_DEVICE = "no domain_userid: we take the network_userid for the device"
LATE = "sent more than 3 days after it was created: we accept any age"
NO_VIEW_ID = "no page view id: the publisher drops it, we count the page_view event"
THREE_DAYS = "later than the session's start + 3 days, which the publisher cuts off"
SECOND_EVENT = "a second page_view event with the same page view id: each begins a page view (decision 0003)"
MIDNIGHT = "a source session of several days is cut: no session touches more than two"
DEVICES = "one source session on three devices: the unit is person x device"
NO_SESSION_ID = "no source session id: the publisher drops it, we derive a session"
CONSENT = "consent events only: the publisher asks for a page view or ping, we count any event's session"
VIEWS_MISSING: dict[str, str] = {}
VIEWS_MORE = {
    "320e0ef8": SECOND_EVENT,
    "000362c5": LATE,
    "no id": NO_VIEW_ID,
    "56026926": THREE_DAYS,
    "2e65696c": THREE_DAYS,
    "aa0bf877": THREE_DAYS,
}
# Source session: (sessions more than the publisher's, cause).
SESSIONS_DIFFER = {
    "2bfc2c76": (10, MIDNIGHT),
    "540b6c4f": (2, DEVICES),
    "d21c000a": (1, MIDNIGHT),
    "no id": (1, NO_SESSION_ID),
    "7edb1641": (1, LATE),
    "e7971181": (1, NO_VIEW_ID),
}
CONSENT_SESSIONS = 26
USERS_MORE = {"1f72f389": DEVICES, "2e340eb6": DEVICES, "9341fb4f": LATE, "ff747617": NO_VIEW_ID, "a66d14db": NO_DEVICE}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("snowplow")
    (folder / "product.yaml").write_text(PRODUCT)
    for source, file in (("web", "snowplow_web_events.csv"), ("vitals", "snowplow_web_vital_events.csv")):
        drop(folder, f"{source}/a.csv", (DATA / "source" / file).read_bytes())
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(Home(folder), instance)
        runner.run()
        assert not runner.failures
        yield runner.home


def table(home: Home, name: str, source: str = "web") -> pl.DataFrame:
    days = published_days(home.lake, name)
    return scan_days(home.lake, name, days).filter(pl.col("source") == source).collect()


def short(value: str | None) -> str:
    return value[:8] if value else "no id"


def test_every_row_is_accounted_for(home: Home) -> None:
    manifests = {m.source: m for m in read_manifests(home.lake).values()}
    web, vitals = manifests["web"], manifests["vitals"]
    assert (web.records_read, web.accepted, web.rejected) == (160, 160, {})
    assert (vitals.records_read, vitals.accepted) == (1001, 1000)
    assert sum(vitals.rejected.values()) == 1, "one row of the publisher's is blank"
    quality = table(home, "quality_counts")
    counted = quality.select(pl.col("events_accepted", "events_duplicate", "clicks_merged", "events").sum()).row(0)
    assert counted == (160, 3, 0, 157)
    assert table(home, "events").height == 157
    assert quality["events_without_person"].sum() == 0
    assert table(home, "session_events").height == 157
    assert table(home, "events", "vitals").height == 1000
    assert table(home, "page_views", "vitals").filter(~pl.col("implied")).is_empty()


def test_page_views(home: Home) -> None:
    expected = Counter(row["page_view_id"][:8] for row in rows("expected/snowplow_web_page_views_expected.csv"))
    assert sum(expected.values()) == 43
    views = table(home, "page_views").filter(~pl.col("implied"))
    result = Counter(short(value) for value in views["page_view_id"])
    assert set(expected - result) == set(VIEWS_MISSING)
    assert result - expected == Counter(VIEWS_MORE.keys())
    assert sum(result.values()) == 49


def test_engaged_time_and_scroll_depth_of_every_common_page_view(home: Home) -> None:
    views = table(home, "page_views").filter(~pl.col("implied"))
    first = {row["page_view_id"]: row for row in views.sort("started_at", descending=True).iter_rows(named=True)}
    compared = 0
    for row in rows("expected/snowplow_web_page_views_expected.csv"):
        ours = first.get(row["page_view_id"])
        if ours is None:
            continue
        compared += 1
        assert (ours["engaged_ms"] or 0) == 1000 * int(float(row["engaged_time_in_s"] or 0)), row["page_view_id"]
        depth = round(float(row["vertical_percentage_scrolled"]))
        assert round(ours["scroll_depth_e4"] / 100) == depth, row["page_view_id"]
    assert compared == 43


def test_sessions(home: Home) -> None:
    expected = rows("expected/default/snowplow_web_sessions_expected.csv")
    assert len(expected) == 18
    theirs = Counter(row["domain_sessionid"] for row in expected)
    sessions = table(home, "sessions")
    ours = Counter(value or "no id" for value in sessions["source_session_id"])
    differ = {s: ours[s] - theirs[s] for s in {*ours, *theirs} if ours[s] != theirs[s]}
    consent = [s for s in differ if short(s) not in SESSIONS_DIFFER and s != "no id"]
    assert {short(s): n for s, n in differ.items() if s not in consent} == {
        s: n for s, (n, _) in SESSIONS_DIFFER.items()
    }
    assert len(consent) == CONSENT_SESSIONS, CONSENT
    names = set(table(home, "events").filter(pl.col("session_id").is_in(consent))["name"])
    assert names == {"cmp_visible", "consent_preferences"}
    assert sessions.height == 18 + sum(n for n, _ in SESSIONS_DIFFER.values()) + CONSENT_SESSIONS == 60


def test_sessions_that_both_keep_whole_agree(home: Home) -> None:
    sessions = {row["source_session_id"]: row for row in table(home, "sessions").iter_rows(named=True)}
    engaged: dict[int, int] = defaultdict(int)
    for view in table(home, "page_views").iter_rows(named=True):
        engaged[view["session_key"]] += view["engaged_ms"] or 0
    compared = 0
    for row in rows("expected/default/snowplow_web_sessions_expected.csv"):
        if short(row["domain_sessionid"]) in SESSIONS_DIFFER:
            continue
        ours = sessions[row["domain_sessionid"]]
        compared += 1
        assert ours["events"] == int(row["total_events"])
        assert engaged[ours["session_key"]] == 1000 * int(float(row["engaged_time_in_s"] or 0))
        more = 1 if short(row["domain_sessionid"]) == "76053423" else 0  # SECOND_EVENT
        assert ours["page_views"] + ours["page_views_implied"] == int(row["page_views"]) + more
    assert compared == 15
    assert sum(engaged.values()) == 60_000


def test_source_sessions_cut_at_midnight_are_counted(home: Home) -> None:
    split = table(home, "sessions").filter("is_split")
    assert {short(s) for s in split["source_session_id"]} <= {"2bfc2c76", "d21c000a"}
    assert table(home, "quality_counts")["sessions_split"].sum() == split.height


def test_users(home: Home) -> None:
    expected = {row["domain_userid"][:8] for row in rows("expected/snowplow_web_users_expected.csv")}
    assert len(expected) == 11
    with_view = table(home, "sessions").filter(pl.col("page_views") > 0)
    result = {short(value) for value in with_view["anonymous_id"]}
    pinged = expected - result
    assert result - expected == set(USERS_MORE)
    assert not pinged
    assert len(result) == 16
