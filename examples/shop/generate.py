"""A seeded generator of the demo shop's landing files: 28 days, about 300,000 events, always the same bytes.

The model, so that what the marts show can be checked against what was put in:

- People arrive day by day; each has a device, a country, an hour of the day and a chance to come back that falls with
  the days since the last visit. Three in ten have a user id, the others are known by device only.
- A session walks home -> category -> product -> cart -> checkout -> thanks, each step with its own chance, and leaves
  page pings every 10 s, scrolls, clicks in and outside the zones, and an order at the end.
- 2026-10-12 brings a redesign of the product page: the buy button moves into a box and is clicked more often.
- Faults as they happen: crawlers, events sent twice, files that are days late, devices whose clock is wrong, double
  clicks from one gesture, events without any id, and broken lines (half a line, wrong types, unknown kinds, no id).

Run: python examples/shop/generate.py FOLDER [--seed N] [--people N]
"""

import argparse
import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

FIRST_DAY = date(2026, 9, 28)
DAYS = 28
REDESIGN = date(2026, 10, 12)
SEED = 20_261_122
PEOPLE = 12_800
ZONE = ZoneInfo("Europe/Berlin")

Event = dict[str, Any]

DEVICES = {
    "desktop": (0.48, (1440, 900), "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0 Safari/537.36"),
    "mobile": (0.44, (390, 844), "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1"),
    "tablet": (0.08, (820, 1180), "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) Version/18.6 Safari/604.1"),
}
BOT_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
COUNTRIES = (("DE", 0.62), ("AT", 0.14), ("CH", 0.12), ("NL", 0.07), ("PL", 0.05))
PAGE_HEIGHTS = {"home": 3200, "category": 4200, "product": 3600, "cart": 1500, "checkout": 1900, "thanks": 1200}
CATEGORIES = ("shoes", "coats", "bags", "hats")
# Clicks that a page gets: (chance per page view, element chain).
CLICKS: dict[str, tuple[tuple[float, str], ...]] = {
    "home": (
        (0.22, '<main><section class="hero"><a class="cta" href="/c/shoes">'),
        (0.05, '<main><section class="hero"><img class="picture">'),
        (0.38, '<main><nav class="categories"><a href="/c/coats">'),
        (0.06, '<main><footer><a href="/about">'),
    ),
    "category": (
        (0.24, '<main><aside class="filters"><input name="size">'),
        (0.58, '<main><div class="grid"><a class="card" href="/p/12"><img>'),
        (0.05, "<main><h1>"),
    ),
    "product": (
        (0.31, '<main><div class="gallery"><img>'),
        (0.12, '<main><section class="recommended"><a class="card" href="/p/77">'),
    ),
    "cart": ((0.30, '<main><div class="quantity"><button class="plus">'),),
    "checkout": ((0.8, '<main><form><fieldset class="payment"><input name="card">'),),
    "thanks": (),
}
BUY_OLD = '<main><div class="sidebar"><button class="add">'
BUY_NEW = '<main><section class="buy-box"><button id="buy">'
TO_CHECKOUT = '<main><a id="to-checkout" href="/checkout">'
PAY = '<main><form><button id="pay" type="submit">'


