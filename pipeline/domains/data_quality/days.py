"""Problems of local days, from the counts that each day's state holds (facts.py)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from statistics import median

from pipeline.core.contract import MICROS
from pipeline.core.product import Product
from pipeline.domains.data_quality.facts import by_source
from pipeline.events.problem import NOTED_SHARE, Problem, Severity
from pipeline.events.profile import Facts

Days = Mapping[date, Facts]

_ORDERS_SHARE = 0.1
# A fifth of a source's events without an id, and three times as many as on the days before.
_NOBODY_SHARE, _NOBODY_TIMES, _DAYS_NEEDED = 0.2, 3, 3
# Of fewer events and ids one that carries a fifth of them is no wonder.
_HEAVY_SHARE, _HEAVY_EVENTS, _HEAVY_IDS = 0.2, 100, 10
# Every day so many for a week, and then none.
_USUAL_DAYS, _USUAL_LEAST = 7, 10
_PAGE_DAYS, _PAGE_EXPECTED = 28, 20


def day_problems(facts: Days, days: Sequence[date], product: Product) -> Iterator[Problem]:
    """Problems of `days`, all from the first with data to the newest; `facts` of those that were computed."""
    for position, day in enumerate(days):
        own = facts.get(day, {})
        yield from _people(day, own)
        yield from _fewer_people(
            day, own, [facts[each] for each in days[max(0, position - _USUAL_DAYS) : position] if each in facts]
        )
        yield from _orders(day, own, product)
        yield from _clocks(day, own)
    yield from _missing(facts, days)
    yield from _silent_pages(facts, days, product)


def _problem(  # noqa: PLR0913, PLR0917  # a row's cells
    day: date, source: str, problem: str, size: int, out_of: int | None, reported: str, remedy: str,
    subject: str = "", severity: Severity = "problem",
) -> Problem:  # fmt: skip
    return Problem(day, source, problem, subject, severity, size, out_of, day, f"{source} on {day}: {reported}", remedy)


def _people(day: date, facts: Facts) -> Iterator[Problem]:
    asked, nobody = by_source(facts, "asked"), by_source(facts, "nobody")
    without = {source for source, number in asked.items() if number and nobody.get(source) == number}
    # A source of a server's events may bear no ids; a day without anybody is in doubt.
    for source, _ in sorted(without) if without == set(asked) else []:
        number = asked[source, ""]
        reported = f"none of {number} events bears an id, so the day counts 0 people"
        yield _problem(
            day, source, "no_people", number, number, reported, "look which field holds the ids now, and map it"
        )
    yield from _heavy_ids(day, facts)


def _fewer_people(day: date, facts: Facts, before: Sequence[Facts]) -> Iterator[Problem]:
    """A source much of whose events bear no id, though they used to."""
    asked = by_source(facts, "asked")
    for (source, _), number in by_source(facts, "nobody").items():
        total = asked[source, ""]
        past = [(by_source(each, "nobody").get((source, ""), 0), by_source(each, "asked").get((source, ""), 0)) for each in before]  # fmt: skip
        shares = [nobody / events for nobody, events in past if events]
        usual = median(shares) if len(shares) >= _DAYS_NEEDED else 1.0
        if number < total and number > _NOBODY_SHARE * total and number > _NOBODY_TIMES * usual * total:
            reported = f"{number} of {total} events bear no id and count for nobody, before {usual:.0%}"
            yield _problem(
                day, source, "no_people", number, total, reported, "look which field holds the ids now, and map it"
            )


def _heavy_ids(day: date, facts: Facts) -> Iterator[Problem]:
    events = by_source(facts, "events")
    for name in ("user_id", "anonymous_id"):
        distinct = by_source(facts, f"distinct_{name}")
        for (source, _), number in by_source(facts, f"heaviest_{name}").items():
            total = events[source, ""]
            if total >= _HEAVY_EVENTS and distinct[source, ""] >= _HEAVY_IDS and number > _HEAVY_SHARE * total:
                reported = f"one {name} bears {number} of {total} events: a placeholder, a shared account or a program?"
                remedy = "name it in `identity.placeholders` if it is none"
                yield _problem(day, source, "heavy_id", number, total, reported, remedy, name)


def _orders(day: date, facts: Facts, product: Product) -> Iterator[Problem]:
    orders = by_source(facts, "orders")
    for (source, _), number in by_source(facts, "orders_without_revenue").items():
        total = orders[source, ""]
        if number > _ORDERS_SHARE * total:
            reported = f"{number} of {total} orders bear no revenue"
            remedy = "look which field holds it, and map `revenue_micros` from it"
            yield _problem(day, source, "orders_without_revenue", number, total, reported, remedy)
    for (source, _), number in by_source(facts, "orders_with_an_id_again").items():
        reported = f"{number} of {orders[source, '']} orders bear the order id of another"
        remedy = "is it one order sent again? Then say `orders: once_per_order_id` for the source"
        yield _problem(day, source, "order_ids_collide", number, orders[source, ""], reported, remedy)
    amounts = by_source(facts, "no_rate_micros")
    for (source, currency), number in by_source(facts, "no_rate").items():
        amount = amounts.get((source, currency), 0) / MICROS
        reported = f"{number} orders and refunds of {amount:,.2f} {currency} in all are not counted as revenue: there is no rate"
        remedy = f"add `exchange_rates: {{{currency}: ...}}` to {product.currency} to product.yaml"
        yield _problem(
            day, source, "currency_without_rate", number, orders.get((source, "")), reported, remedy, currency
        )


def _clocks(day: date, facts: Facts) -> Iterator[Problem]:
    events = by_source(facts, "events")
    for (source, _), number in by_source(facts, "clock_doubtful").items():
        total = events[source, ""]
        reported = f"{number} of {total} events bear a sent time that can't be true; their time stays as it was sent"
        severity: Severity = "problem" if number >= NOTED_SHARE * total else "note"
        remedy = "look how the source sets `sent_at`"
        yield _problem(day, source, "clock_doubtful", number, total, reported, remedy, severity=severity)


def _missing(facts: Days, days: Sequence[date]) -> Iterator[Problem]:
    """Sources, and kinds of their events, that came on each of the seven days before and not on this one."""
    counts = {day: by_source(facts.get(day, {}), "kind") for day in days}
    for position in range(_USUAL_DAYS, len(days)):
        day, before = days[position], [counts[each] for each in days[position - _USUAL_DAYS : position]]
        usual = {key: min(each.get(key, 0) for each in before) for key in before[0]}
        gone = sorted(key for key, least in usual.items() if least >= _USUAL_LEAST and key not in counts[day])
        silent = {source for source, _ in gone if not any(own == source for own, _ in counts[day])}
        for source in sorted(silent):
            least = min(sum(n for (own, _), n in each.items() if own == source) for each in before)
            reported = f"nothing came, where there were {least} events or more on each of the seven days before"
            yield _problem(
                day, source, "source_silent", 0, least, reported, "ask who sends it; a late file reaches its day"
            )
        for source, kind in gone:
            if source not in silent:
                reported = (
                    f"no `{kind}` came, where there were {usual[source, kind]} or more on each of the seven days before"
                )
                remedy = "ask who sends it; a late file reaches its day"
                yield _problem(day, source, "rows_missing", 0, usual[source, kind], reported, remedy, kind)


def _silent_pages(facts: Days, days: Sequence[date], product: Product) -> Iterator[Problem]:
    """Pages of the product file that had views and have none in the last days, where chance doesn't explain it."""
    views = {day: {page: n for (_, page), n in by_source(facts.get(day, {}), "page").items()} for day in days}
    for page in product.pages:
        last = next((position for position in reversed(range(len(days))) if views[days[position]].get(page.name)), None)
        if last is None or last == len(days) - 1:
            continue
        known = days[max(0, last + 1 - _PAGE_DAYS) : last + 1]
        own, all_then = (
            sum(views[day].get(page.name, 0) for day in known),
            sum(sum(views[day].values()) for day in known),
        )
        since = days[last + 1 :]
        expected = sum(sum(views[day].values()) for day in since) * own / max(all_then - own, 1)
        if expected >= _PAGE_EXPECTED:
            reported = f"page `{page.name}`: no address fits it since {since[0]}, where about {expected:,.0f} views were to be expected"
            yield Problem(
                days[-1], "", "page_silent", page.name, "problem", 0, round(expected), since[0], reported,
                "has its address changed? Add the new one to its `urls`",
            )  # fmt: skip
