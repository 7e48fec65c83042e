"""What happens in the demo shop's 120 days beside its everyday life, each with its dates; docs/demo.md tells what the report says of it.

- From 13 July to 9 August an experiment (`countdown`): half of all people see a timer in the buy box, and have 0.55 times the
  chance to add to the cart in that view. It is taken away again.
- On 19 August the export tool cuts seven of ten lines of one of its two files: the day is held back.
- A third of the sessions of 24 August are delivered on 26 August, when numbers of that day are published: they are restated.
- From 17 August to 13 September the cart's button to the checkout fails in 35 % of cart views on mobile and tablet; 7 of 10 who meet
  that leave. It is fixed on 14 September.
- 31 August brings a new payment form, whose button fails for one in five on mobile (`interactions.py`).
- On 15 September the payment provider is down from noon to eight in the evening: nobody can pay.
- 5 October: the note on free shipping (`arrivals.py`). 12 October: the redesign of the product page (`interactions.py`).

The last 28 days alone (`--days 28`) have what begins before them, and the two of October.
"""

from datetime import date, datetime
from random import Random
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
COUNTDOWN, COUNTDOWN_FROM, COUNTDOWN_TO = "countdown", date(2026, 7, 13), date(2026, 8, 9)
COUNTDOWN_EFFECT = 0.55
TIMER = "timer"
LATE_DAY, DELIVERED, LATE_SHARE = date(2026, 8, 24), date(2026, 8, 26), 1 / 3
BROKEN_EXPORT, CUT_SHARE = date(2026, 8, 19), 0.7
CART_FAULT, CART_FIX, CART_FAILS, LEAVES_CART = date(2026, 8, 17), date(2026, 9, 14), 0.35, 0.7
CART_ERROR = "TypeError: cart is null at cart.js:44"
PAYMENT_FORM = date(2026, 8, 31)
OUTAGE, OUTAGE_HOURS = date(2026, 9, 15), range(12, 20)
OUTAGE_ERROR = "PaymentError: provider not available (503)"
ORDERS_IN_OUTAGE = 0.0


def countdown_of(number: int, seed: int) -> str:
    """The variant of the countdown that a person sees, always the same one."""
    return Random(f"{seed}-countdown-{number}").choice(("control", TIMER))


def is_late(session: str, day: date, seed: int) -> bool:
    """Whether a session's events are delivered when numbers of the day are published."""
    return day == LATE_DAY and Random(f"{seed}-late-{session}").random() < LATE_SHARE


def is_out(at: datetime) -> bool:
    """Whether nobody can pay at that time."""
    local = at.astimezone(ZONE)
    return local.date() == OUTAGE and local.hour in OUTAGE_HOURS
