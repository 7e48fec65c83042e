"""The pages of the report: a module `<domain>.py` with a `PAGE` for each, found and not listed."""

import importlib
import pkgutil

from pipeline.report.faults import made_pages
from pipeline.report.page import ReportPage, Shown
from pipeline.report.parts import Page


def report_pages() -> list[ReportPage]:
    """All pages, in the order of the navigation."""
    result: list[ReportPage] = [
        importlib.import_module(f"{__name__}.{each.name}").PAGE for each in pkgutil.iter_modules(__path__)
    ]
    return sorted(result, key=lambda page: page.position)


def pages(shown: Shown) -> list[Page]:
    """All pages with what they show, each made by itself."""
    return made_pages([(page.name, page.title, lambda page=page: page.make(shown)) for page in report_pages()])
