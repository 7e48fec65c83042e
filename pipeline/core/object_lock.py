"""The lock of a home in an object store: an object that only one can make, renewed while it is held, taken over where it isn't."""

import json
import os
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import ObjectStore

from pipeline.core.lake import Replaced

KEY = "lake/_state/lock"
# A holder renews it so often; one that didn't for so long is gone.
RENEW_SECONDS, GONE_SECONDS = 10.0, 60.0


@contextmanager
def exclusive(store: ObjectStore, name: str) -> Generator[None]:
    """While in it nobody else is; Replaced in the end where another took the lock over meanwhile."""
    ended, etag = threading.Event(), [_taken(store)]

    def renew() -> None:
        while not ended.wait(RENEW_SECONDS):
            with suppress(PreconditionError):
                etag[0] = _put(store, etag[0])

    thread = threading.Thread(target=renew, name="lock of the home", daemon=True)
    thread.start()
    is_ours = False
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(FileNotFoundError):
            is_ours = obstore.head(store, KEY)["e_tag"] == etag[0]
        if is_ours:
            obstore.delete(store, KEY)
    if not is_ours:
        raise Replaced(f"the lock of {name} was taken over by another writer meanwhile; run again")


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
