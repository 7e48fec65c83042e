"""Draw the page pictures of the demo shop, `pictures/<page>-<device>.png`, from `layout.py` through headless Chromium.

Each element of the layout is a box at its place, filled by a snippet of HTML below. Desktop pages are taken at three
quarters of their size, and all are reduced to few colours, so the twelve of them stay small enough to be committed.

Run: python examples/shop/pictures.py [--browser chromium]
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from layout import PAGES, WIDTHS, Box, box, page_height
from png import reduce

FOLDER = Path(__file__).resolve().parent / "pictures"
PAGE_NAMES = {
    "home": "home",
    "category": "category",
    "product_before": "product-before",
    "product_after": "product-after",
    "cart": "cart",
    "checkout": "checkout",
}
SCALES = {"desktop": 0.75, "mobile": 1}
STYLE = """
* { box-sizing: border-box; margin: 0 }
body { font: 15px/1.5 'DejaVu Sans', sans-serif; color: #343a46; background: #fff; position: relative }
div.e { position: absolute; overflow: hidden }
.row { display: flex; align-items: center; gap: 14px; height: 100% }
.col { display: flex; flex-direction: column; gap: 10px; height: 100% }
.between { justify-content: space-between } .middle { justify-content: center; align-items: center }
.pad { padding: 24px } .m .pad { padding: 16px }
.soft { background: #f3f4f7; border-radius: 10px } .line { border: 1px solid #dfe2e9; border-radius: 10px }
.sand { background: #efe6da } .mist { background: #dfe8ee } .sage { background: #e0e9df } .rose { background: #f0e0df }
.round { border-radius: 10px } .edges { padding: 0 120px } .m .edges { padding: 0 16px }
.button { background: #2f4858; color: #fff; border-radius: 8px; font-weight: bold; height: 100% }
.quiet { background: #e4e7ed; color: #56606e; border-radius: 8px; height: 100%; font-size: 13px }
.input { border: 1px solid #c9ced8; border-radius: 8px; background: #fff; color: #8b93a1; padding: 0 16px; height: 100% }
.small { font-size: 12px; color: #7b8494 } .big { font-size: 44px; line-height: 1.12; font-weight: bold }
.m .big { font-size: 27px } .title { font-size: 24px; font-weight: bold; line-height: 1.25 } .m .title { font-size: 20px }
.grow { flex: 1; min-height: 0 } b { white-space: nowrap }
svg { display: block; margin: auto } path { vector-effect: non-scaling-stroke }
"""
GOODS = (
    ("Linen runner", "89"), ("Field coat", "189"), ("Canvas tote", "64"), ("Wool cap", "35"),
    ("Court shoe", "110"), ("Rain parka", "149"), ("Day pack", "95"), ("Sun hat", "42"),
    ("Suede boot", "159"), ("Quilted vest", "119"), ("Belt bag", "48"), ("Beanie", "29"),
)  # fmt: skip
TINTS = ("sand", "mist", "sage", "rose")
SHOE = (
    '<svg width="{0}" viewBox="0 0 120 64" fill="none" stroke="#6b7686" stroke-width="2" stroke-linejoin="round">'
    '<path d="M8 14c8 6 18 4 24-4l30 22c10 7 26 6 40 10 8 3 10 6 10 10H10c-4-12-6-26-2-38z" fill="#fff"/>'
    '<path d="M10 52h102M44 20l-8 7M53 26l-8 7M62 32l-7 7"/></svg>'
)
COAT = (
    '<svg width="{0}" viewBox="0 0 120 120" fill="none" stroke="#6b7686" stroke-width="2" stroke-linejoin="round">'
    '<path d="M46 12h28l22 14 10 52-14 3-6-30v58H34V51l-6 30-14-3 10-52z" fill="#fff"/><path d="M60 109V34M46 12l14 22 14-22"/></svg>'
)
BAG = (
    '<svg width="{0}" viewBox="0 0 120 110" fill="none" stroke="#6b7686" stroke-width="2" stroke-linejoin="round">'
    '<path d="M20 40h80l8 62H12z" fill="#fff"/><path d="M42 54V30c0-26 36-26 36 0v24"/></svg>'
)
HAT = (
    '<svg width="{0}" viewBox="0 0 120 70" fill="none" stroke="#6b7686" stroke-width="2" stroke-linejoin="round">'
    '<path d="M30 50c0-54 60-54 60 0z" fill="#fff"/><path d="M4 52c30-8 82-8 112 0-24 16-88 16-112 0z" fill="#fff"/></svg>'
)
DRAWN = (SHOE, COAT, BAG, HAT)


def _card(number: int) -> str:
    name, price = GOODS[number - 1]
    tint, drawn = TINTS[(number - 1) % 4], DRAWN[(number - 1) % 4]
    return (
        f'<div class="col"><div class="grow round row middle {tint}">{drawn.format("52%")}</div>'
        f'<div class="row between" style="height:26px"><span>{name}</span><b>{price} €</b></div></div>'
    )


def _category(name: str, tint: str) -> str:
    return f'<div class="row middle round {tint}" style="font-weight:bold">{name}</div>'


def _fields(title: str, names: tuple[str, ...]) -> str:
    inputs = "".join(f'<div class="input row" style="height:52px">{name}</div>' for name in names)
    return f'<div class="col line pad" style="gap:14px"><div class="title">{title}</div>{inputs}</div>'


def _item(number: int, size: str) -> str:
    name, price = GOODS[number]
    return (
        f'<div class="row line pad" style="align-items:flex-start"><div class="row middle round {TINTS[number % 4]}" '
        f'style="width:min(22vw,150px);height:auto;aspect-ratio:1">{DRAWN[number % 4].format("70%")}</div><div class="grow"><b>{name}</b>'
        f'<div class="small">{size}</div></div><b>{price} €</b></div>'
    )


def _summary() -> str:
    lines = "".join(
        f'<div class="row between" style="height:26px"><span>{name}</span><b>{sum_}</b></div>'
        for name, sum_ in (("2 articles", "153 €"), ("Delivery", "free"), ("Total", "153 €"))
    )
    return f'<div class="col soft pad"><div class="title">Summary</div>{lines}</div>'


def _offer(note: str) -> str:
    sizes = "".join(
        f'<div class="input row middle" style="width:52px;height:40px;padding:0">{n}</div>' for n in range(39, 44)
    )
    facts = "".join(
        f'<div class="row between wide" style="height:46px;border-top:1px solid #e6e8ee"><span>{name}</span>'
        f'<span class="small">{fact}</span></div>'
        for name, fact in (("Delivery", "free from 50 €"), ("Returns", "within 30 days"), ("Care", "wash by hand"))
    )
    return (
        f'<div class="title">Linen runner</div><b class="title">89 €</b><div class="small">{note}</div>'
        f'<div class="row" style="height:44px;gap:8px">{sizes}</div><div class="wide" style="height:14px"></div>{facts}'
    )


SNIPPETS = {
    "header": '<div class="row between edges" style="border-bottom:1px solid #e6e8ee"><b style="font-size:20px">'
    'Oak &amp; Thread</b><span class="row wide" style="gap:36px">Shoes<span>Coats</span><span>Bags</span><span>Hats</span>'
    "</span><span>Cart (2)</span></div>",
    "footer": '<div class="soft row edges" style="border-radius:0;justify-content:flex-end">'
    '<span class="small">Delivery and returns</span></div>',
    "about": '<div class="row small">About us</div>',
    "headline": '<div class="row big" style="font-size:32px">{title}</div>',
    "hero": '<div class="sand round col hero"><div class="big">Made to be<br>worn for years</div>'
    '<div>The autumn collection is here.</div></div>',
    "hero_picture": f'<div class="row middle round" style="background:#e3d5c3">{SHOE.format("62%")}</div>',
    "hero_button": '<div class="button row middle">Shop shoes</div>',
    "categories": '<div class="title">Categories</div>',
    "new": '<div class="title">New this week</div>',
    "category_shoes": _category("Shoes", "mist"),
    "category_coats": _category("Coats", "sage"),
    "category_bags": _category("Bags", "rose"),
    "category_hats": _category("Hats", "sand"),
    "banner": '<div class="round row middle col" style="background:#c97b63;color:#fff"><div class="title">Sale: last pieces</div>'
    "<div>Up to 40 % off summer</div></div>",
    "newsletter": '<div class="soft col middle pad"><div class="title">Letters, not adverts</div><div>Once a month.</div>'
    '<div class="input row" style="width:min(100%,380px);height:52px">Your e-mail</div></div>',
    "filters": '<div class="soft pad col"><b>Filters</b><div class="small wide" style="margin-top:100px">Colour</div>'
    '<div class="row wide" style="height:34px;gap:8px">'
    + "".join(f'<div style="width:34px;height:34px;border-radius:17px;background:{c}"></div>' for c in
              ("#2f4858", "#c97b63", "#d9c7ae", "#8fa58c"))
    + '</div><div class="small wide" style="margin-top:18px">Price</div>'
    '<div class="wide" style="height:6px;border-radius:3px;background:#c9ced8"></div></div>',
    "filter_size": '<div class="input row between"><span>Size</span><span>39 - 43</span></div>',
    "gallery_picture": f'<div class="row middle round sand">{SHOE.format("64%")}</div>',
    **{f"thumb_{n}": f'<div class="row middle round {TINTS[n - 1]}">{SHOE.format("60%")}</div>' for n in range(1, 5)},
    "sidebar": f'<div class="col">{_offer("Undyed linen, natural rubber sole")}</div>',
    "buy_box": f'<div class="col line pad" style="border-color:#2f4858">{_offer("In stock, with you in 2 days")}</div>',
    "description": '<div class="title">About this shoe</div><div style="margin-top:10px">Woven from undyed linen on a sole of '
    "natural rubber. Light, breathing, and made to be resoled. Wash by hand, dry in the shade.</div>",
    "recommended": '<div class="title">Goes well with it</div>',
    "item": _item(0, "Size 41"),
    "item_2": _item(2, "Sand"),
    "quantity": '<div class="input row" style="padding:0 20px;gap:28px;color:#343a46"><b>-</b><b>1</b></div>',
    "quantity_plus": '<div class="quiet row middle" style="font-size:20px">+</div>',
    "summary": _summary(),
    "to_checkout": '<div class="button row middle">To checkout</div>',
    "address": _fields("Address", ("Name", "Street and number", "Postcode and town")),
    "payment": _fields("Payment", ()),
    "card_number": '<div class="input row between"><span>Card number</span><span>MM / YY</span></div>',
    "pay": '<div class="button row middle">Pay 153 €</div>',
    **{f"card_{n}": _card(n) for n in range(1, 13)},
}  # fmt: skip
TITLES = {"category": "The collection", "cart": "Your cart", "checkout": "Checkout"}


def html(page: str, device: str) -> str:
    """A page of the layout as HTML: large boxes first, so that what lies inside is drawn over them."""
    snippets = SNIPPETS | {
        "buy": '<div class="button row middle" style="font-size:18px">Add to cart</div>'
        if page == "product_after"
        else '<div class="quiet row middle">Add to cart</div>',
        "headline": SNIPPETS["headline"].replace("{title}", TITLES.get(page, "")),
    }
    boxes = sorted(
        ((box(page, name, device), name) for name in PAGES[page]), key=lambda it: -it[0].width * it[0].height
    )
    drawn = "".join(_element(b, snippets[name]) for b, name in boxes if name in snippets)
    only = ".m .wide { display: none }.hero { padding: 72px 56px } .m .hero { padding: 226px 20px 20px }"
    stretch = "div.e > div:only-child { height: 100% }"
    shape = "m" if device == "mobile" else "d"
    return f'<meta charset="utf-8"><style>{STYLE}{only}{stretch}</style><body class="{shape}">{drawn}'


def _element(b: Box, inner: str) -> str:
    return f'<div class="e" style="left:{b.x}px;top:{b.y}px;width:{b.width}px;height:{b.height}px">{inner}</div>'


def take(browser: str, page: str, device: str, target: Path) -> None:
    """Photograph a page."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "page.html")
        source.write_text(html(page, device), encoding="utf-8")
        size = f"{WIDTHS[device]},{page_height(page, device)}"
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--force-device-scale-factor={SCALES[device]}",
        ]
        shot = [f"--screenshot={target}", f"--window-size={size}", f"--user-data-dir={scratch}", source.as_uri()]
        subprocess.run([browser, *flags, *shot], check=True, capture_output=True)  # noqa: S603  # what the caller named
    reduce(target)


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description="Draw the demo shop's page pictures.")
    parser.add_argument("--browser", default="chromium")
    browser = shutil.which(parser.parse_args().browser)
    if browser is None:
        raise SystemExit("no browser found: name one with --browser")
    FOLDER.mkdir(exist_ok=True)
    for page, name in PAGE_NAMES.items():
        for device in ("desktop", "mobile"):
            target = FOLDER / f"{name}-{device}.png"
            take(browser, page, device, target)
            print(f"{target.name}: {target.stat().st_size / 1024:.0f} KB")  # noqa: T201  # a script's answer


if __name__ == "__main__":
    main()
