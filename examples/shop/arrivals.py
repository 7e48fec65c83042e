"""How people come to the demo shop, and which variant of the experiment they see; drawn apart from the walks.

- A session's channel: 34 % by search, 28 % direct, 12 % social, 11 % paid (utm_medium=cpc), 9 % by newsletter, 6 % from a
  magazine. It changes nothing of what people do.
- From 2026-10-05 on a product view shows half of all people, by person, a note on free shipping in the buy box
  (`shipping_note`): they have 1.35 times the chance to add to the cart in that view. A session tells of it once.
"""

from datetime import date
from random import Random

EXPERIMENT, EXPERIMENT_FROM = "shipping_note", date(2026, 10, 5)
CONTROL, TREATMENT = "control", "note"
NOTE_EFFECT = 1.35
# Channel: its share, the referrer, what is added to the address.
CHANNELS: dict[str, tuple[float, str | None, str]] = {
    "search": (0.34, "https://www.google.de/", ""),
    "direct": (0.28, None, ""),
    "social": (0.12, "https://l.instagram.com/", ""),
    "paid": (0.11, "https://www.google.de/", "?utm_source=google&utm_medium=cpc&utm_campaign=autumn"),
    "email": (0.09, None, "?utm_source=newsletter&utm_medium=email&utm_campaign=week"),
    "referral": (0.06, "https://magazine.example/bags-of-the-year", ""),
}


def arrival(session: str, seed: int) -> tuple[str | None, str]:
    """Referrer of a session's first page view, and what its address has added."""
    drawn = Random(f"{seed}-arrival-{session}")
    shares = [share for share, _, _ in CHANNELS.values()]
    _, referrer, suffix = drawn.choices(list(CHANNELS.values()), shares)[0]
    return referrer, suffix


def variant_of(number: int, seed: int) -> str:
    """The variant that a person sees, always the same one."""
    return Random(f"{seed}-variant-{number}").choice((CONTROL, TREATMENT))
