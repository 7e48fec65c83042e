"""Zones that were picked by clicking, as entries of the product file: comments kept, history kept.

Where a zone of the name has other selectors by now, the old entry ends yesterday and the new one begins today.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from io import StringIO
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_file import parse_product
from pipeline.core.product_selectors import Selector

# Where the collector keeps what was picked, and which token lets somebody pick.
PICKED, PICKING = "picked_zones.json", "picking_zones.json"
_MOST = 500


class PickedBox(FileModel):
    """Where the element lay when it was picked, in px of the page."""

    device_type: str = Field(pattern="^(desktop|mobile|tablet)$")
    x: int = Field(ge=0, le=100_000)
    y: int = Field(ge=0, le=1_000_000)
    width: int = Field(ge=1, le=100_000)
    height: int = Field(ge=1, le=1_000_000)


class Picked(FileModel):
    """A zone as it was picked."""

    name: Name
    page: Name
    selectors: Annotated[tuple[Selector, ...], Field(min_length=1, max_length=10)]
    box: PickedBox


_LIST: TypeAdapter[tuple[Picked, ...]] = TypeAdapter(Annotated[tuple[Picked, ...], Field(max_length=_MOST)])


def picked_of(data: bytes | None) -> tuple[Picked, ...]:
    """What was picked, as it is kept; ValueError where it is something else."""
    return _LIST.validate_json(data) if data else ()


def kept(picked: Iterable[Picked]) -> bytes:
    """As `picked_of` reads it: of one page, name and device the last pick counts."""
    last = {(each.page, each.name, each.box.device_type): each for each in picked}
    return _LIST.dump_json(tuple(last.values()))


def with_zones(text: str, picked: Sequence[Picked], today: date) -> str:
    """The product file, given as its text, with the zones in it; ProductFileError where it would be faulty then."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 4096, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    written: Any = yaml.load(text)
    zones = written.setdefault("zones", CommentedSeq())
    for each in picked:
        _put(zones, each, today)
    out = StringIO()
    yaml.dump(written, out)
    parse_product(out.getvalue())
    return out.getvalue()


def _put(zones: CommentedSeq, picked: Picked, today: date) -> None:
    same = [
        zone
        for zone in zones
        if (zone["name"], zone["page"]) == (picked.name, picked.page) and not zone.get("valid_to")
    ]
    current = next((zone for zone in same if zone.get("device_type") in (None, picked.box.device_type)), None)
    box = _flow(picked.box.model_dump())
    if current is not None and list(current["selectors"]) == list(picked.selectors):
        boxes = current.setdefault("boxes", CommentedSeq())
        at = next((i for i, each in enumerate(boxes) if each.get("device_type") == picked.box.device_type), len(boxes))
        boxes[at : at + 1] = [box]
        return
    zone = CommentedMap(name=picked.name, page=picked.page, selectors=_flow(list(picked.selectors)))
    if current is not None and current.get("valid_from") == today:
        # Picked again on the same day: the entry itself changes.
        current["selectors"], current["boxes"] = _flow(list(picked.selectors)), [box]
        return
    if current is not None:
        current["valid_to"] = today - timedelta(days=1)
        zone["valid_from"] = today
        if current.get("device_type"):
            zone["device_type"] = current["device_type"]
    zone["boxes"] = [box]
    zones.append(zone)


def _flow(value: Any) -> Any:  # noqa: ANN401  # a list or a mapping
    made = CommentedMap(value) if isinstance(value, dict) else CommentedSeq(value)
    made.fa.set_flow_style()
    return made
