"""Taking several landing files at once: reading them is Python's work, one processor a file.

A few small files are taken in this process: another one costs a second until it has started.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from pipeline.core.engine import Pending, engine
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.ingest.erased import Erased
from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.landing import LandingFile
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.reading.opening import PARQUET, ZIP, open_landing, packing
from pipeline.ingest.taking import take_file

Take = Callable[[LandingFile, str], Callable[[], Manifest]]
# Bytes as they are when unpacked: below that, three seconds of reading or less, and processes take one to start. A file takes
# 30 ms besides, as long as so many bytes.
WORTH_PROCESSES = 200_000_000
_OF_A_FILE = 2_000_000
_MAGIC_BYTES = 16
_UNPACKED_TO = 10


def _is_packed(file: LandingFile) -> bool:
    if file.fault is not None or not file.size:
        return False
    try:
        with open_landing(file.local) as stream:
            head = stream.read(_MAGIC_BYTES)
    except (CannotRead, FileFault):
        return False
    return packing(head) is not None or head.startswith((PARQUET, *ZIP))


def _taken(lake: Lake, product: Product, file: LandingFile, sha256: str, erased: Erased) -> Manifest:
    """Take a file, on whatever machine; no copy of it stays there."""
    try:
        return take_file(lake, product, file, sha256, erased)
    finally:
        file.forget()


@contextmanager
def takers(lake: Lake, product: Product, erased: Erased, files: Sequence[LandingFile]) -> Generator[tuple[Take, int]]:
    """A function that begins to take a file and returns what waits for its manifest; how many to have under way.

    With one at a time a file is taken when its manifest is asked for. In the end nothing of what was begun goes on.
    """
    size = sum(_OF_A_FILE + file.size * (_UNPACKED_TO if _is_packed(file) else 1) for file in files)
    on, begun = engine(len(files), worth=size >= WORTH_PROCESSES), list[Pending[Manifest]]()

    def take(file: LandingFile, sha256: str) -> Callable[[], Manifest]:
        begun.append(on.submit(_taken, lake, product, file, sha256, erased))
        return begun[-1].result

    try:
        yield take, on.under_way
    finally:
        on.end(begun)
