"""Which field of a sample is which canonical column, by names and, where these say nothing, by what the values are."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.ingest.sources.fields import number, peek, text
from pipeline.propose.amounts import Money, currency_rule, money
from pipeline.propose.kinds import MOST_KINDS, counted, kind_of, known_kinds
from pipeline.propose.names import DEVICE_WORDS, ID_WORDS, NAMES, TIME_WORDS, USER_WORDS
from pipeline.propose.sample import EMAIL, SURE_SHARE, Sample, called, plain, share, words
from pipeline.propose.times import TimeFormat, time_format, times_of

# At-least-once delivery repeats a few events; what repeats more is no id of events.
MOST_REPEATED = 0.05
_LONGEST_ID = 128
_COMING_AGAIN = 0.8
_MOST_WORDS_OF_AN_ID = 3
_OF_OTHERS = frozenset(
    {"order", "bestell", "auftrag", "commande", "product", "item", "page", "campaign", "survey", "question"}
)
_FEW = 20
_BIRTH = re.compile(r"birth|geburt|naissance|dob|expir|valid|ablauf")
_RANDOM_ID = re.compile(
    r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{16,64}|[0-9A-HJKMNP-TV-Z]{26}", re.IGNORECASE
)
_ADDRESS = re.compile(r"(?:https?://|android-app://|/)\S*", re.IGNORECASE)
_WEAK_KINDS = ("action", "type", "typ", "name", "aktion", "vorgang")
_NUMBERS = ("x", "y", "score")
_IDS = ("anonymous_id", "user_id", "session_id", "order_id")


@dataclass
class Columns:
    """What was found: `rules` as a mapping's columns, the fields used, how times and money are written, what to say."""

    sample: Sample
    rules: dict[str, Any] = field(default_factory=dict[str, Any])
    taken: set[str] = field(default_factory=set[str])
    time: TimeFormat | None = None
    money: Money = field(default_factory=Money)
    notes: list[str] = field(default_factory=list[str])

    def give(self, column: str, path: str, rule: Any = None) -> None:  # noqa: ANN401  # a rule in short or at length
        """Fill a column from the field `path`."""
        self.rules[column] = path if rule is None else rule
        self.taken.add(path)

    def free(self, column: str) -> Iterator[str]:
        """Fields that bear a name of the column and are not used yet."""
        return (path for path in called(self.sample.paths, NAMES[column]) if path not in self.taken)

    def rest(self) -> list[str]:
        """Fields that are not used yet."""
        return [path for path in self.sample.paths if path not in self.taken]


def find_columns(sample: Sample) -> Columns:
    """Find the columns of a mapping; without `occurred_at` there are no events in the sample."""
    result = Columns(sample)
    for step in (_times, _ids, _kind, _event_id, _amounts, _others):
        step(result)
    return result


def _times(result: Columns) -> None:
    named = [*result.free("occurred_at")]
    hinted = [path for path in result.rest() if TIME_WORDS & {*words(path).split()} and not _BIRTH.search(plain(path))]
    others = [path for path in result.rest() if not _BIRTH.search(plain(path))]
    known: dict[str, TimeFormat] = {}
    for path in dict.fromkeys([*named, *hinted, *others]):
        form = time_format(result.sample.values(path))
        # A number is a time only where a name says so: order numbers and telephone numbers look alike.
        is_named = path in named or path in hinted
        if form is not None and (is_named or not form.formats[0].startswith("epoch")):
            known[path] = form
            if is_named and form.tells_clock:
                break
    if not known:
        return
    # A day with its time tells more than a day alone.
    path = next((path for path, form in known.items() if form.tells_clock), next(iter(known)))
    result.time = known[path]
    result.give("occurred_at", path, _with_format(path, result.time))
    for column in ("received_at", "sent_at"):
        for other in result.free(column):
            form = time_format(result.sample.values(other))
            if form is not None:
                result.give(column, other, _with_format(other, form))
                break


def _with_format(path: str, form: TimeFormat) -> Any:  # noqa: ANN401
    return path if form.formats == ("iso8601",) else {"field": path, "format": form.rule}


