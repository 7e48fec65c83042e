"""One session of the demo shop: page view after page view, with the acts in each, as canonical events."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from arrivals import EXPERIMENT, EXPERIMENT_FROM, NOTE_EFFECT, TREATMENT, arrival
from forms import filled
from interactions import HURT, Plan
from layout import WIDTHS
from stories import COUNTDOWN, COUNTDOWN_EFFECT, COUNTDOWN_FROM, COUNTDOWN_TO, TIMER, is_out
from voice import Voice

Event = dict[str, Any]
CATEGORIES = ("shoes", "coats", "bags", "hats")
WIDGET_BEFORE_S, ASKED_AFTER_S = 0.5, 4.0
WINDOWS = {"desktop": (1440, 900), "mobile": (390, 844), "tablet": (820, 1180)}
AGENTS = {
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
}


class Walk:
    """One session on its way through the shop; `make` gives a canonical event its id, `session` names the session."""

    def __init__(
        self, random: Random, make: Callable[..., Event], session: str, person: dict[str, Any], at: datetime, seed: int
    ) -> None:
        self.random, self.make, self.session, self.person = random, make, session, person
        self.at = at
        self.is_harmless = False
        self.url = ""
        self.views = 0
        self.sequence = 0
        self.added = False
        self.is_led_astray = False
        self.payment_failed = self.cart_failed = False
        self.is_reported = False
        self.is_out = False
        self.mood = 1.0
        self.hurt_by: str | None = None
        self.referrer, self.suffix = arrival(session, seed)
        self.voice, self.seed = Voice(session, seed), seed
        self.last: tuple[str, Event] = ("", {})

    def view(self, page: str, day: date, url: str | None = None, *, is_glance: bool = False) -> Iterator[Event]:
        """The events of a page view; `is_glance` for one that is left again at once."""
        device = self.person["device_type"]
        before, self.url = self.url, url or f"https://shop.example{self._path(page)}"
        if not before:
            self.url += self.suffix
        plan = Plan(self.random, self.person, page, day, WINDOWS[device])
        self.is_out = plan.is_out = is_out(self.at)
        view = self._describe(page, plan)
        status = 404 if page == "missing" else None
        yield self._interaction(
            "page_view", view, user_agent=AGENTS[device], http_status=status, referrer=before or self.referrer
        )
        if page == "product":
            yield from self._experiments(view, plan, day)
        if is_glance:
            plan.glance()
        else:
            plan.fill(self.mood)
        began = self.at
        for after, kind, fields in sorted(plan.interactions, key=lambda interaction: interaction[0]):
            self.at = began + timedelta(seconds=after)
            yield self._interaction(kind, view, **fields)
        if page == "checkout" and not is_glance:
            yield from self._filled(view, plan, began)
        self.at = began + timedelta(seconds=plan.stay)
        if page == "thanks":
            yield from self._order(view)
        self.added, self.is_led_astray = plan.added, plan.is_led_astray
        self.payment_failed, self.cart_failed = plan.payment_failed, plan.cart_failed
        if plan.is_hurt:
            self.mood = HURT
            self.hurt_by = "picture"
        if self.payment_failed and not self.is_harmless:
            self.hurt_by = "paying"
        self.last = page, view
        if page == "product":
            yield from self._stated(self.voice.by_widget(hurt_by=self.hurt_by), -WIDGET_BEFORE_S)

    def _experiments(self, view: Event, plan: Plan, day: date) -> Iterator[Event]:
        if day >= EXPERIMENT_FROM:
            yield from self._experiment(view, plan, EXPERIMENT, self.person["variant"])
        if COUNTDOWN_FROM <= day <= COUNTDOWN_TO:
            yield from self._experiment(view, plan, COUNTDOWN, self.person[COUNTDOWN])

    def _experiment(self, view: Event, plan: Plan, experiment: str, variant: str) -> Iterator[Event]:
        """What stands in the buy box: told once a session, at work in each product view."""
        if not self.is_reported:
            yield self._interaction("experiment", view, experiment_id=experiment, variant=variant)
        self.is_reported = True
        plan.wish = {TREATMENT: NOTE_EFFECT, TIMER: COUNTDOWN_EFFECT}.get(variant, 1.0)

    def leave(self) -> Iterator[Event]:
        """What is asked on the last page."""
        page, _ = self.last
        if page == "thanks":
            yield from self._stated(self.voice.after_order(hurt_by=self.hurt_by), ASKED_AFTER_S)
        elif page in ("cart", "checkout"):
            yield from self._stated(self.voice.on_exit(hurt_by=self.hurt_by), 0)

    def _filled(self, view: Event, plan: Plan, began: datetime) -> Iterator[Event]:
        """What is done in the form of a checkout view."""
        acts = filled(self.session, self.views, plan.device, plan.stay, self.seed)
        yield from (self._apart(f"f{self.session[1:]}-{self.views}-{n}", began + timedelta(seconds=after), {**view, **fields})
                    for n, (after, fields) in enumerate(acts))  # fmt: skip

    def _stated(self, stated: Iterator[Event], after: float) -> Iterator[Event]:
        """Survey events of the last page view, `after` seconds from its end on; their making draws nothing of the walk."""
        _, view = self.last
        for number, fields in enumerate(stated):
            at = self.at + timedelta(seconds=after + number * 0.1)
            yield self._apart(f"q{self.session[1:]}-{self.views}-{number}", at, {**view, **fields})

    def _apart(self, event_id: str, at: datetime, fields: Event) -> Event:
        """An event that draws nothing of the walk."""
        who = {name: self.person[name] for name in ("anonymous_id", "user_id", "device_type", "country")}
        off = timedelta(seconds=self.person["clock_off"])
        times = {"occurred_at": at + off, "sent_at": at + off, "received_at": at + timedelta(milliseconds=350)}
        event = {"event_id": event_id, **times, "session_id": self.session, **who, **fields}
        return {name: value for name, value in event.items() if value is not None}

    def _path(self, page: str) -> str:
        if page == "category":
            is_old = self.random.random() < 0.02
            return "/sale-old" if is_old else f"/c/{self.random.choice(CATEGORIES)}"
        paths = {"home": "/", "product": f"/p/{self.random.randint(1, 90)}", "missing": "/sale-old-404"}
        return paths.get(page, f"/{page}")

    def _describe(self, page: str, plan: Plan) -> Event:
        """What each event of a page view says of it."""
        self.views += 1
        width, height = plan.window
        return {
            "url": self.url,
            "page_view_id": f"v{self.session[1:]}-{self.views}",
            "page_title": "404 - page not found" if page == "missing" else page.title(),
            "window_width": width,
            "window_height": height,
            "page_width": WIDTHS[plan.device],
            "page_height": plan.height,
        }

    def _order(self, view: Event) -> Iterator[Event]:
        revenue = self.random.randint(1900, 18_000) * 10_000
        order = {"order_id": f"o{self.session[1:]}-{self.views}", "currency": "EUR"}
        yield self._interaction("order", view, revenue_micros=revenue, **order)
        if self.random.random() < 0.04:
            yield self._interaction("refund", view, revenue_micros=-revenue, **order)

    def _interaction(self, kind: str, view: Event, **fields: object) -> Event:
        self.sequence += 1
        who = {name: self.person[name] for name in ("anonymous_id", "user_id", "device_type", "country")}
        if self.random.random() < 0.0005:
            who = {"device_type": self.person["device_type"]}
        event = self.make(self.at, kind=kind, sequence=self.sequence, session_id=self.session, **who, **view, **fields)
        if self.person["plan"] is not None:
            event["properties"] = {**event.get("properties", {}), "plan": self.person["plan"]}
        off = timedelta(seconds=self.person["clock_off"])
        # The device's clock is wrong in what it says and in when it says that it sent it.
        return {**event, "occurred_at": event["occurred_at"] + off, "sent_at": event["sent_at"] + off}
