"""The pages of the report: a module `<domain>.py` with a `PAGE` for each, found and not listed."""

import importlib
import pkgutil
from collections.abc import Sequence

from pipeline.report.faults import made_pages
from pipeline.report.page import GROUPS, Group, ReportPage, Shown
from pipeline.report.parts import Page


def report_pages() -> list[ReportPage]:
    """All pages, in the order of the navigation."""
    result: list[ReportPage] = [
        importlib.import_module(f"{__name__}.{each.name}").PAGE for each in pkgutil.iter_modules(__path__)
    ]
    return sorted(result, key=lambda page: (GROUPS.index(page.group), page.position))


def grouped(made: Sequence[Page]) -> dict[Group, list[Page]]:
    """The pages of the navigation by their groups; groups without a page aren't there."""
    group_of = {page.name: page.group for page in report_pages()}
    shown = [page for page in made if page.in_navigation and page.name in group_of]
    groups: dict[Group, list[Page]] = {g: [page for page in shown if group_of[page.name] == g] for g in GROUPS}
    return {group: own for group, own in groups.items() if own}


def pages(shown: Shown) -> list[Page]:
    """All pages with what they show, each made by itself."""
    return made_pages([(page.name, page.title, lambda page=page: page.make(shown)) for page in report_pages()])
