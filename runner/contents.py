"""What a file holds by its first bytes, as far as those tell, and why one can't be read."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

ENOUGH = 4096
"""Bytes from the beginning of a file that `look` can use."""
_IMAGES = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0", b"8BPS", b"qoif", b"\xff\x0a"),
    *(b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"v/1\1", b"DDS ", b"/* XPM"),
    *(b"P%d%c" % (kind, white) for kind in range(1, 7) for white in b" \t\r\n"),
)
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_SOUNDS = (b"ID3", b"fLaC", b"RF64", b".snd", b"#!AMR", b"wvpk", b"MAC ")
_VIDEOS = (b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV", b"0&\xb2u\x8ef\xcf\x11", b"OggS", b"#EXTM3U")
_BOXES = (b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_OTHERS = (
    *((magic, "a packed archive") for magic in (b"PK\3\4", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"BZh")),
    *((magic, "a program") for magic in (b"\x7fELF", b"\xca\xfe\xba\xbe")),
    (b"%PDF", "a PDF document"),
)


def look(head: bytes) -> str:
    """What a file holds that begins so.

    Returns:
        `an image`, `a sound`, `a video` (which may be a sound alone: they share containers), `text`, `a web page`,
        or another such word; empty when the bytes don't tell.
    """
    if head.startswith(_IMAGES):
        return "an image"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"  # in UTF-16, by its first mark
    form = head[8:12] if head.startswith((b"RIFF", b"FORM")) else b""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "an image" if brand in _STILLS else "a sound" if brand in (b"M4A ", b"M4B ") else "a video"
    if form == b"WEBP":
        return "an image"
    if (
        head.startswith(_SOUNDS)
        or form in (b"WAVE", b"AIFF", b"AIFC")
        or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    ):
        return "a sound"
    if head.startswith(_VIDEOS) or form == b"AVI " or head[4:8] in _BOXES or head[0:189:188] == b"GG":
        return "a video"
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return what
    return _text(head)


def look_into(path: Path) -> str:
    """What the file at `path` holds, as `look` says it. Raises OSError when it can't be read."""
    with path.open("rb") as file:
        return look(file.read(ENOUGH))


def why_unreadable(error: Exception) -> str:
    """Why a file couldn't be read or parsed, for a message: in words, and not in those of a library."""
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, OSError):
        return error.strerror or "it can't be opened"
    if isinstance(error, UnicodeDecodeError):
        return "it isn't text"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno} isn't JSON"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    mark = getattr(error, "problem_mark", None)  # of a YAML file
    return f"line {mark.line + 1} is wrong" if mark else "what is in it is wrong"


def _text(head: bytes) -> str:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < ENOUGH or error.start < len(head) - 3:  # else a letter is cut in two
            return ""
        text = head[: error.start].decode("utf-8")
    if any(unicodedata.category(char) == "Cc" and char not in "\t\n\r\f\x1b" for char in text):
        return ""
    page = text.lstrip("\ufeff \t\r\n")[:15].lower()
    return "a web page" if page.startswith(("<!doctype html", "<html")) else "text" if text.strip() else ""
