"""The product file's section `funnels`, as Pydantic models (docs/definitions/funnels.md)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.core.product_base import FileModel, Name, as_tuple
from pipeline.core.product_matches import DIMENSIONS, Match, Narrowed
from pipeline.core.product_sections import Aspect, Sections

Dimensions = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]


# Whose events one funnel may run through, besides promoted properties: columns of events, `session` our own sessions.
FUNNEL_UNITS = ("person", "session", "session_id", "anonymous_id", "user_id", "page_view_id", "tab_id")
_UNITS = {
    "s": (1, "seconds"),
    "m": (60, "minutes"),
    "h": (3_600, "hours"),
    "d": (86_400, "days"),
    "w": (604_800, "weeks"),
}
_WINDOW = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_LONGEST_WINDOW = timedelta(days=366)


def _window(given: Any) -> Any:  # noqa: ANN401  # YAML holds anything
    """A window as it is written in the product file; ValueError where it is none."""
    if given is not None:
        result = _WINDOW.fullmatch(given) if isinstance(given, str) else None
        if result is None:
            raise ValueError(f"{given!r} is no window; write a number with s, m, h, d or w, for example 30m, 2h or 7d")
        if not _length(given) <= _LONGEST_WINDOW:
            raise ValueError("a window has 366 days at most")
    return given


def _length(window: str) -> timedelta:
    return timedelta(seconds=int(window[:-1]) * _UNITS[window[-1]][0])


class Step(Match):
    """One step of a funnel."""

    label: str = Field(min_length=1, description="the step's name in the marts")
    first_time: Literal["ever", "fitting"] | None = Field(
        None,
        description="only the person's first event of that kind and name over all time, if it fits (ever), or the first "
        "that fits (fitting)",
    )


class Exclusion(Match):
    """An event that mustn't happen between two steps."""

    after: str | None = Field(None, description="label of a step; default: the first")
    before: str | None = Field(None, description="label of a later step; default: the last")


class Breakdown(FileModel):
    """One funnel per value of a column of events; several columns give one per tuple."""

    by: Annotated[Dimensions, Field(min_length=1)] = Field(
        description=f"{', '.join(DIMENSIONS)} or a promoted property, or a list of them"
    )
    attribution: Literal["first_touch", "last_touch", "all_events", "step"] = "first_touch"
    step: str | None = Field(None, description="label of the step, for attribution `step`")
    limit: int = Field(10, ge=1, le=100, description="largest groups shown; the others are `Other`")


