"""What makes numbers doubtful is found: in files, in fields, in a day's events, and told as long as it stands."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support import approve, drop, ndjson, product, record, take_all

from pipeline.build.compute import build_days
from pipeline.build.context import find_dirty
from pipeline.build.gate import judge
from pipeline.build.problems import problems_now
from pipeline.core.lake import Lake
from pipeline.core.states import scan_days
from pipeline.domains.data_quality.days import day_problems
from pipeline.domains.data_quality.files import placeholder_problems
from pipeline.domains.data_quality.find import problems_frame
from pipeline.domains.data_quality.quality import ingest_files, rejected_counts
from pipeline.events.problem import KINDS, Problem, current, in_order, latest, problems_of
from pipeline.events.profile import events_profile, files_profile
from pipeline.ingest.drift import find_drift
from pipeline.ingest.files import ingest, pending, retract
from pipeline.ingest.landing import find
from pipeline.ingest.manifests import Manifest, read_manifests
from pipeline.ingest.rejected import examples

DAY = date(2026, 3, 10)
DAYS = [DAY + timedelta(days=i) for i in range(14)]


def computed(home: Path, chosen: Any = None) -> list[Problem]:
    """Problems of a home after its files were taken and its days computed, with the real gate's rule for rejected shares."""
    lake, chosen = Lake(home), chosen or product()
    take_all(lake, chosen)
    days = sorted(find_dirty(lake, chosen, lambda day: day < date(2027, 1, 1)).runnable)
    for table in (
        "event_ids",
        "identity_events",
        "appearances",
        "events",
        "session_events",
        "sessions",
        "quality_counts",
    ):
        list(build_days(lake, chosen, table, days, approve))
    return problems_now(lake, chosen, but_for=())


def reported(result: list[Problem]) -> list[tuple[str, str, str, int]]:
    return [(p.problem, p.subject, p.severity, p.size) for p in result]


def visits(day: date = DAY, people: int = 5, **fields: Any) -> list[dict[str, Any]]:
    return [record(f"{day}-{i}", f"{day}T10:{i:02}:00", url="/", anonymous_id=f"d{i}", **fields) for i in range(people)]


# Files.


def test_a_file_refused_whole_is_told_until_it_is_read_or_retracted(tmp_path: Path) -> None:
    drop(tmp_path, "web/2026-03-10/good.ndjson", ndjson(visits()))
    drop(tmp_path, "web/2026-03-10/bad.csv", b'a,b\n"never closed,1\n')
    (result,) = computed(tmp_path)
    assert (result.problem, result.subject, result.day) == ("file_refused", "web/2026-03-10/bad.csv", DAY)
    assert "landing/web/2026-03-10/bad.csv: refused whole as unclosed_quote" in result.sentence
    lake = Lake(tmp_path)
    (row,) = (
        ingest_files(read_manifests(lake).values()).filter(pl.col("file_rule") == "unclosed_quote").rows(named=True)
    )
    assert row["records_read"] is None, "nobody knows what was in it: it isn't empty"
    retract(lake, "web/2026-03-10/bad.csv")
    assert computed(tmp_path) == []


def test_a_file_without_an_accepted_record_is_told_with_its_rules(tmp_path: Path) -> None:
    drop(tmp_path, "web/2026-03-10/bad.ndjson", b"broken\n" * 3 + ndjson([{"event_id": "x", "kind": "click"}]))
    (result,) = computed(tmp_path)
    assert reported([result]) == [("file_not_accepted", "web/2026-03-10/bad.ndjson", "problem", 4)]
    assert "none of 4 records was accepted (3 malformed_json, 1 missing_occurred_at)" in result.sentence
    assert "footfall rejected --source web" in result.remedy


def test_few_rejected_records_are_no_problem_and_many_are(tmp_path: Path) -> None:
    drop(tmp_path, "web/2026-03-10/few.ndjson", ndjson(visits(people=50)) + b"broken\n" * 9)
    assert computed(tmp_path) == []
    drop(tmp_path, "web/2026-03-10/many.ndjson", ndjson(visits(people=59, name="x")[9:]) + b"broken\n" * 60)
    assert reported(computed(tmp_path)) == [("file_rejected_share", "web/2026-03-10/many.ndjson", "problem", 60)]


def test_an_empty_file_and_one_that_the_product_file_leaves_out_are_no_problem(tmp_path: Path) -> None:
    mapping = {
        "where": [{"field": "test", "is": ["no"]}],
        "columns": {"occurred_at": "at", "kind": {"constant": "page_view"}, "anonymous_id": "who"},
    }
    chosen = product(sources={"erp": {"format": "mapping", "event_id": "none", "mapping": mapping}})
    drop(tmp_path, "erp/2026-03-10/empty.csv", b"")
    drop(tmp_path, "erp/2026-03-10/tests.csv", b"at,who,test\n2026-03-10T10:00:00Z,d1,yes\n")
    assert computed(tmp_path, chosen) == []


