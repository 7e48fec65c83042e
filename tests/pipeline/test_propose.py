"""Proposals of a product file from a sample: known formats first, else a mapping; and never a value of the sample."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import samples
from support import compute_all, drop, ndjson, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import parse_product
from pipeline.core.registry import TABLES
from pipeline.ingest.sources import FORMATS
from pipeline.propose import CannotPropose, propose
from pipeline.propose.kinds import kind_of, may_be_written

BEGIN = datetime(2026, 2, 14, 8, tzinfo=UTC)
Fields = dict[str, Any]
SHARED = Path(__file__).parents[3] / "shared" / "data"
# Of 40 rows: 20 page views, 12 clicks or the like, 8 orders of 10.50 to 17.50; 8 people.
ROWS = [
    (
        i,
        BEGIN + timedelta(minutes=7 * i),
        ("view", "view", "click", "order", "view")[i % 5] if i % 10 != 2 else "click",
        i % 8,
    )
    for i in range(40)
]
ORDERS = sum(kind == "order" for *_, kind, _ in ROWS)
VIEWS = sum(kind == "view" for *_, kind, _ in ROWS)
REVENUE = sum(1000 + 50 * i for i, _, kind, _ in ROWS if kind == "order") * 10_000


def amount(i: int) -> str:
    return f"{10 + i // 2}.{'50' if i % 2 else '00'}"


def table(rows: list[dict[str, str]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def german() -> bytes:
    kinds = {"view": "Seitenaufruf", "click": "Klick", "order": "Bestellung"}
    return table(
        [
            {
                "Ereignis-ID": f"E{i:03}x", "Zeitpunkt": at.strftime("%d.%m.%Y %H:%M:%S"), "Ereignis": kinds[kind],
                "Kundennr": f"K-{who}", "Vorname": f"Vorname{who}", "Seite": f"https://laden.example/{'kasse' if kind == 'order' else 'produkt/42'}",
                "Bestellnr": f"B{i}" if kind == "order" else "", "Gesamtbetrag": amount(i).replace(".", ",") if kind == "order" else "",
                "Währung": "CHF" if kind == "order" else "",
            }
            for i, at, kind, who in ROWS
        ],
        ";",
    )  # fmt: skip


def french() -> bytes:
    kinds = {"view": "page vue", "click": "clic", "order": "commande"}
    return table(
        [
            {
                "horodatage": at.strftime("%d/%m/%Y %H:%M"), "type_evenement": kinds[kind], "id_visiteur": f"v{who}",
                "adresse_page": "/panier", "numero_commande": f"C{i}" if kind == "order" else "",
                "montant_eur": amount(i).replace(".", ",") if kind == "order" else "", "courriel": f"v{who}@exemple.example",
            }
            for i, at, kind, who in ROWS
        ]
    )  # fmt: skip


def camel() -> bytes:
    kinds = {"view": "pageViewed", "click": "buttonClicked", "order": "orderCompleted"}
    return ndjson(
        {
            "eventId": f"ev-{i}", "createdAt": str(int(at.timestamp() * 1000)), "eventName": kinds[kind], "anonymousId": f"a{who}",
            "pageUrl": "https://shop.example/cart", "orderId": f"o{i}" if kind == "order" else None,
            "orderTotal": float(amount(i)) if kind == "order" else None, "currencyCode": "gbp",
        }
        for i, at, kind, who in ROWS
    )  # fmt: skip


def nested() -> bytes:
    kinds = {"view": "screen", "click": "tap", "order": "purchase"}
    return ndjson(
        {
            "event": {"id": f"n{i}", "name": kinds[kind], "time": at.isoformat()}, "user": {"id": f"u{who}", "email": f"ann{who}@mail.example"},
            "page": {"url": "https://shop.example/search?q=x"},
            **({"order": {"number": f"o{i}", "total": amount(i), "currency": "SEK"}} if kind == "order" else {}),
        }
        for i, at, kind, who in ROWS
    )  # fmt: skip


def floats() -> bytes:
    kinds = {"view": "Page", "click": "Click", "order": "Purchase"}
    return table(
        [
            {"row": str(float(i)), "customer_id": f"{4711 + who}.0", "type": kinds[kind], "ts": str(at.timestamp()),
             "path": "/", "total": amount(i) if kind == "order" else "", "order no": f"{i}.0" if kind == "order" else ""}
            for i, at, kind, who in ROWS
        ]
    )  # fmt: skip


def twice() -> bytes:
    """At-least-once delivery: one row of forty came twice."""
    rows = [
        {"message_uuid": f"00000000-0000-4000-8000-{i:012x}", "logged_at": f"{at:%Y-%m-%d %H:%M:%S UTC}", "activity": kind.replace("view", "page_viewed").replace("order", "Order Placed"),
         "member": f"m{who}", "uri": "/checkout", "amount": amount(i) if kind == "order" else "", "currency": "USD"}
        for i, at, kind, who in ROWS
    ]  # fmt: skip
    return table([*rows, rows[7]])


def american() -> bytes:
    kinds = {"view": "Viewed Home Page", "click": "Clicked", "order": "Completed Purchase"}
    return table(
        [
            {"Event Name": kinds[kind], "Date": at.strftime("%m/%d/%Y %I:%M %p"), "Visitor": f"x{who}", "Location": "https://shop.example/products/1",
             "Order Number": f"A{i}" if kind == "order" else "", "Total (USD)": amount(i) if kind == "order" else ""}
            for i, at, kind, who in ROWS
        ],
        "\t",
    )  # fmt: skip


def nameless() -> bytes:
    """Names that say nothing: times, ids, kinds and addresses are told by what they are."""
    return table(
        [
            {"f1": f"{i:08x}-0000-4000-8000-000000000000", "f2": at.isoformat(), "f3": f"{who + 1:016x}", "f4": kind.replace("view", "pageview").replace("order", "purchase"),
             "f5": "https://shop.example/p/1", "f6": f"Note for bob{who}@mail.example"}
            for i, at, kind, who in ROWS
        ]
    )  # fmt: skip


def mixpanel() -> bytes:
    kinds = {"view": "Page View", "click": "Button Click", "order": "Purchase"}
    return ndjson(
        {"event": kinds[kind], "properties": {"time": int(at.timestamp()), "distinct_id": f"d{who}", "$insert_id": f"ins{i}", "$current_url": "https://shop.example/pricing",
         "mp_lib": "web", **({"order_id": f"o{i}", "revenue": float(amount(i)), "currency": "USD"} if kind == "order" else {})}}
        for i, at, kind, who in ROWS
    )  # fmt: skip


def amplitude() -> bytes:
    kinds = {"view": "Page Viewed", "click": "Element Clicked", "order": "Order Completed"}
    return ndjson(
        {"$insert_id": f"ins{i}", "amplitude_id": 100 + who, "device_id": f"dev{who}", "user_id": None, "event_type": kinds[kind], "session_id": 1,
         "event_time": f"{at:%Y-%m-%d %H:%M:%S.%f}", "event_properties": {"page_url": "https://shop.example/help", **({"order_id": f"o{i}", "revenue": float(amount(i)), "currency": "USD"} if kind == "order" else {})},
         "user_properties": {}, "uuid": f"u{i}"}
        for i, at, kind, who in ROWS
    )  # fmt: skip


def orders_only() -> bytes:
    return table(
        [{"order_date": f"{at:%Y%m%d}", "customer": f"c{who}", "qty": "1", "dollar_value": amount(i)} for i, at, kind, who in ROWS if kind == "order"]
    )  # fmt: skip


def access_log() -> bytes:
    return table(
        [
            {"when": at.strftime("%d/%b/%Y:%H:%M:%S +0000"), "visitor_id": f"w{who}", "url": "/docs/start"}
            for _, at, kind, who in ROWS
            if kind == "view"
        ]
    )


@dataclass(frozen=True)
class Case:
    """A sample: its file's ending, its bytes, and what comes of it through the proposal."""

    name: str
    make: Callable[[], bytes]
    formats: tuple[str, ...] = ("mapping",)
    views: int = VIEWS
    people: int = 8
    orders: int = ORDERS
    revenue: int = REVENUE
    currency: str = "EUR"
    start: str = "2026-02-01"


