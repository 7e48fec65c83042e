"""Small JSON objects that tell when they were damaged: states, manifests, what is fixed, who was erased.

The seal is the first entry, `{"seal":"<sha256 of the rest>", ...}`. What can't be read, or doesn't fit its seal, counts as
not there, so that whatever follows from it is made again; `footfall doctor` names it. Objects of before seals have none.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pipeline.core.files import ANY, Stamp
from pipeline.core.lake import Lake

T = TypeVar("T")
_BEGIN = b'{"seal":"'
_SEAL_AT_ITS_PLACE = re.compile(rb".{9}[0-9a-f]{64}\"", re.DOTALL)
_REST = len(_BEGIN) + 64 + len(b'",')


def write_sealed(lake: Lake, key: str, result: Any, replaces: Stamp | None = ANY) -> None:  # noqa: ANN401  # whatever JSON can hold
    """Replace the object of that key, `replaces` if that is named, by `result`: an object with at least one entry."""
    body = msgspec.json.format(msgspec.json.encode(result, order="sorted"), indent=1)
    lake.write(key, _BEGIN + _seal(body) + b'",' + body[1:], replaces)


def read_sealed(lake: Lake, key: str, kind: type[T]) -> T | None:
    """The object of that key; None if there is none, or none that can be read."""
    result = _decoded(lake.read(key), kind)
    if result is None and lake.is_remote:
        # It may be this machine's copy that is damaged.
        lake.forget(key)
        result = _decoded(lake.read(key), kind)
    return result


def _decoded(data: bytes | None, kind: type[T]) -> T | None:
    body = None if data is None else _unsealed(data)
    if body is None:
        return None
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_folder(lake: Lake, folder: str, kind_of: Callable[[str], type[T] | None]) -> dict[str, T]:
    """The objects below a folder that can be read, by key, in order; those of no kind are passed over.

    What this process read before isn't read again unless it was replaced: a home of years has tens of thousands.
    """
    before, read = lake.read_before.get(folder, {}), dict[str, tuple[Stamp, Any]]()
    result: dict[str, T] = {}
    there = lake.stamps(folder)
    lake.fetch(key for key, stamp in there.items() if key not in before or before[key][0] != stamp)
    for key, stamp in there.items():
        known = before.get(key)
        if known is None or known[0] != stamp:
            kind = kind_of(key)
            known = stamp, None if kind is None else read_sealed(lake, key, kind)
        read[key] = known
        if known[1] is not None:
            result[key] = known[1]
    lake.read_before[folder] = read
    return result


def has_seal(lake: Lake, key: str) -> bool:
    """Whether a flipped bit of the object would be seen."""
    return (lake.read(key) or b"").startswith(_BEGIN)


def write_sum(lake: Lake, key: str, sha256: str, inputs: str = "") -> None:
    """Keep the hash of an object that has no state of its own, and that of what it was made from."""
    write_sealed(lake, _sum_key(key), {"sha256": sha256, "inputs": inputs})


def read_sum(lake: Lake, key: str) -> str | None:
    """The hash that an object was written with; None if it isn't known."""
    result = read_sealed(lake, _sum_key(key), dict[str, str])
    return None if result is None else result.get("sha256")


def read_inputs(lake: Lake, key: str) -> str:
    """The hash of what an object was made from; empty where it isn't known or the object is gone."""
    result = read_sealed(lake, _sum_key(key), dict[str, str]) if lake.exists(key) else None
    return (result or {}).get("inputs", "")


def delete_sum(lake: Lake, key: str) -> None:
    """Forget the hash of an object that is gone."""
    lake.delete(_sum_key(key))


def _sum_key(key: str) -> str:
    return f"lake/_state/sums/{key.removesuffix('.parquet')}.json"


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _unsealed(data: bytes) -> bytes | None:
    """The JSON without its seal; None where the two don't fit."""
    if not data.startswith(_BEGIN):
        # Where the seal's own name was hit the seal is still there.
        return None if _SEAL_AT_ITS_PLACE.match(data) else data
    body = b"{" + data[_REST:]
    return body if data[len(_BEGIN) : _REST - 2] == _seal(body) else None
