"""The order of tests, and how many threads and processes they compute in."""

import gc
import os

# Read when Polars is imported: with data as small as a test's its threads only wait for each other, and there are more
# workers than processors. Commands that tests start have as many as a user's (and tests/end_to_end/test_promises.py
# compares bytes between both).
_CHOSEN = os.environ.get("POLARS_MAX_THREADS")
os.environ.setdefault("POLARS_MAX_THREADS", "1")
# There are as many workers as processors already; tests of processes set it (tests/end_to_end/test_parts.py).
os.environ.setdefault("FOOTFALL_PROCESSES", "1")
import polars as pl  # noqa: E402
import pytest  # noqa: E402

assert pl.thread_pool_size() == int(os.environ["POLARS_MAX_THREADS"])
if _CHOSEN is None:
    del os.environ["POLARS_MAX_THREADS"]


# Modules, contracts and tests stay: looking for garbage among them again and again took a tenth of the tests' time.
gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish() -> None:
    """What is there by now is no garbage."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no processor is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
