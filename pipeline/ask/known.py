"""What a home can be asked about: its days, its names, its columns with their values and how often they occur."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.ask.answer import AskError
from pipeline.ask.data import Data
from pipeline.ask.question import CONFIGURED, Question, columns_of, matches_of, wheres_of
from pipeline.ask.variants import variant_columns
from pipeline.ask.words import KIND_WORDS
from pipeline.core.product import Product
from pipeline.core.product_matches import ANSWER_COLUMNS, DIMENSIONS, Match
from pipeline.core.product_sections import unknown_name
from pipeline.domains.funnels.section import FUNNEL_UNITS
from pipeline.events.askable import SEEN
from pipeline.events.matching import column_of

# A choice may be in somebody's own words.
CHOICE = "answer_choice"
# Values of a column that are offered, the most frequent first.
MOST_VALUES = 50
# Looked at for what is offered: names change slowly.
_RECENT_DAYS = 7


@dataclass(frozen=True)
class Offered:
    """An event that can be picked as a step: in words, as a match, and how many people did it lately."""

    label: str
    match: Match
    people: int


@dataclass(frozen=True)
class Known:
    """What can be picked in a question about this home."""

    first: date
    # The newest day that is over, or the provisional one where none is.
    last: date
    events: tuple[Offered, ...]
    # By column, (value, people) of each of its most frequent values.
    values: dict[str, tuple[tuple[str, int], ...]]
    # The provisional day, where there is one.
    today: date | None = None

    @property
    def newest(self) -> date:
        """The newest day that can be asked about."""
        return self.today or self.last


def known_columns(product: Product) -> tuple[str, ...]:
    """Columns by which questions can be broken down."""
    return (*DIMENSIONS, *product.properties, *variant_columns(product))


def condition_columns(product: Product) -> tuple[str, ...]:
    """Columns by which questions can be narrowed."""
    return (*known_columns(product), *(name for name in ANSWER_COLUMNS if name not in product.properties))


def declared_choices(product: Product) -> list[str]:
    """The choices that the product file names: what people wrote themselves is nobody else's to ask for."""
    asked = (question for survey in product.surveys.values() for question in survey.questions.values())
    return sorted({choice for question in asked for choice in question.choices})


def known_of(data: Data) -> Known:
    """What the newest days of the home hold."""
    days = data.within(date.min, date.max)
    if not days:
        raise AskError("no day can be asked about yet; run `footfall run` first")
    rows = pl.concat([data.events(day) for day in days[-_RECENT_DAYS:]])
    values: dict[str, tuple[tuple[str, int], ...]] = {}
    for column in condition_columns(data.product):
        value = pl.col(column_of(column)).cast(pl.String)
        own = rows.filter(value.is_in(declared_choices(data.product))) if column == CHOICE else rows
        counted = _by_people(own.select("person_key", value=value), ["value"])
        if counted.height:
            values[column] = tuple(counted.head(MOST_VALUES).rows())
    over, today = data.days or days, data.today.day if data.today else None
    return Known(over[0], over[-1], tuple(_events(rows, data.product)), values, today)


def _by_people(rows: pl.LazyFrame, by: list[str]) -> pl.DataFrame:
    known = rows.filter(pl.any_horizontal(pl.col(by).is_not_null()))
    counted = known.group_by(by).agg(people=pl.col("person_key").n_unique().cast(pl.Int64))
    return counted.sort("people", *by, descending=[True, *(False for _ in by)]).collect()


def _events(rows: pl.LazyFrame, product: Product) -> Iterator[Offered]:
    """Pages seen, events by name, kinds: what people did most comes first."""
    named = rows.filter(pl.col("kind") != SEEN).select("person_key", "kind", "name", "page")
    views = _by_people(named.filter(pl.col("kind") == "page_view").select("person_key", "page"), ["page"])
    there = {page.name for page in product.pages}
    found = [(f"Saw {page}", {"kind": "page_view", "page": page}, n) for page, n in views.rows() if page in there]
    custom = _by_people(named.filter(pl.col("kind") == "custom").select("person_key", "name"), ["name"])
    found += [(name, {"kind": "custom", "name": name}, n) for name, n in custom.head(MOST_VALUES).rows()]
    kinds = _by_people(named.filter(pl.col("kind") != "custom").select("person_key", "kind"), ["kind"])
    found += [(KIND_WORDS.get(kind, kind.replace("_", " ")), {"kind": kind}, n) for kind, n in kinds.rows()]
    for label, match, people in sorted(found, key=lambda each: (-each[2], each[0])):
        yield Offered(str(label), Match.model_validate(match), people)


def checked(question: Question, product: Product) -> Question:
    """The question, if all that it names is there; raises AskError with what there is."""
    if faults := list(_faults(question, product)):
        raise AskError("; ".join(faults))
    return question


def _faults(question: Question, product: Product) -> Iterator[str]:
    if question.of is not None:
        yield from unknown_name(question.show, question.of, getattr(product, CONFIGURED[question.show]))
    pages = [page.name for page in product.pages]
    yield from unknown_name("page", question.page, pages)
    yield from unknown_name("goal", question.trend and question.trend.goal, product.goals)
    for match in matches_of(question):
        yield from unknown_name("page", match.page, pages)
        for name in match.properties:
            yield from unknown_name("property", name, product.properties)
    for column in columns_of(question):
        known = known_columns(product) if column in question.by else condition_columns(product)
        yield from unknown_name("column", column, known)
    yield from _own_words(question, product)
    if question.funnel is not None:
        yield from unknown_name("unit", question.funnel.unit, (*FUNNEL_UNITS, *product.properties))


def _own_words(question: Question, product: Product) -> Iterator[str]:
    """A condition on a choice that could find what one person wrote."""
    declared = declared_choices(product)
    for where in wheres_of(question):
        if where.column == CHOICE and column_of(CHOICE) == "choice":
            said = where.model_dump(exclude_defaults=True, exclude={"column", "about"})
            texts = [*(where.equals or ()), *(where.is_not or ())]
            if set(said) - {"equals", "is_not", "is_set"} or not set(texts) <= set(declared):
                yield f"{CHOICE} is one of the choices that the product file names: {', '.join(declared) or 'none'}"
