"""What several of these tests share: a browser, and the demo shop in small."""

import fcntl
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from browsers import open_browser
from generate import write
from support import compute_all, take_all
from tagged_shop import agent_browser, open_shop

from pipeline.core.lake import Lake
from pipeline.core.product_file import load_product
from pipeline.publish.catalog import write_catalog

SHOP = Path(__file__).parents[2] / "examples" / "shop"
SHOP_PEOPLE = 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def visitor() -> Iterator[Any]:
    """A browser of somebody who isn't a program."""
    with agent_browser() as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path, visitor: Any) -> Callable[..., Any]:
    """Opens the small site with the tag; what it is called with, `open_shop` says."""
    return partial(open_shop, tmp_path, visitor)


@pytest.fixture(scope="session")
def shop_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """28 days of the demo shop with all marts, computed once for all workers: to be read, not to be changed."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    lake = Lake(folder / "shop")
    with (folder / "shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "shop.made").exists():
            write(lake.path("landing"), people=SHOP_PEOPLE, days=28)
            product = load_product(SHOP / "product.yaml")
            take_all(lake, product)
            compute_all(lake, product)
            write_catalog(lake)
            (folder / "shop.made").touch()
    return lake
