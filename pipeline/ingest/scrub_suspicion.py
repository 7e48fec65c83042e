"""Which texts of a column are looked at at all: one regular expression for Rust's engine, linear and fast.

It fits whatever scrub.py would change, and a little more: a test holds both together.
"""

import re

from pipeline.ingest.scrub_keys import MARKS
from pipeline.ingest.scrub_names import words_of
from pipeline.ingest.scrub_numbers import IBAN, IPS, PHONE, SEPARATOR

# A sign as it is or escaped, however often.
_ESCAPED = "(?:%(?:25)*{}|\\\\+u00{})"
_EQUALS = f"\\s*(?:=|{_ESCAPED.format('3D', '3D')})"
_QUOTE = f"(?:[\"']|{_ESCAPED.format('2[27]', '2[27]')})"
_COLON = f"\\s*(?::|{_ESCAPED.format('3A', '3A')})"
_BRACKET = f"(?:[]\\[_.$ -]|{_ESCAPED.format('5[BD]', '5[BD]')})"
# Ends of names that scrub_names.py knows.
_HEADS = words_of(
    "pass pwd passwd password passwort passphrase passcode kennwort contrasena motdepasse secret token jwt apikey key code "
    "authorization auth credential otp totp cookie csrf xsrf nonce session sessid sid sessionid jsessionid phpsessid aspxauth "
    "card cc pin ccnum ccno cvv cvc cvn ccv iban account routing ssn security nationalid taxid passport licen[cs]e connectsid sig "
    "signature saml.?response saml.?request mail user hint login surname nachname vorname fname lname birth.?da(?:te|y) date.?of.?birth "
    "dob geburtsdatum holder on.?card session.?id sort.?code national.?id tax.?id connect.?sid ip ipv addr address "
    "forwarded.?for phone tel telephone telefon mobile cell fax msisdn whatsapp handynummer"
)
_NAMES = "(?:first|last|sur|full|given|family|middle|maiden|real|user|login|vor|nach|holder|card)[_. -]?name"
_TAILS = (
    "(?:s|ies|\\d|numbers?|no|nr|num|value|val|field|input|str|string|raw|plain|confirm\\w{0,6}|repeat|again|new|old|current|data|info"
    "|txt)"
)
_NAMED = f"(?i:(?:{'|'.join(sorted(_HEADS))}|{_NAMES})(?:{_TAILS}|{_BRACKET})*(?:{_EQUALS}|\\\\*{_QUOTE}{_COLON}))"
_DIGIT_APART = f"(?:{SEPARATOR}|%(?:25)*(?:2[0BDEF]|C2%(?:25)*A0|E2%(?:25)*80%(?:25)*(?:9[0-4]|AF|89)))"
_CARD = f"[2-689](?:{_DIGIT_APART}{{0,3}}\\d){{12}}"
# No address has its letters and digits escaped, but to hide them.
_HIDDEN = _ESCAPED.format("(?:3\\d|[46][1-9A-Fa-f]|[57][0-9Aa])", "(?:[3-7][0-9A-Fa-f]|2[0-9A-Fa-f])")
_HEADERS = "(?i:authorization|cookie:|x-api-key|x-auth-token)"
SUSPICIOUS = "|".join(
    (f"@|{_ESCAPED.format('40', '40')}", _NAMED, _CARD, IBAN, IPS, _HIDDEN, _HEADERS, *map(re.escape, MARKS))
)
SUSPICIOUS_WORDS = f"{SUSPICIOUS}|{PHONE}"