def count(records: list[Fields], holds: Callable[[Fields], bool]) -> int:
    return sum(holds(each) for each in records)


BUYERS = len({who for *_, kind, who in ROWS if kind == "order"})
CASES = [
    Case("german.csv", german, currency="CHF"),
    Case("french.csv", french),
    Case("camel.ndjson", camel, currency="GBP"),
    Case("nested.ndjson", nested, currency="SEK"),
    Case("floats.csv", floats),
    Case("twice.csv", twice, currency="USD", views=VIEWS),
    Case("american.tsv", american, currency="USD"),
    Case("nameless.csv", nameless, revenue=0),
    Case("mixpanel.ndjson", mixpanel, ("mixpanel", "mapping"), currency="USD"),
    Case("amplitude.ndjson", amplitude, ("amplitude", "mapping"), currency="USD"),
    Case("orders_only.csv", orders_only, views=0, people=BUYERS, currency="USD"),
    Case("access_log.csv", access_log, orders=0, revenue=0, people=len({who for *_, kind, who in ROWS if kind == "view"})),
]  # fmt: skip


@pytest.fixture(scope="module")
def proposals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("samples")
    made: dict[str, str] = {}
    for case in CASES:
        (folder / case.name).write_bytes(case.make())
        made[case.name] = propose(folder / case.name, "web")
    return made


