"""The work that stages keep to go on from, in ComfyUI's user folder: seen and removed from outside.

The nodes write it. A job is a folder with a `job.json` ({"stage", "title", "created", ...}) and finished chunks beside
it. Its lock lies outside, in `<root>.locks`, and is held while somebody works on the job; it is removed by giving it
the name `.gone-<id>-<hex>` under the lock, so that it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from myspinbot_runner.errors import BadInput

PLACE = Path("myspinbot", "work")  # below ComfyUI's user folder
_DESCRIPTION, _GONE = "job.json", ".gone-"


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
    found = [job for folder in root.iterdir() if (job := _look(folder))]
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
    """Remove a job's folder; False where a stage works on it, or its files can't be removed, and it stays."""
    gone = job.folder.with_name(f"{_GONE}{job.id}-{uuid.uuid4().hex[:8]}")
    try:
        with _lock_of(job.folder).acquire(0):
            job.folder.rename(gone)
    except (Timeout, OSError):  # Windows doesn't rename a folder in which a file is open
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True


def sweep(root: Path) -> None:
    """Remove what is left of jobs whose removal was cut short."""
    for gone in root.glob(f"{_GONE}*"):
        shutil.rmtree(gone, ignore_errors=True)


def _lock_of(folder: Path) -> FileLock:
    path = _lock_path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def _lock_path(folder: Path) -> Path:
    return folder.parent.with_name(f"{folder.parent.name}.locks") / f"{folder.name}.lock"


def _look(folder: Path) -> Kept | None:
    """A job; None for what is none, or was removed meanwhile, or can't be looked at."""
    try:
        if folder.name.startswith(_GONE) or not (folder / _DESCRIPTION).is_file():
            return None
        files = [file for file in folder.iterdir() if not file.name.startswith(".") and file.name != _DESCRIPTION]
        used = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return None
    try:
        about = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        stage, title = str(about["stage"]), str(about["title"])
    except (OSError, ValueError, KeyError, TypeError):
        stage, title = "?", "its job.json can't be read"
    return Kept(folder, stage, title, len(files), sum(map(_size, files)), used, _busy(folder))


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):  # gone meanwhile, or not to be looked at
        return file.stat().st_size
    return 0


def _busy(folder: Path) -> bool:
    if not _lock_path(folder).exists():  # looking makes none: ComfyUI, as another user, couldn't take it then
        return False
    try:
        with _lock_of(folder).acquire(0):
            return False
    except (Timeout, OSError):
        return True


def _called(job: Kept, name: str) -> bool:
    return bool(name) and (job.id.startswith(name) or job.id.rsplit("-", 1)[-1].startswith(name))