def test_a_mapped_field_that_no_record_holds_is_noted(tmp_path: Path) -> None:
    columns = {"occurred_at": "at", "kind": {"constant": "order"}, "anonymous_id": "who", "revenue_micros": {"field": ["total", "sum"]}}  # fmt: skip
    chosen = product(sources={"erp": {"format": "mapping", "event_id": "none", "mapping": {"columns": columns}}})
    drop(tmp_path, "erp/2026-03-10/a.csv", b"at,who,amount\n2026-03-10T10:00:00Z,d1,5\n")
    result = {p.problem: p for p in computed(tmp_path, chosen)}
    assert result["mapped_field_absent"].severity == "note"
    assert "`total` or `sum`, which `revenue_micros` is mapped from, is in none of 1 records" in (
        result["mapped_field_absent"].sentence
    )
    assert reported([result["orders_without_revenue"]]) == [("orders_without_revenue", "", "problem", 1)]


# The gate counts wholly rejected files.


def manifest(**fields: Any) -> Manifest:
    base = {"file_id": "f", "name": "web/a", "source": "web", "arrived": "2026-03-10", "size": 1, "mtime_ns": 1, "sha256": "s", "reader": "r"}  # fmt: skip
    return Manifest(**{**base, **fields})


def test_a_wholly_rejected_file_counts_in_its_days_gate(tmp_path: Path) -> None:
    drop(tmp_path, "web/2026-03-10/good.ndjson", ndjson(visits(people=50)))
    computed(tmp_path)
    lake = Lake(tmp_path)
    assert find_dirty(lake, product(), lambda _day: True).days["events"] == set()
    late = [{**each, "kind": "nonsense", "event_id": f"x{i}"} for i, each in enumerate(visits(people=50) * 10)]
    drop(tmp_path, "web/2026-03-12/bad.ndjson", ndjson(late))
    take_all(lake, product())
    assert find_dirty(lake, product(), lambda _day: True).days["events"] == {DAY}, "the records tell their day"
    manifests = read_manifests(lake).values()
    events = scan_days(lake, "events", [DAY]).collect()
    facts = {**events_profile(events, DAY, product()), **files_profile(DAY, manifests)}
    assert (facts["records_read"], facts["records_rejected"]) == (550, 500)
    list(build_days(lake, product(), "events", [DAY], judge))
    (held,) = [p for p in problems_now(lake, product()) if p.problem == "day_held_back"]
    assert (held.day, held.subject) == (DAY, "events")
    assert "90.9% of the records in the day's landing files were rejected" in held.sentence


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({"accepted": 1, "days": {"2026-03-08": []}, "rejected_days": {"2026-03-09": {"r": 1}}}, {"2026-03-08"}),
        ({"records_rejected": 5, "rejected_days": {"2026-03-09": {"r": 1}}}, {"2026-03-09"}),
        ({"records_rejected": 5}, {"2026-03-10"}),
        ({"records_rejected": 5, "retracted": True}, set()),
        ({"filtered": {"no_act": 5}, "records_read": 5}, set()),
    ],
)
def test_which_days_a_file_is_judged_with(fields: Mapping[str, Any], days: set[str]) -> None:
    assert manifest(**fields).judged_days == days


def test_rejects_without_a_day_stand_under_their_arrival_day() -> None:
    counted = rejected_counts(
        [manifest(rejected={"malformed_json": 4, "unknown_kind": 3}, rejected_days={"2026-03-01": {"unknown_kind": 2}})]
    )
    assert counted.rows() == [
        (date(2026, 3, 1), "web", "unknown_kind", False, 2),
        (DAY, "web", "malformed_json", True, 4),
        (DAY, "web", "unknown_kind", True, 1),
    ]


def test_examples_of_rejected_records_by_rule_and_source(tmp_path: Path) -> None:
    lines = [{"event_id": f"x{i}", "kind": "click", "text": "mail to ada@example.com"} for i in range(5)]
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson(lines) + b"broken\n" * 5)
    take_all(lake := Lake(tmp_path), product())
    result = list(examples(lake, rule=None, source=None, most=2))
    assert [(e.rule, e.where.rpartition(", ")[2]) for e in result] == [
        ("missing_occurred_at", "record 1"), ("missing_occurred_at", "record 2"),
        ("malformed_json", "record 6"), ("malformed_json", "record 7"),
    ]  # fmt: skip
    assert "ada@" not in "".join(e.raw_text for e in result)
    assert [e.rule for e in examples(lake, rule="malformed_json", source=None, most=1)] == ["malformed_json"]
    assert not list(examples(lake, rule=None, source="noid", most=1))