def taken(home: Path, text: str, name: str, data: bytes) -> pl.DataFrame:
    """Each event once of a file that is taken through the proposed product file."""
    drop(home, f"web/{name}", data)
    lake = Lake(home)
    (manifest,) = take_all(lake, parse_product(text))
    assert (manifest.file_rule, manifest.rejected) == (None, {})
    keys = [part.key for parts in manifest.days.values() for part in parts]
    rows = lake.scan(TABLES["raw_events"], keys).collect()
    has_ids = rows["event_id"].null_count() == 0
    return rows.unique("event_id") if has_ids else rows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_proposal_reads_page_views_people_and_orders(case: Case, proposals: dict[str, str], tmp_path: Path) -> None:
    text = proposals[case.name]
    chosen = parse_product(text)
    assert chosen.sources["web"].format in case.formats
    events = taken(tmp_path, text, case.name, case.make())
    assert (events["kind"] == "page_view").sum() == case.views
    who = pl.coalesce("user_id", "anonymous_id")
    assert events.select(who.n_unique()).item() == case.people
    assert events.select(who.is_null().any()).item() is False
    orders = events.filter(pl.col("kind") == "order")
    assert (orders.height, orders["revenue_micros"].sum()) == (case.orders, case.revenue)
    assert (chosen.currency, str(chosen.start_date)) == (case.currency, case.start)
    assert set(orders["currency"].drop_nulls()) <= {case.currency}
    assert ("purchase" in chosen.goals) == bool(case.orders)


def test_all_proposals_together_give_page_views_people_and_orders_in_the_marts(
    proposals: dict[str, str], tmp_path: Path
) -> None:
    """One home with a source per sample: its day's figures are the sums of theirs."""
    chosen = [case for case in CASES if case.currency == "USD"]
    sections = {case.name: parse_product(proposals[case.name]).model_dump(by_alias=True) for case in chosen}
    sources = {case.name.split(".")[0]: sections[case.name]["sources"]["web"] for case in chosen}
    first = sections[chosen[0].name]
    product = Product.model_validate({**first, "sources": sources, "pages": [{"name": "all", "urls": ["/**"]}]})
    for case in chosen:
        drop(tmp_path, f"{case.name.split('.')[0]}/{case.name}", case.make())
    lake = Lake(tmp_path)
    assert all(not manifest.rejected for manifest in take_all(lake, product))
    compute_all(lake, product, only=["daily_kpis"])
    kpis = pl.read_parquet(lake.path("marts/daily_kpis.parquet"))
    assert kpis["page_views"].sum() == sum(case.views for case in chosen)
    assert kpis["people_active"].sum() == sum(case.people for case in chosen)
    assert kpis["orders_by_order_day"].sum() == sum(case.orders for case in chosen)
    assert kpis["revenue_by_order_day"].sum() * 1_000_000 == sum(case.revenue for case in chosen)


