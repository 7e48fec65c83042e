"""Times as sources write them: what is read, what the file decides, what is refused and how that is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import read
from support import ndjson, product

from pipeline.core.product_file import ProductFileError, parse_product
from pipeline.ingest.faults import RecordFault
from pipeline.ingest.sources.times import Clock, form_of

ELEVEN = datetime(2026, 3, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-10T11:00:00Z", "2026-03-10 11:00", "2026-03-10T12:00:00+0100", "2026-03-10T12:00:00+01",
        "2026-03-10 11:00:00 UTC", "2026-03-10 11:00:00 +0000 UTC", "2026-03-10 12:00:00 +0100 CET m=+0.004",
        "2026-03-10T11:00:00.000000999Z", "2026-03-10T11:00:00,000Z", "20260310T110000Z", "20260310110000",
        "Tue, 10 Mar 2026 11:00:00 GMT", "Tue, 10 Mar 2026 06:00:00 EST", "10 Mar 2026 12:00:00 +0100",
        "Tue Mar 10 2026 12:00:00 GMT+0100 (Central European Standard Time)", "Tue Mar 10 11:00:00 UTC 2026",
        "2026/03/10 7:00:00 AM AST", "2026/03/10 12:00:00 PM GMT+1", "2026/03/10 12:00 CET", "2026/3/10 11:00",
        "Mar 10, 2026, 11:00:00\u202fAM", "March 10th, 2026 at 11:00", "10-Mar-2026 11:00 a.m.", "10.03.2026 11:00",
        "2026-03-10 12:00 Europe/Berlin", "2026-03-10T12:00+01:00[Europe/Berlin]", "2026-03-10 16:30:00+05:30",
        1773140400, "1773140400", 1773140400.0, "1773140400000", 1773140400000000, "1773140400000000000",
        datetime(2026, 3, 10, 11), ELEVEN,  # noqa: DTZ001
    ],
)  # fmt: skip
def test_one_instant_in_many_forms(written: object) -> None:
    assert Clock().read(written, "t") == ELEVEN


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("99/99/9999 99:99", "99/99/9999 99:99"), ("13/13/2026", "99/99/9999"), ("2026-02-30", "9999-99-99"),
        ("2026-03-10 15:00 PM", "9999-99-99 99:99 aa"), ("2026-03-10 11:00 IST", "9999-99-99 99:99 aaa"),
        ("soon", "aaaa"), ("Übermorgen 5", "aaaaaaaaaa 9"), ("46091.46", "99999.99"), (12345, "99999"),
        (True, "true or false"), ([1], "a list"), ({"a": 1}, "an object"), ("9" * 60, "9" * 40 + "..."),
        ("9999-12-31 23:59:59 EST", "9999-99-99 99:99:99 aaa"), ("2026-03-10 11:00 Mars/Olympus", "9999-99-99 99:99 aaaa/aaaaaaa"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_its_form(written: object, form: str) -> None:
    assert Clock().read(written, "t") is None
    assert form_of(written) == form


def test_a_zones_word_is_what_the_sources_zone_calls_itself() -> None:
    assert Clock("Asia/Kolkata").read("2026-03-10 16:30 IST", "t") == ELEVEN
    assert Clock("Europe/London").read("2026-07-10 12:00 BST", "t") == ELEVEN.replace(month=7)
    assert Clock("Europe/London").read("2026-07-10 12:00", "t") == ELEVEN.replace(month=7)
    assert Clock("Europe/Berlin").read("2026-03-10 12:00:00", "Submit Date (UTC)") == ELEVEN + timedelta(hours=1)


@pytest.mark.parametrize("written", ["03/04/2026", "03-04-2026 10:15", "3/4/2026 3:45:12 PM", "15/04/26", "10/11/12"])
def test_an_order_that_nothing_tells_is_refused_with_both_patterns(written: str) -> None:
    with pytest.raises(RecordFault) as result:
        Clock().read(written, "Date")
    assert result.value.rule == "ambiguous_date"
    assert "`Date`" in result.value.reason
    first, second = result.value.reason.split("'")[1::2]
    assert {first[:2], second[:2]} == {"%d", "%m"}
    for pattern in (first, second):
        assert Clock(formats=(pattern,)).read(written, "Date") or written.startswith("15")


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))  # fmt: skip
def test_every_form_of_an_instant_is_that_instant(at: datetime, zone: str) -> None:
    naive = at.replace(microsecond=0)
    expected = naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    clock = Clock(zone)
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %I:%M:%S %p", "%d %b %Y %H:%M:%S", "%B %d, %Y %H:%M:%S"):
        assert clock.read(naive.strftime(pattern), "t") == expected
    day_first = Clock(zone, look=lambda: "day_first").read(naive.strftime("%d/%m/%Y %H:%M:%S"), "t")
    month_first = Clock(zone, look=lambda: "month_first").read(naive.strftime("%m/%d/%Y %H:%M:%S"), "t")
    assert day_first == month_first == expected
    seconds = int(expected.timestamp())
    assert {clock.read(str(seconds * unit), "t") for unit in (1, 10**3, 10**6, 10**9)} == {expected}


@given(st.text(max_size=30) | st.integers() | st.floats() | st.from_regex(r"[0-9/:. APMTZ+-]{1,25}"))
def test_nothing_that_is_written_stops_the_clock(written: object) -> None:
    try:
        at = Clock("Europe/Berlin").read(written, "t")
    except RecordFault as fault:
        assert fault.rule == "ambiguous_date"  # noqa: PT017
    else:
        assert at is None or at.tzinfo is not None


def survey(
    home: Path, lines: list[str], name: str = "a.csv", **source: Any
) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    """The rejects and the answers with a score of a survey file."""
    _, manifest, rows = read(home, "surveys", name, "\n".join(lines).encode(), survey_id="s", **source)
    assert manifest.balances
    scored = rows.filter(pl.col("score").is_not_null()).sort("occurred_at")
    return manifest.rejected, scored.select(pl.col("occurred_at").dt.to_string("%m-%d %H:%M:%S"), "score").rows()


def test_a_date_that_proves_an_order_settles_it_for_the_file(tmp_path: Path) -> None:
    head = "Number,Date Submitted,Country,How likely?"
    rows = ["1,03/04/2026 10:15,GB,9", "2,12/04/2026 10:15,GB,7", "3,15/04/2026 10:15,GB,8"]
    expected = [("04-03 09:15:00", 9), ("04-12 09:15:00", 7), ("04-15 09:15:00", 8)]
    assert survey(tmp_path / "a", [head, *rows], time_zone="Europe/London") == ({}, expected)
    # Wherever the proof stands, and month first as well.
    assert survey(tmp_path / "b", [head, *rows[::-1]], time_zone="Europe/London") == ({}, expected)
    assert survey(tmp_path / "c", ["#,Date,Score", "1,03/04/2026,9", "2,3/31/2026,8"]) == ({}, [("03-04 00:00:00", 9), ("03-31 00:00:00", 8)])  # fmt: skip
    dots = ["Number;Date Submitted;How likely?", "1;03.04.2026 10:15;9", "2;15.04.2026 10:15:00;8"]
    assert survey(tmp_path / "d", dots, time_zone="Europe/Berlin") == ({}, [("04-03 08:15:00", 9), ("04-15 08:15:00", 8)])  # fmt: skip
    # A start that no column takes proves it too.
    started = ["id,Start Date,End Date,Score", "1,31/03/2026 10:00,01/04/2026 10:00,9"]
    assert survey(tmp_path / "e", started) == ({}, [("04-01 10:00:00", 9)])


def test_what_stays_ambiguous_is_refused_and_a_setting_mends_it(tmp_path: Path) -> None:
    lines = ["id,Date,Score", "1,03/04/2026 10:15,9", "2,2026-04-05 10:15,8", "3,04/04/2026 10:15,7"]
    rejected, scores = survey(tmp_path / "a", lines)
    assert (rejected, scores) == ({"ambiguous_date": 1}, [("04-04 10:15:00", 7), ("04-05 10:15:00", 8)])
    reason = pl.read_parquet(tmp_path / "a/lake/rejected/**/*.parquet")["reason"][0]
    assert "set `time_format` for the source: '%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M'" in reason
    formats = ["%d/%m/%Y %H:%M", "iso8601"]
    assert survey(tmp_path / "b", lines, time_format=formats)[1][0] == ("04-03 10:15:00", 9)
    # Where some dates say one thing and some the other, only these can be read.
    both = ["id,Date,Score", "1,15/04/2026,9", "2,04/16/2026,8", "3,04/05/2026,7"]
    assert survey(tmp_path / "c", both) == ({"ambiguous_date": 1}, [("04-15 00:00:00", 9), ("04-16 00:00:00", 8)])


def test_half_days_zones_and_second_headers_of_survey_tools(tmp_path: Path) -> None:
    forms = ['"Timestamp","How likely?"', '"2026/03/10 11:07:29 AM AST","9"', '"2026/03/10 3:45:12 PM GMT+1","4"']
    assert survey(tmp_path / "a", forms) == ({}, [("03-10 14:45:12", 4), ("03-10 15:07:29", 9)])
    monkey = [
        "Respondent ID,Collector ID,Start Date,End Date,How likely?,Why?",
        ",,,,Response,Open-Ended Response",
        "1,2,03/30/2026 03:40:00 PM,03/30/2026 03:45:12 PM,9,Great",
        "2,2,03/10/2026 12:00:00 AM,03/10/2026 12:05:00 AM,3,Slow",
    ]
    assert survey(tmp_path / "b", monkey) == ({}, [("03-10 00:05:00", 3), ("03-30 15:45:12", 9)])
    # Of a question with choices the second header holds their words.
    choices = [*monkey[:1], ",,,,Phone,Mail", *monkey[2:]]
    assert survey(tmp_path / "c", choices)[0] == {}
    qualtrics = ["EndDate,ResponseId,Q1", "End Date,Response ID,How likely?", '"{""ImportId"":""endDate""}","{""ImportId"":""_id""}",x', "2026-03-10 11:00:00,R1,9"]  # fmt: skip
    assert survey(tmp_path / "d", qualtrics) == ({}, [("03-10 11:00:00", 9)])


def test_unreadable_is_not_missing(tmp_path: Path) -> None:
    lines = ["id,Date,Score", "1,99/99/9999 99:99,9", "2,,8", "3,tomorrow,7"]
    rejected, _ = survey(tmp_path, lines)
    assert rejected == {"missing_occurred_at": 1, "unreadable_time": 2}
    reasons = pl.read_parquet(tmp_path / "lake/rejected/**/*.parquet").filter(rule="unreadable_time")["reason"]
    assert any("`Date` holds no time that can be read: 99/99/9999 99:99; set `time_format`" in each for each in reasons)
    assert not any("tomorrow" in each for each in reasons)


@pytest.mark.parametrize(
    ("form", "record", "path"),
    [
        ("segment", {"type": "track", "event": "e", "messageId": "1", "anonymousId": "d"}, "originalTimestamp"),
        ("segment", {"type": "track", "event": "e", "messageId": "1", "anonymousId": "d"}, "timestamp"),
        ("posthog", {"uuid": "1", "event": "e", "distinct_id": "d"}, "timestamp"),
        ("snowplow", {"event_id": "1", "domain_userid": "d", "event_name": "page_view"}, "dvce_created_tstamp"),
        ("snowplow", {"event_id": "1", "domain_userid": "d", "event_name": "page_view"}, "collector_tstamp"),
        ("ga4", {"user_pseudo_id": "d", "event_name": "page_view"}, "event_timestamp"),
        ("amplitude", {"uuid": "1", "event_type": "e", "device_id": "d"}, "event_time"),
    ],
)
def test_every_source_reads_the_same_forms(form: str, record: dict[str, Any], path: str, tmp_path: Path) -> None:
    # The rejects of an order that is told by another record of the file.
    written = [1773140400000, "1773140400", "2026-03-10 11:00:00 +0000 UTC", "Tue, 10 Mar 2026 11:00:00 GMT", "10/03/2026 11:00", "13/03/2026 11:00"]  # fmt: skip
    ids = [name for name in ("messageId", "uuid", "event_id") if name in record]
    rows = [{**record, **dict.fromkeys(ids, str(i)), path: each} for i, each in enumerate([*written, "x", None])]
    _, manifest, result = read(tmp_path, form, "a.ndjson", ndjson(rows))
    times = result.sort("record_number")["occurred_at"].dt.to_string("%m-%d %H:%M").to_list()
    assert times == ["03-10 11:00"] * 5 + ["03-13 11:00"]
    assert manifest.rejected == {"missing_occurred_at": 1, "unreadable_time": 1}
    if form != "ga4":
        assert product(
            sources={"s": {"format": form, "time_format": "epoch_ms", "time_zone": "Asia/Tokyo"}}, properties={}
        )


def test_a_sources_format_is_of_its_events_and_not_of_what_a_server_adds(tmp_path: Path) -> None:
    call = {
        "type": "track",
        "event": "e",
        "messageId": "1",
        "anonymousId": "d",
        "originalTimestamp": "03/04/2026 10:15",
    }
    rows = [{**call, "receivedAt": "2026-04-03T10:16:00Z", "sentAt": "03/04/2026 10:16"}]
    _, _, result = read(tmp_path, "segment", "a.ndjson", ndjson(rows), time_format="%d/%m/%Y %H:%M")
    times = result.select(pl.col("occurred_at", "received_at", "sent_at").dt.to_string("%d.%m. %H:%M")).row(0)
    assert times == ("03.04. 10:15", "03.04. 10:16", "03.04. 10:16")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("format: ga4\n    time_zone: Europe/Berlin", "`time_zone` does nothing for `format: ga4`, only for segment"),
        ("format: canonical\n    time_format: epoch_s", "`time_format` does nothing for `format: canonical`"),
        ("format: segment\n    survey_id: s", "`survey_id` does nothing for `format: segment`, only for surveys"),
        ("format: surveys\n    heartbeat_s: 10", "`heartbeat_s` does nothing for `format: surveys`"),
        ("format: snowplow\n    minimum_visit_s: 5", "`minimum_visit_s` does nothing without `heartbeat_s`"),
        (
            "format: segment\n    kinds: {Bought: order}",
            "`kinds` does nothing for `format: segment`, only for mixpanel",
        ),
        ("format: mixpanel\n    kinds: {Bought: sale}", "sale is no kind of event; write one of page_view"),
        ("format: rrweb\n    orders: once_per_order_id", "`orders` does nothing for `format: rrweb`"),
        ("event_id: none\n    orders: once_per_order_id", "does nothing beside `event_id: none`"),
        ("format: surveys\n    time_format: '%d/%m'", "tells no year; add %Y"),
    ],
)
def test_a_setting_that_does_nothing_is_refused(lines: str, expected: str) -> None:
    with pytest.raises(ProductFileError) as result:
        parse_product(f"name: x\nstart_date: 2026-01-01\nsources:\n  web:\n    {lines}\n")
    assert expected in str(result.value)
    assert "product.yaml:" in str(result.value)
