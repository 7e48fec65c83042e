"""Faults of the machine in words: full and read-only disks, missing rights, and what nobody foresaw.

What must not be here: faults of data or of the product file, which bring their own sentences.
"""

import errno
import os
import re
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

DEBUG_VARIABLE = "FOOTFALL_DEBUG"
_FULL = "free space there"
_RIGHT = "give this user the right to it"
_REMEDIES = {
    errno.ENOSPC: ("can't write to", "the disk is full", _FULL),
    errno.EDQUOT: ("can't write to", "the disk quota is used up", _FULL),
    errno.EROFS: ("can't write to", "it is read-only", "mount it for writing, or choose another home with --home"),
    errno.EACCES: ("can't use", "permission denied", _RIGHT),
    errno.EPERM: ("can't use", "not permitted", _RIGHT),
    errno.EIO: ("can't use", "the disk fails (input/output error)", "look at the disk"),
}
# Python's words, and those of Polars and DuckDB.
_ERRNO = re.compile(r"\[Errno (\d+)\]|\(os error (\d+)\)")
_PATH = re.compile(r"'([^'\n]+)'|\"(/[^\"\n]+)\"|(?<=\s)(/[^\s:'\"]+)")
_SQLITE = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
    "disk I/O error": errno.EIO,
    "No space left on device": errno.ENOSPC,
}


def of_disk(text: str) -> str | None:
    """One sentence with the remedy where the message of an error tells of a full, read-only, closed or broken disk."""
    result = _ERRNO.search(text)
    number = int(result[1] or result[2]) if result else next((n for words, n in _SQLITE.items() if words in text), None)
    if number not in _REMEDIES:
        return None
    path = None if "sqlite" in text else _PATH.search(text)
    where = next(filter(None, path.groups())) if path else os.environ.get("DAGSTER_HOME", "the home")
    verb, what, remedy = _REMEDIES[number]
    return f"{verb} {where}: {what}; {remedy}, then run again"


def in_words(fault: BaseException) -> str:
    """One sentence for an error that no command foresaw; what can be said better than by its class is."""
    link: BaseException | None = fault
    while link is not None:
        named = isinstance(link, OSError) and (link.filename is not None)
        if sentence := of_disk(f"[Errno {link.errno}] '{link.filename}'" if named else f"{type(link)} {link}"):  # pyright: ignore[reportAttributeAccessIssue]
            return sentence
        if type(link).__module__.startswith("obstore"):
            said = str(link).strip().split("\n", 1)[0][:300]
            return f"the object store: {said}; see to its address and credentials (docs/operations.md), then run again"
        link = link.__cause__ or link.__context__
    text = str(fault).strip().split("\n", 1)[0][:200]
    return (
        f"something that footfall didn't foresee: {type(fault).__name__}: {text}; the traceback is in {_kept(fault)}. "
        f"Run again; if it comes again, report it with that file ({DEBUG_VARIABLE}=1 shows it here)"
    )


def _kept(fault: BaseException) -> Path:
    """Write the traceback where Dagster's records are, else where the system keeps temporary files."""
    name = f"footfall-error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    text = "".join(traceback.format_exception(fault))
    for folder in filter(None, (os.environ.get("DAGSTER_HOME"), tempfile.gettempdir())):
        path = Path(folder, name)
        try:
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError:
            continue
        return path
    return Path(os.devnull)
