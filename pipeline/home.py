"""What is fixed once a home holds data: start date, time zone, version of the key hash (`lake/_state/home.json`).

Changing one would move every event to another day or person, so it is refused with the commands that rebuild.
"""

import msgspec

from pipeline.lake import Lake
from pipeline.product import Product

_KEY = "lake/_state/home.json"
KEY_HASH = "xxh3_64-1"


class HomeMismatch(Exception):
    """The product file no longer fits the data in the home; the sentence names the difference and the remedy."""


class Fixed(msgspec.Struct, frozen=True):
    """What the home was made with."""

    start_date: str
    time_zone: str
    key_hash: str = KEY_HASH


def claim(lake: Lake, product: Product, *, dry: bool = False) -> None:
    """Fix start date, time zone and hash at the first ingest (`dry`: only compare); HomeMismatch if they differ."""
    wanted = Fixed(product.start_date.isoformat(), product.time_zone)
    data = lake.read(_KEY)
    if data is None:
        if not dry:
            lake.write(_KEY, msgspec.json.encode(wanted))
        return
    fixed = msgspec.json.decode(data, type=Fixed)
    different = [
        f"{name} was {getattr(fixed, name)} and is now {getattr(wanted, name)}"
        for name in Fixed.__struct_fields__
        if getattr(fixed, name) != getattr(wanted, name)
    ]
    if different:
        home = lake.home
        raise HomeMismatch(
            f"{'; '.join(different)}: every event would move. Change it back, or rebuild from the landing files: "
            f"rm -r '{home}/lake' '{home}/marts' && footfall run --home '{home}'"
        )
