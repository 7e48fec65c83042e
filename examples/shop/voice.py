"""What the demo shop's visitors are asked and say; drawn apart from their walks, so that asking changes nothing else.

The model:

- Eight of ten orders are followed by an NPS survey on the thanks page; half of these are answered, seven of ten answers
  with a comment. The score is 9.0 on the mean (deviation 1.6, cut to 0 to 10), and 2.4 less for whoever met friction in
  the session.
- Three of ten sessions that leave the cart or the checkout see an exit-intent survey; 22 % choose a reason, 55 % of
  these add a word, 40 % close it.
- One page view of a product in 25 has feedback by the widget: 4.1 of 5 on the mean, 1.5 less after friction, with a
  comment in seven of ten.
- A comment speaks of one or two topics. Who met friction speaks of it in seven of ten; else the topics are drawn by
  their weights. Three of ten comments are German.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

Event = dict[str, Any]
ASKED, ANSWERED, COMMENTED = 0.8, 0.5, 0.7
EXIT_ASKED, EXIT_ANSWERED, EXIT_CLOSED, EXIT_COMMENTED = 0.3, 0.22, 0.4, 0.55
WIDGET, WIDGET_COMMENTED = 0.04, 0.7
NPS_MEAN, NPS_SPREAD, NPS_HURT = 9.0, 1.6, 2.4
CSAT_MEAN, CSAT_SPREAD, CSAT_HURT = 4.1, 0.9, 1.5
SPEAKS_OF_FRICTION, GERMAN = 0.7, 0.3
NOTHING = 0.05
REASONS = (("just looking", 0.4), ("too expensive", 0.25), ("shipping costs", 0.2), ("problem with the page", 0.15))
# Topic: weight among the content, and what is said; {item} is drawn.
TOPICS: dict[str, tuple[float, tuple[str, ...], tuple[str, ...]]] = {
    "delivery": (
        0.2,
        ("Delivery took far too long.", "My {item} arrived two days late, the parcel was late again.", "Very fast delivery, arrived next day!",
         "The courier never rang and the parcel went back to the depot.", "Shipping was quick and well packed."),
        ("Die Lieferung hat viel zu lange gedauert.", "Sehr schnelle Lieferung, am nächsten Tag da!", "Das Paket kam zwei Tage zu spät."),
    ),
    "shipping_costs": (
        0.13,
        ("Shipping costs are too high for one {item}.", "Why is shipping not free? The shipping fee put me off.", "Paying for shipping is annoying."),
        ("Die Versandkosten sind zu hoch.", "Warum ist der Versand nicht kostenlos? Die Versandkosten schrecken ab."),
    ),
    "size": (
        0.17,
        ("The {item} runs small, order one size up.", "Size chart is confusing, I never know which size fits.", "The {item} fits perfectly, true to size."),
        ("Die Größe fällt klein aus.", "Die Größentabelle ist verwirrend.", "Die Größe passt perfekt."),
    ),
    "quality": (
        0.2,
        ("Lovely quality, the leather feels great.", "Great quality for the price, I love my new {item}.", "The quality is poor, a seam came apart after a week."),
        ("Tolle Qualität, das Leder ist wunderbar.", "Die Qualität ist super für den Preis."),
    ),
    "easy": (
        0.2,
        ("Easy to order, clear and simple checkout.", "Ordering was simple and quick, will buy again.", "Everything was easy to find."),
        ("Einfach zu bestellen, sehr übersichtlich.", "Bestellen ging einfach und schnell."),
    ),
    "returns": (
        0.1,
        ("Returning the {item} was a hassle, I still wait for my refund.", "Return label was missing in the box.", "The return was free and easy."),
        ("Die Rücksendung war umständlich.", "Das Rücksendeetikett fehlte im Karton."),
    ),
}  # fmt: skip
# What people were hurt by, and what they say of it.
FRICTION: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "picture": (
        ("I clicked the picture again and again and it did not get larger.", "The picture of the product does not open, please fix the zoom.",
         "The picture would not zoom, so I could not see the details."),
        ("Das Bild lässt sich nicht vergrößern.",),
    ),
    "paying": (
        ("The pay button did nothing, I had to try three times.", "Payment button broken on my phone, nothing happens."),
        ("Der Knopf zum Bezahlen geht auf dem Handy nicht.",),
    ),
}  # fmt: skip
ITEMS = ("coat", "bag", "hat", "pair of shoes")


class Voice:
    """What one session is asked and says: the survey's part of events, which the walk puts on a page."""

    def __init__(self, session: str, seed: int) -> None:
        self.random = Random(f"{seed}|{session}")
        self.session = session
        self.answers = 0

    def after_order(self, *, hurt_by: str | None) -> Iterator[Event]:
        """The NPS survey of the thanks page."""
        if self.random.random() >= ASKED:
            return
        shared = {"survey_id": "after_purchase", "survey_trigger": "after_purchase"}
        yield _event("survey_shown", **shared)
        if self.random.random() >= ANSWERED:
            return
        drawn = self.random.gauss(NPS_MEAN - (NPS_HURT if hurt_by else 0), NPS_SPREAD)
        shared["response_id"] = self._response()
        yield _event("survey_answered", question_id="recommend", score=min(10, max(0, round(drawn))), **shared)
        if self.random.random() < COMMENTED:
            yield _event("survey_answered", question_id="why", text=self._comment(hurt_by=hurt_by), **shared)

    def on_exit(self, *, hurt_by: str | None) -> Iterator[Event]:
        """The exit-intent survey of cart and checkout."""
        if self.random.random() >= EXIT_ASKED:
            return
        shared = {"survey_id": "exit", "survey_trigger": "exit_intent"}
        yield _event("survey_shown", **shared)
        drawn = self.random.random()
        if drawn < EXIT_CLOSED:
            yield _event("survey_dismissed", **shared)
        elif drawn < EXIT_CLOSED + EXIT_ANSWERED:
            shared["response_id"] = self._response()
            reason = self.random.choices([name for name, _ in REASONS], [weight for _, weight in REASONS])[0]
            yield _event("survey_answered", question_id="reason", choice=reason, **shared)
            if self.random.random() < EXIT_COMMENTED:
                yield _event("survey_answered", question_id="missing", text=self._comment(hurt_by=hurt_by), **shared)

    def by_widget(self, *, hurt_by: str | None) -> Iterator[Event]:
        """Feedback by the widget of a product page."""
        if self.random.random() >= WIDGET:
            return
        drawn = self.random.gauss(CSAT_MEAN - (CSAT_HURT if hurt_by else 0), CSAT_SPREAD)
        shared = {"survey_id": "widget", "survey_trigger": "widget", "response_id": self._response()}
        yield _event("survey_answered", question_id="page", score=min(5, max(1, round(drawn))), **shared)
        if self.random.random() < WIDGET_COMMENTED:
            yield _event("survey_answered", question_id="comment", text=self._comment(hurt_by=hurt_by), **shared)

    def _response(self) -> str:
        self.answers += 1
        return f"r{self.session[1:]}-{self.answers}"

    def _comment(self, *, hurt_by: str | None) -> str:
        if self.random.random() < NOTHING:
            return self.random.choice(("nothing", "-", "n/a", "No comment", "k.A."))
        is_german = self.random.random() < GERMAN
        names, weights = list(TOPICS), [weight for weight, _, _ in TOPICS.values()]
        chosen = list(dict.fromkeys(self.random.choices(names, weights, k=self.random.choice((1, 1, 2)))))
        stated = [
            self.random.choice(german if is_german else english)
            for _, english, german in map(TOPICS.__getitem__, chosen)
        ]
        if hurt_by and self.random.random() < SPEAKS_OF_FRICTION:
            stated[0] = self.random.choice(FRICTION[hurt_by][1 if is_german else 0])
        text = " ".join(stated).replace("{item}", self.random.choice(ITEMS))
        if self.random.random() < 0.02:  # a rate, as above
            text += " Call me at +49 30 901820 or write to anna@example.org, my name is Anna Berg."
        return text


def _event(kind: str, **fields: object) -> Event:
    return {"kind": kind, **fields}
