"""The product file's section `friction`: named rule sets, as Pydantic models (docs/definitions/friction.md)."""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_sections import Aspect, Sections
from pipeline.core.product_selectors import Selector
from pipeline.core.signals import SIGNAL_NAMES, Signal


class Weights(FileModel):
    """What an incident adds to the score of its page view and session."""

    rage_click: int = Field(4, ge=0, le=100)
    error_click: int = Field(4, ge=0, le=100)
    dead_click: int = Field(2, ge=0, le=100)
    broken_link: int = Field(2, ge=0, le=100)
    quick_back: int = Field(2, ge=0, le=100)
    form_retry: int = Field(2, ge=0, le=100)
    slow_page: int = Field(1, ge=0, le=100)
    page_loop: int = Field(1, ge=0, le=100)
    excessive_scroll: int = Field(1, ge=0, le=100)

    def of(self, signal: Signal) -> int:
        """The weight of a signal."""
        return int(getattr(self, signal))


# Buttons are clicked for what they do, also those that are inputs.
_FIELD = "input:not([type=button i], [type=submit i], [type=reset i], [type=image i])"
# Nobody clicks a box three times to write in it.
_WRITTEN_IN = f"{_FIELD}:not([type=checkbox i], [type=radio i], [type=file i])"
# What these name, element chains must hold: `_KEPT_ATTRIBUTES` of ingest/sources/fields.py.
REPETITION: tuple[Selector, ...] = (
    _WRITTEN_IN,
    "textarea",
    "select",
    "[contenteditable]:not([contenteditable=false i])",
    "[role=spinbutton]",
    ".pagination",
    ".carousel",
    ".stepper",
    "[class*=zoom]",
    "[aria-label*=zoom i]",
)
DEAD_EXEMPT: tuple[Selector, ...] = (
    # Downloads and other windows change nothing on the page; `#` leads nowhere.
    ':is(a, area)[href]:not([href="#"], [href^="javascript:" i])',
    _FIELD,
    "textarea",
    "select",
    "label",
)


class Selectors(FileModel):
    """Selectors of a team's own: beside the built-in ones, or in their place."""

    selectors: tuple[Selector, ...] = ()
    replace: bool = Field(default=False, description="only these; otherwise the built-in ones count too")

    def with_built_in(self, built_in: tuple[Selector, ...]) -> tuple[Selector, ...]:
        """All that count."""
        return self.selectors if self.replace else built_in + self.selectors


def _listed(given: Any) -> Any:  # noqa: ANN401  # YAML holds anything
    return {"selectors": given} if isinstance(given, list | tuple) else given


_OwnSelectors = Annotated[Selectors, BeforeValidator(_listed, json_schema_input_type=tuple[Selector, ...] | Selectors)]


class FrictionRules(FileModel):
    """One rule set: when a signal fires. All numbers are those of docs/definitions/friction.md unless the product file says otherwise."""

    rage: Literal["default", "posthog", "mixpanel", "amplitude", "openreplay"] = Field(
        "default", description="which rule for rage clicks; the others have their own numbers"
    )
    rage_clicks: int = Field(3, ge=2, le=20)
    rage_px: int = Field(30, ge=1, le=500)
    rage_ms: int = Field(1000, ge=50, le=5000)
    repetition: _OwnSelectors = Field(
        default_factory=lambda: Selectors.model_validate({}),
        description="more elements made for being clicked again and again; steppers, pagination, text fields, zoom and "
        "carousels are known; {selectors: [...], replace: true} forgets those",
    )
    dead_exempt: _OwnSelectors = Field(
        default_factory=lambda: Selectors.model_validate({}),
        description="more elements whose clicks may change nothing; links with an address, fields and labels are known; "
        "{selectors: [...], replace: true} forgets those",
    )
    error_ms: int = Field(1000, ge=1, le=60_000)
    not_found_urls: tuple[str, ...] = Field((), description="paths, as in `pages`, of pages that say not found")
    not_found_titles: tuple[str, ...] = Field(
        (r"\b404\b", r"(?i)(page|seite) (not found|nicht gefunden)"), description="regular expressions over page titles"
    )
    quick_back_s: float = Field(7, gt=0, le=600)
    loop_views: int = Field(3, ge=2, le=20)
    loop_s: float = Field(15, gt=0, le=600)
    form_submits: int = Field(3, ge=2, le=20, description="so many times one form in a page view, or one field refused")
    lcp_ms: int = Field(4000, ge=1)
    inp_ms: int = Field(500, ge=1)
    cls: float = Field(0.25, gt=0)
    scroll_reversals: int = Field(3, ge=1, le=50)
    scroll_pages: int = Field(4, ge=1, le=50, description="scrolled distance in heights of what can be scrolled")
    calibrated_scores: tuple[int, ...] = Field(
        (), max_length=4, description="also calibrate page views whose score is this or more"
    )
    weights: Weights = Field(default_factory=lambda: Weights.model_validate({}))

    @property
    def repeated(self) -> tuple[Selector, ...]:
        """Elements made for being clicked again and again, built-in and own."""
        return self.repetition.with_built_in(REPETITION)

    @property
    def exempt(self) -> tuple[Selector, ...]:
        """Elements whose clicks may change nothing, built-in and own."""
        return self.dead_exempt.with_built_in(DEAD_EXEMPT)

    @property
    def calibrated(self) -> list[str]:
        """What is calibrated, in the order of its bits: each signal, and the scores asked for."""
        return [*SIGNAL_NAMES, *(f"score>={score}" for score in self.calibrated_scores)]

    @property
    def version(self) -> str:
        """Changes with every number of the set."""
        hashed = f"{self.model_dump_json()}{self.repeated}{self.exempt}"
        return hashlib.sha256(hashed.encode()).hexdigest()[:8]


class Friction(FileModel):
    """Which rule sets are computed each night; history can be compared under others."""

    rule_sets: dict[Name, FrictionRules] = Field(
        default_factory=lambda: {"default": FrictionRules.model_validate({})}, min_length=1, max_length=8
    )

    @property
    def first(self) -> str:
        """The rule set that numbers count by where they can hold one only: the first of the product file."""
        return next(iter(self.rule_sets))

    def rules(self, name: str) -> FrictionRules:
        """The rule set of that name, or the default one with the published rage rule of that name; KeyError for neither."""
        if name in self.rule_sets:
            return self.rule_sets[name]
        base = self.rule_sets.get("default") or FrictionRules.model_validate({})
        if name not in ("default", "posthog", "mixpanel", "amplitude", "openreplay"):
            raise KeyError(name)
        return base.model_copy(update={"rage": name})


class Fields(FileModel):
    """What the domain adds to the product file."""

    friction: Friction = Field(default_factory=lambda: Friction.model_validate({}))


def _order(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """Zones count by the first rule set, so their order means something."""
    return list(product.friction.rule_sets)


SECTIONS = Sections(
    Fields,
    aspects={"friction.order": Aspect("friction", _order)},
    groups={"friction": ("friction", "friction.order")},
)
