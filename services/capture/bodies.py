"""How bodies are read and answers are made: sizes, packing, headers for pages of other origins."""

import zlib

from starlette.requests import Request

from services.capture.batches import BodyError
from services.capture.settings import Known


class Refused(Exception):
    """A request that isn't taken, with what it is told."""

    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.headers = status, headers


def cross_origin(known: Known, origin: str) -> dict[str, str]:
    """So that a tag reads its answer: on a page of another origin that it is refused, for good."""
    return {"vary": "origin", "access-control-allow-origin": origin if origin in known.capture.origins else "*"}


async def body_of(request: Request, most: int) -> bytes:
    """The body, unpacked where it says that it is gzip; Refused (413) where it is larger than `most`, packed or not."""
    if int(request.headers.get("content-length") or 0) > most:
        raise Refused(413, "too large")
    parts, size = list[bytes](), 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise Refused(413, "too large")
    body = b"".join(parts)
    # A header would cost a question beforehand, which a page that is being left can't ask.
    if request.query_params.get("z") != "gzip":
        return body
    unpacking = zlib.decompressobj(31)
    try:
        body = unpacking.decompress(body, most)
    except zlib.error as fault:
        raise BodyError(str(fault)) from None
    if unpacking.unconsumed_tail:
        raise Refused(413, "too large")
    return body
