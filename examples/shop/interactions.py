"""What a person of the demo shop does in one page view, drawn act by act; the rates stand in `generate.py`."""

from datetime import date
from functools import cache
from random import Random
from typing import Any

from layout import PAGES, Box, box, chain_at, page_height
from stories import CART_ERROR, CART_FAILS, CART_FAULT, CART_FIX, OUTAGE_ERROR, PAYMENT_FORM

REDESIGN = date(2026, 10, 12)
# An act: seconds after the page view's start, kind, fields.
Interaction = tuple[float, str, dict[str, Any]]

# Clicks that a page gets: (chance per page view, element or family of elements).
CLICKS: dict[str, tuple[tuple[float, str], ...]] = {
    "home": ((0.22, "hero_button"), (0.05, "hero_picture"), (0.38, "category_*"), (0.06, "about")),
    "category": ((0.24, "filter_size"), (0.58, "card_*"), (0.05, "headline")),
    "product": ((0.12, "card_*"),),
    "cart": ((0.20, "quantity_plus"),),
    "checkout": ((0.8, "card_number"),),
}
GALLERY, GALLERY_PICTURE = 0.31, 0.25
RAGE, STEPPER, PAY_ERROR, FORM_RETRY, BROKEN_LINK = 0.03, 0.10, 0.20, 0.02, 0.01
MEASURED, SLOW, SLOW_PRODUCT = 1 / 3, 0.03, 0.12
HURT = 0.7
ORDERS_ALL_THE_SAME = 0.30
DEAD_AFTER_S = 2.5
ERROR = "TypeError: undefined is not a function at pay.js:120"


