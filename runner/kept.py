"""The work that stages keep to go on from, in ComfyUI's user folder: seen and removed from outside.

The nodes write it. A job is a folder with a `job.json` ({"stage", "title", "created", ...}), finished chunks beside
it, and a `.lock` that is held while somebody works on it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import BadInput

PLACE = Path("myspinbot", "work")  # below ComfyUI's user folder
_DESCRIPTION, _LOCK = "job.json", ".lock"


@dataclass(frozen=True)
class Kept:
    """One job's finished pieces.

    Attributes:
        id: Its folder's name.
        chunks: How many pieces are finished.
        bytes: What they take on the disk.
        used: When a stage last used it, in UTC.
        busy: Whether one works on it at this moment.
    """

    folder: Path
    stage: str
    title: str
    chunks: int
    bytes: int
    used: datetime
    busy: bool

    @property
    def id(self) -> str:
        return self.folder.name


def kept(root: Path) -> list[Kept]:
    """All jobs below a folder, the last used first."""
    if not root.is_dir():
        return []
    found = [_look(folder) for folder in root.iterdir() if (folder / _DESCRIPTION).is_file()]
    return sorted(found, key=lambda job: job.used, reverse=True)


def choose(jobs: Sequence[Kept], names: Sequence[str]) -> list[Kept]:
    """The jobs with these ids, or beginnings of ids; all without any.

    Raises BadInput for one that isn't there.
    """
    for name in names:
        if not any(_called(job, name) for job in jobs):
            raise BadInput(f"No kept work is called {name}. `myspinbot work list` shows what there is.")
    return [job for job in jobs if not names or any(_called(job, name) for name in names)]


def remove(job: Kept) -> bool:
    """Remove a job's folder; False where a stage works on it, and it stays."""
    try:
        with FileLock(job.folder / _LOCK, timeout=0):
            (job.folder / _DESCRIPTION).unlink(missing_ok=True)
            for file in job.folder.iterdir():
                if file.name != _LOCK:
                    file.unlink(missing_ok=True)
    except Timeout:
        return False
    shutil.rmtree(job.folder, ignore_errors=True)
    return True


def _look(folder: Path) -> Kept:
    try:
        about = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        stage, title = str(about["stage"]), str(about["title"])
    except (OSError, ValueError, KeyError, TypeError):
        stage, title = "?", "its job.json can't be read"
    files = [file for file in folder.iterdir() if not file.name.startswith(".") and file.name != _DESCRIPTION]
    used = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    return Kept(folder, stage, title, len(files), sum(file.stat().st_size for file in files), used, _busy(folder))


def _busy(folder: Path) -> bool:
    if not (folder / _LOCK).exists():
        return False
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True


def _called(job: Kept, name: str) -> bool:
    return bool(name) and (job.id.startswith(name) or job.id.rsplit("-", 1)[-1].startswith(name))