class Shop:
    """The shop's visitors and their events; everything is drawn from one seeded source."""

    def __init__(self, seed: int, people: int) -> None:
        self.random = random.Random(seed)
        self.people = people
        self.count = 0

    def events(self) -> Iterator[tuple[date, Event]]:
        """Yield (day of arrival, event); most arrive on their own day, some days later."""
        visits: dict[date, list[tuple[int, dict[str, Any]]]] = {}
        for number in range(self.people):
            person = self._person(number)
            for day in self._visit_days():
                visits.setdefault(day, []).append((number, person))
        for day in sorted(visits):
            for _, person in visits[day]:
                late = self.random.random() < 0.01
                arrival = day + timedelta(days=self.random.randint(2, 6) if late else 0)
                for event in self._session(person, day):
                    yield arrival, event
                    if self.random.random() < 0.008:
                        yield arrival, event
            for event in self._crawl(day):
                yield day, event

    def _person(self, number: int) -> dict[str, Any]:
        device = self.random.choices(list(DEVICES), [share for share, _, _ in DEVICES.values()])[0]
        known = self.random.random() < 0.3
        return {
            "anonymous_id": f"device-{number:05d}",
            "user_id": f"customer-{number:05d}" if known else None,
            "device_type": device,
            "country": self.random.choices([c for c, _ in COUNTRIES], [share for _, share in COUNTRIES])[0],
            "hour": min(23.5, max(0.0, self.random.gauss(17.5, 4.2))),
            "appetite": self.random.betavariate(2, 3),
            "plan": self.random.choice(["free", "plus"]) if known else None,
            "clock_off": self.random.choice([-7200, 3600, 900]) if self.random.random() < 0.02 else 0,
        }

    def _visit_days(self) -> Iterator[date]:
        # More people are there on the first day than arrive on each later one: the shop is older than its data.
        day = 0 if self.random.random() < 0.12 else self.random.randrange(DAYS)
        loyalty = self.random.betavariate(1.2, 2.2)
        while day < DAYS:
            yield FIRST_DAY + timedelta(days=day)
            if self.random.random() > loyalty:
                return
            day += 1 + int(self.random.expovariate(0.35))

    def _session(self, person: dict[str, Any], day: date) -> Iterator[Event]:
        begin = datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
        at = begin + timedelta(hours=min(23.9, max(0.0, self.random.gauss(person["hour"], 1.6))))
        walk = _Walk(self, person, at)
        page = self.random.choices(["home", "category", "product"], [0.6, 0.25, 0.15])[0]
        while page:
            yield from walk.view(page, day)
            page = self._next_page(page, day, person["appetite"], walk)

    def _next_page(self, page: str, day: date, appetite: float, walk: "_Walk") -> str | None:
        chance = self.random.random()
        buy = 0.16 + 0.22 * appetite + (0.07 if day >= REDESIGN else 0.0)
        if page == "product" and walk.added:
            walk.added = False
            return "cart" if chance < 0.85 else "category"
        follow: dict[str, tuple[tuple[str, float], ...]] = {
            "home": (("category", 0.55), ("product", 0.12)),
            "category": (("product", 0.62), ("category", 0.12)),
            "product": (("category", 0.25), ("product", 0.28 - buy / 4)),
            "cart": (("checkout", 0.66), ("category", 0.1)),
            "checkout": (("thanks", 0.78),),
            "thanks": (),
        }
        for target, share in follow[page]:
            if chance < share:
                return target
            chance -= share
        return None

    def _crawl(self, day: date) -> Iterator[Event]:
        begin = datetime(day.year, day.month, day.day, 1, tzinfo=ZONE).astimezone(UTC)
        for i in range(self.random.randint(60, 140)):
            at = begin + timedelta(seconds=i * 2)
            yield self.event(
                at,
                kind="page_view",
                url=f"https://shop.example/p/{i}",
                anonymous_id=f"crawler-{day.toordinal()}-{i % 7}",
                user_agent=BOT_AGENT,
            )

    def event(self, at: datetime, **fields: object) -> Event:
        """A canonical event with the next id."""
        self.count += 1
        times = {"occurred_at": at, "sent_at": at, "received_at": at + timedelta(milliseconds=350)}
        return {"event_id": f"e{self.count:07d}", **times, **{k: v for k, v in fields.items() if v is not None}}


class _Walk:
    """One session on its way through the shop."""

    def __init__(self, shop: Shop, person: dict[str, Any], at: datetime) -> None:
        self.shop, self.person = shop, person
        self.at: datetime = at
        self.at_view: datetime = at
        self.random = shop.random
        self.added = False
        self.sequence = 0
        self.session = f"s-{shop.count}"

    def view(self, page: str, day: date) -> Iterator[Event]:
        path = {
            "home": "/",
            "category": f"/c/{self.random.choice(CATEGORIES)}",
            "product": f"/p/{self.random.randint(1, 90)}",
        }
        url = f"https://shop.example{path.get(page, '/' + page)}"
        if page == "category" and self.random.random() < 0.02:
            url = "https://shop.example/sale-old"
        view = {"url": url, "page_view_id": f"v-{self.shop.count}", "page_title": page.title()}
        _, (width, height), agent = DEVICES[self.person["device_type"]]
        view |= {"window_width": width, "window_height": height, "page_width": width, "page_height": PAGE_HEIGHTS[page]}
        yield self._act("page_view", view, user_agent=agent)
        stay = min(240.0, self.random.lognormvariate(2.9, 0.8))
        acts = self._acts(page, day, view, stay)
        for after, make in sorted(acts, key=lambda act: act[0]):
            self.at = self.at_view + timedelta(seconds=after)
            yield from make()
        self.at = self.at_view + timedelta(seconds=stay)
        if page == "thanks":
            revenue = self.random.randint(1900, 18_000) * 10_000
            order = f"o-{self.shop.count}"
            yield self._act("order", view, order_id=order, revenue_micros=revenue, currency="EUR")
            if self.random.random() < 0.04:
                yield self._act("refund", view, order_id=order, revenue_micros=-revenue, currency="EUR")

    def _acts(
        self, page: str, day: date, view: Event, stay: float
    ) -> list[tuple[float, Callable[[], Iterator[Event]]]]:
        self.at_view = self.at
        acts: list[tuple[float, Callable[[], Iterator[Event]]]] = []
        beats = range(10, int(stay), 10)
        acts += [(float(beat), lambda: iter([self._act("page_ping", view)])) for beat in beats]
        depth = int(self.random.betavariate(2, 2) * max(0, view["page_height"] - view["window_height"]))
        acts.append((stay * 0.4, lambda: iter([self._act("scroll", view, scroll_y=depth)])))
        chains = [chain for share, chain in CLICKS[page] if self.random.random() < share]
        for chain in chains:
            acts.append((self.random.uniform(1, stay), lambda chain=chain: self._click(view, chain)))
        if page == "product" and self.random.random() < 0.16 + 0.22 * self.person["appetite"] + (
            0.07 if day >= REDESIGN else 0.0
        ):
            self.added = True
            chain = BUY_NEW if day >= REDESIGN else BUY_OLD
            acts.append((stay * 0.9, lambda: self._buy(view, chain)))
        if page == "cart":
            acts.append((stay * 0.9, lambda: self._click(view, TO_CHECKOUT)))
        if page == "checkout":
            acts.append((stay * 0.9, lambda: self._click(view, PAY)))
        return acts

    def _buy(self, view: Event, chain: str) -> Iterator[Event]:
        yield from self._click(view, chain)
        yield self._act("custom", view, name="add_to_cart", properties={"items": 1})

    def _click(self, view: Event, chain: str) -> Iterator[Event]:
        x, y = self.random.randint(5, view["window_width"] - 5), self.random.randint(5, view["page_height"] - 5)
        yield self._act("click", view, element_chain=chain, x=x, y=y)
        if self.random.random() < 0.01:
            # One gesture, told twice: the label's click and its input's.
            self.at += timedelta(milliseconds=2)
            yield self._act("click", view, element_chain=chain, x=0, y=0)

    def _act(self, kind: str, view: Event, **fields: object) -> Event:
        self.sequence += 1
        who = {name: self.person[name] for name in ("anonymous_id", "user_id", "device_type", "country")}
        if self.random.random() < 0.0005:
            who = {"device_type": self.person["device_type"]}
        event = self.shop.event(
            self.at, kind=kind, sequence=self.sequence, session_id=self.session, **who, **view, **fields
        )
        if self.person["plan"] is not None:
            event["properties"] = {**event.get("properties", {}), "plan": self.person["plan"]}
        off = timedelta(seconds=self.person["clock_off"])
        # The device's clock is wrong in what it says and in when it says that it sent it.
        return {**event, "occurred_at": event["occurred_at"] + off, "sent_at": event["sent_at"] + off}