# Fields.


def days_of_fields(*shares: Mapping[str, int], records: int = 1_000) -> list[Manifest]:
    """A file a day, of so many records of which so many hold each field."""
    return [
        manifest(
            file_id=f"f{i}", sha256=f"s{i}", arrived=str(DAYS[i]), records_read=records,
            fields={name: {"str": number} for name, number in each.items()},
        )
        for i, each in enumerate(shares)
    ]  # fmt: skip


def checks(manifests: list[Manifest], **changes: Any) -> list[tuple[str, str, date]]:
    return [(f.check, f.field, f.day) for f in find_drift(manifests, set(DAYS), product(**changes))]


def test_one_per_cent_of_empty_ids_that_become_sixteen_are_told_as_that() -> None:
    days = [{"id": 990}] * 5 + [{"id": 840}]
    (result,) = find_drift(days_of_fields(*days), set(DAYS), product())
    assert result.sentence == "web on 2026-03-15: `id` is empty in 16% of 1000 records, before in 1%"
    assert result.records == 160


@pytest.mark.parametrize(
    ("before", "now", "records", "is_reported"),
    [
        (990, 940, 1_000, True),  # 1 % to 6 %
        (990, 960, 1_000, False),  # 1 % to 4 %: not five points
        (900, 760, 1_000, False),  # 10 % to 24 %: not threefold
        (900, 700, 1_000, True),  # 10 % to 30 %
        (100, 92, 100, True),  # 0 % to 8 %
        (99, 94, 100, False),  # 1 % to 6 % of a hundred: p = 0.0014
        (50, 40, 50, False),  # too few records to judge a share
        (500, 900, 1_000, False),  # less often empty than before
    ],
)
def test_when_a_null_share_is_told(before: int, now: int, records: int, is_reported: bool) -> None:
    days = days_of_fields(*[{"id": before}] * 4, {"id": now}, records=records)
    assert checks(days) == ([("field_null_share", "id", DAYS[4])] if is_reported else [])


def test_a_renamed_field_is_one_field_from_then_on() -> None:
    renamed = [{"uid": 990, "url": 1000}] * 4 + [{"user": 988, "url": 1000}] * 3 + [{"user": 840, "url": 1000}]
    assert checks(days_of_fields(*renamed)) == [
        ("field_vanished", "uid", DAYS[4]),
        ("field_renamed", "uid", DAYS[4]),
        ("field_appeared", "user", DAYS[4]),
        # Against the same field under its old name, and on no day before.
        ("field_null_share", "user", DAYS[7]),
    ]


def test_a_field_that_gets_its_name_back_is_no_further_problem() -> None:
    days = days_of_fields(*[{"id": 990}] * 4, {"properties.anon": 990}, *[{"id": 990}] * 2)
    days[4] = manifest(
        file_id="x", sha256="x", arrived=str(DAYS[4]), records_read=1_000, fields={"properties.anon": {"str": 990}}
    )
    days[0] = manifest(
        file_id="y", sha256="y", arrived=str(DAYS[0]), records_read=1_000, fields={"id": {"String": 990}}
    )
    assert checks(days) == [
        ("field_vanished", "id", DAYS[4]),
        ("field_renamed", "id", DAYS[4]),
        ("field_appeared", "properties.anon", DAYS[4]),
    ]


def test_names_that_the_mapping_has_for_one_column_are_one_field() -> None:
    columns = {"occurred_at": "at", "kind": {"constant": "click"}, "user_id": {"field": ["user", "uid"]}}
    changes = {"sources": {"web": {"format": "mapping", "event_id": "none", "mapping": {"columns": columns}}}}
    days = days_of_fields(*[{"uid": 990}] * 4, {"user": 500, "uid": 490}, {"user": 995})
    result = list(find_drift(days, set(DAYS), product(**changes)))
    assert [(f.check, f.field, f.is_read) for f in result] == [
        ("field_appeared", "user", False),
        ("field_vanished", "uid", True),
        ("field_renamed", "uid", True),
    ]
    assert "which the mapping reads too" in result[2].sentence


def test_a_small_file_and_a_rare_field_say_nothing() -> None:
    assert checks(days_of_fields(*[{"id": 1000, "coupon": 40}] * 4, {"id": 1000})) == []
    small = days_of_fields(*[{"id": 1000}] * 4, {})
    few = [*small[:-1], manifest(file_id="few", sha256="few", arrived=str(DAYS[4]), records_read=5, fields={})]
    assert checks(few) == []


