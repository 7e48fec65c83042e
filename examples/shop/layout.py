"""Where the elements of the demo shop's pages are: px from the page's top left, per page and device.

The one source of boxes: the generator clicks and points inside them, `pictures.py` draws them, and the zones of
`product.yaml` repeat them. Desktop is 1440 px wide with its content in the middle 1200, mobile 390; the tablet, 820 px
wide, is the desktop's page with its content pressed into 740 px. The redesign of the product page is a page of its own.
"""

from functools import cache
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in px from the page's top left."""

    x: int
    y: int
    width: int
    height: int


class Element(NamedTuple):
    """An element as its chain names it, and its box by device."""

    chain: str
    desktop: Box
    mobile: Box


Page = dict[str, Element]
WIDTHS = {"desktop": 1440, "mobile": 390, "tablet": 820}
_TABLET_MARGIN, _TABLET_CONTENT = 40, 740
_DESKTOP_MARGIN, CONTENT = 120, 1200
# Page heights: (desktop and tablet, mobile).
_HEIGHTS = {
    "home": (2040, 2050),
    "category": (2260, 2120),
    "product_before": (1700, 1780),
    "product_after": (1700, 1780),
    "cart": (960, 1010),
    "checkout": (1020, 1020),
    "thanks": (1180, 844),
    "missing": (1180, 844),
}


def _all_pages(height: int, mobile_height: int) -> Page:
    return {
        "header": Element("<header>", Box(0, 0, 1440, 72), Box(0, 0, 390, 56)),
        "about": Element(
            '<main><footer><a href="/about">', Box(120, height - 80, 160, 40), Box(16, mobile_height - 75, 120, 40)
        ),
        "footer": Element(
            "<main><footer>", Box(0, height - 120, 1440, 120), Box(0, mobile_height - 110, 390, 110)
        ),
    }  # fmt: skip


def _cards(chain: str, first: tuple[Box, Box], columns: tuple[int, int], count: int, gaps: tuple[int, int]) -> Page:
    """Cards in rows from the first one, whose box stands for desktop and mobile."""

    def box(number: int, device: int) -> Box:
        x, y, width, height = first[device]
        row, column = divmod(number, columns[device])
        return Box(x + column * (width + gaps[device]), y + row * (height + gaps[device]), width, height)

    names = [f"card_{number + 1}" for number in range(count)]
    return {name: Element(chain.replace("*", str(12 + 5 * i)), box(i, 0), box(i, 1)) for i, name in enumerate(names)}


