"""How many questions are computed at once: two, with a short queue; equal ones once; none for nobody."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.ask.data import Stop, StoppedError

T = TypeVar("T")
SECONDS, AT_ONCE, WAITING = 20.0, 2, 8
# How often it is asked whether somebody still waits.
_LOOK_SECONDS = 0.25
# A question that waited in the queue has its own time after it.
_GRACE_SECONDS = 40.0


class BusyError(Exception):
    """Too many questions wait already."""


@dataclass
class _Flight:
    """A question that is being computed, and how many wait for its answer."""

    task: "asyncio.Task[Any]"
    stop: Stop
    readers: int = 0


class Slots:
    """Computes in threads: Polars and compiled passes let go of Python's lock."""

    def __init__(self, seconds: float = SECONDS, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self.seconds, self._most = seconds, at_once + waiting
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="ask")
        self._flights: dict[str, _Flight] = {}
        self._running = 0

    async def compute(self, key: str, work: Callable[[Stop], T], is_gone: Callable[[], Awaitable[bool]]) -> T:
        """What `work` gives; with others who ask the same, and stopped once the last of them is gone.

        Raises BusyError where too many wait, StoppedError where it took too long.
        """
        flight = self._flights.get(key)
        if flight is None or flight.stop.is_set:
            flight = self._begin(key, work)
        flight.readers += 1
        until = time.monotonic() + self.seconds + _GRACE_SECONDS
        try:
            while not flight.task.done():
                await asyncio.wait([flight.task], timeout=_LOOK_SECONDS)
                # A pass that can't be stopped goes on without anybody who waits for it.
                if not flight.task.done() and (await is_gone() or time.monotonic() > until):
                    raise StoppedError
            return flight.task.result()
        finally:
            flight.readers -= 1
            if not flight.readers:
                flight.stop.set()

    def _begin(self, key: str, work: Callable[[Stop], T]) -> _Flight:
        if self._running >= self._most:
            raise BusyError
        stop = Stop(self.seconds)
        loop = asyncio.get_running_loop()

        async def run() -> T:
            self._running += 1
            try:
                return await loop.run_in_executor(self._threads, work, stop)
            finally:
                self._running -= 1
                if self._flights.get(key) is flight:
                    del self._flights[key]

        flight = self._flights[key] = _Flight(loop.create_task(run()), stop)
        # Where nobody waits any more nobody asks what became of it.
        flight.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return flight

    def close(self) -> None:
        """Stop all that is computed."""
        for flight in list(self._flights.values()):
            flight.stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
