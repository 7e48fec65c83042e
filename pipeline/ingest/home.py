"""What is fixed once a home holds data: start date, time zone, version of the key hash (`lake/_state/home.json`).

Changing one would move every event to another day or person, so it is refused with the command that rebuilds.
"""

import msgspec

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.sealed import has_seal, read_sealed, write_sealed
from pipeline.ingest.erased import ErasedUnreadable, mend_erased
from pipeline.ingest.journal import finish
from pipeline.ingest.manifests import mend_withdrawals, read_manifests
from pipeline.ingest.taking import reader_hash

HOME_KEY = "lake/_state/home.json"
KEY_HASH = "xxh3_64-1"
# Raised where an earlier release would misread what this one writes: 2 since states of days lie by month, 3 since large days
# lie in parts.
FORMAT = 3


class HomeMismatch(Exception):
    """The product file no longer fits the data in the home; the sentence names the difference and the remedy."""


class Fixed(msgspec.Struct, frozen=True):
    """What the home was made with, and the format that it was last written in."""

    start_date: str
    time_zone: str
    key_hash: str = KEY_HASH
    format: str = "1"

    @classmethod
    def of(cls, product: Product) -> "Fixed":
        """What a home of this product is made with."""
        return cls(product.start_date.isoformat(), product.time_zone, format=str(FORMAT))


def read_fixed(lake: Lake) -> Fixed | None:
    """What the home was made with; None before the first ingest, or where that can't be read."""
    return read_sealed(lake, HOME_KEY, Fixed)


def claim(lake: Lake, product: Product, *, dry: bool = False) -> None:
    """Fix start date, time zone and hash at the first ingest (`dry`: only compare); HomeMismatch if they differ.

    What a killed erasure or rebuild began is ended first, and small objects that were damaged are made anew.
    """
    refuse_newer(lake)
    if not dry:
        with lake.exclusive():
            finish(lake)
            _mend(lake)
    wanted, fixed = Fixed.of(product), read_fixed(lake)
    if fixed is None:
        if not _read_alike(lake, product):
            raise HomeMismatch(
                f"{HOME_KEY} is damaged or gone, and files were read with another product file than today's; put the time zone "
                f"and start date right, then run `footfall rebuild --home '{lake.url}'`"
            )
        fixed = wanted
    different = [
        f"{name} was {getattr(fixed, name)} and is now {getattr(wanted, name)}"
        for name in ("start_date", "time_zone", "key_hash")
        if getattr(fixed, name) != getattr(wanted, name)
    ]
    if different:
        raise HomeMismatch(
            f"{'; '.join(different)}: every event would move. Change it back, or make the home anew with it: "
            f"footfall rebuild --home '{lake.url}'"
        )
    if not dry and (read_fixed(lake) != wanted or not has_seal(lake, HOME_KEY)):
        write_sealed(lake, HOME_KEY, wanted)


def refuse_newer(lake: Lake) -> None:
    """Raise HomeMismatch where a newer release wrote the home: nothing of it may be changed by this one."""
    fixed = read_fixed(lake)
    if fixed is not None and int(fixed.format) > FORMAT:
        raise HomeMismatch(
            f"{lake.url} was written by a newer footfall (format {fixed.format}, this one knows {FORMAT}): install that one, "
            "or restore the home from before (docs/operations.md)"
        )


def _mend(lake: Lake) -> None:
    try:
        mend_erased(lake)
    except ErasedUnreadable as fault:
        raise HomeMismatch(str(fault)) from None
    mend_withdrawals(lake)


def _read_alike(lake: Lake, product: Product) -> bool:
    """Whether all files were read as they would be read today, and so with the same time zone and start date."""
    manifests = [each for each in read_manifests(lake).values() if not each.retracted]
    return all(each.reader == reader_hash(each.source, product) for each in manifests)