class Funnel(Narrowed):
    """Steps to take within a window that starts at step 1 (docs/definitions/funnels.md)."""

    steps: tuple[Step, ...] = Field(min_length=2, max_length=20)
    window: Annotated[str | None, BeforeValidator(_window)] = Field(
        None, description="how long from step 1, for example 30m, 2h or 7d of 86,400 s; default: 14d"
    )
    window_days: int | None = Field(None, ge=1, le=366, description="the window in days; `window` takes any unit")
    order: Literal["ordered", "strict", "unordered"] = "ordered"
    unit: str = Field(
        "person",
        description="whose events are one stream: person, session (as we cut them), an id that the source sends "
        f"({', '.join(FUNNEL_UNITS[2:])}), or a promoted property",
    )
    exclusions: tuple[Exclusion, ...] = Field((), max_length=20)
    exclusion_ends: Literal["entity", "attempt"] = Field("entity", description="who is out: the person, or the attempt")
    first_entry: bool = Field(default=False, description="the window runs from the first event of step 1 only")
    strict_increase: bool = Field(default=False, description="steps of one instant don't follow each other")
    hold_constant: Dimensions = Field((), description="columns whose values all steps must share")
    breakdown: Breakdown | None = None
    range: Literal["ends", "enters"] = Field(
        "ends",
        description="whose steps a week holds: those up to its end (ends), or of who entered in it, with their whole window (enters)",
    )

    @model_validator(mode="after")
    def _has_one_window(self) -> Self:
        if self.window is not None and self.window_days is not None:
            raise ValueError("give either `window` or `window_days`")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        labels = [step.label for step in self.steps]
        if len(set(labels)) < len(labels):
            raise ValueError("two steps bear one label; give each its own")
        for begin, end in self.exclusion_spans:
            if begin >= end:
                raise ValueError("an exclusion lies between a step and a later one; correct `after` and `before`")
        if self.order == "unordered":
            last = len(self.steps) - 1
            if any(span != (0, last) for span in self.exclusion_spans):
                raise ValueError("exclusions of an unordered funnel span it whole; leave out `after` and `before`")
            if self.first_entry or self.strict_increase:
                raise ValueError("first_entry and strict_increase are for ordered and strict funnels")
        if self.breakdown is not None and (self.breakdown.attribution == "step") != (self.breakdown.step is not None):
            raise ValueError("breakdown: `attribution: step` and `step` belong together; give both or neither")
        if self.breakdown_step and self.order == "unordered":
            raise ValueError("breakdown: of an unordered funnel only the first step can attribute")
        if self.breakdown is not None and self.hold_constant:
            raise ValueError("give either `breakdown` or `hold_constant`")
        return self

    def position(self, label: str) -> int:
        """The 0-based place of the step of that label; ValueError where there is none."""
        labels = [step.label for step in self.steps]
        if label not in labels:
            raise ValueError(f"no step {label!r}; the steps are {', '.join(labels)}")
        return labels.index(label)

    @property
    def length(self) -> timedelta:
        """How long after step 1 a step counts."""
        return _length(self._written)

    @property
    def length_text(self) -> str:
        """The same in words."""
        number, unit = self._written[:-1], _UNITS[self._written[-1]][1]
        return f"{number} {unit if number != '1' else unit[:-1]}"

    @property
    def _written(self) -> str:
        return self.window if self.window is not None else f"{self.window_days or 14}d"

    @property
    def exclusion_spans(self) -> tuple[tuple[int, int], ...]:
        """Between which steps, 0-based, each exclusion acts."""
        last = len(self.steps) - 1
        return tuple(
            (
                0 if each.after is None else self.position(each.after),
                last if each.before is None else self.position(each.before),
            )
            for each in self.exclusions
        )

    @property
    def breakdown_step(self) -> int:
        """The 0-based step that attributes the breakdown; 0 where none does."""
        return self.position(self.breakdown.step) if self.breakdown and self.breakdown.step is not None else 0

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Columns of events that the funnel looks at besides its steps."""
        return self.breakdown.by if self.breakdown else self.hold_constant


class Fields(FileModel):
    """What the domain adds to the product file."""

    funnels: dict[Name, Funnel] = Field(default_factory=dict)


def _matches(product: Any) -> Iterator[tuple[str, Match]]:  # noqa: ANN401  # any file with `Fields`
    for name, funnel in product.funnels.items():
        yield from ((f"funnels.{name}.steps.{i}", step) for i, step in enumerate(funnel.steps))
        yield from ((f"funnels.{name}.exclusions.{i}", each) for i, each in enumerate(funnel.exclusions))


def _columns(product: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:  # noqa: ANN401  # any file with `Fields`
    for name, funnel in product.funnels.items():
        yield from ((f"funnels.{name}", column, DIMENSIONS) for column in funnel.dimensions)
        yield f"funnels.{name}.unit", funnel.unit, FUNNEL_UNITS


def _steps(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """What a day holds of funnels: another window leaves its steps as they are."""
    return {
        name: [f.steps, f.exclusions, f.unit, f.dimensions, bool(f.hold_constant), f.order == "strict", f.where]
        for name, f in product.funnels.items()
    }


SECTIONS = Sections(
    Fields,
    aspects={
        "funnels.steps": Aspect("funnels", _steps),
    },
    matches=_matches,
    columns=_columns,
    narrowed="funnels",
)
