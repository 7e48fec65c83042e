"""Where an opportunity is: the picture of its page, in grey, with the zone in which it happens framed."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from pipeline.core.product import Product
from pipeline.core.product_pages import Box, Picture
from pipeline.core.product_pages import Page as ShopPage
from pipeline.report.parts import label
from pipeline.report.pictures import picture_at, picture_of

# Around the zone as much of the page as shows where it is; of a page without one its begin.
_AROUND, _TALLEST, _SHOWN_WIDTH = 160, 900, 560
_MARK = "#c5221f"


def place_of(product: Product, home: Path, r: dict[str, Any], devices: pl.Series) -> Markup | None:
    """The picture of a row of `opportunities`, on the device that most of `devices` are; None where no page has a picture.

    What a funnel loses lies between pages, and what people say lies on none: these have no picture.
    """
    page = next((each for each in product.pages if each.name == r["page"]), None)
    if page is None or r["kind"] in ("funnel_drop", "theme"):
        return None
    zone = r["subject"].partition(" in ")[2] if r["kind"] == "zone" else ""
    # Equally frequent ones stay in the order in which they come: the same marts give the same page.
    often = [device for device, _ in Counter(devices.drop_nulls()).most_common()]
    drawn = [picture.device_type for picture in page.pictures]
    for device in dict.fromkeys([*(each for each in often if each in drawn), *drawn]):
        picture, box = picture_at(page, device, r["as_of"]), _box(product, page, zone, device, r["as_of"])
        data = picture and picture_of(home, picture)
        if picture and data and (box or not zone):
            return _drawn(picture, data, box, label(zone), f"{label(page.name)} on {device}")
    return None


def _box(product: Product, page: ShopPage, name: str, device: str, day: date) -> Box | None:
    for zone in product.zones:
        begins, ends = product.zone_validity(zone)
        if (zone.name, zone.page) == (name, page.name) and begins <= day <= ends:
            return zone.box(device)
    return None


def _drawn(picture: Picture, data: str, box: Box | None, name: str, where: str) -> Markup:
    """The part of the page around the box, the box framed, its name above it."""
    width = picture.width
    top = max(0, box.y - _AROUND) if box else 0
    height = min(_TALLEST, (box.height if box else _TALLEST) + 2 * _AROUND)
    wanted = min(width, _SHOWN_WIDTH)
    frame = Markup()
    if box:
        font = round(14 * width / wanted)
        right = box.width or width - box.x
        frame = Markup(
            '<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="none" stroke="{mark}" stroke-width="{line}"/>'
            '<text x="{x}" y="{above}" font-size="{font}" font-weight="700" fill="{mark}" stroke="#ffffff" stroke-width="{halo}" '
            'paint-order="stroke" font-family="system-ui, sans-serif">{name}</text>'
        ).format(
            x=box.x, y=box.y, w=right, h=box.height, mark=_MARK, line=font / 4, above=box.y - font / 2, font=font, halo=font / 4,
            name=name,
        )  # fmt: skip
    title = f"{where}, {name} framed" if name else where
    return Markup(
        '<svg role="img" class="place" xmlns="http://www.w3.org/2000/svg" viewBox="0 {top} {w} {h}" width="{wanted}" height="{tall}">'
        '<title>{title}</title><defs><filter id="grey"><feColorMatrix type="saturate" values="0.2"/></filter></defs>'
        '<image href="{data}" width="{w}" filter="url(#grey)"/>{frame}</svg>'
    ).format(
        top=top, w=width, h=height, wanted=wanted, tall=round(height * wanted / width), title=title, data=Markup(data), frame=frame  # noqa: S704  # base64 of ours
    )  # fmt: skip
