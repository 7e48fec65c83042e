"""What a field's name says of its value, by the words it is made of (docs/design.md, "Security").

A name is cut into words at capitals, digits and signs, with the names around it in front (`card: {number: 1}` is
`card number`). As in any English compound its last word tells what it is: a `reset_token` is a token, a `token_count`
a count. `number`, `value`, `confirmation` and the like are passed over at the end; `accesstoken` is read as two words.

| kind | names | in addresses | in properties and JSON |
| --- | --- | --- | --- |
| secret | password, token, secret, apikey, jwt, otp, cvv, iban, ssn, cookie, card number; `x code`, `x key` of `_OPENING` | any value | the entry is dropped |
| ip | ip, client ip, x-forwarded-for | any value | the entry is dropped |
| personal | email, username, first name, birth date, card holder | any value | texts are replaced |
| reachable | phone, tel, mobile, fax | of 5 digits or more | of 5 digits or more |
| doubtful | code, key, pass, pin, card, cc, user, session, sid, auth, sig, alone or with `_OWNERS` | sid, session, pass, auth, sig any; others longer than 3 | see below |

Doubtful names in properties: `pass` where it is a text and no result, `pin` of 4 to 12 digits, `card` and `cc` of 8 digits
or more, `code`, `key`, `session`, `auth`, `sig` where the value looks drawn by lot; `user` and `sid` stay. So an
error's `code: E404`, a pressed `key: Enter`, a promotion's `code: SPRING20` stay, and whatever has another word in front:
error_code, country_code, product_code, promo_code, page_key, public_key, design-token, max_tokens. Words that aren't in
the table stay whatever they hold inside: keyword, tokenizer, author, barcode, zipcode, compass, session_count, phone_model.
Flags (true, no, 0, empty, null) and placeholders (`{token}`, `[email]`, `***`) are never secret.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Literal


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


Kind = Literal["", "secret", "ip", "personal", "reachable", "doubtful"]
_SECRET = words_of(
    "password passwd passwort pwd passphrase passcode kennwort contrasena motdepasse secret token jwt apikey authorization "
    "credential otp totp cookie csrf xsrf nonce sessid jsessionid phpsessid aspxauth creditcard debitcard bankcard "
    "cardnumber cardno cardnum ccnumber ccno ccnum pannumber cvv cvc cvn ccv cardcvv cardcvc iban bankaccount routingnumber "
    "sortcode ssn socialsecurity socialsecuritynumber nationalid taxid passport passportnumber driverlicense "
    "driverslicense userpin cardpin connectsid samlresponse samlrequest"
)
_IPS = words_of(
    "ip ipaddress ipaddr ipv ipvaddress remoteaddr remoteaddress forwardedfor xforwardedfor xrealip clientip userip "
    "remoteip requestip sourceip cfconnectingip trueclientip contextip initialip useripaddress"
)
_PERSONAL = words_of(
    "email mail emailaddress mailaddress username loginname loginhint userlogin firstname lastname surname fullname "
    "givenname familyname middlename maidenname realname vorname nachname birthdate birthday dob dateofbirth "
    "geburtsdatum birthdaydate cardholder cardholdername nameoncard fname lname"
)
_REACHABLE = words_of("phone tel telephone telefon mobile cell cellphone mobilephone fax msisdn whatsapp handynummer")
_DOUBTFUL = words_of("code key pass pin card cc user session sessionid sid auth sig signature")
# What opens something: a code or key with one of these words in front.
_OPENING = {
    "code": words_of(
        "auth authorization authentication verification verify verifier confirmation activation access security reset "
        "login signin sms otp mfa tfa fa factor recovery backup pass pin time magic unlock invite invitation password"
    ),
    "key": words_of(
        "api access secret private signing encryption master license licence shared auth ssh session service stripe aws "
        "webhook admin deploy consumer subscription storage"
    ),
}
_HARMLESS_TOKENS = words_of(
    "design theme color colour style css spacing font max min total prompt completion word num syntax"
)
# Words at the end that don't change what a name is, and whose something is.
_TAILS = words_of(
    "number no nr num value val field input str string raw plain confirmation confirm confirmed repeat again new old "
    "current data info txt"
)
_OWNERS = words_of(
    "user customer member account my your new old current login signin form input field value data body param query "
    "payment billing checkout confirm property trait record request x amz goog"
)
# Ends of words written as one.
_ENDS = ("password", "passwd", "passwort", "token", "secret", "number", "apikey", "code", "key", "card", "pass", "name")
_NO_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIGNS = re.compile(r"[\W\d_]+")
_FLAGS = words_of("true false yes no on off 0 1 null none nil undefined nan") | {""}
_PLACEHOLDER = re.compile(r"\[[a-z]+\]|\{.*\}|%7B.*%7D|<[^<>]*>|[*\u2022]+", re.IGNORECASE | re.DOTALL)
_RESULTS = words_of("passed failed fail ok pass skipped")
_NO_SIGN = re.compile(r"[A-Za-z0-9_.~+/=-]{16,}")
_ENOUGH = 5
# Of these a short value is a number or a word: a status code, a key on the keyboard.
_ALSO_SHORT = words_of("code key card cc user pin")
_SHORT = 3


@lru_cache(maxsize=16_384)
def kind_of(name: str, around: str = "") -> Kind:
    """What a value of that name is; `around` is the name of what holds it. '' for nothing of a person's."""
    words = [*_words(around), *_words(name)] if _words(name) else []
    while words:
        head, before = words[-1], words[:-1]
        result = _known(words)
        if result:
            return "" if head == "token" and _HARMLESS_TOKENS & {*before} else result
        if before and before[-1] in _OPENING.get(head, ()):
            return "secret"
        if head not in _TAILS:
            break
        words = before
    own = [word for word in words if word not in _OWNERS or word == words[-1]]
    return "doubtful" if words and ("".join(own[-2:]) in _DOUBTFUL and len(own) <= 2) else ""  # noqa: PLR2004


