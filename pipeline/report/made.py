"""What report and catalog were made from, so that a missing or outdated one is made anew. What must not be here: a page."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from pipeline.build.marts import RECORD_KEY
from pipeline.build.restatements import FOLDER as RESTATEMENTS
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.publish.catalog import CATALOG_KEY, catalog_version, read_catalog_version
from pipeline.report.definition_texts import definitions_folder
from pipeline.report.pictures import pictures

FOLDER = "report"
MADE_KEY = f"{FOLDER}/_made.json"


class Made(msgspec.Struct, frozen=True):
    """What the report was made from, and its pages by their names below the report."""

    version: str
    pages: list[str]


def report_version(lake: Lake, product: Product) -> str:
    """Hash of all that the report shows: marts, ledger, product file, pictures, definitions, and how pages are made."""
    for page in product.pages:
        # Pages take them from this machine.
        for picture in page.pictures:
            lake.path(picture.file)
    contents = [lake.read(key) or b"" for key in (RECORD_KEY, *lake.keys(RESTATEMENTS))]
    contents += [f"{name} {shown}".encode() for name, shown in sorted(pictures(product, lake.home).items())]
    # Not sorted by key: of some sections the order is shown.
    label = json.dumps(product.model_dump(mode="json")).encode()
    return _hash([label, catalog_version(lake).encode(), _code().encode(), *contents])


def report_is_stale(lake: Lake, product: Product) -> bool:
    """Whether a page of the report is missing, or it was made from something else than what lies there."""
    data = lake.read(MADE_KEY)
    try:
        made = msgspec.json.decode(data or b"", type=Made)
    except msgspec.DecodeError:
        return True
    return made.version != report_version(lake, product) or not all(
        lake.exists(f"{FOLDER}/{page}") for page in ["index.html", *made.pages]
    )


def catalog_is_stale(lake: Lake) -> bool:
    """Whether the catalog is missing, or would be another one now."""
    return not lake.exists(CATALOG_KEY) or read_catalog_version(lake) != catalog_version(lake)


def write_made(lake: Lake, version: str, pages: Iterable[str]) -> None:
    """Record what the report was made from; written last, so a crash means: make it again."""
    lake.write(MADE_KEY, msgspec.json.encode(Made(version, sorted(pages))))


@cache
def _code() -> str:
    """Hash of what pages are made with: our modules, templates, definitions, and the player of replays where it is built."""
    package = files("pipeline.report")
    folders = (package, package / "pages", package / "templates", package / "player" / "dist", definitions_folder())
    return _hash(_contents(folder) for folder in folders)


def _contents(folder: Traversable) -> bytes:
    if not folder.is_dir():
        return b""
    result = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return b"".join(name.encode() + data for name, data in sorted(result.items()))


def _hash(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:32]
