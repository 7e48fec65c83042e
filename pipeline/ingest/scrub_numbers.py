"""Numbers that are somebody's: payment cards, IBANs, telephone numbers and IP addresses, found in texts.

Sources: ISO/IEC 7812 (issuers, check digit), ISO 13616 with SWIFT's registry (lengths of IBANs), phonenumbers
(Google's libphonenumber), RFC 4291. Each finder gives (begin, end, what stands there instead).
"""

import ipaddress
import re
from collections.abc import Iterator

import phonenumbers

Span = tuple[int, int, str]

# What stands between the groups of a number.
SEPARATOR = r"[ .+/\u00a0\u2009\u202f\u2010-\u2014-]"
# Enough digits for the shortest card; one digit of its issuer first, as clocks and counters are as long.
CARD = rf"[2-689](?:{SEPARATOR}{{0,3}}\d){{12}}"
_RUN = re.compile(rf"\d(?:{SEPARATOR}{{0,3}}\d){{12,}}", re.ASCII)
_ISSUERS = re.compile(
    r"4(?:\d{18}|\d{15}|\d{12})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}(?:\d{3})?|3(?:0[0-5]\d|095|[689]\d\d)\d{10}|35(?:2[89]|[3-8]\d)\d{12}(?:\d{3})?"
    r"|62\d{14}(?:\d{1,3})?|220[0-4]\d{12}(?:\d{1,3})?|8[12]\d{14}|9792\d{12}"
    r"|(?:50(?:18|20|38)|5893|6304|6759|676[1-3])\d{12}(?:\d{1,3})?"
)
_GROUPS = frozenset([(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 4, 5), (6, 13), (8, 8)])
_EVEN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 "
    "FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 "
    "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_LENGTHS = {each[:2]: int(each[2:]) for each in _REGISTRY.split()}
IBAN = rf"(?i:(?:^|[^a-z0-9])(?:{'|'.join(_LENGTHS)})\d\d(?:[ .\u00a0-]?[a-z0-9]){{11}})"
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d\d(?:[ .\u00a0-]?[A-Z0-9]){11,32}", re.IGNORECASE | re.ASCII)
IPS = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){3}|[0-9A-Fa-f]{4}:[0-9A-Fa-f:]{0,32}:"
_V4 = re.compile(r"(?<![\w.%-])(?<!\d[:-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)", re.ASCII)
_V6 = re.compile(
    r"(?<![\w:.])[0-9a-f]{1,4}:[0-9a-f:]{2,35}(?:(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])", re.IGNORECASE | re.ASCII
)
# A version or a chapter looks alike, and the host of an address is the site's.
_NO_VISITOR = re.compile(
    r"(?:://|\b(?:v|ver|version|release|build|firmware|driver|rv|section|chapter|clause|kapitel|abschnitt|table|figure)"
    r"[ .:=/#-]{0,2}|[A-Za-z]/|[<>~^=]=|[§~^@])\Z",
    re.IGNORECASE,
)
# Of an IPv4 address; an IPv6 address has two colons at least.
_DOTS = 3
_NOBODY = re.compile(r"127\.|0\.0\.0\.0|255\.255\.|\d+\.0\.0\.0")
# Texts with a telephone number in them have one of these: with the country's code, in brackets, in groups.
PHONE = (
    r"(?:\+|\b00)[1-9][\d ().\u00a0/-]{6,24}\d|\(0?\d{2,5}\)[ .\u00a0/-]{0,2}\d[\d .\u00a0/-]{4,16}\d"
    r"|\b0\d{1,5}[ /\u00a0-]\d[\d \u00a0/-]{3,16}\d|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b"
)
_PHONE = re.compile(PHONE, re.ASCII)
_SIGNS_OF_IDS = frozenset("-_/.=#")
# Where numbers without a country's code are looked for.
_REGIONS = ("GB", "US", "DE", "FR", "AT", "CH", "NL", "BE")


def cards(text: str) -> Iterator[Span]:
    """Card numbers of 13 to 19 digits that an issuer gives and whose check digit fits, in one run or in groups."""
    for result in _RUN.finditer(text):
        run, offset = result[0], result.start()
        positions = [i for i, char in enumerate(run) if char.isdigit()]
        digits = "".join(run[i] for i in positions)
        at = 0
        while at < len(digits):
            card = _ISSUERS.match(digits, at)
            # The first of several lengths that fits: alternatives are tried from the longest on.
            ends = _ends(digits, at) if card else ()
            end = next(
                (end for end in ends if _is_card(text, offset, positions, at, end) and luhn(digits[at:end])), None
            )
            if end is None:
                at += 1
                continue
            yield offset + positions[at], offset + positions[end - 1] + 1, "[card]"
            at = end


