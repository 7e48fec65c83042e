"""The demo shop as a home for tests."""

from pathlib import Path

from generate import write

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.product_file import load_product


def first_days_of_shop(lake: Lake, last: str, people: int) -> Product:
    """Put the demo shop's landing files that arrived until the ISO day `last` into a home; its product file."""
    write(lake.path("landing"), people=people, days=28)
    for path in [each for each in lake.path("landing").rglob("*") if each.is_file()]:
        if path.parent.name > last:
            path.unlink()
    return load_product(Path(__file__).parents[1] / "examples" / "shop" / "product.yaml")
