"""A home and Dagster's records in memory, for the tests of assets."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from support import PLAIN_PRODUCT

from assets.resources import Home


@pytest.fixture
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """Without what brings tables of its own; `indirect` gives another product file."""
    (tmp_path / "product.yaml").write_text(getattr(request, "param", PLAIN_PRODUCT))
    return Home(tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made