# Days.


def facts(**counts: int) -> dict[str, int | float | None]:
    return {name.replace("__", ":"): number for name, number in counts.items()}


def test_a_day_whose_events_bear_no_ids_counts_nobody_and_says_so(tmp_path: Path) -> None:
    rows = [{**each, "anonymous_id": None, "uid": "u1"} for each in visits(people=30)]
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson(rows))
    (result,) = computed(tmp_path)
    assert reported([result]) == [("no_people", "", "problem", 30)]
    assert "none of 30 events bears an id, so the day counts 0 people" in result.sentence


def test_ids_that_grow_rare_are_told_and_a_source_that_never_bore_many_is_not() -> None:
    usual = facts(events__web=1_000, asked__web=1_000, nobody__web=20, asked__pos=100, nobody__pos=60)
    rare = facts(events__web=1_000, asked__web=1_000, nobody__web=700, asked__pos=100, nobody__pos=70)
    days = {**dict.fromkeys(DAYS[:3], usual), DAYS[3]: rare}
    (result,) = day_problems(days, DAYS[:4], product())
    assert reported([result]) == [("no_people", "", "problem", 700)]
    assert "700 of 1000 events bear no id and count for nobody, before 2%" in result.sentence
    assert not list(day_problems({day: days[day] for day in DAYS[1:4]}, DAYS[1:4], product())), "too few days before"


def test_a_server_without_ids_beside_people_and_a_teams_answers_are_no_problem() -> None:
    day = facts(events__web=9, asked__web=9, events__server=5, asked__server=5, nobody__server=5, events__nps=3)
    assert list(day_problems({DAY: day}, [DAY], product())) == []


def test_orders_in_a_currency_without_a_rate_are_told_with_their_sum(tmp_path: Path) -> None:
    orders = [
        record(f"o{i}", "2026-03-10T10:00:00", "order", order_id=f"n{i}", revenue_micros=revenue, currency=currency)
        for i, (revenue, currency) in enumerate([(10_000_000, "EUR"), (20_500_000, "USD"), (30_000_000, "USD"), (5_000_000, "CHF")])
    ]  # fmt: skip
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson(orders))
    rates = {"CHF": [{"valid_from": "2026-01-01", "rate": 1.05}]}
    (result,) = computed(tmp_path, product(exchange_rates=rates))
    assert reported([result]) == [("currency_without_rate", "USD", "problem", 2)]
    assert "2 orders and refunds of 50.50 USD in all are not counted as revenue" in result.sentence


def test_orders_that_bear_another_orders_id_or_no_revenue(tmp_path: Path) -> None:
    orders = [
        record(f"o{i}", "2026-03-10T10:00:00", "order", order_id=f"n{i // 2}", revenue_micros=revenue)
        for i, revenue in enumerate([5_000_000, 5_000_000, 0, None])
    ]
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson(orders))
    result = {p.problem: p.size for p in computed(tmp_path)}
    assert result == {"order_ids_collide": 2, "orders_without_revenue": 2}


def test_one_id_that_carries_a_fifth_of_the_events(tmp_path: Path) -> None:
    rows = [
        record(f"e{i}", f"2026-03-10T{i // 60:02}:{i % 60:02}:00", user_id=f"u{i if i % 4 else 0}") for i in range(200)
    ]
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson(rows))
    (result,) = computed(tmp_path)
    assert reported([result]) == [("heavy_id", "user_id", "problem", 50)]
    assert "u0" not in result.text, "whose it is stands in no list"


def test_a_source_and_a_kind_of_event_that_stop() -> None:
    usual = facts(kind__web__page_view=50, kind__web__order=12, kind__app__page_view=20)
    days = dict.fromkeys(DAYS[:7], usual)
    days[DAYS[7]] = facts(kind__web__page_view=55)
    days[DAYS[8]] = usual
    result = list(day_problems(days, DAYS[:9], product()))
    assert [(p.problem, p.source, p.subject, p.day) for p in result] == [
        ("source_silent", "app", "", DAYS[7]),
        ("rows_missing", "web", "order", DAYS[7]),
    ]
    # Less than a week, or a few a day, says nothing.
    assert not list(day_problems({day: days[day] for day in DAYS[2:9]}, DAYS[2:9], product()))
    rare = {day: facts(kind__web__order=9) for day in DAYS[:7]}
    assert not list(day_problems({**rare, DAYS[7]: {}}, DAYS[:8], product()))


