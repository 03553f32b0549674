"""Whether a file is whole and what it claims to be, as far as can be told without its hash."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

LARGEST_HEADER = 100_000_000


def flaw(path: Path, kind: str, wanted: int | None = None) -> str | None:
    """What is wrong with a file of one of the manifest's formats; None when nothing is.

    `wanted` is the size that it should have. Reads a few bytes only: cut safetensors and zip files are
    noticed, changed numbers are not.
    """
    size = path.stat().st_size
    if wanted is not None and size != wanted:
        return f"it has {size} bytes and should have {wanted}"
    if size == 0:
        return "it is empty"
    checks = {"safetensors": _safetensors, "pickle": _pickle, "onnx": _onnx, "tflite": _tflite, "text": _text}
    return checks[kind](path) if kind in checks else None  # raw numbers can't tell


def _safetensors(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, LARGEST_HEADER):
            return "it is not a safetensors file, or only the beginning of one"
        head = file.read(length)
    try:
        header: Any = json.loads(head)
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return "it is not a safetensors file"
    wanted = 8 + length + max(ends, default=0)
    return None if size == wanted else f"it has {size} bytes, and its own header says {wanted}"


def _pickle(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        return None if zipfile.is_zipfile(path) else "its end is missing"
    # PyTorch before 1.6 wrote bare pickles.
    return None if start[:1] == b"\x80" else "it is not a PyTorch file"


def _tflite(path: Path) -> str | None:
    """One network, or MediaPipe's bundle of some, which is a zip file."""
    with path.open("rb") as file:
        start = file.read(8)
    if start[:4] == b"PK\x03\x04":
        return None if zipfile.is_zipfile(path) else "its end is missing"
    return None if start[4:] == b"TFL3" else "it is not a TensorFlow Lite file"


def _onnx(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(1)
    return None if start == b"\x08" else "it is not an ONNX file"  # which begins with its format's version


def _text(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(4096)
    if b"\0" in start:
        return "it is not a text file"
    return "it is a web page" if start.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")) else None
