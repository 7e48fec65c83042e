"""The newest day against its usual range: what happened yesterday, and whether that is out of the usual."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.report.parts import Section, day_text, figure_text, label

# The middle eight of ten of so many days before; of fewer nothing is usual yet.
_DAYS, _FEWEST = 27, 14
_LOW, _HIGH = 0.1, 0.9


# The key figures of a day that are read first, in their order.
_SHOWN = ("people", "sessions", "conversion", "orders", "revenue")


@dataclass(frozen=True)
class Figure:
    """A key figure of the newest day, and the range in which eight of ten of the days before lay."""

    kpi: str
    value: float
    low: float
    high: float
    unit: str

    @property
    def is_usual(self) -> bool:
        """Whether the day lies in the range."""
        return self.low <= self.value <= self.high

    def said(self, currency: str) -> str:
        """Like "orders 74 (usual 62 to 81)"."""
        value, low, high = (figure_text(each, self.unit, currency) for each in (self.value, self.low, self.high))
        return f"{label(self.kpi)} {value} (usual {low} to {high})"


def figures_of(kpis: pl.DataFrame) -> list[Figure]:
    """The figures of the newest day of the mart kpis; none while nothing is usual yet."""
    days = kpis.filter(
        pl.col("period") == "day",
        pl.col("dimension") == "",
        pl.col("kpi").is_in(_SHOWN),
        pl.col("figure").is_not_null(),
    ).sort("kpi", "period_start")
    newest = kpis.filter(pl.col("period") == "day")["period_start"].max()
    found: list[Figure] = []
    for (kpi,), own in days.partition_by("kpi", as_dict=True).items():
        before, last = own.head(-1)["figure"].tail(_DAYS), own.row(-1, named=True)
        if last["period_start"] != newest or before.len() < _FEWEST or not (before != 0).any():
            continue
        low, high = (float(before.quantile(end, "nearest") or 0) for end in (_LOW, _HIGH))
        found.append(Figure(str(kpi), last["figure"], low, high, last["unit"]))
    return sorted(found, key=lambda each: _SHOWN.index(each.kpi))


def sentence_of(day: date, figures: list[Figure], currency: str) -> str:
    """What is out of the usual, or that nothing is."""
    odd = [each for each in figures if not each.is_usual]
    when = day_text(day, "%A, %d %B")
    if not figures:
        return ""
    if not odd:
        return f"{when} was as usual: {', '.join(each.said(currency) for each in figures[:3])}."
    return f"{when} was out of the usual: {', '.join(each.said(currency) for each in odd)}."


def yesterday(kpis: pl.DataFrame, product: Product) -> tuple[str, Section | None]:
    """The sentence of the newest day, and a table of its figures; nothing while nothing is usual yet."""
    figures = figures_of(kpis)
    if not figures:
        return "", None
    day: date = kpis.filter(pl.col("period") == "day")["period_start"].max()  # pyright: ignore[reportAssignmentType]
    rows = [
        (
            label(each.kpi),
            *(figure_text(value, each.unit, product.currency) for value in (each.value, each.low, each.high)),
            _judged(each),
        )
        for each in figures
    ]
    section = Section(
        f"{day_text(day, '%A, %d %B %Y')} against its usual range",
        f"Usual: eight of ten of the {_DAYS} days before lay in the range. A day outside it is no alert yet: one in five is.",
        header=("figure", "the day", "usual from", "to", "the day is"),
        rows=rows,
        provenance="kpis: kpi figure figure figure -",
    )
    return sentence_of(day, figures, product.currency), section


def _judged(figure: Figure) -> str:
    if figure.is_usual:
        return "usual"
    return "below" if figure.value < figure.low else "above"
