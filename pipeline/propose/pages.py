"""Pages, goals and what else a proposal says, from the events that the proposed source gives.

Of addresses only parts of paths that every shop and site has are written: any other part may be somebody's name.
"""

import re
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from pipeline.propose.kinds import is_common
from pipeline.propose.names import CURRENCIES, PERSONAL, word_set
from pipeline.propose.sample import Sample, is_safe_name, plain, words

_FIRST_PART = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?/([^/?#]*)(/[^/?#]+)?"
_HOME = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+)?/?(?:[?#]|$)"
_MOST_PAGES = 20
_PAGES = word_set("""
    about account app article articles b2b basket blog brand brands c careers cart catalog catalogue categories category
    checkout collection collections confirmation contact dashboard docs documentation download downloads faq features
    forum guides help home imprint jobs kasse kategorie kategorien konto kontakt login logout magazin merkliste news
    newsletter offers order orders p page panier paiement payment pricing privacy produit produits product products
    produkt produkte profile register resources sale search settings shop signin signup solutions stores suche support
    terms thanks thank-you thankyou warenkorb wishlist danke merci bestellung categorie recherche compte anmelden
    registrieren agb impressum datenschutz
    """)
_THANKS = ("thanks", "thank_you", "thankyou", "confirmation", "danke", "merci")
_GOALS = {"order": "purchase", "form_submit": "form_sent", "survey_answered": "answered"}
_SIGN_UP = re.compile(
    r"(sign(ed)? up|signup|register(ed)?|registration|registrierung|inscription|account created|created account)"
)
_MAJORITY = 0.5


def pages_of(events: pl.DataFrame) -> list[dict[str, Any]]:
    """Home, and a page for each usual first part of the events' paths, where they come; one that goes on has all below."""
    parts = events.select(
        first=pl.col("url").str.extract(_FIRST_PART, 1).str.to_lowercase(),
        more=pl.col("url").str.extract(_FIRST_PART, 2),
    ).filter(pl.col("first").is_in(sorted(_PAGES)))
    counts = parts.group_by("first").agg(n=pl.len(), deep=pl.col("more").is_not_null().any())
    result = counts.sort("n", "first", descending=[True, False]).head(_MOST_PAGES).rows()
    has_home = events["url"].str.contains(_HOME).any()
    pages: dict[str, dict[str, Any]] = {"home": {"name": "home", "urls": ["/"]}} if has_home else {}
    for first, _, is_deep in sorted(result):
        name = first.replace("-", "_")
        urls = [f"/{first}", f"/{first}/**"] if is_deep else [f"/{first}"]
        pages[name] = {"name": name, "urls": [*pages.get(name, {"urls": []})["urls"], *urls]}
    return list(pages.values())


def goals_of(events: pl.DataFrame, pages: list[dict[str, Any]]) -> dict[str, Any]:
    """What success may mean: orders, else what is like it."""
    kinds = {*events["kind"].drop_nulls()}
    goals: dict[str, Any] = {name: {"kind": kind} for kind, name in _GOALS.items() if kind in kinds}
    if "purchase" in goals:
        goals = {"purchase": goals["purchase"]}
    named = Counter(events.filter(pl.col("kind") == "custom")["name"].drop_nulls().to_list())
    signed = [name for name in named if is_common(name) and _SIGN_UP.fullmatch(words(name))]
    if signed:
        goals["sign_up"] = {"name": max(signed, key=lambda name: (named[name], name))}
    thanks = next((page["name"] for page in pages if page["name"] in _THANKS), None)
    if not goals and thanks is not None:
        goals["thanks"] = {"kind": "page_view", "page": thanks}
    return goals


def currencies_of(events: pl.DataFrame) -> list[str]:
    """The currencies of the sample, the most frequent first; those of orders and refunds where there are some."""
    sold = events.filter(pl.col("kind").is_in(("order", "refund")), pl.col("currency").is_not_null())
    chosen = sold if sold.height else events.filter(pl.col("currency").is_not_null())
    result = Counter(code for code in chosen["currency"].to_list() if code in CURRENCIES)
    return sorted(result, key=lambda code: (-result[code], code))


def zone_of(sample: Sample) -> tuple[str, str] | None:
    """The time zone that most records name, and the field that does."""
    known = available_timezones()
    for path in sample.paths:
        values = Counter(
            value for value in sample.values(path) if isinstance(value, str) and value in known and "/" in value
        )
        if values.total() > _MAJORITY * len(sample.rows):
            return ZoneInfo(max(values, key=lambda zone: (values[zone], zone))).key, path
    return None


def personal_fields(sample: Sample) -> list[str]:
    """Names of fields that tell who somebody is and what no figure needs."""
    last = (path.rsplit(".", 1)[-1] for path in sample.paths)
    return sorted({name for name in last if plain(name) in PERSONAL and is_safe_name(name)})