def is_secret(name: str, value: str, *, in_address: bool, around: str = "") -> bool:
    """Whether that value of that name may not be kept."""
    kind = kind_of(name, around)
    stated = value.strip()
    if not kind or stated.lower() in _FLAGS or _PLACEHOLDER.fullmatch(stated):
        return False
    if kind == "reachable":
        return sum(map(str.isdigit, stated)) >= _ENOUGH
    if kind != "doubtful":
        return True
    head = head_of(name)
    if in_address:
        return len(stated) > _SHORT or head not in _ALSO_SHORT
    return _is_told(head, stated)


def is_counted(name: str) -> bool:
    """Whether numbers of that name are counts: tokens are texts."""
    return head_of(name) == "token"


@lru_cache(maxsize=4_096)
def head_of(name: str) -> str:
    """The word that says what a name is."""
    words = [word for word in _words(name) if word not in _TAILS]
    return words[-1] if words else ""


def _known(words: list[str]) -> Kind:
    for number in (4, 3, 2, 1):
        joined = "".join(words[-number:])
        if joined in _SECRET:
            return "secret"
        if joined in _PERSONAL:
            return "personal"
        if joined in _REACHABLE:
            return "reachable"
        if joined in _IPS:
            return "ip"
    return ""


def _is_told(head: str, value: str) -> bool:
    """Whether a property of a doubtful name holds a secret."""
    digits = sum(map(str.isdigit, value))
    if head == "pass":
        return value.lower() not in _RESULTS and not value.isdigit()
    if head == "pin":
        return value.isdigit() and 4 <= digits <= 12  # noqa: PLR2004  # ISO 9564
    if head in ("card", "cc"):
        return digits >= 8 and not re.search("[A-Za-z]", value)  # noqa: PLR2004  # the shortest card number
    return head in ("code", "key", "session", "auth", "sig", "signature") and _is_drawn(value)


def _is_drawn(value: str) -> bool:
    """Whether a value looks drawn by lot: letters and digits in no order, as no word or number is."""
    if not _NO_SIGN.fullmatch(value):
        return False
    kinds = ["0" if char.isdigit() else "a" if char.islower() else "A" if char.isupper() else "" for char in value]
    changes = sum(a != b and bool(a and b) for a, b in pairwise(kinds))
    return any(map(str.isdigit, value)) and changes * 4 >= len(value)


@lru_cache(maxsize=16_384)
def _words(name: str) -> tuple[str, ...]:
    result: list[str] = []
    for part in _SIGNS.split(_NO_CAPITAL.sub(" ", name[:256])):
        word = part.lower()
        if not word:
            continue
        if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):  # noqa: PLR2004  # one or several
            word = f"{word[:-3]}y" if word.endswith("ies") else word[:-1]
        end = next((end for end in _ENDS if word.endswith(end) and word != end), "")
        result += [word.removesuffix(end), end] if end else [word]
    return tuple(result)
