"""The order of tests."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no processor is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
