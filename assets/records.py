"""Dagster's records in SQLite, over connections that are kept. What must not be here: what is recorded.

Dagster makes an engine for each event that it stores or reads: SQLAlchemy compiles every statement anew, and SQLite folds
its log into the file when the connection closes (docs/decisions/0035-records-over-kept-connections.md). The files and what
is in them are Dagster's own: the same folder is read with and without this.
"""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Lock, local

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from typing_extensions import override

# As long as Dagster's own.
_BUSY_SECONDS = 30
# Files of events that stay open: the run at hand and the index; the UI reads a few more.
_OPEN_FILES = 8


def _kept(conn_string: str) -> Engine:
    """An engine whose connections wait for the log to be written, as it is in this mode, not for each entry to reach the disk.

    A power cut may take the last records, which the next run makes anew; what they speak of is in the home.
    """
    engine = create_engine(conn_string, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _waits_for_the_log)
    return engine


def _waits_for_the_log(connection: DBAPIConnection, _record: object) -> None:
    connection.cursor().execute("PRAGMA synchronous=NORMAL")


class RunRecords(SqliteRunStorage):
    """Which runs there are."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = _kept(conn_string)
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
        self._tables = set[str]()
        self._has_index_columns = False
        # Of the thread that stores one.
        self._batch = local()
        super().__init__(base_dir, inst_data)

    @override
    def has_table(self, table_name: str) -> bool:
        # Asked for each event of an asset; a table that is there stays.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @override
    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        # As for tables.
        self._has_index_columns = self._has_index_columns or super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_index_columns

    @override
    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        planned = getattr(self._batch, "planned", None)
        if planned is not None and event.get_dagster_event().is_asset_materialization_planned:
            # Of an asset it is noted that this run makes it, whichever of its days.
            asset = (event.run_id, event.get_dagster_event().asset_key)
            if asset in planned:
                return
            planned.add(asset)
        super()._store_asset_event(conn, event, event_id)

    def _engine(self, shard: str) -> Engine:
        engine = self._engines.pop(shard, None)
        if engine is None:
            # Dagster's own makes the file and its tables where they aren't there.
            with super().run_connection(shard):
                pass
            engine = _kept(self.conn_string_for_shard(shard))
        self._engines[shard] = engine
        if len(self._engines) > _OPEN_FILES:
            self._engines.pop(next(iter(self._engines))).dispose()
        return engine

    @override
    @contextmanager
    def run_connection(self, run_id: str | None = None) -> Generator[Connection]:
        shard, batch = run_id or INDEX_SHARD_NAME, getattr(self._batch, "connections", None)
        if batch is not None:
            if shard not in batch:
                batch[shard] = self._batch.stack.enter_context(self._engine(shard).begin())
            yield batch[shard]
            return
        with self._turn, self._engine(shard).begin() as connection:
            yield connection

    @override
    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """All of a batch are there, or none: what a run is going to make is thousands of events before its first step."""
        with self._turn, ExitStack() as stack:
            self._batch.connections, self._batch.stack, self._batch.planned = (
                dict[str, Connection](),
                stack,
                set[object](),
            )
            try:
                super().store_event_batch(events)
            finally:
                self._batch.connections = self._batch.planned = None

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
