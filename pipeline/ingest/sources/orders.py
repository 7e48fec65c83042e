"""An order counts once however often its device sends it, for sources of `orders: once_per_order_id`."""

from pipeline.ingest.sources.fields import Fields, derived_id

# What a shop that knows no number sends as one.
_NO_NUMBER = frozenset({"", "(not set)", "not set", "undefined", "null", "none", "nan", "nil", "unknown", "0", "-1"})


def id_of_order(event: Fields) -> str | None:
    """The id of an order that a device may repeat, as by a page that is loaded anew; None of any other event."""
    number = event.get("order_id")
    if event.get("kind") != "order" or not isinstance(number, str) or number.strip().lower() in _NO_NUMBER:
        return None
    return derived_id("order", event.get("anonymous_id") or event.get("user_id"), number.strip())
