"""`footfall ui`: `dg dev` over one home, kept alive. What must not be here: Dagster itself.

`dg dev` doesn't start again what dies, nor does it read a product file twice. This does: it starts `dg dev` anew where
that ends, and has the code location reloaded where its server died, or where the product's first day, zone, sections or models changed.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from assets.dagster_home import DagsterHomeError, dagster_home
from pipeline.core.lake import Lake
from pipeline.core.object_lake import StoreError
from pipeline.core.product_file import ProductFileError, product_of

ROOT = Path(__file__).resolve().parents[1]
# Comes with the wheel only: `dg dev` wants a project around it.
_INSTALLED = Path(__file__).resolve().parent / "workspace.yaml"
HOST, LOCATION = "127.0.0.1", "footfall"
LOOK_SECONDS = 5.0
# What doesn't end within this time when it is told to is killed: where SIGTERM is ignored, those it starts ignore it too.
STOP_SECONDS = 60.0
# What ends sooner than this, and so often in a row, won't live: its own words say why.
SHORT_LIFE_SECONDS, SHORT_LIVES = 60.0, 3
USAGE_PROBLEM = 2
_HEALTH = """{ workspaceOrError { ... on Workspace { locationEntries { loadStatus
  locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
_RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "footfall") { __typename } }"""


def say(sentence: str) -> None:
    """A line between Dagster's own."""
    sys.stderr.write(f"footfall ui: {sentence}\n")
    sys.stderr.flush()


def is_taken(port: int) -> bool:
    """Whether something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def only_one(records: Path) -> IO[str] | None:
    """The lock of the one `footfall ui` of these records; None where another one holds it. The system frees a dead one's."""
    lock = (records / "dev.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


@dataclass
class Server:
    """`dg dev` on a port, and what it was last seen to serve."""

    lake: Lake
    port: int
    lock: IO[str]
    child: subprocess.Popen[bytes] | None = None
    fixed: tuple[str, ...] | None = None
    stopping_since: float | None = None
    reported: set[str] = field(default_factory=set[str])

    def start(self) -> subprocess.Popen[bytes]:
        """Start `dg dev` in a group of its own, which can be ended as a whole. It holds the lock as long as it lives."""
        scripts = Path(sys.executable).parent
        program = [scripts / "dagster", "dev", "-w", _INSTALLED] if _INSTALLED.exists() else [scripts / "dg", "dev"]
        self.fixed = self.first_day_zone_and_tables()
        self.child = subprocess.Popen(  # noqa: S603  # our own
            [*program, "--host", HOST, "--port", str(self.port)],
            # `dg` warns where its environment isn't said to be active.
            env={**os.environ, "VIRTUAL_ENV": sys.prefix},
            cwd=ROOT,
            start_new_session=True,
            pass_fds=[self.lock.fileno()],
        )
        self.lock.truncate(0)
        self.lock.write(str(self.child.pid))
        self.lock.flush()
        return self.child

    def first_day_zone_and_tables(self) -> tuple[str, ...] | None:
        """What the code server's partitions, schedules and assets follow; None while the product file can't be read."""
        try:
            product = product_of(self.lake)
        except (ProductFileError, OSError, StoreError) as fault:
            faults = set(fault.faults) if isinstance(fault, ProductFileError) else {str(fault)}
            for sentence in faults - self.reported:
                say(sentence)
            self.reported = faults
            return self.fixed
        return product.start_date.isoformat(), product.time_zone, *sorted(product.filled), *self.own_files()

    def own_files(self) -> list[str]:
        """Models and small tables of the team's own as they are now: marts and their columns come and go with them."""
        files = (path for folder in ("models", "tables") for path in self.lake.folder(folder).rglob("*.*"))
        return sorted(f"{path.relative_to(self.lake.home).as_posix()} {path.stat().st_mtime_ns}" for path in files)

    def look(self) -> None:
        """Have the location reloaded where its server is gone or the product file changed what it serves."""
        now = self.first_day_zone_and_tables()
        if now != self.fixed:
            say("the product file, models or tables of the home changed; the code location is reloaded")
        elif not self.is_broken():
            return
        else:
            say("the code server is gone; it is started again")
        if self.ask(_RELOAD) is not None:
            self.fixed = now

    def is_broken(self) -> bool:
        """Whether the web server says that it can't reach the code."""
        answer = self.ask(_HEALTH) or {}
        entries = (answer.get("workspaceOrError") or {}).get("locationEntries") or []
        return any(
            entry["loadStatus"] == "LOADED" and (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"
            for entry in entries
        )

    def ask(self, query: str) -> dict[str, Any] | None:
        """The answer of the web server; None while it doesn't give one."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(  # loopback
            f"http://{HOST}:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=120) as answer:
                return json.load(answer).get("data")
        except (OSError, ValueError):
            return None

    def stop(self, number: int, _frame: object) -> None:
        """Ctrl-C or a polite end: `dg dev` ends its services itself."""
        if self.stopping_since is None:
            self.stopping_since = time.monotonic()
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def end(self) -> None:
        """End what is left of the group."""
        if self.child is not None:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


def keep_alive(server: Server) -> int:
    """Serve until told to stop; returns the exit code."""
    short_lives = 0
    while True:
        began, child = time.monotonic(), server.start()
        while child.poll() is None:
            try:
                child.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if server.stopping_since is None:
                    server.look()
                elif time.monotonic() - server.stopping_since > STOP_SECONDS:
                    say(f"dg dev didn't end within {STOP_SECONDS:.0f} s; it is killed")
                    server.end()
        # Beside a second daemon the first one must not run on.
        server.end()
        if server.stopping_since is not None:
            return 130
        short_lives = short_lives + 1 if time.monotonic() - began < SHORT_LIFE_SECONDS else 0
        if short_lives >= SHORT_LIVES:
            say(f"dg dev ended {short_lives} times right after its start; what it printed says why")
            return 1
        say(f"dg dev ended with code {child.returncode}; it is started again")
        time.sleep(2**short_lives)


def serve(lake: Lake, port: int) -> int:
    """Serve the home on `port` of this machine until told to stop; returns the exit code."""
    try:
        records = dagster_home(lake.home)
    except DagsterHomeError as fault:
        say(str(fault))
        return USAGE_PROBLEM
    os.environ["FOOTFALL_HOME"] = lake.url
    lock = only_one(records)
    if lock is None:
        other = (records / "dev.lock").read_text(encoding="utf-8")
        say(
            f"{lake.url} is served already by another `footfall ui`, or by what is left of it (process {other}); end that first"
        )
        return USAGE_PROBLEM
    with lock:
        if is_taken(port):
            say(f"port {port} of {HOST} is taken; choose another one: --port {port + 1}")
            return USAGE_PROBLEM
        server = Server(lake, port, lock)
        signal.signal(signal.SIGINT, server.stop)
        signal.signal(signal.SIGTERM, server.stop)
        return keep_alive(server)
