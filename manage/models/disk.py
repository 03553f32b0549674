"""The disk that models go to: its errors in words, and its room."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Generator, Iterable
from pathlib import Path

from myspinbot_runner.errors import CannotSave, DiskFull

from .words import size

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def local(path: Path) -> Generator[None]:
    """Turns this machine's errors about a file into DiskFull and CannotSave."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"The disk that holds {path.parent} is full. Free some space and run this again; "
                "it goes on where this stopped."
            ) from None
        raise CannotSave(f"{path} can't be written ({error.strerror or error}).") from None


def nearest(path: Path) -> Path:
    """The path itself or the folder above it that exists."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def free(path: Path) -> int:
    """Bytes that may still be written at a place, which need not exist yet."""
    return shutil.disk_usage(nearest(path)).free


def check_room(needs: Iterable[tuple[Path, int]]) -> None:
    """Compare what files need with what their disks have. Raises DiskFull before anything is written."""
    disks: dict[int, list[tuple[Path, int]]] = {}
    for path, count in needs:
        disks.setdefault(nearest(path).stat().st_dev, []).append((path, count))
    for wanted in disks.values():
        needed, there = sum(count for _, count in wanted), free(wanted[0][0])
        if needed > there:
            raise DiskFull(
                f"{nearest(wanted[0][0])} has {size(there)} free, and {size(needed)} are needed. "
                "Nothing was fetched. Free some space, or choose a smaller set."
            )
