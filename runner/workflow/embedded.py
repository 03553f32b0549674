"""Workflows inside the pictures, clips and sounds that ComfyUI saves, found where its page finds them.

The key `workflow` has the editor's own form and `prompt` the API form, as JSON: in a PNG's text chunks, the EXIF of
WebP and JPEG, the tags of MP4, WebM, FLAC, Ogg and MP3.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from .text import parse_json

Bytes = Any
"""`bytes` or a memory map, which behaves as such."""
LONGEST = 16 << 20
"""The most bytes that a workflow may have, packed or not."""
# The value stands right behind its key where they are apart by a sign (EXIF, Vorbis comments, ID3) or, in WebM, by the
# id and the length of the value.
_BESIDE = re.compile(rb"(?i)(workflow|prompt)(?:\0|:|=|\x44\x87[\x01-\xff].{0,7}?)\s*(?=\{)", re.DOTALL)


def find_workflow(data: Bytes) -> Any:
    """The workflow in a file of any of these kinds, preferably in the editor's form; None when there is none."""
    if data[:4] == b"\x89PNG":
        found = list(_png(data))
    elif data[4:8] == b"ftyp":
        found = list(_mp4(data))
    else:
        found = list(_beside(_joined(data) if data[:4] == b"OggS" else data[:LONGEST]))
    values = {key.lower(): value for key, value in reversed(found)}
    return next((value for key in ("workflow", "prompt") if isinstance(value := values.get(key), dict)), None)


def _json(raw: bytes) -> Any:
    """The JSON at the beginning of some bytes; None when there is none."""
    try:
        return parse_json(raw.decode("utf-8", "replace"), rest=True)
    except (ValueError, RecursionError):
        return None


def _png(data: Bytes) -> Iterator[tuple[str, Any]]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"comf") and length <= LONGEST:
            key, _, text = data[at + 8 : at + 8 + length].partition(b"\0")
            packed = kind == b"zTXt"
            if kind == b"iTXt":
                packed = text[:1] == b"\1"
                text = b"\0" + text[2:].split(b"\0", 2)[-1]
            if packed:
                try:
                    text = zlib.decompressobj().decompress(text[1:], LONGEST)
                except zlib.error:
                    text = b""
            yield key.decode("latin-1"), _json(text.lstrip(b"\0"))
        at += 12 + length


def _boxes(data: Bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box."""
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        begin = start + 8
        if size == 1:
            size, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
        stop = end if size == 0 else start + size
        if stop < begin or stop > end:
            return
        yield kind, begin, stop
        start = stop


def _inner(data: Bytes, start: int, end: int, *path: bytes) -> tuple[int, int]:
    """Begin and end of the content of the first box at a path of kinds; an empty span when it isn't there."""
    for wanted in path:
        # A `meta` box has four bytes before the boxes in it, in most files.
        start += 4 if wanted in (b"keys", b"ilst") and data[start : start + 4] == bytes(4) else 0
        start, end = next(((a, b) for kind, a, b in _boxes(data, start, end) if kind == wanted), (0, 0))
    return start, end


def _mp4(data: Bytes) -> Iterator[tuple[str, Any]]:
    moov = _inner(data, 0, len(data), b"moov")
    meta = max(_inner(data, *moov, b"udta", b"meta"), _inner(data, *moov, b"meta"))
    start, end = _inner(data, *meta, b"keys")
    names = {
        number: data[a:b].decode("utf-8", "replace") for number, (_, a, b) in enumerate(_boxes(data, start + 8, end), 1)
    }
    for kind, a, b in _boxes(data, *_inner(data, *meta, b"ilst")):
        start, end = _inner(data, a, b, b"data")
        yield names.get(int.from_bytes(kind, "big"), ""), _json(data[start + 8 : min(end, start + LONGEST)])


def _joined(data: Bytes) -> bytes:
    """The contents of an Ogg file's pages, one after the other, as far as a workflow may reach."""
    parts: list[bytes] = []
    at = total = 0
    while data[at : at + 4] == b"OggS" and at + 27 <= len(data) and total < LONGEST:
        count = data[at + 26]
        size = sum(data[at + 27 : at + 27 + count])
        at += 27 + count
        parts.append(data[at : at + size])
        at, total = at + size, total + size
    return b"".join(parts)


def _beside(data: Bytes) -> Iterator[tuple[str, Any]]:
    for match in _BESIDE.finditer(data):
        value = _json(data[match.end() : match.end() + LONGEST])
        if value is not None:
            yield match[1].decode(), value
