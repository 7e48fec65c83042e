"""One module per event format; each turns a record into canonical events. `FORMATS` has ours and those of installed packages."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from pipeline.core.product_sources import BUILT_IN, ENTRY_POINTS, format_names
from pipeline.ingest.sources.base import Format

# Each is the module of its name.
_BUILT_IN: dict[str, Format] = {name: import_module(f"{__name__}.{name}").FORMAT for name in BUILT_IN}


class FormatError(Exception):
    """An installed package says that it brings a format, and doesn't; the sentence names it."""


class _Formats(Mapping[str, Format]):
    """Formats by name; one of a package is loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded = dict(_BUILT_IN)

    def __getitem__(self, name: str) -> Format:
        if name not in self._loaded:
            self._loaded[name] = _brought(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(format_names())

    def __len__(self) -> int:
        return len(format_names())


def _brought(name: str) -> Format:
    points: list[EntryPoint] = list(entry_points(group=ENTRY_POINTS, name=name))
    if not points:
        raise KeyError(name)
    if len(points) > 1:
        values = ", ".join(sorted(each.value for each in points))
        raise FormatError(f"format {name}: several packages bring it ({values}); uninstall all but one")
    point = points[0]
    try:
        loaded = point.load()
    except Exception as fault:
        raise FormatError(
            f"format {name}: {point.value} can't be loaded: {fault}; mend or reinstall its package"
        ) from fault
    if not isinstance(loaded, Format):
        raise FormatError(f"format {name}: {point.value} is no Format of pipeline.ingest.sources.base; export one")
    return loaded


FORMATS: Mapping[str, Format] = _Formats()
