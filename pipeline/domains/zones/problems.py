"""Problems with zones: selectors that no element fits any more."""

from collections.abc import Iterator

from pipeline.core.days import ONE_DAY
from pipeline.domains.zones.selectors import SELECTORS, silent_selectors
from pipeline.events.problem import Known, Problem


def silent_zones(known: Known) -> Iterator[Problem]:
    """A problem for each selector of a zone that no element fits any more."""
    yield from [
        Problem(
            known.days[-1], "", "zone_silent", f"{each.page}/{each.zone}: {each.selector}", "problem", 0, each.page_views,
            each.met + ONE_DAY if each.met else known.days[-1], each.sentence, f"`footfall zones --page {each.page}` shows what is clicked now",
        )
        for each in (silent_selectors(known.scan(SELECTORS), known.product) if known.days and known.product.zones else [])
    ]  # fmt: skip
