"""How much is taken from one address, and until how full a disk. No address is kept: a hash with a salt that goes each hour."""

import hmac
import secrets
import shutil
import time
from pathlib import Path

_SALT_SECONDS, _LOOK_SECONDS = 3600.0, 1.0
# So many addresses are known at a time; more at once are an attack, and all begin anew.
_MOST_KNOWN = 200_000
# Seconds of its rate that an address may use at once: many people share one.
_BURST_SECONDS = 10


class Rate:
    """A bucket for each address that fills at `per_second`; 0: no limit."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._buckets: dict[bytes, tuple[float, float]] = {}
        self._salt, self._salted = secrets.token_bytes(16), time.monotonic()

    def is_over(self, address: str) -> bool:
        """Whether this request of the address is one too many; it is counted."""
        if not self._rate:
            return False
        now, most = time.monotonic(), self._rate * _BURST_SECONDS
        if now - self._salted > _SALT_SECONDS or len(self._buckets) > _MOST_KNOWN:
            self._salt, self._salted, self._buckets = secrets.token_bytes(16), now, {}
        key = hmac.digest(self._salt, address.encode(), "sha256")[:8]
        left, at = self._buckets.get(key, (most, now))
        left = min(most, left + (now - at) * self._rate)
        self._buckets[key] = (max(0.0, left - 1), now)
        return left < 1


class Disk:
    """Whether the disk has room left; looked at once a second."""

    def __init__(self, folder: Path, least_bytes: int) -> None:
        self._folder, self._least = folder, least_bytes
        self._looked, self._has_room = 0.0, True

    @property
    def has_room(self) -> bool:
        """Whether more than the floor is free."""
        if (now := time.monotonic()) - self._looked > _LOOK_SECONDS:
            self._looked, self._has_room = now, shutil.disk_usage(self._folder).free > self._least
        return self._has_room