@cache
def _family(page: str, name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The elements of a family with their weights: the first ones draw most."""
    chosen = tuple(each for each in PAGES[page] if each == name or (name[-1] == "*" and each.startswith(name[:-1])))
    return chosen, tuple(1 / (1 + i) ** 0.7 for i in range(len(chosen)))


@cache
def _positions(page: str, device: str) -> tuple[tuple[str, Box, float], ...]:
    """Where a pointer rests, with weights: small elements and what is far down draw less."""
    boxes = {name: box(page, name, device) for name in PAGES[page] if name not in ("header", "footer")}
    return tuple((name, b, (b.width * b.height) ** 0.25 / (1 + b.y / 700)) for name, b in boxes.items())


class Plan:
    """The acts of one page view, and what they mean for the way on."""

    def __init__(self, random: Random, person: dict[str, Any], page: str, day: date, window: tuple[int, int]) -> None:
        self.random, self.person, self.page = random, person, page
        self.device: str = person["device_type"]
        self.is_new = day >= REDESIGN
        self.layout = page if page != "product" else "product_after" if self.is_new else "product_before"
        self.window = window
        self.height = max(page_height(self.layout, self.device), window[1])
        self.stay = min(240.0, random.lognormvariate(2.9, 0.8))
        self.interactions: list[Interaction] = []
        self.touched: list[tuple[float, str]] = []
        self.is_hurt = False
        self.added = False
        self.is_led_astray = False
        self.payment_failed = False
        self.is_out = False
        self.has_cart_fault = CART_FAULT <= day < CART_FIX
        self.cart_failed = False
        self.has_new_form = day >= PAYMENT_FORM
        self.wish = 1.0

    def glance(self) -> None:
        """Only look: what a page view gets that is left again at once."""
        self.stay = self.random.uniform(2, 6.5)
        self._measure()
        self._point(0)

    def fill(self, mood: float) -> None:
        """Draw all acts of an ordinary page view; `mood` is the factor on what people still want."""
        self.interactions += [(float(beat), "page_ping", {}) for beat in range(10, int(self.stay), 10)]
        self._measure()
        self._clicks()
        if self.page == "product":
            self._gallery()
            self._buy(mood)
        if self.page == "cart":
            if self.random.random() < STEPPER:
                self._burst("quantity_plus", self.random.randint(4, 7), (0.18, 0.35))
            self._click(self.stay * 0.9, "to_checkout")
            if self.has_cart_fault and self.device != "desktop" and self.random.random() < CART_FAILS:
                self.cart_failed = True
                failure = {"error_type": "TypeError", "error_message": CART_ERROR}
                self.interactions.append((self.stay * 0.9 + self.random.uniform(0.1, 0.9), "error", failure))
        if self.page == "checkout":
            self._pay()
        if self.page == "home" and self.random.random() < BROKEN_LINK:
            self._click(self.stay * 0.97, "banner")
            self.is_led_astray = True
        self._point(self._scroll())
        self.stay = max(self.stay, max((interaction[0] for interaction in self.interactions), default=0) + 0.05)

    def _measure(self) -> None:
        """Vitals of one in three page views; only the paint is ever poor."""
        if self.random.random() >= MEASURED:
            return
        is_worse = self.layout == "product_before" and self.device == "mobile"
        if self.random.random() < (SLOW_PRODUCT if is_worse else SLOW):
            lcp = self.random.randint(4_100, 7_500)
        else:
            lcp = min(3_900, int(self.random.lognormvariate(7.5, 0.3)))
        inp = min(480, int(self.random.lognormvariate(4.7, 0.5)))
        cls = min(2_400, int(self.random.expovariate(1 / 400)))
        vitals = {"lcp_ms": lcp, "inp_ms": inp, "cls_e4": cls}
        self.interactions.append((min(self.stay * 0.9, lcp / 1000 + 0.2), "performance", vitals))

    def _clicks(self) -> None:
        for share, name in CLICKS.get(self.page, ()):
            if self.random.random() < share:
                members, weights = _family(self.layout, name)
                chosen = self.random.choices(members, weights)[0]
                self._click(self._moment(), chosen)

    def _moment(self) -> float:
        """When an unhurried click comes: after the scrolling."""
        return self.random.uniform(0.4, 0.88) * self.stay

    def _gallery(self) -> None:
        """Thumbnails work; the large picture doesn't zoom before the redesign, which some click in anger."""
        if self.random.random() < GALLERY:
            if self.random.random() >= GALLERY_PICTURE:
                self._click(self._moment(), f"thumb_{self.random.choice((1, 1, 2, 2, 3, 4))}")
            else:
                at = self._moment()
                position = self._click(at, "gallery_picture")
                if not self.is_new:
                    self._dead(at, position)
        if not self.is_new and self.random.random() < RAGE:
            for at, position in self._burst("gallery_picture", self.random.randint(4, 6), (0.15, 0.3)):
                self._dead(at, position)

    def _dead(self, at: float, position: dict[str, Any]) -> None:
        self.is_hurt = True
        self.interactions.append((min(at + DEAD_AFTER_S, self.stay), "custom", {"name": "dead_click", **position}))

    def _buy(self, mood: float) -> None:
        wish = 0.16 + 0.22 * self.person["appetite"] + (0.07 if self.is_new else 0.0)
        if self.random.random() < wish * self.wish * (HURT if self.is_hurt else mood):
            self.added = True
            self._click(self.stay * 0.9, "buy")
            self.interactions.append((self.stay * 0.9, "custom", {"name": "add_to_cart", "properties": {"items": 1}}))

    def _pay(self) -> None:
        """The form is sent once; the new one's button fails for some on mobile, and the form refuses some twice."""
        at = self.stay * 0.9
        self._click(at, "pay")
        if self.is_out:
            failure = {"error_type": "PaymentError", "error_message": OUTAGE_ERROR}
        elif self.has_new_form and self.device == "mobile" and self.random.random() < PAY_ERROR:
            failure = {"error_type": "TypeError", "error_message": ERROR}
        else:
            failure = None
        if failure:
            self.payment_failed = True
            self.interactions.append((at + self.random.uniform(0.1, 0.9), "error", failure))
            return
        form = {"element_chain": PAGES["checkout"]["form"].chain}
        self.interactions.append((at + 0.03, "form_submit", form))
        if self.random.random() < FORM_RETRY:
            for again in (at + self.random.uniform(3, 6), at + self.random.uniform(7, 12)):
                self._click(again, "pay")
                self.interactions.append((again + 0.03, "form_submit", form))

    def _spot(self, b: Box) -> tuple[int, int]:
        """A place in a box, mostly about its middle."""
        return tuple(
            min(begin + size - 2, max(begin + 1, round(self.random.gauss(begin + size / 2, size / 5))))
            for begin, size in ((b.x, b.width), (b.y, b.height))
        )  # pyright: ignore[reportReturnType]  # two of them

    def _click(self, at: float, name: str) -> dict[str, Any]:
        x, y = self._spot(box(self.layout, name, self.device))
        position = {"element_chain": PAGES[self.layout][name].chain, "x": x, "y": y}
        self.touched.append((at, name))
        self.interactions.append((at, "click", position))
        if self.random.random() < 0.01:
            # One gesture, told twice: the label's click and its input's.
            self.interactions.append((at + 0.002, "click", {**position, "x": 0, "y": 0}))
        return position

    def _burst(self, name: str, count: int, pause: tuple[float, float]) -> list[tuple[float, dict[str, Any]]]:
        """Clicks at one place within 10 px, one right after the other."""
        b = box(self.layout, name, self.device)
        inner = Box(b.x + 5, b.y + 5, b.width - 10, b.height - 10)
        x, y = self._spot(inner)
        at = self.random.uniform(0.3, 0.7) * self.stay
        self.touched.append((at, name))
        result: list[tuple[float, dict[str, Any]]] = []
        for _ in range(count):
            near = {"x": x + self.random.randint(-3, 3), "y": y + self.random.randint(-3, 3)}
            result.append((at, {"element_chain": PAGES[self.layout][name].chain, **near}))
            at += self.random.uniform(*pause)
        self.interactions += [(at, "click", position) for at, position in result]
        self.stay = max(self.stay, at)
        return result

    def _scroll(self) -> int:
        """Two or three steps down, deeper for interested people and as far as what is clicked; returns the depth."""
        far = self.height - self.window[1]
        if far <= 0:
            return 0
        depth = int(self.random.betavariate(1.2 + 2 * self.person["appetite"], 2) * far)
        boxes = [box(self.layout, name, self.device) for _, name in self.touched]
        needed = max((b.y + b.height - self.window[1] for b in boxes), default=0)
        depth = max(depth, min(far, needed))
        steps = 3 if self.random.random() < self.person["appetite"] else 2
        parts = [(i + self.random.uniform(0.6, 1)) / steps for i in range(steps - 1)]
        for i, part in enumerate([*parts, 1]):
            self.interactions.append((self.stay * (0.1 + 0.1 * i), "scroll", {"scroll_y": int(depth * part)}))
        return depth

    def _point(self, depth: int) -> None:
        """The pointer on desktop: on what is clicked just before, and on other places that were in the window."""
        if self.device != "desktop":
            return
        moments = [(max(0.1, at - self.random.uniform(0.3, 1.5)), name) for at, name in self.touched]
        seen = [(name, w) for name, b, w in _positions(self.layout, self.device) if b.y < depth + self.window[1]]
        others = max(0, self.random.randint(3, 5) - len(moments))
        names = self.random.choices([n for n, _ in seen], [w for _, w in seen], k=others)
        moments += [(self.random.uniform(0.05, 0.95) * self.stay, name) for name in names]
        for at, name in moments:
            x, y = self._spot(box(self.layout, name, self.device))
            chain = chain_at(self.layout, self.device, x, y)
            self.interactions.append((at, "move", {"element_chain": chain, "x": x, "y": y}))
