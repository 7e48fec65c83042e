"""Pages as they look, with numbers over them: what the zone and heatmap pages hand to their script, as plain data."""

import base64
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.core.days import ONE_DAY
from pipeline.core.product import Product
from pipeline.core.product_pages import Page, Picture

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# A picture is set into the page: larger ones would make it slow to open.
MAX_BYTES = 3_000_000


def picture_of(home: Path, picture: Picture) -> str | None:
    """The picture as a data address; None where the file is missing or too large to set into a page."""
    return data_address(home / picture.file)


def data_address(path: Path) -> str | None:
    """A picture's file as a data address; None where it is missing or too large to set into a page."""
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        return None
    data = base64.b64encode(path.read_bytes()).decode()
    return f"data:{_TYPES[path.suffix]};base64,{data}"


def spans(product: Product, page: Page, device: str, first: date, last: date) -> list[tuple[date, date]]:
    """The stretches of days between which a page's pictures or zones of a device changed, within `first` to `last`."""
    starts = [first]
    starts += [p.valid_from for p in page.pictures if p.device_type == device and p.valid_from is not None]
    starts += [p.valid_to + ONE_DAY for p in page.pictures if p.device_type == device and p.valid_to is not None]
    starts += [
        zone.valid_to + ONE_DAY
        for zone in product.zones
        if zone.page == page.name and zone.valid_to is not None and zone.device_type in (None, device)
    ]
    starts += [
        zone.valid_from
        for zone in product.zones
        if zone.page == page.name and zone.valid_from is not None and zone.device_type in (None, device)
    ]
    cuts = sorted({start for start in starts if first <= start <= last})
    ends = [*(date.fromordinal(cut.toordinal() - 1) for cut in cuts[1:]), last]
    return list(zip(cuts, ends, strict=True))


def picture_at(page: Page, device: str, day: date) -> Picture | None:
    """What the page looked like on that day and device."""
    for picture in page.pictures:
        begins, ends = picture.valid_from or date.min, picture.valid_to or date.max
        if picture.device_type == device and begins <= day <= ends:
            return picture
    return None


def views(product: Product, home: Path, first: date, last: date) -> Iterator[dict[str, Any]]:
    """Each page, device and stretch of days with a picture: `page`, `device`, `from`, `to`, `width`, `picture` (a name).

    The pictures themselves are told once each, by `pictures`.
    """
    for page in product.pages:
        for device in dict.fromkeys(picture.device_type for picture in page.pictures):
            for begin, end in spans(product, page, device, first, last):
                shown = picture_at(page, device, end)
                if shown is not None and picture_of(home, shown) is not None:
                    yield {
                        "page": page.name, "device": device, "from": begin, "to": end, "width": shown.width,
                        "picture": shown.file,
                    }  # fmt: skip


def pictures(product: Product, home: Path) -> dict[str, str]:
    """All pictures that are there, by the name that `views` gives them."""
    named = {picture.file: picture for page in product.pages for picture in page.pictures}
    return {name: data for name, picture in named.items() if (data := picture_of(home, picture)) is not None}
