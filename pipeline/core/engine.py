"""Where the parts of a large piece of work are computed: in this process, in processes of this machine, or on a Dask cluster.

One seam for all of them, `run_parts`. What is run is a function of a module and what it is given can be pickled, so that
results don't depend on where it ran. Settings are read here and nowhere else (docs/operations.md, "Past one machine").
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from loky import get_reusable_executor, process_executor

if TYPE_CHECKING:
    from distributed import Client

DASK_VARIABLE, PROCESSES_VARIABLE = "FOOTFALL_DASK", "FOOTFALL_PROCESSES"
# Processes that wait for so long end: a killed run leaves none behind.
_IDLE_SECONDS = 30
# A cluster that is just being started.
_CONNECT_SECONDS, _WORKER_SECONDS = 30, 120
J = TypeVar("J")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class NoEngine(Exception):
    """The cluster that was asked for can't be used; the sentence says why and what to do."""


class Pending(Protocol[R_co]):
    """What was begun and is to be waited for."""

    def result(self) -> R_co:
        """Wait for it; raises what the function raised."""
        ...


@dataclass(frozen=True)
class _Later(Generic[R]):
    """Done when it is asked for."""

    compute: Callable[[], R]

    def result(self) -> R:
        return self.compute()


@dataclass(frozen=True)
class Engine:
    """Begins functions, several at once; `is_elsewhere` where files of this machine can't be seen."""

    submit: Callable[..., Pending[Any]]
    at_once: int = 1
    is_elsewhere: bool = False


def _later(function: Callable[..., R], *given: Any) -> _Later[R]:  # noqa: ANN401  # whatever it takes
    return _Later(partial(function, *given))


HERE = Engine(_later)


def engine(parts: int, *, worth: bool = True) -> Engine:
    """Where so many parts are computed: a single one here, and here too what isn't `worth` the start of processes.

    Raises NoEngine where the cluster of FOOTFALL_DASK doesn't answer or has no workers.
    """
    if parts < 2 or not worth:  # noqa: PLR2004  # one is done as fast here
        return HERE
    if on := cluster():
        return on
    processes = min(parts, processors())
    if processes == 1:
        return HERE
    # Loky's processes don't run the caller's script again, as the standard library's do, and say so when one dies.
    threads = max(1, (os.cpu_count() or 1) // processes)
    pool = get_reusable_executor(
        processes, timeout=_IDLE_SECONDS, env={"POLARS_MAX_THREADS": str(threads)}, initializer=_keep_processes
    )
    return Engine(pool.submit, processes)


def _keep_processes() -> None:
    """Loky takes 300 MB for a leak and starts another process: a part holds more than that, and lets go of it."""
    process_executor._MAX_MEMORY_LEAK_SIZE = 1 << 62  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no setting


def cluster() -> Engine | None:
    """The Dask cluster of FOOTFALL_DASK, if that is set; raises NoEngine where it can't be used."""
    address = os.environ.get(DASK_VARIABLE, "").strip()
    return _on_dask(address) if address else None


def has_cluster() -> bool:
    """Whether there is one, used or not."""
    return bool(os.environ.get(DASK_VARIABLE, "").strip())


def processors() -> int:
    """How many processes may compute at once on this machine; NoEngine where FOOTFALL_PROCESSES is no number above 0."""
    chosen = os.environ.get(PROCESSES_VARIABLE, "").strip()
    if not chosen:
        return os.cpu_count() or 1
    if not chosen.isdecimal() or int(chosen) < 1:
        raise NoEngine(
            f"{PROCESSES_VARIABLE} is {chosen!r}; set it to a number of processes, such as 4, or leave it unset"
        )
    return int(chosen)


def run_parts(function: Callable[[J], R], parts: Iterable[J], on: Engine) -> Iterator[R]:
    """`function` of each part, in order, a few of them under way at a time."""
    under_way: deque[Pending[R]] = deque()
    for part in parts:
        under_way.append(on.submit(function, part))
        if len(under_way) >= (2 * on.at_once if on.at_once > 1 else 1):
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _on_dask(address: str) -> Engine:
    client = _client(address)
    try:
        client.wait_for_workers(1, timeout=_WORKER_SECONDS)
    except TimeoutError:
        raise NoEngine(f"{DASK_VARIABLE}={address} has no workers; start one: dask worker {address}") from None
    # A part is told by what it writes, and twice is harmless: a lost worker's parts are computed again by another.
    threads: Any = client.nthreads()
    return Engine(partial(client.submit, pure=False), max(2, sum(threads.values())), is_elsewhere=True)


@cache
def _client(address: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415  # an extra, and dear to import
    except ImportError:
        raise NoEngine(f"{DASK_VARIABLE} is set, but Dask isn't installed: pip install 'footfall[dask]'") from None
    try:
        return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        raise NoEngine(f"{DASK_VARIABLE}={address} doesn't answer ({fault}); is the scheduler running?") from None
