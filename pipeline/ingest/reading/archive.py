"""Zip archives: each member by its own bytes and name, streamed; an .xlsx is one with a workbook inside."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.reading.base import CHUNK_BYTES, Content, How, Record
from pipeline.ingest.reading.opening import FREE_BYTES, MAX_DEPTH, MAX_RATIO, seekable
from pipeline.ingest.reading.workbook import workbook

MAX_MEMBERS = 10_000
_IS_ENCRYPTED = 0x1
_WORKBOOK = "xl/workbook.xml"
_OFFICE = "[Content_Types].xml"

Read = Callable[[Content, How], Iterator[Record]]


def archived(content: Content, how: How, read: Read) -> Iterator[Record]:
    """The records of all members in their order; `read` reads one. A member of an unknown format is one bad record.

    Names of members only tell endings: nothing is ever written under them.
    """
    if content.depth >= MAX_DEPTH:
        raise FileFault("packed_too_often", f"packed over {MAX_DEPTH} times; unpack it first")
    with seekable(content) as stream, opened(stream) as archive:
        names = {member.filename for member in archive.infolist()}
        if _WORKBOOK in names:
            yield from workbook(archive, stream, how)
            return
        if _OFFICE in names:
            raise FileFault("unknown_format", "an Office document of another kind; save it as .xlsx or CSV")
        yield from _members(archive, content, how, read)


def opened(stream: BinaryIO) -> zipfile.ZipFile:
    """The archive; FileFault where it is none, or is made to unpack without end."""
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as fault:
        raise FileFault("file_truncated", f"no whole zip archive: {fault}; send it again whole") from None
    members = archive.infolist()
    total, packed = sum(each.file_size for each in members), sum(each.compress_size for each in members)
    if len(members) > MAX_MEMBERS:
        raise FileFault("unpacks_too_far", f"over {MAX_MEMBERS} files in one archive; send several")
    if total > max(FREE_BYTES, packed * MAX_RATIO):
        raise FileFault("unpacks_too_far", f"unpacks to over {MAX_RATIO} times its size; send it unpacked")
    return archive


def _members(archive: zipfile.ZipFile, content: Content, how: How, read: Read) -> Iterator[Record]:
    members = [member for member in archive.infolist() if _is_data(member)]
    refused: list[FileFault] = []
    for member in members:
        check_open(member)
        own = Content(
            member.filename.rpartition("/")[2],
            partial(open_member, archive, member),
            member.compress_size,
            content.depth + 1,
        )
        is_begun = False
        try:
            for record in read(own, how):
                is_begun = True
                yield record
        except FileFault as fault:
            if is_begun or fault.rule != "unknown_format":
                raise FileFault(fault.rule, f"{_shown(member)}: {fault.reason}") from fault
            refused.append(fault)
            yield RecordFault(fault.rule, f"{_shown(member)}: {fault.reason}", member.filename.encode(errors="replace"))
        except (zipfile.BadZipFile, NotImplementedError, zlib.error) as fault:
            raise FileFault("file_truncated", f"{_shown(member)}: {fault}; send it again whole") from fault
    if members and len(refused) == len(members):
        raise refused[0]


def check_open(member: zipfile.ZipInfo) -> None:
    """FileFault where a member is locked."""
    if member.flag_bits & _IS_ENCRYPTED:
        raise FileFault("encrypted", "an archive with a password; send it without")


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    """A member's bytes, unpacked."""
    return io.BufferedReader(archive.open(member), CHUNK_BYTES)  # pyright: ignore[reportArgumentType]  # reads as files do


def _is_data(member: zipfile.ZipInfo) -> bool:
    parts = [part for part in member.filename.split("/") if part.strip(".")]
    return not member.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in parts)


def _shown(member: zipfile.ZipInfo) -> str:
    return "".join(char if char.isprintable() else "?" for char in member.filename[:200])