def _ends(digits: str, at: int) -> Iterator[int]:
    for size in range(min(19, len(digits) - at), 12, -1):
        if _ISSUERS.fullmatch(digits, at, at + size):
            yield at + size


def _is_card(text: str, offset: int, positions: list[int], begin: int, end: int) -> bool:
    """Whether these digits of a run stand for themselves: no part of a longer number or fraction, in groups as cards are."""
    first, last = offset + positions[begin], offset + positions[end - 1]
    if (begin and positions[begin - 1] + 1 == positions[begin]) or (
        end < len(positions) and positions[end - 1] + 1 == positions[end]
    ):
        return False
    if first and text[first - 1] == "." and text[first - 2 : first - 1].isdigit():
        return False
    gaps = [
        text[offset + a + 1 : offset + b]
        for a, b in zip(positions[begin : end - 1], positions[begin + 1 : end], strict=True)
    ]
    if not any(gaps):
        return last + 1 == len(text) or not re.match(r"\.\d", text[last + 1 : last + 3].removesuffix(".0"))
    sizes, size = list[int](), 1
    for gap in gaps:
        if gap:
            sizes.append(size)
        size = 1 if gap else size + 1
    groups = (*sizes, size)
    is_even = len({gap for gap in gaps if gap}) == 1 and not {*"".join(gaps)} & {".", "/"}
    # Digit by digit only where nothing else is counted.
    is_spelled = {*groups} == {1} and len(groups) == len(positions)
    return groups in _GROUPS or (is_even and (min(groups) > 1 or is_spelled))


def luhn(digits: str) -> bool:
    """Whether the check digit fits (ISO/IEC 7812): every second digit from the right doubled, the sum divisible by ten."""
    return sum(_EVEN_DOUBLED[int(d)] if i % 2 else int(d) for i, d in enumerate(reversed(digits))) % 10 == 0


def is_card_number(digits: str) -> bool:
    """Whether digits are the number of a card and nothing else."""
    return bool(_ISSUERS.fullmatch(digits)) and luhn(digits)


def ibans(text: str) -> Iterator[Span]:
    """IBANs of their country's length whose check digits fit: moved to the end, letters as numbers, 1 modulo 97."""
    for result in _IBAN.finditer(text):
        stated, length = result[0], _LENGTHS.get(result[0][:2].upper())
        positions = [i for i, char in enumerate(stated) if char.isalnum()][:length]
        plain = "".join(stated[i] for i in positions).upper()
        number = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
        end = result.start() + positions[-1] + 1
        is_whole = not text[end : end + 1].isalnum() or not text[end : end + 1].isascii()
        if len(plain) == length and is_whole and int(number) % 97 == 1:
            yield result.start(), end, "[iban]"


def ips(text: str) -> Iterator[Span]:
    """IP addresses; not the host of an address, a version, or what names no machine of anybody."""
    for result in _V4.finditer(text) if text.count(".") >= _DOTS else ():
        if (
            _valid(result[0])
            and not _NOBODY.match(result[0])
            and not _NO_VISITOR.search(text, max(0, result.start() - 12), result.start())
        ):
            yield result.start(), result.end(), "[ip]"
    for result in _V6.finditer(text) if text.count(":") >= _DOTS - 1 else ():
        groups = result[0].split(":")
        # Two colons stand in code too.
        is_reported = len(groups[0]) == 4 or ("::" not in result[0] and len(groups) == 8)  # noqa: PLR2004  # RFC 4291
        if is_reported and _valid(result[0]):
            yield result.start(), result.end(), "[ip]"


def _valid(stated: str) -> bool:
    try:
        ipaddress.ip_address(stated)
    except ValueError:
        return False
    return True


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers that are valid; without a country's code in one of the regions, written in groups."""
    for stated in _PHONE.finditer(text):
        before = text[max(0, stated.start() - 1) : stated.start()]
        # What goes on in front is an id.
        if before.isalnum() or before in _SIGNS_OF_IDS:
            continue
        for region in _REGIONS:
            result = next(iter(phonenumbers.PhoneNumberMatcher(stated[0], region)), None)
            if result:
                yield stated.start() + result.start, stated.start() + result.end, "[phone]"
                break
