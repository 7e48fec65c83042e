"""What makes the numbers of an answer smaller than its range says, unripe, or provisional."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from pipeline.ask.data import Data
from pipeline.ask.question import ASKED, Question, Span, columns_of
from pipeline.ask.variants import is_variant
from pipeline.core.days import ONE_DAY


def notes_of(data: Data, question: Question) -> Iterator[str]:
    """What makes the numbers smaller than the range says, or unripe."""
    for label, span in question.spans.items():
        if label == ASKED or question.against != "everybody":
            yield from _missing(data, span, "" if label == ASKED else "of the range compared with ")
    yield from _of_experiments(question)
    yield from _provisional(data, question)
    if question.show == "funnel":
        yield from _unripe(data, question)
    if question.show == "retention":
        yield f"A rate stands where its time is over by {data.newest}, the newest day."
        yield "The first and the last cohort hold who began on days of the range only."
    if question.show == "friction":
        yield "A session can meet a signal on several pages: sessions don't add up over pages and signals."
    if question.show == "elements":
        yield "A session can click several elements: sessions don't add up over them. Clicks without an element aren't here."
    if question.show == "heatmap":
        yield "What keeps its place in the window isn't drawn on the page; the table has it as the layer fixed."
    if question.show == "trend" and question.counted.every != "range" and question.counted.measure == "people":
        yield f"People of several {question.counted.every}s are fewer than the sum: somebody can be there on each of them."


def _of_experiments(question: Question) -> Iterator[str]:
    if any(map(is_variant, columns_of(question))):
        yield "What people did before they saw their variant counts too; what the variant changes is said by the report's page of experiments."


def _provisional(data: Data, question: Question) -> Iterator[str]:
    if data.today is None or not data.asks_today:
        return
    at = f"{data.today.as_of.astimezone(data.product.zone_info):%H:%M}"
    if question.show == "retention":
        yield f"{data.today.day} isn't over: it isn't counted here."
    else:
        yield f"{data.today.day} isn't over: what came until {at} is counted, provisionally. No mart and no report counts it."


def _missing(data: Data, span: Span, which: str) -> Iterator[str]:
    there = data.within(span.first, span.last)
    lacking = span.length.days - len(there)
    if lacking:
        yield f"{lacking} of {span.length.days} days {which}have no data: days with data go from {data.oldest} to {data.newest}."


def _unripe(data: Data, question: Question) -> Iterator[str]:
    funnel = question.asked_funnel(data.product)
    spans: Mapping[str, Span] = question.spans
    if funnel.range == "enters":
        over: Sequence[Span] = [s for s in spans.values() if s.last + funnel.length + ONE_DAY > data.newest + ONE_DAY]
        if over:
            yield (
                f"Who entered less than {funnel.length_text} before {data.newest} ends still has time; "
                "`conversion_rate_of_mature` leaves them out."
            )
    elif funnel.length > timedelta():
        yield f"Steps after the range's end don't count: who entered in its last {funnel.length_text} had less time."