BROKEN: tuple[Callable[[Event], str], ...] = (
    lambda event: _json(event)[: len(_json(event)) // 2],
    lambda event: _json({**event, "x": "left"}),
    lambda event: _json({**event, "kind": "clicked"}),
    lambda event: _json({name: value for name, value in event.items() if name != "event_id"}),
    lambda event: _json({**event, "occurred_at": "yesterday"}),
)


def _json(event: Event) -> str:
    return json.dumps(event, default=lambda value: value.isoformat(), separators=(",", ":"))


def write(folder: Path, seed: int = SEED, people: int = PEOPLE) -> int:
    """Write the landing files below `folder`/shop; returns the number of records written."""
    shop = Shop(seed, people)
    arrivals: dict[date, list[Event]] = {}
    for arrival, event in shop.events():
        arrivals.setdefault(arrival, []).append(event)
    rng = random.Random(seed + 1)
    total = 0
    for arrival in sorted(arrivals):
        target = folder / "shop" / arrival.isoformat()
        target.mkdir(parents=True, exist_ok=True)
        half = len(arrivals[arrival]) // 2
        parts = [arrivals[arrival][:half], arrivals[arrival][half:]]
        total += sum(map(len, parts))
        _write_ndjson(target / "part-000.ndjson.gz", parts[0], rng)
        # Other teams' tools write other formats: every seventh day CSV, every eleventh Parquet.
        number = (arrival - FIRST_DAY).days
        if number % 7 == 3:
            _write_csv(target / "part-001.csv", parts[1])
        elif number % 11 == 5:
            _write_parquet(target / "part-001.parquet", parts[1])
        else:
            _write_ndjson(target / "part-001.ndjson.gz", parts[1], rng)
    return total


def _write_ndjson(path: Path, events: list[Event], rng: random.Random) -> None:
    lines = [_json(event) if rng.random() > 0.003 else rng.choice(BROKEN)(event) for event in events]
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(("\n".join(lines) + "\n").encode())


def _columns(events: list[Event]) -> list[str]:
    return list(dict.fromkeys(name for event in events for name in event))


def _write_csv(path: Path, events: list[Event]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _columns(events))
    writer.writeheader()
    for event in events:
        times = {name: value.isoformat() for name, value in event.items() if isinstance(value, datetime)}
        properties = {"properties": json.dumps(event["properties"])} if "properties" in event else {}
        writer.writerow({**event, **times, **properties})
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _write_parquet(path: Path, events: list[Event]) -> None:
    rows = [{**e, "properties": json.dumps(e["properties"])} if "properties" in e else e for e in events]
    pl.DataFrame(rows, schema_overrides={}, infer_schema_length=None).write_parquet(path)


def main() -> None:
    """Write the landing files from the command line."""
    parser = argparse.ArgumentParser(description="Write the demo shop's landing files.")
    parser.add_argument("folder", type=Path, help="the landing folder")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--people", type=int, default=PEOPLE)
    chosen = parser.parse_args()
    written = write(chosen.folder, chosen.seed, chosen.people)
    print(f"{written} events written to {chosen.folder}")  # noqa: T201  # a script's answer


if __name__ == "__main__":
    main()
