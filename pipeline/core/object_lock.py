"""The lock of a home in an object store: an object that only one can make, renewed while it is held, taken over where it isn't."""

import json
import os
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore

from pipeline.core.lake import Replaced

KEY = "lake/_state/lock"
# A holder renews it so often; one that didn't for so long is gone, and doubts it itself well before.
RENEW_SECONDS, SURE_SECONDS, GONE_SECONDS = 10.0, 40.0, 60.0


class Held:
    """The lock as its holder knows it."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store, self._name = store, name
        self._etag = _taken(store)
        self._renewed, self._is_lost = time.monotonic(), False

    def renew(self) -> None:
        """Write the lock anew, which says that its holder lives; what the store doesn't answer is tried again later."""
        try:
            self._etag, self._renewed = _put(self._store, self._etag), time.monotonic()
        except PreconditionError:
            self._is_lost = True
        except BaseError:
            return

    def check(self) -> None:
        """Raise Replaced where another may have taken the lock over: what is about to be written isn't."""
        if self._is_lost or time.monotonic() - self._renewed > SURE_SECONDS:
            raise Replaced(f"the lock of {self._name} was taken over by another writer meanwhile; run again")

    def free(self) -> None:
        """Let go of it, if it is still ours."""
        with suppress(FileNotFoundError):
            if obstore.head(self._store, KEY)["e_tag"] == self._etag:
                obstore.delete(self._store, KEY)
                return
        self._is_lost = True


@contextmanager
def exclusive(store: ObjectStore, name: str) -> Generator[Held]:
    """While in it nobody else is; Replaced in the end where another took the lock over meanwhile."""
    ended, held = threading.Event(), Held(store, name)

    def renew() -> None:
        while not ended.wait(RENEW_SECONDS):
            held.renew()

    thread = threading.Thread(target=renew, name="lock of the home", daemon=True)
    thread.start()
    try:
        yield held
    finally:
        ended.set()
        thread.join()
        held.free()
    held.check()


def _taken(store: ObjectStore) -> str:
    """Wait for the lock and take it; its ETag."""
    seen, since, pause = "", time.monotonic(), 0.02
    while True:
        with suppress(AlreadyExistsError):
            return _put(store, None)
        try:
            now = obstore.head(store, KEY)["e_tag"] or ""
        except FileNotFoundError:
            continue
        if now != seen:
            # Clocks of two machines differ, so only our own is asked.
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > GONE_SECONDS:
            with suppress(PreconditionError, FileNotFoundError):
                return _put(store, now)
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def _put(store: ObjectStore, before: str | None) -> str:
    """Write the lock anew, where nobody else did since it was `before`; None: since nobody held it."""
    data = json.dumps({"pid": os.getpid(), "token": secrets.token_hex(8)}).encode()
    return obstore.put(store, KEY, data, mode="create" if before is None else {"e_tag": before})["e_tag"] or ""
