"""Lines of a file in order of time, for formats whose records say something about those after them."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from pipeline.ingest.reading import Record

# When a line is to be read: its time, and its rank among lines of that time; None where it doesn't tell.
Moment = Callable[[bytes], tuple[float, int] | None]


def in_order(records: Iterable[Record], moment: Moment | None) -> Iterator[tuple[int, Record]]:
    """Records with their places in the file, from 1; lines by `moment`, equal ones in the file's order.

    A line without a time stays behind the one before it; what is no line comes first. Memory is bounded: SQLite keeps
    on disk what it can't keep in its cache, and removes it.
    """
    numbered = enumerate(records, start=1)
    if moment is None:
        yield from numbered
        return
    with closing(sqlite3.connect("")) as lines:
        lines.execute("CREATE TABLE line (number INTEGER PRIMARY KEY, at REAL, rank INTEGER, text BLOB)")
        last = (float("-inf"), 0)
        for number, record in numbered:
            if isinstance(record, bytes):
                last = moment(record) or last
                lines.execute("INSERT INTO line VALUES (?, ?, ?, ?)", (number, *last, record))
            else:
                yield number, record
        for (number,) in lines.execute("SELECT number FROM line ORDER BY at, rank, number"):
            yield number, lines.execute("SELECT text FROM line WHERE number = ?", (number,)).fetchone()[0]