def first_rrweb() -> bytes:
    return json.dumps([{"type": 4, "data": {"href": "https://a.example/", "width": 1, "height": 1}, "timestamp": 1770112800000},
                       {"type": 3, "data": {"source": 2, "type": 2, "id": 3, "x": 1, "y": 1}, "timestamp": 1770112801000}]).encode()  # fmt: skip


KNOWN: list[tuple[str, str, Callable[[], bytes], set[str]]] = [
    ("segment", "a.ndjson", lambda: ndjson(samples.segment()), {"page_view", "order", "identify"}),
    ("segment", "a.json", lambda: json.dumps(samples.segment()[:50]).encode(), {"page_view", "order"}),
    ("posthog", "a.jsonl", lambda: ndjson(samples.posthog()), {"page_view", "order", "click"}),
    ("ga4", "a.json", lambda: ndjson(samples.ga4()), {"page_view", "order"}),
    ("snowplow", "a.tsv", samples.snowplow_tsv, {"page_view", "order"}),
    ("rrweb", "a.json", first_rrweb, {"page_view", "click"}),
    ("surveys", "a.csv", samples.surveys, {"survey_answered"}),
    ("canonical", "a.ndjson", lambda: ndjson({"occurred_at": BEGIN.isoformat(), "kind": "click", "anonymous_id": "d"} for _ in range(3)), {"click"}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "name", "make", "kinds"), KNOWN, ids=[f"{each[0]}-{each[1]}" for each in KNOWN])
