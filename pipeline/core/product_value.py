"""The product file's sections about decisions: value, KPIs, experiments, releases, hypotheses, opportunities."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.core.product_sources import Name, Part

Kpi = Literal[
    "people",
    "new_people",
    "returning_people",
    "sessions",
    "orders",
    "revenue",
    "conversion",
    "bounce_rate",
    "orders_per_person",
    "revenue_per_person",
    "average_order",
    "sessions_per_person",
    "retention",
    "churn",
    "engaged_seconds",
    "frustration",
]
# What is told of a day from the days before it has no figure of its own, so no release can be judged by it.
NOT_OF_A_DAY: tuple[Kpi, ...] = ("new_people", "returning_people", "retention", "churn")
Texts = tuple[str, ...]


class ExchangeRate(Part):
    """What one unit of a currency is worth in the product's own, from a local day on."""

    valid_from: date = date(1970, 1, 1)
    rate: float = Field(gt=0, le=1_000_000)


class Channel(Part):
    """Sessions whose first page view came so: any line that fits is enough."""

    mediums: Texts = Field((), description="values of utm_medium, in lower case")
    sources: Texts = Field((), description="values of utm_source, in lower case")
    referrers: Texts = Field((), description="hosts that led there; their subdomains count too")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.mediums or self.sources or self.referrers):
            raise ValueError("fits nothing; name `mediums`, `sources` or `referrers`")
        return self


class Value(Part):
    """How the value of people is counted (metrics.md, "Value and decisions")."""

    windows_days: tuple[Annotated[int, Field(ge=1, le=3_650)], ...] = Field((7, 30, 90, 180, 365), min_length=1)
    start: Literal["first_event", "first_purchase"] = "first_event"
    calendar_days: bool = Field(
        default=False, description="windows of calendar days, for sources that tell dates but no times"
    )
    holdout_weeks: int | None = Field(
        None, ge=1, le=520, description="weeks at the end that the model must foretell; default: the later half"
    )
    horizon_days: int = Field(365, ge=7, le=3_650, description="days ahead for which a person's value is expected")


class Kpis(Part):
    """Which number the team steers by, and which must not suffer."""

    north_star: Kpi = "revenue_per_person"
    guardrails: tuple[Kpi, ...] = ("bounce_rate", "frustration")


class Metric(Part):
    """What an experiment is judged by: a person's sum over the window after the first exposure."""

    kind: Literal["conversion", "revenue", "orders", "retention", "friction", "score"]
    goal: Name | None = Field(None, description="of a conversion: the goal; default: any")
    survey: Name | None = Field(None, description="of a score: its survey")
    better: Literal["higher", "lower"] = "higher"
    minimum_effect: float | None = Field(
        None,
        gt=0,
        description="smallest difference worth finding, in the metric's unit (shares, currency units, points); "
        "fixed before the experiment begins",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.kind == "score") != (self.survey is not None):
            raise ValueError("`survey` belongs to a score, and a score needs one")
        if self.goal is not None and self.kind != "conversion":
            raise ValueError("`goal` belongs to a conversion")
        return self


class Ramp(Part):
    """Weights in force from a local day on."""

    valid_from: date
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(min_length=2)


def _default_metrics() -> dict[str, Metric]:
    return {
        "conversion": Metric.model_validate({"kind": "conversion"}),
        "revenue": Metric.model_validate({"kind": "revenue"}),
    }


class Experiment(Part):
    """Two or more variants between which people are divided; the unit is the person."""

    id: str | None = Field(
        None,
        min_length=1,
        description="its id as the source sends it; default: its name here. Several experiments may share one, at other "
        "times or with other windows",
    )
    valid_from: date | None = Field(None, description="first local day whose exposures are its; default: any")
    valid_to: date | None = Field(None, description="last local day whose exposures are its; default: any")
    variants: dict[str, Annotated[float, Field(ge=0)]] = Field(
        min_length=2, max_length=10, description="each variant as the source names it, and its weight"
    )
    control: str
    ramps: tuple[Ramp, ...] = Field((), description="weights that changed on the way")
    window_days: int = Field(7, ge=1, le=90, description="days of 86,400 s after the first exposure that count")
    metrics: dict[Name, Metric] = Field(default_factory=_default_metrics, min_length=1, max_length=20)
    primary: Name | None = Field(None, description="the metric that decides; default: the first")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        if self.control not in self.variants:
            raise ValueError(f"no variant {self.control!r}; `control` is one of {', '.join(self.variants)}")
        if self.primary is not None and self.primary not in self.metrics:
            raise ValueError(f"no metric {self.primary!r}; `primary` is one of {', '.join(self.metrics)}")
        for ramp in self.ramps:
            if set(ramp.weights) != set(self.variants):
                raise ValueError(f"ramp of {ramp.valid_from}: weigh each variant: {', '.join(self.variants)}")
        return self

    def is_like(self, other: "Experiment") -> bool:
        """Whether another experiment of the same id would count the same people over the same window."""
        spans = [(each.valid_from or date.min, each.valid_to or date.max) for each in (self, other)]
        overlaps = spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]
        return overlaps and self.window_days == other.window_days

    @property
    def decides(self) -> str:
        """The name of the metric that decides."""
        return self.primary or next(iter(self.metrics))


class Release(Part):
    """A change of the product, marked on every chart over time."""

    day: date = Field(description="first local day with it")
    note: str = ""


class Hypothesis(Part):
    """What the team believes, in a form that data can support or refute."""

    statement: str = Field(min_length=1)
    metric: str = Field(description="a KPI, or a metric of the experiment")
    expected: Literal["higher", "lower"]
    size: float | None = Field(None, gt=0, description="at least so much, as a share of what it was (0.05: 5 %)")
    segment: Name | None = Field(None, description="only these people or sessions")
    experiment: Name | None = None
    variant: str | None = Field(None, description="of the experiment, where it has more than one besides the control")
    release: Name | None = None

    @model_validator(mode="after")
    def _has_one_test(self) -> Self:
        if (self.experiment is None) == (self.release is None):
            raise ValueError("name the `experiment` or the `release` that tests it")
        return self


class Effort(Part):
    """What mending an opportunity would take; when it was closed."""

    weeks: float | None = Field(None, gt=0, le=520, description="weeks of work")
    closed: date | None = Field(None, description="first local day on which it was mended")
    note: str = ""


class Opportunities(Part):
    """How the list of what is worth mending is made."""

    goal: Name | None = Field(None, description="the goal that counts; default: the first that an order reaches")
    weeks: float = Field(1, gt=0, le=520, description="weeks of work where nothing else is said")
    cost_per_week: float | None = Field(None, gt=0, description="what a week of work costs, in the product's currency")
    items: dict[str, Effort] = Field(default_factory=dict, description="by the opportunity's id")
