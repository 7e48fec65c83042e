"""Bytes of landing files: opened safely, unpacked by what the first bytes say, bounded in what they unpack to."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa

from pipeline.ingest.faults import CannotRead, FileFault
from pipeline.ingest.reading.base import CHUNK_BYTES, Content

Packing = Literal["gzip", "zstd", "bzip2", "xz"]
PARQUET = b"PAR1"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
MAX_DEPTH = 4
# Of real events gzip and zstd make a tenth to a hundredth; what unpacks further than this is made to fill memory or disk.
FREE_BYTES = 256 * 1_048_576
MAX_RATIO = 500
# What must lie on disk to be read: Parquet, archives and workbooks within something else.
MAX_SPOOLED_BYTES = 4 * 1024**3
# What decompressors say of bytes that aren't theirs, or that end too early.
_FAULTS = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, pa.ArrowException)
_ENDINGS: dict[Packing, tuple[str, ...]] = {
    "gzip": (".gz", ".gzip"),
    "zstd": (".zst", ".zstd"),
    "bzip2": (".bz2",),
    "xz": (".xz",),
}
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"


class _LandingStream(io.FileIO):
    """A landing file's bytes; what the disk or network refuses is `CannotRead`, never mistaken for the file's fault."""

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # any writable buffer
        try:
            return super().readinto(buffer) or 0
        except OSError as fault:
            raise cannot_read(fault) from fault

    def readall(self) -> bytes:
        try:
            return super().readall() or b""
        except OSError as fault:
            raise cannot_read(fault) from fault


def cannot_read(fault: OSError) -> CannotRead:
    """What the system said when it was asked for a landing file."""
    is_lasting = isinstance(fault, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError)
    return CannotRead(f"can't be read: {fault.strerror or fault}", is_passing=not is_lasting)


def open_landing(path: Path) -> BinaryIO:
    """A regular file's bytes; CannotRead where the system refuses them, FileFault for a pipe or a device."""
    try:
        # A pipe that nobody writes to would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as fault:
        raise cannot_read(fault) from fault
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileFault("no_regular_file", "a folder, pipe, socket or device; put a file there")
    return io.BufferedReader(_LandingStream(descriptor), CHUNK_BYTES)


def landed(path: Path) -> Content:
    """A landing file as content."""
    try:
        size = path.stat().st_size
    except OSError as fault:
        raise cannot_read(fault) from fault
    return Content(path.name, partial(open_landing, path), size)


def packing(head: bytes) -> Packing | None:
    """How the bytes are packed, by their first ones."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == _ZSTD_SKIPPABLE and head[0] >> 4 == 5):  # noqa: PLR2004
        return "zstd"
    if head.startswith(b"BZh") and head[4:10] in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"):
        return "bzip2"
    return "xz" if head.startswith(b"\xfd7zXZ\x00") else None


def unpacked(content: Content, kind: Packing) -> Content:
    """What a packed content holds; FileFault where it is packed too often."""
    if content.depth >= MAX_DEPTH:
        raise FileFault("packed_too_often", f"packed over {MAX_DEPTH} times; unpack it first")
    endings = [ending for ending in _ENDINGS[kind] if content.name.lower().endswith(ending)]
    name = content.name[: -len(endings[0])] if endings else content.name
    return Content(name, partial(_open_unpacked, content, kind), content.size, content.depth + 1)


def _open_unpacked(content: Content, kind: Packing) -> BinaryIO:
    packed = content.open()
    unpack: Callable[[BinaryIO], Any] = _UNPACK[kind]
    return io.BufferedReader(_Unpacked(packed, unpack(packed), content.size), CHUNK_BYTES)


_UNPACK: dict[Packing, Callable[[BinaryIO], Any]] = {
    "gzip": lambda packed: gzip.GzipFile(fileobj=packed, mode="rb"),
    "zstd": partial(pa.input_stream, compression="zstd"),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}


class _Unpacked(io.RawIOBase):
    """What comes out of a decompressor, until it is more than such a file can honestly hold."""

    def __init__(self, packed: BinaryIO, stream: Any, size: int) -> None:  # noqa: ANN401  # any decompressor
        self._packed, self._stream = packed, stream
        self._left = max(FREE_BYTES, size * MAX_RATIO)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # any writable buffer
        count = self._stream.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise FileFault("unpacks_too_far", f"unpacks to over {MAX_RATIO} times its size; send it unpacked")
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._packed.close()
        super().close()


@contextmanager
def reported_faults() -> Generator[None]:
    """What decompressors say becomes a FileFault with the remedy."""
    try:
        yield
    except _FAULTS as fault:
        raise _truncated(fault) from fault
    except OSError as fault:
        if fault.errno is not None:
            # Reading the file is CannotRead: this is a full disk below what is being unpacked.
            raise
        raise _truncated(fault) from fault


def _truncated(fault: Exception) -> FileFault:
    return FileFault("file_truncated", f"can't be read to its end: {fault}; send it again whole")


@contextmanager
def seekable(content: Content) -> Generator[BinaryIO]:
    """The content as a file on disk that can be read from any place."""
    with content.open() as stream:
        if content.depth == 0:
            yield stream
            return
        with tempfile.TemporaryFile() as spooled:
            left = MAX_SPOOLED_BYTES
            while part := stream.read(CHUNK_BYTES):
                left -= len(part)
                if left < 0:
                    raise FileFault("unpacks_too_far", f"over {MAX_SPOOLED_BYTES} bytes unpacked; send it unpacked")
                spooled.write(part)
            spooled.seek(0)
            yield spooled