def test_a_page_that_no_address_fits_any_more() -> None:
    both, one = facts(page__=0, page____home=100, page____product=40), facts(page____home=100)
    days = {**dict.fromkeys(DAYS[:10], both), **dict.fromkeys(DAYS[10:12], one)}
    (result,) = day_problems(days, DAYS[:12], product())
    assert (result.problem, result.subject, result.since, result.day) == ("page_silent", "product", DAYS[10], DAYS[11])
    assert "about 80 views were to be expected" in result.sentence
    quiet = {**dict.fromkeys(DAYS[:10], both), DAYS[10]: facts(page____home=10)}
    assert not list(day_problems(quiet, DAYS[:11], product())), "four views too few are chance"


@pytest.mark.parametrize(("number", "severity"), [(1, "note"), (10, "problem")])
def test_few_clocks_and_ids_in_doubt_are_a_note(number: int, severity: str) -> None:
    result = [
        *day_problems({DAY: facts(events__web=1_000, clock_doubtful__web=number)}, [DAY], product()),
        *placeholder_problems([manifest(records_read=1_000, placeholder_ids={"user_id": number})]),
    ]
    assert [(p.problem, p.subject, p.severity, p.size, p.out_of) for p in result] == [
        ("clock_doubtful", "", severity, number, 1_000),
        ("placeholder_ids", "user_id", severity, number, 1_000),
    ]


def test_placeholders_clocks_and_the_far_future_are_found_in_a_home(tmp_path: Path) -> None:
    odd = [
        record("p", "2026-03-10T10:00:00", user_id="undefined", anonymous_id="d1"),
        record("c", "2026-03-10T20:00:00", sent_at="2026-03-10T10:00:00Z", received_at="2026-03-10T20:00:01Z"),
        record("f", "2099-06-01T10:00:00"),
    ]
    drop(tmp_path, "web/2026-03-10/a.ndjson", ndjson([*visits(), *odd]))
    result = computed(tmp_path)
    assert sorted(reported(result)) == [
        ("clock_doubtful", "", "problem", 1), ("far_future", "", "problem", 1), ("placeholder_ids", "user_id", "problem", 1),
    ]  # fmt: skip
    assert "up to 2099-06-01" in next(p.sentence for p in result if p.problem == "far_future")


def test_every_kind_is_explained() -> None:
    explained = (Path(__file__).parents[2] / "docs" / "problems.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}`" not in explained and f", `{kind}`" not in explained] == []


# How long a problem is told.


def problem(day: date, kind: str = "no_people", subject: str = "") -> Problem:
    return Problem(day, "web", kind, subject, "problem", 1, None, day, "it is so", "mend it")


def test_consecutive_days_are_one_problem_told_on_its_last() -> None:
    result = in_order([problem(day) for day in (DAYS[0], DAYS[1], DAYS[2], DAYS[5])])
    assert [(p.day, p.since) for p in result] == [
        (DAYS[5], DAYS[5]), (DAYS[2], DAYS[0]), (DAYS[1], DAYS[0]), (DAYS[0], DAYS[0]),
    ]  # fmt: skip
    assert [p.day for p in latest(result)] == [DAYS[5], DAYS[2]]
    assert problems_of(problems_frame(result)) == sorted(result, key=lambda p: p.day)


def test_old_problems_are_told_no_longer_but_for_those_that_wait_for_a_mend() -> None:
    result = [problem(DAYS[0]), problem(DAYS[0], "file_refused", "web/a"), problem(DAYS[6])]
    assert current(result, DAYS[6]) == result
    assert current(result, DAYS[7]) == result[1:]


def test_a_run_that_reads_old_files_tells_of_them_all_the_same(tmp_path: Path) -> None:
    drop(tmp_path, "web/2026-02-01/old.ndjson", ndjson([{**e, "anonymous_id": None} for e in visits(date(2026, 2, 1))]))
    drop(tmp_path, "web/2026-03-10/new.ndjson", ndjson(visits()))
    result = computed(tmp_path)
    assert [p.day for p in result] == [date(2026, 2, 1)]
    assert problems_now(Lake(tmp_path), product()) == []
    assert problems_now(Lake(tmp_path), product(), but_for={result[0].name}) == []


def test_a_sound_home_has_none(tmp_path: Path) -> None:
    for day in DAYS[:8]:
        drop(tmp_path, f"web/{day}/a.ndjson", ndjson(visits(day, 30)))
    assert computed(tmp_path) == []
    lake = Lake(tmp_path)
    assert not pending(find(lake), read_manifests(lake), product())
    assert not list(ingest(lake, product(), []))
