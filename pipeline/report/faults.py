"""A page that can't be made says so on itself, and takes no other with it."""

import logging
from collections.abc import Callable, Iterable, Sequence

from pipeline.report.parts import Page, Section

# Its name, its title, and what makes it: one page, or one with those that belong to it.
Maker = tuple[str, str, Callable[[], Page | list[Page]]]
_LOG = logging.getLogger(__name__)


class PagesFailedError(Exception):
    """Pages of the report couldn't be made; the others are there, and these say so."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(f"{'; '.join(faults)}; the other pages of the report are made")


def made_pages(makers: Iterable[Maker]) -> list[Page]:
    """The pages in their order; in the place of one that failed a page that says why."""
    result: list[Page] = []
    for name, title, make in makers:
        try:
            made = make()
        except Exception as fault:  # noqa: BLE001  # whatever it is, it's this page's own
            made = failed_page(name, title, fault)
        result += made if isinstance(made, list) else [made]
    return result


def failed_page(name: str, title: str, fault: Exception) -> Page:
    """The page that stands in the place of one that failed; the log has the rest."""
    _LOG.error("page %s of the report", name, exc_info=fault)
    reported = f"{type(fault).__name__}: {fault}".splitlines()[0][:300]
    meaning = "It failed when the report was made. The marts aren't touched by it: the numbers are in them."
    return Page(
        name,
        title,
        sections=[Section("This page couldn't be made", meaning, note=reported)],
        fault=f"{name}: {reported}",
    )
