"""The disk: sizes in words, the room that is free, and what to say when it is full."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Generator
from pathlib import Path


def format_size(count: int | None) -> str:
    """Bytes in words: `461 bytes`, `5.4 MB`, `16.6 GB`."""
    if count is None:
        return "size unknown"
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def nearest_folder(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def free_room(path: Path) -> int:
    """Bytes that may still be written at a place, which need not exist yet."""
    return shutil.disk_usage(nearest_folder(path)).free


def is_full(error: OSError) -> bool:
    """Whether the system says that the disk, or the user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def full_disk(folder: Path, advice: str) -> str:
    """What to say when nothing more can be written to `folder`; `advice` is what to do about it."""
    return f"The disk is full: there is no room for a file in {folder}. {advice}"


@contextlib.contextmanager
def explain_full_disk(folder: Path, advice: str) -> Generator[None, None, None]:
    """Makes the system's error for a full disk in the block one that names `folder` and says what to do.

    Raises:
        OSError: The disk is full, with `full_disk` as its message.
    """
    try:
        yield
    except OSError as error:  # PyAV's errors of the operating system are OSErrors too
        if not is_full(error):
            raise
        raise OSError(errno.ENOSPC, full_disk(folder, advice)) from error
