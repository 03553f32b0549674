"""Room on the disk, asked for before anything is downloaded."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .talk import SetupError, gigabytes


@dataclass(frozen=True)
class Need:
    """So many bytes at a place that may not exist yet."""

    path: Path
    size: int
    what: str


def _nearest(path: Path) -> Path:
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def free_space(path: Path) -> int:
    """Bytes that this user may still write at a place, which need not exist yet."""
    return shutil.disk_usage(_nearest(path)).free


def uv_cache() -> Path:
    """Where uv keeps what it downloads; on the same disk an environment shares its files."""
    if chosen := os.environ.get("UV_CACHE_DIR"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "uv" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "uv"


def pip_cache() -> Path:
    """Where pip keeps what it downloads."""
    if chosen := os.environ.get("PIP_CACHE_DIR"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "pip" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pip"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pip"


def same_disk(one: Path, other: Path) -> bool:
    return _nearest(one).stat().st_dev == _nearest(other).stat().st_dev


def check_space(needs: Iterable[Need]) -> None:
    """Adds up what is needed on each disk and compares it with what is free.

    Raises:
        SetupError: A disk is too full; the message says how much is needed and how much there is.
    """
    disks: dict[int, list[Need]] = {}
    for need in needs:
        disks.setdefault(_nearest(need.path).stat().st_dev, []).append(need)
    for wanted in disks.values():
        needed = sum(need.size for need in wanted)
        free = free_space(wanted[0].path)
        if free < needed:
            parts = ", ".join(f"{gigabytes(need.size)} for {need.what}" for need in wanted)
            raise SetupError(
                f"The disk is too full. Needed at {wanted[0].path}: {gigabytes(needed)} ({parts}); "
                f"free: {gigabytes(free)}. Make room and run this again; nothing was downloaded."
            )


class Watch:
    """Watches free space while something else writes: a program that fails for want of room tidies up.

    Attributes:
        lowest: The fewest bytes that were free on any of the disks since the watch began.
    """

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = list(places)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.lowest = min(map(free_space, self._places))

    def _look(self) -> None:
        while not self._end.wait(0.1):
            with contextlib.suppress(OSError):
                self.lowest = min(self.lowest, *map(free_space, self._places))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()


def size_of(folder: Path) -> int:
    """Bytes in all files below a folder; links are not followed, and a file with two names counts once."""
    total = 0
    seen: set[tuple[int, int]] = set()
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                entry = os.lstat(os.path.join(path, name))  # noqa: PTH118 - tens of thousands of files
            except OSError:
                continue
            if (entry.st_dev, entry.st_ino) in seen and entry.st_ino:
                continue
            seen.add((entry.st_dev, entry.st_ino))
            total += entry.st_size
    return total
