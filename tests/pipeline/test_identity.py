"""Whose event it is: the four rules to the letter against a slow oracle, over days, in any order, with links struck out.

Definition: docs/definitions/events.md, "Identity".
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import (
    NONE_REPEATED,
    approve,
    at,
    compute_all,
    drop,
    events_frame,
    marts_of,
    ndjson,
    plain_product,
    product,
    record,
    take_all,
)

from pipeline.build.as_of import Judges, marts_as_of
from pipeline.build.context import find_dirty
from pipeline.core.canonical import RAW_EVENTS
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.core.states import scan_days
from pipeline.events.identity import Identities, decided_by_links, identity_events, reported, resolve, with_person
from pipeline.events.profile import CheckResult

Row = dict[str, Any]
TELLING = {"web": "identify", "ga": "user_id"}
DAY = date(2026, 2, 3)


def raw(rows: list[Row]) -> pl.DataFrame:
    defaults: Row = {**dict.fromkeys(RAW_EVENTS.schema.names()), "source": "web", "kind": "click"}
    full = [{**defaults, "event_id": f"e{i:03}", "record_number": i, **row} for i, row in enumerate(rows)]
    return pl.DataFrame(full, schema=RAW_EVENTS.schema, orient="row")


def resolved(rows: pl.DataFrame, chosen: Product | None = None, telling: dict[str, str] = TELLING) -> Identities:
    told = [
        identity_events(reported(part.lazy(), telling).collect(), day, NONE_REPEATED)
        for (day,), part in rows.with_columns(day=pl.col("occurred_at").dt.date())
        .partition_by("day", as_dict=True)
        .items()
        if isinstance(day, date)
    ]
    return resolve(pl.concat([TABLES["identity_events"].schema.to_frame(), *told]).lazy(), chosen or product())


def people(rows: list[Row], chosen: Product | None = None) -> list[tuple[str | None, str | None]]:
    frame = raw(rows)
    return with_person(frame, resolved(frame, chosen)).select("person_id", "person_rule").rows()


def minute(number: int) -> datetime:
    return at("2026-02-03T10:00") + timedelta(minutes=number)


def identify(number: int, user: str = "u", device: str = "d", **more: Any) -> Row:
    return {"kind": "identify", "anonymous_id": device, "user_id": user, "occurred_at": minute(number), **more}


def interaction(number: int, device: str | None = "d", **more: Any) -> Row:
    return {"anonymous_id": device, "occurred_at": minute(number), **more}


def reset(number: int, device: str = "d") -> Row:
    return {"kind": "reset", "anonymous_id": device, "occurred_at": minute(number)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([interaction(0)], [("device:d", "device")]),
        ([interaction(0, device=None)], [(None, None)]),
        ([interaction(0, user_id="x"), identify(1)], [("user:x", "user_id"), ("user:u", "user_id")]),
        ([interaction(0), identify(1), interaction(2)], [("user:u", "later_identify"), ("user:u", "user_id"), ("user:u", "identify")]),
        ([identify(1), reset(2), interaction(3)], [("user:u", "user_id"), ("device:d", "device"), ("device:d", "device")]),
        ([interaction(0), reset(1), identify(2)], [("device:d", "device"), ("user:u", "later_identify"), ("user:u", "user_id")]),
        ([reset(0), interaction(1), identify(2)], [("user:u", "later_identify")] * 2 + [("user:u", "user_id")]),
        # The last of two resets decides what a later identify may claim.
        ([interaction(0), reset(0), reset(1), identify(2)],
         [("device:d", "device")] * 2 + [("user:u", "later_identify"), ("user:u", "user_id")]),
        ([identify(0), interaction(1), identify(2, "v"), interaction(3)],
         [("user:u", "user_id"), ("user:u", "identify"), ("user:v", "user_id"), ("user:v", "identify")]),
        ([identify(0), reset(1), interaction(2), identify(3, "v")],
         [("user:u", "user_id"), ("device:d", "device"), ("device:d", "device"), ("user:v", "user_id")]),
        # At one instant identify is first, and a reset of that instant ends it.
        ([interaction(1), identify(1)], [("user:u", "identify"), ("user:u", "user_id")]),
        ([interaction(1), reset(1), identify(1)], [("device:d", "device"), ("device:d", "device"), ("user:u", "user_id")]),
        # Two known users never merge over a device.
        ([identify(0, "a"), identify(1, "b"), interaction(2, device=None, user_id="a")],
         [("user:a", "user_id"), ("user:b", "user_id"), ("user:a", "user_id")]),
        # An alias joins users, over others too; the least id names the person.
        ([{"kind": "alias", "user_id": "b", "previous_user_id": "c", "occurred_at": minute(0)},
          {"kind": "alias", "user_id": "c", "previous_user_id": "a", "occurred_at": minute(9)}, identify(1, "b"), interaction(2)],
         [("user:a", "user_id")] * 3 + [("user:a", "identify")]),
        # A source without identify calls tells by the user id of any event.
        ([interaction(0, source="ga"), interaction(1, source="ga", user_id="u"), interaction(2)],
         [("user:u", "later_identify"), ("user:u", "user_id"), ("user:u", "identify")]),
        ([interaction(0), interaction(1, user_id="u"), interaction(2)], [("device:d", "device"), ("user:u", "user_id"), ("device:d", "device")]),
    ],
)  # fmt: skip
def test_rules(rows: list[Row], expected: list[Any]) -> None:
    assert people(rows) == expected


MARKS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["click", "click", "identify", "reset", "alias"]),
        "anonymous_id": st.sampled_from(["d1", "d2", None]),
        "user_id": st.sampled_from(["a", "b", "c", None]),
        "previous_user_id": st.sampled_from(["a", "b", None, None]),
        "occurred_at": st.integers(0, 12).map(lambda n: at("2026-02-03T22:00") + timedelta(minutes=20 * n)),
        "sequence": st.sampled_from([1, 2, None]),
        "source": st.sampled_from(["web", "ga"]),
    }
)


def oracle(rows: list[Row]) -> list[str | None]:
    """The four rules, one event at a time, over plain lists."""
    numbered = [{**row, "event_id": f"e{i:03}"} for i, row in enumerate(rows)]

    def tells(row: Row) -> str | None:
        if row["kind"] == "alias" and row["user_id"] and row["previous_user_id"]:
            return None
        if row["kind"] == "reset" and row["anonymous_id"]:
            return "reset"
        named = row["anonymous_id"] and row["user_id"]
        return "identify" if named and (row["kind"] == "identify" or row["source"] == "ga") else None

    def position(row: Row) -> Any:
        last = row["sequence"] is None
        return (row["occurred_at"], tells(row) == "reset", last, row["sequence"] or 0, row["source"], row["event_id"])

    same: dict[str, set[str]] = {}
    for row in numbered:
        if row["kind"] == "alias" and row["user_id"] and row["previous_user_id"]:
            group = {row["user_id"], row["previous_user_id"]}
            for each in list(group):
                group |= same.get(each, set())
            for each in group:
                same[each] = group

    def person(user: str) -> str:
        return f"user:{min(same.get(user, {user}))}"

    def owner(row: Row) -> str | None:
        if row["user_id"]:
            return person(row["user_id"])
        if not row["anonymous_id"]:
            return None
        marks = sorted((m for m in numbered if tells(m) and m["anonymous_id"] == row["anonymous_id"]), key=position)
        before = [m for m in marks if m["occurred_at"] <= row["occurred_at"]]
        after = [m for m in marks if m["occurred_at"] > row["occurred_at"]]
        if any(tells(m) == "identify" for m in before):
            last = before[-1]
            return person(last["user_id"]) if tells(last) == "identify" else f"device:{row['anonymous_id']}"
        if after and tells(after[0]) == "identify":
            return person(after[0]["user_id"])
        return f"device:{row['anonymous_id']}"

    return [owner(row) for row in numbered]


@settings(max_examples=300, deadline=None)
@given(st.lists(MARKS, max_size=10))
def test_against_the_oracle(rows: list[Row]) -> None:
    assert [person for person, _ in people(rows)] == oracle(rows)


@settings(max_examples=100, deadline=None)
@given(st.lists(MARKS, max_size=8).flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(range(len(rows))))))
def test_order_changes_nothing(both: tuple[list[Row], list[int]]) -> None:
    rows, order = both
    frame = raw(rows)
    one, other = resolved(frame), resolved(frame[list(order)])
    assert one.links.equals(other.links)
    assert one.users.equals(other.users)


@settings(max_examples=100, deadline=None)
@given(st.lists(MARKS, max_size=8), st.integers(0, 7))
def test_a_struck_link_equals_a_history_without_it(rows: list[Row], chosen: int) -> None:
    reported = [row for row in rows if row["kind"] == "identify" and row["anonymous_id"] and row["user_id"]]
    if not reported:
        return
    struck = reported[chosen % len(reported)]
    strike = {"strike_out": [{"device": struck["anonymous_id"], "user": struck["user_id"]}]}
    pair = (struck["anonymous_id"], struck["user_id"])
    without = [
        {**row, "kind": "click", "source": "web"}
        if (row["anonymous_id"], row["user_id"]) == pair and row["kind"] not in ("reset", "alias")
        else row
        for row in rows
        if not (
            (row["anonymous_id"], row["user_id"]) == pair
            and row["kind"] in ("reset", "alias")
            and row["source"] == "ga"
        )
    ]
    kept = [
        row
        for row in rows
        if not (
            (row["anonymous_id"], row["user_id"]) == pair
            and row["kind"] in ("reset", "alias")
            and row["source"] == "ga"
        )
    ]
    with_strike = people(kept, product(identity=strike))
    assert with_strike == people(without)


def history() -> dict[str, list[Row]]:
    """Four days: anonymous visits, an identify on the third day, a second device, an alias on the fourth."""
    return {
        "2026-02-03": [record("a1", "2026-02-03T10:00"), record("a2", "2026-02-03T10:01", "click")],
        "2026-02-04": [record("b1", "2026-02-04T10:00"), record("b2", "2026-02-04T11:00", anonymous_id="other")],
        "2026-02-05": [
            record("c1", "2026-02-05T10:00"),
            record("c2", "2026-02-05T10:05", "identify", anonymous_id="d1", user_id="ann"),
            record("c3", "2026-02-05T10:06", "order", anonymous_id="d1", revenue_micros=5_000_000, order_id="o"),
        ],
        "2026-02-06": [
            record("f1", "2026-02-06T10:00", user_id="ann2", anonymous_id="phone"),
            record("f2", "2026-02-06T11:00", "alias", user_id="ann", previous_user_id="ann2"),
        ],
    }  # fmt: skip


def lake_of(home: Path, days: list[str], chosen: Product, *, between: bool = True) -> Lake:
    lake = Lake(home)
    for day in days:
        drop(home, f"web/{day}/a.ndjson", ndjson(history()[day]))
        take_all(lake, chosen)
        if between:
            compute_until_done(lake, chosen)
    compute_until_done(lake, chosen)
    return lake


def compute_until_done(lake: Lake, chosen: Product) -> None:
    for _ in range(5):
        compute_all(lake, chosen)
        if not find_dirty(lake, chosen, lambda _day: True).runnable:
            return
    raise AssertionError("days stay dirty")


def table(lake: Lake, name: str) -> pl.DataFrame:
    return pl.read_parquet(lake.path(f"lake/{name}/part.parquet"))


def test_days_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    days = list(history())
    one = lake_of(tmp_path / "one", days, plain_product())
    for name, order, between in (
        ("back", days[::-1], True),
        ("at once", days, False),
        ("mixed", [days[i] for i in (2, 0, 3, 1)], True),
    ):
        other = lake_of(tmp_path / name, order, plain_product(), between=between)
        assert marts_of(other) == marts_of(one), name
        assert table(other, "people").equals(table(one, "people"))
    assert table(one, "people")["person_id"].to_list().count("user:ann") == 1
    assert set(table(one, "people")["person_id"]) == {"user:ann", "device:other"}
    ann = table(one, "people").filter(pl.col("person_id") == "user:ann").row(0, named=True)
    assert (ann["users"], ann["devices"], ann["days_active"], str(ann["first_day"])) == (2, 1, 4, "2026-02-03")
    first = table(one, "people_first").filter(pl.col("person_key") == ann["person_key"])
    assert first["first_at"].item() == at("2026-02-03T09:00") + timedelta(hours=1)


def test_anonymous_history_joins_and_only_touched_days_recompute(tmp_path: Path) -> None:
    chosen = plain_product()
    days = [*list(history())[:2], "2026-02-06"]
    lake = lake_of(tmp_path, days, chosen)
    late = record("z", "2026-02-06T12:00", "identify", anonymous_id="other", user_id="bob")
    drop(tmp_path, "web/2026-02-07/late.ndjson", ndjson([late]))
    take_all(lake, chosen)
    touched: list[set[date]] = []
    while (dirty := find_dirty(lake, chosen, lambda _day: True)).runnable:
        touched.append(dirty.days["events"])
        compute_all(lake, chosen)
    # The day of the event first, then the only other day on which the device was there; not 3 February.
    assert touched == [{date(2026, 2, 6)}, {date(2026, 2, 4)}]
    events = scan_days(lake, "events", [date(2026, 2, 4)]).collect()
    assert events.filter(pl.col("anonymous_id") == "other").select("person_id", "person_rule").rows() == [
        ("user:bob", "later_identify")
    ]


def test_a_struck_link_splits_them_again_and_back(tmp_path: Path) -> None:
    plain = plain_product()
    struck = plain_product(
        identity={"strike_out": [{"device": "d1", "user": "ann"}, {"user": "ann", "previous_user": "ann2"}]}
    )
    lake = lake_of(tmp_path / "a", list(history()), plain)
    joined = marts_of(lake)
    compute_until_done(lake, struck)
    assert {"device:d1", "user:ann", "user:ann2"} <= set(table(lake, "people")["person_id"])
    never = Lake(tmp_path / "never")
    for day, records in history().items():
        changed = [{**r, "kind": "custom"} if r["kind"] in ("identify", "alias") else r for r in records]
        drop(never.home, f"web/{day}/a.ndjson", ndjson(changed))
    take_all(never, plain)
    compute_until_done(never, plain)
    assert marts_of(lake) == marts_of(never)
    compute_until_done(lake, plain)
    assert marts_of(lake) == joined


def test_marts_as_identity_stood_then(tmp_path: Path) -> None:
    chosen = plain_product()
    lake = lake_of(tmp_path / "home", list(history()), chosen)
    before = {path: path.read_bytes() for path in lake.home.rglob("*") if path.is_file()}
    judges = Judges(approve, lambda *_: CheckResult(), lambda *_: None)
    assert marts_as_of(lake, chosen, date(2026, 2, 4), tmp_path / "then", judges) == []
    assert {path: path.read_bytes() for path in lake.home.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in (tmp_path / "then").iterdir()) == ["marts"]
    then = pl.read_parquet(tmp_path / "then/marts/daily_kpis.parquet")
    now = pl.read_parquet(lake.path("marts/daily_kpis.parquet"))
    assert then["people_new"].sum() == 4, "d1, other, ann and ann2 are four people"
    assert now["people_new"].sum() == 2
    for out in (lake.home / "x", lake.home, tmp_path):
        with pytest.raises(ValueError, match="lies in the home"):
            marts_as_of(lake, chosen, date(2026, 2, 4), out, judges)
    with pytest.raises(ValueError, match="holds files already"):
        marts_as_of(lake, chosen, date(2026, 2, 4), tmp_path / "then", judges)


def test_a_verdict_tells_only_of_its_own_day() -> None:
    frame = raw([identify(0), {**reset(0), "occurred_at": minute(3 * 24 * 60)}])
    identities = resolved(frame)
    days = [minute(n * 24 * 60) for n in range(4)]
    appeared = pl.LazyFrame(
        {"day": [d.date() for d in days], "id_kind": ["device"] * 4, "id": ["d"] * 4, "first_at": days, "last_at": days}
    )
    result = decided_by_links(appeared, identities).collect().sort("day")
    assert result["day"].to_list() == [d.date() for d in days[:3]]
    assert result.select("since", "until").null_count().row(0) == (3, 3)


def test_events_of_sources_without_ids_tell_identity_too() -> None:
    frame = raw([{**identify(0), "event_id": None}, {**interaction(1), "event_id": None}])
    assert with_person(frame, resolved(frame))["person_id"].to_list() == ["user:u", "user:u"]


def test_nothing_is_nobody() -> None:
    empty = resolved(raw([]))
    assert with_person(events_frame([]).drop("person_id", "person_key", "person_rule"), empty).is_empty()
