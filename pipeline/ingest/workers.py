"""Taking several landing files at once: reading them is Python's work, one processor a file.

A few small files are taken in this process: another one costs a second until it has started.
"""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial

from loky import ProcessPoolExecutor

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.ingest.erased import Erased
from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.landing import LandingFile
from pipeline.ingest.manifests import Manifest
from pipeline.ingest.reading.opening import PARQUET, ZIP, open_landing, packing
from pipeline.ingest.taking import take_file

Take = Callable[[LandingFile, str], Callable[[], Manifest]]
# Bytes as they are when unpacked: below that, three seconds of reading or less, and processes take one to start.
WORTH_PROCESSES = 200_000_000
IDLE_SECONDS = 30
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


@contextmanager
def takers(lake: Lake, product: Product, erased: Erased, files: Sequence[LandingFile]) -> Generator[tuple[Take, int]]:
    """A function that begins to take a file and returns what waits for its manifest; how many to have under way.

    With one at a time a file is taken when its manifest is asked for.
    """
    size = sum(file.size * (_UNPACKED_TO if _is_packed(file) else 1) for file in files)
    processors = min(len(files), os.cpu_count() or 1)
    if processors < 2 or size < WORTH_PROCESSES:  # noqa: PLR2004  # one is no use
        yield (lambda file, sha256: partial(take_file, lake, product, file, sha256, erased)), 1
        return
    # Loky's processes don't run the caller's script again, as the standard library's do, and end when they are idle:
    # a killed run leaves none behind.
    pool = ProcessPoolExecutor(processors, timeout=IDLE_SECONDS)
    try:
        yield (lambda file, sha256: pool.submit(take_file, lake, product, file, sha256, erased).result), 2 * processors
    finally:
        pool.shutdown(wait=True, kill_workers=False)
