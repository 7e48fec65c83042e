"""A seeded generator of the demo shop's landing files: 120 days, about 300,000 events, always the same bytes.

The model, so that what the marts show can be checked against what was put in:

- People arrive day by day; each has a device, a country, an hour of the day and a chance to come back that falls with
  the days since the last visit. Three in ten have a user id, the others are known by device only.
- A session walks home -> category -> product -> cart -> checkout -> thanks, each step with its own chance, and leaves
  page pings every 10 s, two or three scrolls down (further for people with an appetite), clicks in and outside the
  zones, and an order at the end. Clicks lie in the box of their element (`layout.py`).
- On desktop 3 to 5 positions of the pointer per page view: on what is clicked just before, else on what was in sight.
- 2026-10-12 brings a redesign of the product page: the buy button moves into a box and is clicked more often, and the
  gallery's picture zooms.
- Faults as they happen: crawlers, events sent twice, files that are days late, devices whose clock is wrong, double
  clicks from one gesture, events without any id, and broken lines (half a line, wrong types, unknown kinds, no id).

Friction, all drawn per page view, so long sessions meet more of it:

- 3 % of product views before the redesign: 4 to 6 rage clicks on the gallery's picture, each of them dead.
- 31 % of product views click the gallery, a quarter of these the picture, three quarters a thumbnail (which works):
  before the redesign the click on the picture is dead.
- 20 % of checkout views on mobile, from the new payment form of 31 August on: a script error within 1 s of the click on pay,
  and the form isn't sent. Of these 30 % order all the same, where 78 % would have (less for who met other friction before).
  `--harmless-button` leaves the error and takes its effect away.
- Whoever met one of the others has 0.7 times the chance to add to the cart and to take each next step, for the session.
- 2 % of the checkout views whose pay button works send the form 3 times.
- 4.5 % of the steps from a category to a product, about 3 % of product views, end within 7 s at the same category.
- 1 % of home views click the banner, which leads to a page that isn't found.
- Speed is measured in one of three page views. LCP is over 4 s in 12 % of the product views on mobile before the
  redesign, and in 3 % of all others.
- No friction, though it looks like it: 10 % of cart views click the quantity's plus 4 to 7 times.

What happens on single days, and an experiment that is over, stands in `stories.py`. What people are asked and say stands in
`voice.py`; how they come, and the experiment, in `arrivals.py`; which sessions are recorded, and how, in `recordings.py`.

Run: python examples/shop/generate.py FOLDER [--seed N] [--people N] [--days N] [--harmless-button] [--later FOLDER]
"""

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from arrivals import variant_of
from interactions import ORDERS_ALL_THE_SAME, REDESIGN
from landing import write_files, write_form_files
from recordings import is_recorded, write_recordings
from stories import BROKEN_EXPORT, DELIVERED, LEAVES_CART, ORDERS_IN_OUTAGE, ZONE, countdown_of, is_late
from walk import Event, Walk

LAST_DAY = date(2026, 10, 25)
DAYS, MONTH, GROWTH = 120, 28, 0.7
SEED = 20_261_122
PEOPLE = 6_000
DEVICES = {"desktop": 0.48, "mobile": 0.44, "tablet": 0.08}
BOT_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
COUNTRIES = (("DE", 0.62), ("AT", 0.14), ("CH", 0.12), ("NL", 0.07), ("PL", 0.05))
QUICK_BACK = 0.045
# Where people go from a page: (page, chance), else they leave.
PATHS: dict[str, tuple[tuple[str, float], ...]] = {
    "home": (("category", 0.55), ("product", 0.12)),
    "category": (("product", 0.62), ("category", 0.12)),
    "cart": (("checkout", 0.66), ("category", 0.1)),
    "checkout": (("thanks", 0.78),),
    "missing": (("category", 0.3), ("home", 0.2)),
}


_OF_FORMS = ("input", "validation")
_APART = ("survey_", *_OF_FORMS)


