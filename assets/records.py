"""Dagster's records in SQLite, over connections that are kept. What must not be here: what is recorded.

Dagster makes an engine for each event that it stores or reads: SQLAlchemy compiles every statement anew, and SQLite folds
its log into the file when the connection closes (docs/decisions/0035-records-over-kept-connections.md). The files and what
is in them are Dagster's own: the same folder is read with and without this.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock

from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from typing_extensions import override

# As long as Dagster's own.
_BUSY_SECONDS = 30
# Files of events that stay open: the run at hand and the index; the UI reads a few more.
_OPEN_FILES = 8


class RunRecords(SqliteRunStorage):
    """Which runs there are."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = create_engine(conn_string, connect_args={"timeout": _BUSY_SECONDS})
        super().__init__(conn_string, inst_data)

    @override
    @contextmanager
    def connect(self) -> Generator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    @override
    def dispose(self) -> None:
        self._engine.dispose()
        super().dispose()


class EventLog(SqliteEventLogStorage):
    """What happened in runs: a file for each, and an index of assets."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        # One connection at a time, as with Dagster's: threads of one process would wait for each other in SQLite.
        self._turn = Lock()
        super().__init__(base_dir, inst_data)

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            # Dagster's own makes the file and its tables where they aren't there.
            with super().run_connection(shard):
                pass
            engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": _BUSY_SECONDS})
        self._engines[shard] = engine
        if len(self._engines) > _OPEN_FILES:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    @override
    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Generator[Connection]:
        with self._turn, self._engine(run_id or INDEX_SHARD_NAME).begin() as connection:
            yield connection

    @override
    def index_connection(self) -> AbstractContextManager[Connection]:
        return self.run_connection(INDEX_SHARD_NAME)

    def _close(self) -> None:
        while self._engines:
            self._engines.popitem()[1].dispose()

    @override
    def wipe(self) -> None:
        self._close()
        super().wipe()

    @override
    def dispose(self) -> None:
        self._close()
        super().dispose()


class Records(DagsterSqliteStorage):
    """Both, in the folders where Dagster has them; named in the dagster.yaml that footfall writes."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        history = Path(base_dir, "history")
        self._run_storage = RunRecords.from_local(f"{history}/")
        self._event_log_storage = EventLog(str(history / "runs"))

    @override
    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig) -> "Records":
        return cls(config_value["base_dir"], inst_data)
