"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

PART = ".part"
"""How the names of unfinished files end: ComfyUI lists models by their suffix, and so never lists these."""


@contextlib.contextmanager
def atomic_write(path: Path, *, replace: bool = False) -> Generator[Path, None, None]:
    """Gives a path aside to write to, which becomes `path` when the block ends well and is removed when it doesn't.

        with atomic_write(path) as aside:
            aside.write_text(text, encoding="utf-8")

    Args:
        path: The file; its folder is made where it isn't there.
        replace: Whether `path` may be there already and gives way.

    Raises:
        FileExistsError: `path` is there and isn't to be replaced.
    """
    if not replace:
        _check_absent(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    try:
        yield aside
        if replace:
            aside.replace(path)
        else:
            _place_new(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_writes() -> Generator[Callable[[Path], Path], None, None]:
    """As `atomic_write` for several new files: gives a function from a file to its path aside.

    When the block ends well they get their names in the order in which they were asked for: all of them or none.

    Raises:
        FileExistsError: One is there already.
    """
    waiting: dict[Path, Path] = {}

    def aside_of(path: Path) -> Path:
        _check_absent(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting[path] = _aside(path)
        return waiting[path]

    placed: list[Path] = []
    try:
        yield aside_of
        for path, aside in waiting.items():
            _place_new(aside, path)
            placed.append(path)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        for aside in waiting.values():
            aside.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:8]}{PART}")


def _place_new(aside: Path, path: Path) -> None:
    """Give what lies aside its name, and never to a file that another program has put there meanwhile."""
    try:
        os.link(aside, path)
    except FileExistsError:
        _check_absent(path)
        raise
    except OSError:  # a file system without links
        _check_absent(path)
        aside.replace(path)


def _check_absent(path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"{path} is there already and is never replaced; nothing was changed.")
