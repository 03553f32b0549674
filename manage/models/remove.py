"""Removes models from the disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from myspinbot_shared.disk import format_size
from myspinbot_shared.manifest import Model

from ..disk import local
from .download import part_of
from .store import Store


def removable(store: Store, models: Iterable[Model]) -> dict[Path, str]:
    """The files of the models that are there, whole or half fetched, each with its size in words."""
    found: dict[Path, str] = {}
    for model in models:
        for folder in store.places.folders(model.folder):
            path = folder / model.file
            part = part_of(path)
            if path.is_file() or path.is_symlink():
                found[path] = "a link" if path.is_symlink() else format_size(path.stat().st_size)
            if part.is_file():
                found[part] = f"half fetched, {format_size(part.stat().st_size)}"
    return found


def remove(store: Store, models: Iterable[Model], paths: Iterable[Path]) -> None:
    """Remove the files, what belongs to them, and their records. A link goes, what it leads to stays."""
    for path in paths:
        with local(path):
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.json").unlink(missing_ok=True) if path.name.endswith(".part") else None
    for model in models:
        store.lock.drop(model.id)
