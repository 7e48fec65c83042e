"""What a page of the report is declared with, and what it is made from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from pipeline.core.product import Product
from pipeline.report.parts import Marts, Page
from pipeline.report.provenance import Trust
from pipeline.report.replays import Replays


@dataclass(frozen=True)
class Shown:
    """What pages are made from: published marts, and what isn't in them; pictures of pages lie in `home`."""

    product: Product
    marts: Marts
    home: Path
    replays: Replays
    # The ledger of numbers that changed after they were published, the latest first.
    restatements: pl.DataFrame
    trust: Trust


# By what one asks: what happens, why, on which page, who stays, what to do, how far it can be trusted.
Group = Literal["Today", "Why", "Pages", "Growth", "Decide", "Trust"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class ReportPage:
    """A page of the navigation, in the order of `position` in its group; `make` may bring further pages that belong to it."""

    name: str
    title: str
    group: Group
    position: int
    make: Callable[[Shown], Page | list[Page]]