def _ids(result: Columns) -> None:
    for column in ("session_id", "anonymous_id", "user_id"):
        path = next((path for path in result.free(column) if _fits_id(result, column, path)), None)
        if path is not None:
            result.give(column, path)
    for column, wanted in (("anonymous_id", DEVICE_WORDS), ("user_id", USER_WORDS)):
        if column not in result.rules:
            path = next((path for path in result.rest() if _is_called_id(path, wanted) and _is_ids(result, path)), None)
            if path is not None:
                result.give(column, path)
    if "anonymous_id" not in result.rules and "user_id" not in result.rules:
        _ids_by_value(result)


def _ids_by_value(result: Columns) -> None:
    """No name tells whose events they are: random ids that come again, or at least those of sessions."""
    rows = len(result.sample.rows)
    for path in result.rest():
        values = [str(value) for value in result.sample.values(path)]
        again = len({*values}) <= _COMING_AGAIN * len(values)
        if again and len(values) >= rows / 2 and share(values, _RANDOM_ID.fullmatch) >= SURE_SHARE:
            result.give("anonymous_id", path)
            result.notes.append(f"`{path}` holds ids that come again: taken as devices; look whether they are")
            return
    if isinstance(session := result.rules.get("session_id"), str):
        result.rules["anonymous_id"] = session
        result.notes.append("no field tells a device or a user, so each session is a person of its own")
    else:
        result.notes.append("no field tells a device or a user: nobody is counted; map anonymous_id or user_id")


def _fits_id(result: Columns, column: str, path: str) -> bool:
    # A `device` or a `client` may be a word like desktop: a few values for everybody are nobody's ids.
    distinct = {str(value) for value in result.sample.values(path)}
    is_kind = plain(path) in ("device", "client", "user", "member", "cookie", "visitor", "account")
    few = len(distinct) <= 3 and len(result.sample.rows) >= _FEW  # noqa: PLR2004
    return _is_ids(result, path) and not (column != "session_id" and is_kind and few)


def _ends_so(result: Columns, column: str) -> Iterator[str]:
    """Fields whose last words are a name of the column: FFT answer."""
    for path in result.rest():
        stated = words(path).split()
        if any("".join(stated[-n:]) in NAMES[column] for n in (1, 2)):
            yield path


def _is_called_id(path: str, wanted: frozenset[str]) -> bool:
    stated = {*words(path).split()}
    # A column called browser holds Chrome and Safari.
    return bool(stated & wanted) and bool(stated & ID_WORDS or stated <= wanted - {"browser"})


def _is_ids(result: Columns, path: str) -> bool:
    values = result.sample.values(path)
    mails = share(values, lambda value: EMAIL.fullmatch(str(value)))
    if mails > 1 - SURE_SHARE:
        result.notes.append(f"`{path}` holds e-mail addresses, which are no ids to keep: send an id that tells nothing")
        return False
    return bool(values) and share(values, _is_id) >= SURE_SHARE


def _is_id(value: Any) -> bool:  # noqa: ANN401
    stated = text(value) if not isinstance(value, bool | dict | list) else None
    return stated is not None and len(stated) <= _LONGEST_ID and len(stated.split()) <= _MOST_WORDS_OF_AN_ID


def _kind(result: Columns) -> None:
    named = [*result.free("kind")]
    by_value = [path for path in result.rest() if path not in named and _tells_kinds(result, path)]
    for path in [*named, *by_value]:
        times = _by_people(result, path)
        is_weak = plain(path.rsplit(".", 1)[-1]) in _WEAK_KINDS
        tells = any(kind_of(value) != "custom" for value in times)
        if not times or len(times) > len(result.sample.rows) * 0.5 >= _FEW / 2 or (is_weak and not tells):
            continue
        result.give("kind", path, {"field": path, "values": known_kinds(times), "otherwise": "custom"})
        result.rules["name"] = path
        if not result.rules["kind"]["values"]:
            result.rules["kind"] = {"constant": "custom"}
            result.notes.append(
                f"no value of `{path}` is known as a page view or an order: write which are, in `values`"
            )
        return


def _tells_kinds(result: Columns, path: str) -> bool:
    times = counted(result.sample.values(path))
    if not 1 < len(times) <= MOST_KINDS or len(times) > len(result.sample.rows) / 2:
        return False
    reported = sum(number for value, number in times.items() if kind_of(value) in ("page_view", "order", "click"))
    return reported >= 0.05 * times.total()