def _home() -> Page:
    links = {"shoes": 0, "coats": 1, "bags": 2, "hats": 3}
    categories = {
        f"category_{name}": Element(
            f'<main><nav class="categories"><a href="/c/{name}">',
            Box(120 + 305 * i, 660, 285, 150),
            Box(16 + 185 * (i % 2), 578 + 128 * (i // 2), 173, 116),
        )
        for name, i in links.items()
    }
    return {
        "hero": Element('<main><section class="hero">', Box(120, 96, 1200, 460), Box(16, 72, 358, 430)),
        "hero_picture": Element(
            '<main><section class="hero"><img class="picture">', Box(720, 96, 600, 460), Box(16, 72, 358, 210)
        ),
        "hero_button": Element(
            '<main><section class="hero"><a class="cta" href="/c/shoes">', Box(176, 430, 230, 60), Box(36, 424, 190, 54)
        ),
        "categories": Element('<main><nav class="categories">', Box(120, 600, 1200, 230), Box(16, 528, 358, 314)),
        **categories,
        "new": Element('<main><section class="new">', Box(120, 870, 1200, 460), Box(16, 870, 358, 560)),
        **_cards(
            '<main><section class="new"><a class="card" href="/p/*"><img>',
            (Box(120, 930, 285, 380), Box(16, 920, 173, 240)), (4, 2), 4, (20, 12),
        ),
        "banner": Element(
            '<main><a class="banner" href="/sale-old-404">', Box(120, 1380, 1200, 180), Box(16, 1460, 358, 150)
        ),
        "newsletter": Element('<main><section class="newsletter">', Box(120, 1620, 1200, 240), Box(16, 1650, 358, 230)),
    }  # fmt: skip


def _category() -> Page:
    return {
        "headline": Element("<main><h1>", Box(120, 104, 600, 64), Box(16, 72, 358, 44)),
        "filters": Element('<main><aside class="filters">', Box(120, 200, 260, 420), Box(16, 128, 358, 108)),
        "filter_size": Element(
            '<main><aside class="filters"><input name="size">', Box(144, 264, 212, 52), Box(32, 176, 200, 44)
        ),
        "product_grid": Element('<main><div class="grid">', Box(420, 200, 900, 1860), Box(16, 256, 358, 1680)),
        **_cards(
            '<main><div class="grid"><a class="card" href="/p/*"><img>',
            (Box(420, 200, 286, 440), Box(16, 256, 173, 268)), (3, 2), 12, (21, 12),
        ),
    }  # fmt: skip


def _product(buy: Page) -> Page:
    thumbs = {
        f"thumb_{i + 1}": Element(
            '<main><div class="gallery"><button class="thumb"><img>',
            Box(120 + 172 * i, 650, 152, 110),
            Box(16 + 91 * i, 440, 83, 70),
        )
        for i in range(4)
    }
    return {
        "gallery": Element('<main><div class="gallery">', Box(120, 104, 668, 656), Box(16, 72, 358, 438)),
        "gallery_picture": Element('<main><div class="gallery"><img>', Box(120, 104, 668, 526), Box(16, 72, 358, 356)),
        **thumbs,
        **buy,
        "description": Element(
            '<main><section class="description">', Box(120, 820, 1200, 140), Box(16, 840, 358, 160)
        ),
        "recommended": Element(
            '<main><section class="recommended">', Box(120, 1010, 1200, 500), Box(16, 1030, 358, 590)
        ),
        **_cards(
            '<main><section class="recommended"><a class="card" href="/p/*">',
            (Box(120, 1080, 285, 410), Box(16, 1080, 173, 258)), (4, 2), 4, (20, 12),
        ),
    }  # fmt: skip


def _buy_before() -> Page:
    return {
        "sidebar": Element('<main><div class="sidebar">', Box(828, 104, 492, 560), Box(16, 530, 358, 290)),
        "buy": Element(
            '<main><div class="sidebar"><button class="add">', Box(828, 596, 190, 46), Box(16, 764, 150, 44)
        ),
    }  # fmt: skip


def _buy_after() -> Page:
    return {
        "buy_box": Element('<main><section class="buy-box">', Box(828, 104, 492, 560), Box(16, 530, 358, 290)),
        "buy": Element(
            '<main><section class="buy-box"><button id="buy">', Box(856, 562, 436, 72), Box(32, 740, 326, 62)
        ),
    }  # fmt: skip


def _cart() -> Page:
    return {
        "headline": Element("<main><h1>", Box(120, 104, 600, 64), Box(16, 72, 358, 44)),
        "item": Element('<main><div class="item">', Box(120, 190, 760, 200), Box(16, 128, 358, 200)),
        "quantity": Element(
            '<main><div class="quantity stepper">', Box(560, 266, 156, 48), Box(136, 268, 132, 44)
        ),
        "quantity_plus": Element(
            '<main><div class="quantity stepper"><button class="plus">', Box(668, 266, 48, 48), Box(224, 268, 44, 44)
        ),
        "item_2": Element('<main><div class="item">', Box(120, 410, 760, 200), Box(16, 340, 358, 200)),
        "summary": Element('<main><aside class="summary">', Box(920, 190, 400, 270), Box(16, 570, 358, 256)),
        "to_checkout": Element(
            '<main><aside class="summary"><a id="to-checkout" href="/checkout">',
            Box(944, 376, 352, 60), Box(32, 752, 326, 56),
        ),
    }  # fmt: skip


def _checkout() -> Page:
    form = '<main><form id="checkout">'
    return {
        "headline": Element("<main><h1>", Box(120, 104, 600, 64), Box(16, 72, 358, 44)),
        "form": Element(form, Box(120, 190, 760, 590), Box(16, 128, 358, 544)),
        "address": Element(f'{form}<fieldset class="address">', Box(120, 190, 760, 290), Box(16, 128, 358, 276)),
        "payment": Element(f'{form}<fieldset class="payment">', Box(120, 500, 760, 176), Box(16, 420, 358, 154)),
        "card_number": Element(
            f'{form}<fieldset class="payment"><input name="card">', Box(144, 580, 460, 56), Box(32, 490, 326, 52)
        ),
        "pay": Element(f'{form}<button id="pay" type="submit">', Box(120, 706, 340, 64), Box(16, 602, 358, 60)),
        "summary": Element('<main><aside class="summary">', Box(920, 190, 400, 190), Box(16, 700, 358, 184)),
    }


def _message(name: str) -> Page:
    return {name: Element(f'<main><div class="{name}">', Box(360, 200, 720, 400), Box(16, 120, 358, 400))}


PAGES: dict[str, Page] = {
    name: {**_all_pages(*_HEIGHTS[name]), **page}
    for name, page in {
        "home": _home(),
        "category": _category(),
        "product_before": _product(_buy_before()),
        "product_after": _product(_buy_after()),
        "cart": _cart(),
        "checkout": _checkout(),
        "thanks": _message("thanks"),
        "missing": _message("missing"),
    }.items()
}


def page_height(page: str, device: str) -> int:
    """Height of a page on a device."""
    return _HEIGHTS[page][device == "mobile"]


@cache
def box(page: str, name: str, device: str) -> Box:
    """The box of a page's element on a device."""
    element = PAGES[page][name]
    if device != "tablet":
        return element.mobile if device == "mobile" else element.desktop
    x, y, width, height = element.desktop
    if width == WIDTHS["desktop"]:
        return Box(0, y, WIDTHS["tablet"], height)
    left = _TABLET_MARGIN + (x - _DESKTOP_MARGIN) * _TABLET_CONTENT // CONTENT
    return Box(left, y, width * _TABLET_CONTENT // CONTENT, height)


def chain_at(page: str, device: str, x: int, y: int) -> str:
    """The chain of the innermost element at a place."""
    result = [(box(page, name, device), element.chain) for name, element in PAGES[page].items()]
    inside = [(b.width * b.height, chain) for b, chain in result if 0 <= x - b.x < b.width and 0 <= y - b.y < b.height]
    return min(inside)[1] if inside else "<main>"