class Shop:
    """The shop's visitors and their events; everything is drawn from one seeded source."""

    def __init__(self, seed: int, people: int, days: int = DAYS, *, harmless_button: bool = False) -> None:
        self.days = days
        self.recorded: dict[date, list[list[Event]]] = {}
        self.random = random.Random(seed)
        self.harmless_button = harmless_button
        # What each failed payment takes from the chance to order: the truth that marts can be held against.
        self.lost_orders: list[float] = []
        self.people = people
        self.seed = seed
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
                arrival = self._arrival(day)
                events: list[Event] = []
                for event in self._session(person, day):
                    events.append(event)
                    yield arrival, event
                    # What is asked, said and filled in draws nothing of the walks (`voice.py`, `forms.py`).
                    if not event["kind"].startswith(_APART) and self.random.random() < 0.008:
                        yield arrival, event
                if is_recorded(events[0]["session_id"], self.seed):
                    self.recorded.setdefault(arrival, []).append(events)
            for event in self._crawl(day):
                yield day, event

    def _arrival(self, day: date) -> date:
        """When the next session's events come: some are late, and what stories say comes when they say."""
        late = self.random.random() < 0.01
        arrival = day + timedelta(days=self.random.randint(2, 6) if late else 0)
        if is_late(f"s-{self.count}", day, self.seed):
            return DELIVERED
        # Only its own day is held back.
        return arrival + timedelta(days=1) if arrival == BROKEN_EXPORT > day else arrival

    def _person(self, number: int) -> dict[str, Any]:
        device = self.random.choices(list(DEVICES), list(DEVICES.values()))[0]
        known = self.random.random() < 0.3
        return {
            "anonymous_id": f"device-{number:05d}",
            "user_id": f"customer-{number:05d}" if known else None,
            "device_type": device,
            "country": self.random.choices([c for c, _ in COUNTRIES], [share for _, share in COUNTRIES])[0],
            "hour": min(23.5, max(0.0, self.random.gauss(17.5, 4.2))),
            "appetite": self.random.betavariate(2, 3),
            "plan": self.random.choice(["free", "plus"]) if known else None,
            "variant": variant_of(number, self.seed),
            "countdown": countdown_of(number, self.seed),
            "clock_off": self.random.choice([-7200, 3600, 900]) if self.random.random() < 0.02 else 0,
        }

    def _visit_days(self) -> Iterator[date]:
        # More people are there on the first day than arrive on each later one: the shop is older than its data.
        day = 0 if self.random.random() < 0.12 else self._first_visit()
        loyalty = self.random.betavariate(1.2, 2.2)
        first = first_day(self.days)
        while day < self.days:
            yield first + timedelta(days=day)
            if self.random.random() > loyalty:
                return
            day += 1 + int(self.random.expovariate(0.35))

    def _first_visit(self) -> int:
        """A month's people come evenly; over a longer time the shop grows."""
        if self.days <= MONTH:
            return self.random.randrange(self.days)
        return int(self.days * self.random.random() ** GROWTH)

    def _session(self, person: dict[str, Any], day: date) -> Iterator[Event]:
        begin = datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
        at = begin + timedelta(hours=min(23.9, max(0.0, self.random.gauss(person["hour"], 1.6))))
        walk = Walk(self.random, self.event, f"s-{self.count}", person, at, self.seed)
        walk.is_harmless = self.harmless_button
        page = self.random.choices(["home", "category", "product"], [0.6, 0.25, 0.15])[0]
        while page:
            yield from walk.view(page, day)
            following = self._next_page(page, day, person["appetite"], walk)
            if page == "category" and following == "product" and self.random.random() < QUICK_BACK:
                address = walk.url
                yield from walk.view("product", day, is_glance=True)
                yield from walk.view("category", day, address)
                following = self._next_page("category", day, person["appetite"], walk)
            page = following
        yield from walk.leave()

    def _next_page(self, page: str, day: date, appetite: float, walk: Walk) -> str | None:
        if walk.is_led_astray:
            return "missing"
        if walk.cart_failed and self.random.random() < LEAVES_CART:
            return None
        # Who met friction is likelier to leave, so the shares of all ways on shrink.
        chance = self.random.random() / walk.mood
        if walk.payment_failed:
            would_order = PATHS["checkout"][0][1] * walk.mood
            harmed = ORDERS_IN_OUTAGE if walk.is_out else ORDERS_ALL_THE_SAME
            orders = would_order if self.harmless_button else harmed
            self.lost_orders.append(would_order - orders)
            return "thanks" if chance * walk.mood < orders else None
        if walk.added:
            return "cart" if chance < 0.85 else "category" if chance < 1 else None
        buy = 0.16 + 0.22 * appetite + (0.07 if day >= REDESIGN else 0.0)
        paths = (("category", 0.25), ("product", 0.28 - buy / 4)) if page == "product" else PATHS.get(page, ())
        for target, share in paths:
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


def first_day(days: int) -> date:
    """The first of so many days; the last one is always the same."""
    return LAST_DAY - timedelta(days=days - 1)


def write(
    folder: Path, seed: int = SEED, people: int = PEOPLE, days: int = DAYS, *, harmless_button: bool = False
) -> int:
    """Write the landing files below `folder`/shop, and recordings below `folder`/replays; returns the number of events written."""
    arrivals: dict[date, list[Event]] = {}
    shop = Shop(seed, people, days, harmless_button=harmless_button)
    forms: dict[date, list[Event]] = {}
    for arrival, event in shop.events():
        (forms if event["kind"].startswith(_OF_FORMS) else arrivals).setdefault(arrival, []).append(event)
    write_recordings(folder, shop.recorded)
    return write_files(folder, arrivals, first_day(days), seed + 1) + write_form_files(folder, forms)


def put_later(folder: Path, later: Path) -> None:
    """Move what arrived from the late delivery on below `later`, so that there is a publication before it."""
    for day in sorted(folder.glob("*/*")):
        if day.name >= DELIVERED.isoformat():
            target = later / day.parent.name / day.name
            target.parent.mkdir(parents=True, exist_ok=True)
            day.rename(target)


def main() -> None:
    """Write the landing files from the command line."""
    parser = argparse.ArgumentParser(description="Write the demo shop's landing files.")
    parser.add_argument("folder", type=Path, help="the landing folder")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--days", type=int, default=DAYS, help=f"so many days until {LAST_DAY}")
    parser.add_argument("--harmless-button", action="store_true", help="the pay button fails, and nobody minds")
    parser.add_argument("--later", type=Path, help=f"where to put what arrived from {DELIVERED} on")
    chosen = parser.parse_args()
    written = write(chosen.folder, chosen.seed, chosen.people, chosen.days, harmless_button=chosen.harmless_button)
    if chosen.later:
        put_later(chosen.folder, chosen.later)
    print(f"{written} events written to {chosen.folder}")  # noqa: T201  # a script's answer


if __name__ == "__main__":
    main()
