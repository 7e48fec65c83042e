"""Where the parts of a large piece of work are computed: in this process, in processes of this machine, or on a Dask cluster.

One seam for all of them, `run_parts`. What is run is a function of a module and what it is given can be pickled, so that
results don't depend on where it ran. Settings are read here and nowhere else (docs/operations.md, "Past one machine").
"""

import hashlib
import os
import warnings
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from loky import cpu_count, get_reusable_executor, process_executor

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

    def cancel(self) -> object:
        """Don't begin it, if it wasn't begun."""
        ...


@dataclass(frozen=True)
class _Later(Generic[R]):
    """Done when it is asked for."""

    compute: Callable[[], R]

    def result(self) -> R:
        return self.compute()

    def cancel(self) -> None:
        pass


@dataclass(frozen=True)
class Engine:
    """Begins functions, several at once; `is_elsewhere` where files of this machine can't be seen."""

    submit: Callable[..., Pending[Any]]
    at_once: int = 1
    is_elsewhere: bool = False

    @property
    def under_way(self) -> int:
        """How many to have begun: each process finds the next one waiting."""
        return 2 * self.at_once if self.at_once > 1 else 1

    def end(self, begun: Iterable[Pending[Any]], drop: Callable[[Any], object] = lambda _: None) -> None:
        """After a failure nothing of what was begun goes on: it would write into what is being cleared away."""
        if self.at_once == 1:
            return
        waiting = list(begun)
        for each in waiting:
            each.cancel()
        for each in waiting:
            with suppress(Exception, CancelledError):
                drop(each.result())


def _later(function: Callable[..., R], *given: Any) -> _Later[R]:  # noqa: ANN401  # whatever it takes
    return _Later(partial(function, *given))


HERE = Engine(_later)
# Within work that must not or need not go to the cluster: done on a worker, or over files of this machine.
_STAYS_HERE: ContextVar[bool] = ContextVar("stays_here", default=False)


def engine(parts: int, *, worth: bool = True) -> Engine:
    """Where so many parts are computed: a single one here, and here too what isn't `worth` the start of processes.

    Raises NoEngine where the cluster of FOOTFALL_DASK doesn't answer or has no workers.
    """
    if parts < 2 or not worth:  # noqa: PLR2004  # one is done as fast here
        return HERE
    if on := cluster():
        return on
    processes = min(parts, processors())
    if processes == 1 or _STAYS_HERE.get():
        return HERE
    # Loky's processes don't run the caller's script again, as the standard library's do, and say so when one dies.
    threads = max(1, cpu_count() // processes)
    # An idle process may end just as work comes; another takes the work, and there is nothing to warn of.
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
    pool = get_reusable_executor(
        processes, timeout=_IDLE_SECONDS, env={"POLARS_MAX_THREADS": str(threads)}, initializer=_keep_processes
    )
    return Engine(pool.submit, processes)


def _keep_processes() -> None:
    """Loky takes 300 MB for a leak and starts another process: a part holds more than that, and lets go of it."""
    process_executor._MAX_MEMORY_LEAK_SIZE = 1 << 62  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no setting


def cluster() -> Engine | None:
    """The Dask cluster of FOOTFALL_DASK, if that is set; raises NoEngine where it can't be used."""
    return _on_dask(_address()) if has_cluster() else None


def has_cluster() -> bool:
    """Whether there is one for what is computed now, used or not."""
    return bool(_address()) and not _STAYS_HERE.get()


def _address() -> str:
    return os.environ.get(DASK_VARIABLE, "").strip()


@contextmanager
def staying_here() -> Generator[None]:
    """While in it nothing goes to another process."""
    token = _STAYS_HERE.set(True)
    try:
        yield
    finally:
        _STAYS_HERE.reset(token)


def processors() -> int:
    """How many processes may compute at once on this machine; NoEngine where FOOTFALL_PROCESSES is no number above 0."""
    chosen = os.environ.get(PROCESSES_VARIABLE, "").strip()
    if not chosen:
        # Of a container those that it may use.
        return cpu_count()
    if not chosen.isdecimal() or int(chosen) < 1:
        raise NoEngine(
            f"{PROCESSES_VARIABLE} is {chosen!r}; set it to a number of processes, such as 4, or leave it unset"
        )
    return int(chosen)


def run_parts(
    function: Callable[[J], R], parts: Iterable[J], on: Engine, drop: Callable[[R], object] = lambda _: None
) -> Generator[R]:
    """`function` of each part, in order, a few of them under way at a time, the first ones from now on.

    Closed before its end it waits for what is under way, and gives it to `drop`.
    """
    results = _run_parts(function, parts, on, drop)
    # A generator that was begun is also ended.
    next(results)
    return cast("Generator[R]", results)


def _run_parts(
    function: Callable[[J], R], parts: Iterable[J], on: Engine, drop: Callable[[R], object]
) -> Generator[R | None]:
    """None once the first ones are begun, then the results."""
    waiting = iter(parts)
    under_way: deque[Pending[R]] = deque()
    try:
        under_way.extend(on.submit(function, part) for part in islice(waiting, on.under_way))
        yield None
        while under_way:
            result = under_way.popleft().result()
            under_way.extend(on.submit(function, part) for part in islice(waiting, 1))
            yield result
    finally:
        on.end(under_way, drop)


def on_all_workers(function: Callable[[J], object], given: J) -> None:
    """Run `function` once on each worker of the cluster, if there is one."""
    if has_cluster():
        _client(_address()).run(function, given)


@cache
def release() -> str:
    """What makes the bytes: our code and the libraries that write them. Workers of another one would make other parts."""
    made = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        made.update(path.read_bytes())
    for name in ("polars", "polars-hash", "numpy", "numba"):
        made.update(f"{name} {version(name)}".encode())
    return made.hexdigest()


def _there(wanted: str, function: Callable[..., R], *given: Any) -> R:  # noqa: ANN401  # whatever it takes
    """On a worker: run the function, if it is the same one."""
    if release() != wanted:
        raise NoEngine(
            "a worker of the cluster has another release of footfall, or of its libraries, than the run: install the same "
            "on all of them, then run again"
        )
    with staying_here():
        return function(*given)


def _on_dask(address: str) -> Engine:
    client = _client(address)
    if client.status != "running":
        # Its scheduler went; there may be another one by now.
        _client.cache_clear()
        client = _client(address)
    try:
        client.wait_for_workers(1, timeout=_WORKER_SECONDS)
    except TimeoutError:
        raise NoEngine(f"{DASK_VARIABLE}={address} has no workers; start one: dask worker {address}") from None
    threads: Any = client.nthreads()

    def submit(function: Callable[..., Any], *given: Any) -> Pending[Any]:  # noqa: ANN401  # whatever it takes
        # A part is told by what it writes, and twice is harmless: a lost worker's parts are computed again by another.
        return client.submit(_there, release(), function, *given, pure=False)

    return Engine(submit, max(2, sum(threads.values())), is_elsewhere=True)


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
