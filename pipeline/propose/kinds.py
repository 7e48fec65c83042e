"""Which values of a sample are which kinds of events, and which of them may be written into a product file.

A product file is passed around and checked in, so no value of the sample gets there but names of events: those made of
words that every tracking plan knows, or that came several times and look like no id, address, name or sentence.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.ingest.sources.fields import text
from pipeline.propose.names import word_set
from pipeline.propose.sample import words

MOST_KINDS = 50
SEVERAL_TIMES = 3
_MOST_WORDS = 4
_DONE = r"completed?|placed?|paid|made|created|finished|done|confirmed|success\w*|succe\w+"
# By the words of a value, the surest first: border_click is a click, and a refunded order a refund. A kind is found
# anywhere in the words, or (`whole`) only where they are nothing else: a page is a page view, a landing page is none.
_ANYWHERE: dict[str, str] = {
    "refund": r"refund(ed|s)?|chargeback|order (returned|cancell?ed)|storno|storniert|erstattung|erstattet|retoure|rembours\w+",
    "page_view": r"page ?view(s|ed)?|view(ed)? (a |the )?(\w+ )?(page|screen)|loaded (a |the )?page|screen ?view(s|ed)?"
    r"|seiten ?(aufruf\w*|ansicht\w*)|seite (aufgerufen|angesehen)|pages? vues?|vues? (de )?pages?|page (impression|load)s?",
    "order": rf"(order|purchase|checkout|payment|transaction|sale) ({_DONE})|({_DONE}) (an? |the )?(order|purchase|checkout)"
    r"|purchased|bought|bestell(ung|t)|gekauft|bezahlt|commande|achat|paiement (valide|accepte)",
    "click": r"click(s|ed)?|tap(s|ped)?|klick(s|t)?|geklickt|clics?|cliqu\w+",
    "identify": r"identify|identified|log(ged)? ?in|sign(ed)? ?in|angemeldet|anmeldung|connexion",
    "reset": r"log(ged)? ?out|sign(ed)? ?out|abgemeldet|abmeldung|deconnexion",
    "form_submit": r"submit(ted|s)?|abgeschickt",
    "error": r"errors?|exceptions?|fehler|erreur",
    "survey_answered": r"survey (answered|sent|completed|submitted)|feedback|nps",
}
_WHOLE: dict[str, str] = {
    "page_view": r"pages?|screens?|visits?|views?|besuche?|seiten?|hits?|visites?|consultations?|pv|aufrufe?",
    "order": r"orders?|purchases?|transactions?|sales?|kauf|kaeufe|auftrag|ventes?|checkout|buy",
    "survey_answered": r"surveys?|umfragen?|rating|bewertung|enquete",
}
# Words of names of events; what is made of them tells nothing about anybody.
_COMMON = word_set("""
    a account action activated add added all an and app application apply article ask auth back banner basket begin book
    browse button buy by call cancel cancelled card cart cash category change changed chat check checkout choose clear
    click clicked close closed code collection complete completed confirm confirmed connect contact content coupon
    create created custom customer dashboard data delete deleted details dismissed document done download downloaded edit
    element email end ended enter entered error event exit experiment export fail failed favorite feature feedback field
    file filter find finish finished first follow form forward from goal help hide home hover identify image import in
    info input install installed invite invited item items join joined landing language lead leave left link list load
    loaded location log logged login logout mail map media menu message mobile modal move navigation new next note
    notification of off offer on open opened option order ordered orders out page pageview pages paid password pause
    payment photo picture place placed plan play played popup post premium press preview price print product products
    profile promo purchase purchased quantity question quit rate rated read recommendation refund refunded register
    registered registration remove removed report request reset result results return returned review save saved scroll
    scrolled search searched section select selected send sent session set settings share shared shipping shop show shown
    sign signed signup site start started step stop store submit submitted subscribe subscribed subscription success
    support survey swipe tab tap tapped test the time to toggle track transaction trial tutorial type unsubscribe update
    updated upgrade upgraded upload uploaded url use used user variant video view viewed views visit visited voucher
    watch web widget wishlist with zoom
    abgeschickt abgemeldet angemeldet angesehen ansicht anmeldung abmeldung aufgerufen aufruf artikel auftrag besuch
    bestellung bestellt bewertung bezahlt entfernt erstattung fehler formular gekauft gesucht gesendet hinzugefuegt in
    kasse kauf klick klicken korb neu produkt registrierung retoure seite seiten seitenansicht seitenaufruf seitenaufrufe
    storno suche umfrage warenkorb zahlung zur
    achat ajout ajoute au clic commande compte connexion consultation de deconnexion du enquete erreur formulaire
    inscription paiement panier produit recherche remboursement valide validee visite vente vue vues
    """)
_LOOKS_LIKE_A_NAME_OF_EVENTS = re.compile(r"[$\[]?[^\W\d_](?:[\w $:./\]-]){0,39}")
_ID = re.compile(r"\d{3}|[0-9a-f]{8}", re.IGNORECASE)


def kind_of(value: str) -> str:
    """The kind of event that a value means by its words; `custom` where none is known."""
    stated = words(value)
    result = next((kind for kind, pattern in _ANYWHERE.items() if re.search(rf"\b(?:{pattern})\b", stated)), None)
    return result or next((kind for kind, pattern in _WHOLE.items() if re.fullmatch(pattern, stated)), "custom")


def counted(values: Sequence[Any]) -> Counter[str]:
    """How often each text comes."""
    return Counter(result for value in values if not isinstance(value, list | dict) and (result := text(value)))


def known_kinds(result: Counter[str]) -> dict[str, str]:
    """Each value that means a kind of event and may be written down, with the kind."""
    known = {value: kind for value in sorted(result) if (kind := kind_of(value)) != "custom"}
    writable = [value for value in known if may_be_written(value, result[value])]
    return {value: known[value] for value in sorted(writable, key=lambda value: (-result[value], value))[:MOST_KINDS]}


def is_common(value: str) -> bool:
    """Whether a value is made of words alone that every tracking plan knows."""
    parts = words(value).split()
    return 0 < len(parts) <= _MOST_WORDS and all(part in _COMMON or kind_of(part) != "custom" for part in parts)


def may_be_written(value: str, times: int) -> bool:
    """Whether a value may stand in a product file."""
    if is_common(value) and not _ID.search(value):
        return True
    fits = _LOOKS_LIKE_A_NAME_OF_EVENTS.fullmatch(value) is not None and len(words(value).split()) <= _MOST_WORDS
    return times >= SEVERAL_TIMES and fits and not _ID.search(value)
