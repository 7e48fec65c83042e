"""The domains, found and not listed."""

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType

_DOMAINS = "pipeline.domains"


def modules(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Each domain that has a module `name`, in alphabetical order, and that module."""
    for room in sorted(each.name for each in pkgutil.iter_modules(importlib.import_module(_DOMAINS).__path__)):
        path = f"{_DOMAINS}.{room}.{name}"
        if find_spec(path) is not None:
            yield room, importlib.import_module(path)
