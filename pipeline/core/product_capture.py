"""The product file's section `capture` and what surveys are asked on the site, as Pydantic models (docs/capture.md)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.core.product_base import FileModel, Name, as_tuple

if TYPE_CHECKING:
    from pipeline.core.product import Product

_HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
_LANGUAGE = r"^[a-z]{2}$"
_SCALED = frozenset({"nps", "csat", "ces"})


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is no origin; write one like https://www.shop.example, without a path")
    return text.lower()


class Capture(FileModel):
    """What `footfall capture` takes from browsers, and what the tag does there."""

    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        min_length=1, description="origins of the pages that bear the tag; others are refused"
    )
    source: Name = Field("web", description="the source, of the format canonical, whose landing folder gets the events")
    recordings: Name | None = Field(None, description="the source, of the format rrweb, that gets the recordings")
    consent: Literal["ask", "by_law", "none"] = Field(
        "ask",
        description="`ask`: nothing is stored or sent before footfall.consent(true); `by_law`: so in the EEA, the United Kingdom "
        "and Switzerland, by the browser's time zone; `none`: not asked for. Global Privacy Control counts as no",
    )
    replays: float = Field(0, ge=0, le=1, description="share of the sessions that are recorded")
    hash_routes: bool = Field(default=False, description="whether another #part of the address is another page view")
    country_header: str | None = Field(
        None, pattern=_HEADER, description="header in which your CDN names the country; addresses are never stored"
    )


class Words(FileModel):
    """A question as it is asked in one language."""

    text: str = Field(min_length=1, max_length=300)
    low: str | None = Field(None, max_length=60, description="what stands at the low end of the scale")
    high: str | None = Field(None, max_length=60, description="what stands at the high end")
    choices: dict[str, str] = Field(
        default_factory=dict, description="a choice of the question: what is shown for it; default: itself"
    )


class Only(FileModel):
    """A question that is asked for some answers of another one only."""

    question: Name
    least: int | None = None
    most: int | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError("says nothing; give `least` or `most`")
        return self


class Ask(FileModel):
    """How the tag asks a survey: when, whom, in which words."""

    on: str = Field(
        min_length=1,
        max_length=200,
        description="`page` (after `after_seconds` or `scroll`), `exit_intent`, `widget`, or an event: a kind such as order, or the name "
        "of a custom one",
    )
    pages: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = Field(
        (), description="only there; default: everywhere"
    )
    after_seconds: float = Field(0, ge=0, le=3600, description="how long after that")
    scroll: float = Field(0, ge=0, le=1, description="of `page`: the share of the page that was seen by then")
    share: float = Field(1, gt=0, le=1, description="share of the people who are asked")
    once_in_days: int = Field(30, ge=1, le=3650, description="days in which a browser is asked once")
    only: dict[Name, Only] = Field(
        default_factory=dict, description="question: for which answers of another it is asked"
    )
    words: dict[Annotated[str, Field(pattern=_LANGUAGE)], dict[Name, Words]] = Field(
        min_length=1, description="language: question: its words; the first language is that of all others"
    )
    label: dict[Annotated[str, Field(pattern=_LANGUAGE)], str] = Field(
        default_factory=dict, description="of `widget`, by language: what its button says; default: Feedback"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.on != "page" and self.scroll:
            raise ValueError("`scroll` belongs to `on: page`")
        if self.on != "widget" and self.label:
            raise ValueError("`label` belongs to `on: widget`")
        return self


def capture_faults(product: "Product") -> Iterator[str]:
    """A sentence for each thing that capture names and that isn't there."""
    if product.capture:
        yield from _source_faults(product, "source", product.capture.source, "canonical")
        if product.capture.recordings:
            yield from _source_faults(product, "recordings", product.capture.recordings, "rrweb")
            recorded = product.sources.get(product.capture.recordings)
            if recorded and recorded.format == "rrweb" and recorded.replay.events:
                yield (
                    "capture.recordings: the tag sends the events of the same visits, and they would count twice; write "
                    f"{product.capture.recordings}: {{format: rrweb, replay: {{events: false}}}}"
                )
        elif product.capture.replays:
            yield "capture.replays: recordings need a place; add a source of `format: rrweb` and name it in `recordings`"
    pages = {page.name for page in product.pages}
    for name, survey in product.surveys.items():
        if survey.ask is None:
            continue
        path = f"surveys.{name}.ask"
        if product.capture is None:
            yield f"{path}: nobody asks without the section `capture`; add it, with the `origins` of your pages"
        yield from (
            f"{path}.pages: no page {each!r}; there are {', '.join(pages) or 'none'}"
            for each in survey.ask.pages
            if each not in pages
        )
        yield from _question_faults(
            path, survey.ask, {each: question.kind for each, question in survey.questions.items()}
        )


def _source_faults(product: "Product", key: str, name: str, form: str) -> Iterator[str]:
    source = product.sources.get(name)
    if source is None or source.format != form:
        is_there = "isn't there" if source is None else f"is of the format {source.format}"
        yield f"capture.{key}: the source {name!r} {is_there}; add to `sources`: {name}: {{format: {form}}}"


def _question_faults(path: str, ask: Ask, kinds: dict[str, str]) -> Iterator[str]:
    asked = list(next(iter(ask.words.values())))
    for language, words in ask.words.items():
        yield from (
            f"{path}.words.{language}: no question {each!r}; there are {', '.join(kinds) or 'none'}"
            for each in words
            if each not in kinds
        )
        if lacking := [each for each in asked if each not in words]:
            yield f"{path}.words.{language}: {', '.join(lacking)} has no words; the questions are the same in all languages"
    for each, only in ask.only.items():
        if kinds.get(only.question) not in _SCALED or only.question not in asked:
            yield f"{path}.only.{each}: {only.question!r} is no question with a scale that is asked"
        elif each not in asked or asked.index(each) < asked.index(only.question):
            yield f"{path}.only.{each}: it must be asked after {only.question!r}"