def test_known_formats_are_told_by_their_records(
    form: str, name: str, make: Callable[[], bytes], kinds: set[str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(make())
    text = propose(tmp_path / name, "web")
    chosen = parse_product(text)
    source = chosen.sources["web"]
    assert (source.format, source.mapping) == (form, None)
    assert kinds <= set(taken(tmp_path, text, name, make())["kind"])
    assert ("purchase" in chosen.goals) == ("order" in kinds)
    assert form in FORMATS


SURVEY_TOOLS = {
    "typeform": "#,How likely are you to recommend us?,Why?,Start Date (UTC),Submit Date (UTC),Network ID\nabc1,9,Good,2026-02-14 08:00:00,2026-02-14 08:01:00,n1\n",
    "qualtrics": "StartDate,EndDate,Status,Progress,Finished,RecordedDate,ResponseId,Q1\n2026-02-14 08:00:00,2026-02-14 08:01:00,0,100,1,2026-02-14 08:01:01,R_1,9\n",
    "delighted": "Response ID,Score,Comment,Created At,Survey Type,Person ID\n1,9,Good,2026-02-14 08:01:00,nps,p1\n",
}


@pytest.mark.parametrize("tool", SURVEY_TOOLS)
def test_survey_tools_are_known(tool: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(SURVEY_TOOLS[tool])
    chosen = parse_product(propose(tmp_path / "a.csv", "web"))
    assert (chosen.sources["web"].format, list(chosen.goals)) == ("surveys", ["answered"])


# What a proposal never says.


def personal_rows() -> list[Fields]:
    names = ["Anna Schmidt", "Ben O'Hara", "Chloé Dubois", "Dmitri Ivanov"]
    return [
        {
            "id": f"evt-{i:05}-q", "time": (BEGIN + timedelta(minutes=i)).isoformat(), "name": names[i % 4],
            "event": ("page view", f"Order {names[i % 4]}", f"clicked by {names[i % 4].split()[0]}", f"mail to {names[i % 4].split()[0].lower()}@post.example")[i % 4],
            "email": f"{names[i % 4].split()[0].lower()}@post.example", "customer_id": f"cust-{i % 4}-zz",
            "page": f"https://www.annaschmidt.example/{names[i % 4].split()[0].lower()}/profile?mail=anna@post.example", "comment": f"call me {names[i % 4]} on 0170 1234567",
            "orderNo": f"ord-{i}-yy", "total": 10 + i, "scores": {f"{names[i % 4].split()[0].lower()}@post.example": 1},
        }
        for i in range(80)
    ]  # fmt: skip


def values_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from values_in(inner)
    else:
        yield str(value)


def test_no_address_name_id_or_text_of_a_sample_is_written(tmp_path: Path) -> None:
    rows = personal_rows()
    (tmp_path / "a.ndjson").write_bytes(ndjson(rows))
    text = propose(tmp_path / "a.ndjson", "web")
    chosen = parse_product(text)
    stated = {each for row in rows for each in values_in(row)} - set(rows[0]) - {"page view"}
    assert not [each for each in stated if len(each) > 2 and each in text]
    for word in ("anna", "ben", "schmidt", "dubois", "@", "post.example", "evt-", "cust-", "ord-", "0170"):
        assert word not in text.lower().replace("opened by", ""), word
    assert chosen.privacy.drop_properties == ("email",)
    assert chosen.pages == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_of_the_samples_only_vocabulary_is_written(case: Case, proposals: dict[str, str]) -> None:
    text = proposals[case.name]
    for pattern in (
        r"@",
        r"\bK-\d",
        r"\bo\d+\b",
        r"Vorname\d",
        r"cust-",
        r"bob",
        r"ann\d",
        r"0000-4000",
        r"\bd\d\b",
        r"example",
    ):
        assert not re.search(pattern, text), pattern


@pytest.mark.parametrize(
    ("value", "times", "kind", "writable"),
    [
        ("page_viewed", 1, "page_view", True),
        ("Page", 1, "page_view", True),
        ("pageview", 1, "page_view", True),
        ("$screen", 1, "page_view", True),
        ("Landing Page Closed", 1, "custom", True),
        ("Order Started", 9, "custom", True),
        ("checkout_completed", 1, "order", True),
        ("SEITENAUFRUF", 1, "page_view", True),
        ("border_click", 3, "click", True),
        ("border_click", 1, "click", False),
        ("order 4711", 99, "custom", False),
        ("anna@post.example clicked", 99, "click", False),
        ("I clicked on the button and nothing happened", 99, "click", False),
        ("click 9f8e7d6c5b4a", 99, "click", False),
    ],
)
def test_kinds_by_words(value: str, times: int, kind: str, writable: bool) -> None:
    assert (kind_of(value), may_be_written(value, times)) == (kind, writable)


# What it is not sure of, and what it refuses.


def proposed(tmp_path: Path, text: str, name: str = "a.csv") -> str:
    (tmp_path / name).write_text(text)
    return propose(tmp_path / name, "web")


@pytest.mark.parametrize(
    ("dates", "pattern", "is_ambiguous"),
    [
        (["03/02/2026 10:00", "14/02/2026 10:00"], "%d/%m/%Y %H:%M", False),
        (["02/03/2026 10:00", "02/14/2026 10:00"], "%m/%d/%Y %H:%M", False),
        # Read the other way these days of one month lie all over the year.
        (["02/01/2026 10:00", "02/02/2026 10:00", "02/03/2026 10:00"], "%m/%d/%Y %H:%M", True),
        (["01/02/2026 10:00", "02/02/2026 10:00", "03/02/2026 10:00"], "%d/%m/%Y %H:%M", True),
    ],
)
def test_the_whole_sample_decides_the_order_of_day_and_month(
    dates: list[str], pattern: str, is_ambiguous: bool, tmp_path: Path
) -> None:
    text = proposed(tmp_path, "visitor,time,url\n" + "".join(f"v{i},{date},/\n" for i, date in enumerate(dates)))
    mapping = parse_product(text).sources["web"].mapping
    assert mapping is not None
    assert mapping.columns["occurred_at"].format == (pattern,)
    assert ("could be day/month or month/day" in text) == is_ambiguous


def test_an_amount_with_a_symbol_tells_the_currency_and_is_left_to_be_mended(tmp_path: Path) -> None:
    text = proposed(
        tmp_path,
        "time,visitor,event,order_id,total\n"
        + "".join(f"2026-02-1{i}T10:00:00Z,v{i},purchase,o{i},£1{i}.50\n" for i in range(5)),
    )
    chosen = parse_product(text)
    assert chosen.currency == "GBP"
    mapping = chosen.sources["web"].mapping
    assert mapping is not None
    # Where the mapping reads such amounts one day, the proposal maps them.
    assert ("revenue_micros" in mapping.columns) != ("`total` writes a currency beside the number" in text)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("a,b\n1,2\n", "looks like a time"),
        ("anna@post.example,2026-02-14 08:00:00,/cart,9.5\nben@post.example,2026-02-14 08:01:00,/cart,8\n", "holds values and no names"),
        ("root_id,tstamp,os\na1,2026-02-14 08:00:00,Linux\nb2,2026-02-14 08:00:01,Mac\n", "neither what happened nor to whom"),
        ("", "holds no record"),
    ],
)  # fmt: skip
def test_a_file_without_events_is_refused_with_what_it_lacks(text: str, stated: str, tmp_path: Path) -> None:
    with pytest.raises(CannotPropose, match=stated):
        proposed(tmp_path, text)


def test_a_column_called_browser_holds_no_ids(tmp_path: Path) -> None:
    rows = "".join(
        f"{i},2026-02-14T08:{i:02}:00Z,u{i % 5},/,{'Chrome' if i % 3 else 'Safari'},iOS\n" for i in range(40)
    )
    source = parse_product(proposed(tmp_path, "id,time,user_id,url,browser,os\n" + rows)).sources["web"]
    assert source.mapping is not None
    columns = source.mapping.columns
    assert "anonymous_id" not in columns
    assert {"browser", "os"} <= set(columns)


def test_an_id_that_repeats_more_is_none(tmp_path: Path) -> None:
    rows = "".join(f"{i % 20},2026-02-14T08:{i:02}:00Z,v1,/\n" for i in range(40))
    text = proposed(tmp_path, "id,time,visitor,url\n" + rows)
    assert parse_product(text).sources["web"].event_id == "none"


def test_the_time_zone_of_most_records_is_taken(tmp_path: Path) -> None:
    rows = "".join(f"{i},2026-02-01T00:{i:02}:00Z,v1,/,{'America/Lima' if i else 'UTC'}\n" for i in range(10))
    chosen = parse_product(proposed(tmp_path, "id,time,visitor,url,tz\n" + rows))
    assert chosen.time_zone == "America/Lima"
    # There it is still January.
    assert str(chosen.start_date) == "2026-01-01"


# What each file of ../shared/data is; those with an empty format are no events.
OF_SHARED = {
    "iweb_qoe_clicks/clicks.csv": ("mapping", 0, 28, 0),
    "iweb_qoe_clicks/dataset.csv": ("", 0, 0, 0),
    "nhs_fft_comments/v6framework_230831.csv": ("mapping", 0, 4466, 0),
    "snowplow_web/source/snowplow_web_events.csv": ("snowplow", 50, 25, 0),
    "snowplow_web/source/snowplow_web_ua_context.csv": ("", 0, 0, 0),
    "rrweb_fixtures/posthog_eventList_autocapture.json": ("posthog", 25, 1, 0),
    "rrweb_fixtures/rrweb_player_demo.json": ("rrweb", 1, 1, 0),
    "rrweb_fixtures/recording_snapshots.json": ("rrweb", 1, 1, 0),
    "rrweb_fixtures/recording_meta.json": ("", 0, 0, 0),
    "rrweb_fixtures/posthog_funnel_response.json": ("", 0, 0, 0),
}


@pytest.mark.skipif(not SHARED.exists(), reason="../shared isn't here")
@pytest.mark.parametrize("name", OF_SHARED)
def test_real_files(name: str, tmp_path: Path) -> None:
    form, views, people, orders = OF_SHARED[name]
    file = SHARED / name
    if not form:
        with pytest.raises(CannotPropose):
            propose(file, "web")
        return
    chosen = parse_product(propose(file, "web"))
    assert chosen.sources["web"].format == form
    drop(tmp_path, f"web/{file.name}", file.read_bytes())
    (manifest,) = take_all(Lake(tmp_path), chosen)
    assert manifest.records_rejected <= 0.05 * manifest.records_read
    keys = [part.key for parts in manifest.days.values() for part in parts]
    events = Lake(tmp_path).scan(TABLES["raw_events"], keys).collect()
    who = events.select(pl.coalesce("user_id", "anonymous_id")).to_series().drop_nulls().n_unique()
    assert ((events["kind"] == "page_view").sum(), who, (events["kind"] == "order").sum()) == (views, people, orders)
