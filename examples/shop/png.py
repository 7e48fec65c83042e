"""PNG files with few colours: what a browser photographed, made small enough to be committed."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLOURS = 64


def reduce(path: Path) -> None:
    """Write a PNG anew with a palette of its most frequent colours; each other colour becomes the nearest of them."""
    pixels = _pixels(path.read_bytes())
    flat = pixels.reshape(-1, 3)
    codes = flat.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    distinct, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rgb = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=1).astype(np.int32)
    palette = rgb[np.argsort(-counts.astype(np.int64), kind="stable")[:COLOURS]]
    nearest = ((rgb[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1).astype(np.uint8)
    rows = nearest[inverse].reshape(pixels.shape[:2])
    lines = np.concatenate([np.zeros((rows.shape[0], 1), np.uint8), rows], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", rows.shape[1], rows.shape[0], 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"PLTE", palette.astype(np.uint8).tobytes()), (b"IDAT", zlib.compress(lines, 9)))
    packed = b"".join(_chunk(name, data) for name, data in (*chunks, (b"IEND", b"")))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + packed)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _pixels(png: bytes) -> NDArray[np.uint8]:
    """The pixels of a PNG as Chromium writes it: 8 bits a channel, not interlaced; alpha is dropped."""
    at, data = 8, b""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    if depth != 8 or kind not in (2, 6):
        raise ValueError(f"a PNG with {depth} bits and colour type {kind} isn't what Chromium writes")
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    size = 3 if kind == 2 else 4
    raw = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * size)
    out = np.zeros((height + 1, width + 1, size), np.int32)
    for y in range(height):
        _unfilter(int(raw[y, 0]), raw[y, 1:].reshape(width, size).astype(np.int32), out[y], out[y + 1])
    return out[1:, 1:, :3].astype(np.uint8)


def _unfilter(how: int, line: NDArray[np.int32], above: NDArray[np.int32], out: NDArray[np.int32]) -> None:
    """One line of a PNG; `above` and `out` have one pixel of nothing on the left."""
    if how in (0, 2):
        out[1:] = (line + (above[1:] if how else 0)) & 255
        return
    for x in range(1, len(out)):
        left, up, corner = out[x - 1], above[x], above[x - 1]
        if how == 1:
            guess = left
        elif how == 3:
            guess = (left + up) // 2
        else:
            guess = np.array([_paeth(*map(int, each)) for each in zip(left, up, corner, strict=True)])
        out[x] = (line[x - 1] + guess) & 255


def _paeth(left: int, up: int, corner: int) -> int:
    base = left + up - corner
    return min((left, up, corner), key=lambda each: abs(base - each))