def _by_people(result: Columns, path: str) -> Any:  # noqa: ANN401  # a counter
    """How often each value comes: of how many people where they are known, so that no name counts as a kind."""
    who = next((result.rules[column] for column in ("anonymous_id", "user_id") if column in result.rules), None)
    if who is None:
        return counted(result.sample.values(path))
    pairs = {
        (str(peek(row, path)), str(peek(row, who))) for row in result.sample.rows if peek(row, path) not in (None, "")
    }
    known = {*counted(result.sample.values(path))}
    return counted([value for value, _ in sorted(pairs) if value in known])


def _event_id(result: Columns) -> None:
    """An id that each row bears, and that comes again in few rows only: those are the same event, delivered twice."""
    rows = result.sample.rows
    named = [*result.free("event_id")]
    others = [
        path
        for path in result.rest()
        if path not in named and _is_called_id(path, frozenset({"event", "message", "hit", "log"}))
    ]
    # Some id of each row is one of the row, unless its name says whose it is.
    others += [
        path for path in result.rest() if (stated := {*words(path).split()}) & ID_WORDS and not stated & _OF_OTHERS
    ]
    for path in [*named, *others, *result.rest()]:
        values = [str(value) for value in result.sample.values(path) if not isinstance(value, dict | list)]
        is_named = path in named or path in others
        if len(values) < len(rows) or not all(_is_id(value) for value in values):
            continue
        if not is_named and (len(rows) < _FEW or share(values, _RANDOM_ID.fullmatch) < SURE_SHARE):
            continue
        repeated = (len(values) - len({*values})) / len(values)
        if repeated == 0 or (repeated < MOST_REPEATED and _are_copies(result, path)):
            result.give("event_id", path)
            stated = (
                f"{repeated:.1%} of rows repeat an id and count once"
                if repeated
                else "no value came twice in the sample"
            )
            result.notes.append(f"event_id: {stated}; is it so in all your data, and stays on a resend?")
            return


def _are_copies(result: Columns, path: str) -> bool:
    """Whether rows of one id mostly tell one time."""
    rule = result.rules.get("occurred_at")
    when = rule["field"] if isinstance(rule, dict) else rule
    times: dict[str, set[str]] = {}
    for row in result.sample.rows:
        times.setdefault(str(peek(row, path)), set()).add(str(peek(row, when)) if isinstance(when, str) else "")
    ids = Counter(str(peek(row, path)) for row in result.sample.rows)
    again = [each for each, number in ids.items() if number > 1]
    return share([times[each] for each in again], lambda each: len(each) == 1) >= 0.5  # noqa: PLR2004


def _amounts(result: Columns) -> None:
    order = next((path for path in result.free("order_id") if _is_ids(result, path)), None)
    if order is not None:
        result.give("order_id", order)
    path, result.money = money(result.sample, result.rest())
    if path is not None and result.money.rule is not None:
        result.give("revenue_micros", path, result.money.rule)
    result.notes += result.money.notes
    for path in result.free("currency"):
        rule = currency_rule(path, result.sample.values(path))
        if rule is not None:
            result.give("currency", path, rule)
            break


def _others(result: Columns) -> None:
    done = {"occurred_at", "received_at", "sent_at", "event_id", "kind", "revenue_micros", "currency", *_IDS}
    for column in (name for name in NAMES if name not in done):
        near = _ends_so(result, column) if column in ("score", "text", "question_id") else ()
        for path in dict.fromkeys([*result.free(column), *near]):
            values = result.sample.values(path)
            if not values or (column in _NUMBERS and share(values, _is_number) < SURE_SHARE):
                continue
            if column == "url" and share(values, lambda value: isinstance(value, str)) < SURE_SHARE:
                continue
            result.give(column, path)
            break
    if "url" not in result.rules:
        path = next((path for path in result.rest() if _is_addresses(result.sample.values(path))), None)
        if path is not None:
            result.give("url", path)


def _is_addresses(values: Sequence[Any]) -> bool:
    return share(values, lambda value: _ADDRESS.fullmatch(str(value))) >= SURE_SHARE


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return number(value) is not None


def days_of(result: Columns) -> list[Any]:
    """The days on which the sample's events happened."""
    rule = result.rules["occurred_at"]
    path = rule if isinstance(rule, str) else rule["field"]
    return [at.date() for at in times_of(result.sample.values(path), result.time)] if result.time else []
