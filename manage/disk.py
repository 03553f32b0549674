"""The disk that models and bots go to: its errors as the command's own, and its room."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from pathlib import Path

from myspinbot_runner.errors import CannotSave, DiskFull
from myspinbot_shared.disk import format_size, free_room, full_disk, is_full, nearest_folder


@contextlib.contextmanager
def local(path: Path) -> Generator[None]:
    """Turns this machine's errors about a file into DiskFull and CannotSave."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            advice = "Free some space and run this again; it goes on where this stopped."
            raise DiskFull(full_disk(path.parent, advice)) from None
        raise CannotSave(f"{path} can't be written ({error.strerror or error}).") from None


def check_room(needs: Iterable[tuple[Path, int]]) -> None:
    """Compare what files need with what their disks have. Raises DiskFull before anything is written."""
    disks: dict[int, list[tuple[Path, int]]] = {}
    for path, count in needs:
        disks.setdefault(nearest_folder(path).stat().st_dev, []).append((path, count))
    for wanted in disks.values():
        needed, there = sum(count for _, count in wanted), free_room(wanted[0][0])
        if needed > there:
            raise DiskFull(
                f"{nearest_folder(wanted[0][0])} has {format_size(there)} free, and {format_size(needed)} are needed. "
                "Nothing was fetched. Free some space, or choose a smaller set."
            )
