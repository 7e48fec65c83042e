"""The page of definitions: what numbers mean, how they are made, and every column of every mart from its contract."""

import ast
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from pipeline.core.product import Product
from pipeline.core.registry import MARTS
from pipeline.report.definition_texts import definition_texts
from pipeline.report.page import ReportPage
from pipeline.report.parts import Page, Section
from pipeline.report.provenance import definition


def definitions_page(product: Product) -> Page:
    """A part for each page of docs/definitions and each mart, and one of how numbers are made."""
    marts = [
        Section(
            mart.name,
            f"{mart.grain} Key: {', '.join(mart.key)}. Definition {definition(mart.name, product)}.",
            header=("column", "unit", "adds over", "what it is"),
            rows=[
                (column.name, column.unit, ", ".join(column.adds_over) or "nothing", column.description)
                for column in mart.columns
            ],
            anchor=f"mart-{mart.name}",
        )
        for mart in MARTS
    ]
    made = Section(
        "How numbers are made",
        "What the modules of the pipeline say of themselves; the sources of definitions are named there.",
        header=("module", "what it does"),
        rows=list(_docstrings()),
    )
    texts = [Section(title, "", text=text, anchor=name) for name, title, text in definition_texts()]
    lead = "What every number means, how it is made, and every column that the report and BI tools read. The same is in docs/."
    return Page("definitions", "Definitions", sections=[*texts, made, *marts], is_folded=True, lead=lead)


def _docstrings() -> Iterator[tuple[str, str]]:
    package = files("pipeline")
    rooms = [("events", package / "events"), ("stats", package / "stats")]
    rooms += [(each.name, each) for each in (package / "domains").iterdir() if each.is_dir()]
    for name, room in sorted(rooms, key=lambda each: each[0]):
        for file in sorted(room.iterdir(), key=lambda each: each.name):
            reported = _docstring(file)
            if reported:
                yield f"{name}/{file.name.removesuffix('.py')}", reported


def _docstring(file: Traversable) -> str:
    if not file.name.endswith(".py") or file.name == "__init__.py":
        return ""
    return " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split())


PAGE = ReportPage("definitions", "Definitions", "Trust", 160, lambda shown: definitions_page(shown.product))
