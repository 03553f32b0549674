"""Hashes that tell apart what differs: how work is found again that was done before."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def fingerprint(*parts: Any) -> str:
    """A SHA-256 (64 hex digits) over bytes, text, arrays, files' contents (a `Path`) and JSON values."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()


def _pieces(part: Any) -> Iterator[bytes | memoryview]:
    if isinstance(part, Path):
        with part.open("rb") as file:
            yield b"file"
            yield hashlib.file_digest(file, "sha256").digest()
    elif isinstance(part, np.ndarray):
        yield f"array {part.dtype.str} {part.shape}".encode()
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    elif isinstance(part, bytes):
        yield b"bytes"
        yield part
    else:
        yield b"json"
        yield json.dumps(part, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
