"""Writes that fail or stop, one after another: for promises that must hold whatever write a command dies at.

`counted` tells how many writes something makes; `failing` raises at the n-th, `dying` kills a process there. A write is
what changes the home: an object that is written, staged, published or removed.
"""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from pipeline.core.lake import Lake

WRITES = ("write", "_staged", "publish", "delete")
# A product of which a run is over in a second.
FEW = """
name: Few
time_zone: Europe/Berlin
start_date: 2026-02-01
sources: {web: {}}
pages: [{name: home, urls: ["/"]}]
"""
# Full, unreadable, read-only.
FAULTS = (errno.ENOSPC, errno.EIO, errno.EROFS)


class Stopped(BaseException):
    """Stands for a kill: nothing of ours may catch it."""


@dataclass
class Count:
    """How many writes there were so far."""

    number: int = 0


@contextmanager
def _each_write(on_write: Callable[[int], None]) -> Iterator[Count]:
    """Call `act` with the number of each write, before it is made."""
    count = Count()
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            real = getattr(Lake, name)

            def counted(lake: Lake, *given: Any, _real: Any = real) -> Any:
                count.number += 1
                on_write(count.number)
                return _real(lake, *given)

            patch.setattr(Lake, name, counted)
        yield count


def counted(run: Callable[[], object]) -> int:
    """How many writes `run` makes."""
    with _each_write(lambda _number: None) as count:
        run()
    return count.number


@contextmanager
def failing(at: int, fault: int = errno.ENOSPC) -> Iterator[Count]:
    """From the n-th write on all fail, as on a full, broken or read-only disk."""

    def on_write(number: int) -> None:
        if number >= at:
            raise OSError(fault, os.strerror(fault))

    with _each_write(on_write) as count:
        yield count


@contextmanager
def stopping(at: int) -> Iterator[Count]:
    """At the n-th write everything ends, as where a process is killed, but within this one."""

    def on_write(number: int) -> None:
        if number >= at:
            raise Stopped

    with _each_write(on_write) as count:
        yield count


@contextmanager
def dying(at: int) -> Iterator[Count]:
    """At the n-th write the process kills itself."""

    def on_write(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    with _each_write(on_write) as count:
        yield count


def tried(run: Callable[[], object]) -> bool:
    """Whether `run` came to its end; what an injected fault stops is no error of the test."""
    try:
        run()
    except Stopped:
        return False
    except OSError as fault:
        if fault.errno not in FAULTS:
            raise
        return False
    return True


def flip(data: bytes, at: int, bit: int = 0) -> bytes:
    """The bytes with one bit turned."""
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
