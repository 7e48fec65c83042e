"""The home that is asked: its product file as it is now, its questions, what it can be asked."""

import threading
import time
from pathlib import Path

from pipeline.ask.ask import Asker
from pipeline.ask.known import Known
from pipeline.core.lake import Lake
from pipeline.core.object_lake import open_lake
from pipeline.core.product import Product
from pipeline.core.product_file import PRODUCT_FILE, ProductFileError, product_of

# How long a look at the product file is good for: of a home in a store it is a request.
_LOOK_SECONDS = 2.0


class Home:
    """A home, looked at only: nothing is written to it."""

    def __init__(self, path: Path | str) -> None:
        self.lake: Lake = open_lake(path)
        self._lock = threading.Lock()
        self._written = self._stamp()
        self.asker = Asker(self.lake, product_of(self.lake))
        self._known: tuple[str, Known] | None = None
        self._looked = time.monotonic()

    def _stamp(self) -> tuple[int, int] | None:
        file = self.lake.path(PRODUCT_FILE)
        return (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None

    def now(self) -> Asker:
        """Who answers, by the product file as it is now; while it is faulty, as it was before."""
        with self._lock:
            if time.monotonic() - self._looked < _LOOK_SECONDS:
                return self.asker
            stamp, self._looked = self._stamp(), time.monotonic()
            if stamp != self._written:
                self._written = stamp
                try:
                    product = product_of(self.lake)
                except ProductFileError:
                    return self.asker
                self.asker, self._known = Asker(self.lake, product), None
            return self.asker

    @property
    def product(self) -> Product:
        """The product file."""
        return self.now().product

    def known(self) -> Known:
        """What can be picked; looked up anew once there are other days, or somebody is gone from them."""
        asker = self.now()
        version = asker.version()
        kept = self._known
        if kept is None or kept[0] != version:
            kept = self._known = (version, asker.known())
        return kept[1]
