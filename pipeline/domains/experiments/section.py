"""The product file's sections `experiments` and `hypotheses`, as Pydantic models (docs/definitions/experiments.md)."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.core.kpi_names import NOT_OF_A_DAY, Kpi
from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_sections import Aspect, Sections, unknown_name


class Metric(FileModel):
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


class Ramp(FileModel):
    """Weights in force from a local day on."""

    valid_from: date
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(min_length=2)


def _default_metrics() -> dict[str, Metric]:
    return {
        "conversion": Metric.model_validate({"kind": "conversion"}),
        "revenue": Metric.model_validate({"kind": "revenue"}),
    }


class Experiment(FileModel):
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


class Hypothesis(FileModel):
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


class Fields(FileModel):
    """What the domain adds to the product file; releases are in core, for charts of every domain mark them."""

    experiments: dict[Name, Experiment] = Field(default_factory=dict, max_length=50)
    hypotheses: dict[Name, Hypothesis] = Field(default_factory=dict)


def _faults(product: Any) -> Iterator[str]:  # noqa: ANN401  # any file with `Fields`
    yield from _same_id(product.experiments)
    for name, experiment in product.experiments.items():
        for metric, each in experiment.metrics.items():
            path = f"experiments.{name}.metrics.{metric}"
            yield from unknown_name(f"{path}.goal", each.goal, product.goals)
            yield from unknown_name(f"{path}.survey", each.survey, product.surveys)
    for name, each in product.hypotheses.items():
        yield from _of_hypothesis(f"hypotheses.{name}", each, product)


def _same_id(experiments: dict[str, Experiment]) -> Iterator[str]:
    """Experiments of one id that couldn't be told apart."""
    known = [(name, each.id or name, each) for name, each in experiments.items()]
    for i, (name, id_, each) in enumerate(known):
        for other, other_id, before in known[:i]:
            if id_ == other_id and each.is_like(before):
                yield (
                    f"experiments.{name}: the id {id_!r} stands twice, in {other} too; give them days apart (`valid_from`, "
                    "`valid_to`) or another `window_days`"
                )


def _of_hypothesis(path: str, each: Hypothesis, product: Any) -> Iterator[str]:  # noqa: ANN401  # any file with `Fields`
    yield from unknown_name(f"{path}.segment", each.segment, product.segments)
    yield from unknown_name(f"{path}.experiment", each.experiment, product.experiments)
    yield from unknown_name(f"{path}.release", each.release, product.releases)
    own = product.experiments.get(each.experiment or "")
    daily = [name for name in get_args(Kpi) if name not in NOT_OF_A_DAY]
    yield from unknown_name(f"{path}.metric", each.metric, own.metrics if own else daily)
    if own is not None:
        tested = [name for name in own.variants if name != own.control]
        # One variant needs no name.
        yield from unknown_name(f"{path}.variant", each.variant if len(tested) == 1 else each.variant or "", tested)


def _deciding(product: Any) -> object:  # noqa: ANN401  # any file with `Fields`
    """Unless it is named, the first metric decides, so their order means something."""
    return {name: each.decides for name, each in product.experiments.items()}


SECTIONS = Sections(
    Fields,
    aspects={"experiments.decides": Aspect("experiments", _deciding)},
    groups={"experiments": ("experiments", "experiments.decides")},
    faults=_faults,
)
