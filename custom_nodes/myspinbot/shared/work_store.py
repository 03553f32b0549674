"""The store of unfinished work: chunks on disk from which an interrupted stage goes on.

A store is a folder; in it each job has a folder of its own, named by a hash of all that determines its result.

    <root>/<stage>-<hash>/job.json     what it is: {"stage", "title", "created", "key"}
    <root>/<stage>-<hash>/<chunk>      finished pieces, each put there whole
    <root>/.gone-<stage>-<hash>-<hex>  a job that is being removed, or what was left of that
    <root>.locks/<stage>-<hash>.lock   locked by the process that works on the job, or removes it

A job is removed by giving its folder another name while it is locked: it is there whole, or not at all. The lock
files are empty, lie outside of what is removed, and may stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .disk import explain_full_disk
from .files import PART, atomic_write

FOLDER = Path("myspinbot", "work")
"""Where the store lies below ComfyUI's user folder."""
_DESCRIPTION, _GONE = "job.json", ".gone-"
_PATIENCE = 2.0  # seconds; whoever lists the jobs takes each lock for an instant to see whether it is free


@dataclass(frozen=True, slots=True)
class Store:
    """Jobs below `root`; when they take more than `cap` bytes, those not used for longest are removed."""

    root: Path
    cap: int

    def job(self, stage: str, key: Mapping[str, Any], title: str) -> Job:
        """The job whose result is determined by `stage` and `key` (JSON values), new or begun before."""
        content = {"stage": stage, "title": title, "created": datetime.now(UTC).isoformat(), "key": dict(key)}
        same = json.dumps([stage, content["key"]], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        name = f"{stage}-{hashlib.sha256(same.encode()).hexdigest()[:32]}"
        job = Job(self, self.root / name, json.dumps(content, indent=1))
        with contextlib.suppress(FileNotFoundError):
            os.utime(job.folder)
        return job

    def make_room(self, keep: Path) -> None:
        """Remove jobs, least recently used first, until the rest fits.

        Never the folder `keep`, nor a job that is locked, nor one that this process may not look at or remove.
        """
        remove_leftovers(self.root)
        jobs = _jobs(self.root)
        total = sum(job.bytes for job in jobs)
        for job in reversed(jobs):
            if total <= self.cap:
                return
            if job.folder != keep and remove_job(job.folder):
                total -= job.bytes


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work and its finished chunks, by name. `description` is what its `job.json` says."""

    store: Store
    folder: Path
    description: str

    def _begin(self) -> None:
        """Make its folder, if it isn't there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.has(_DESCRIPTION):
            with atomic_write(self.path(_DESCRIPTION), replace=True) as aside:
                aside.write_text(self.description, encoding="utf-8")

    def path(self, name: str) -> Path:
        return self.folder / name

    def has(self, name: str) -> bool:
        return self.path(name).is_file()

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def atomic_write(self, name: str) -> Generator[Path, None, None]:
        """A path aside that becomes `path(name)` when the block ends well, and is removed when it doesn't.

        Raises:
            OSError: the disk is full; the message says where. Chunks that were finished stay.
        """
        with explain_full_store(self.folder):
            self._begin()
            with atomic_write(self.path(name), replace=True) as aside:
                yield aside
        os.utime(self.folder)
        self.store.make_room(self.folder)

    @contextlib.contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Keep the job from being removed, or worked on by another process, during the block.

        What an earlier process left half written is removed first.

        Raises:
            RuntimeError: another process works on it.
            OSError: the disk is full; the message says where.
        """
        with explain_full_store(self.folder):
            lock = _lock(self.folder)
            try:
                lock.acquire(_PATIENCE)
            except Timeout as error:
                raise RuntimeError(
                    f"Another ComfyUI works on the same job in {self.folder}. Wait until it is done, or stop it."
                ) from error
        try:
            with explain_full_store(self.folder):
                self._begin()
            for part in self.folder.glob(f".*{PART}*"):
                part.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


@dataclass(frozen=True, slots=True)
class StoredJob:
    """What a job in a store looks like from outside.

    Attributes:
        chunks: How many pieces are finished.
        bytes: What it takes on the disk.
        used: When a stage last used it, in UTC.
    """

    folder: Path
    stage: str
    title: str
    chunks: int
    bytes: int
    used: datetime

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def busy(self) -> bool:
        """Whether a process works on it at this moment."""
        if not _lock_file(self.folder).exists():  # looking makes none: ComfyUI, as another user, couldn't lock it then
            return False
        try:
            with _lock(self.folder).acquire(0):
                return False
        except (Timeout, OSError):
            return True


def stored_jobs(root: Path) -> list[StoredJob]:
    """All jobs of a store that may be looked at, the last used first; none where there is no such folder."""
    return _jobs(root) if root.is_dir() else []


def remove_job(folder: Path) -> bool:
    """Remove a job's folder; False where it is locked or its files can't be removed, and stays."""
    gone = folder.with_name(f"{_GONE}{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        with _lock(folder).acquire(0):
            folder.rename(gone)
    except (Timeout, OSError):  # Windows doesn't rename a folder in which a file is open
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True


def remove_leftovers(root: Path) -> None:
    """Remove what is left of jobs whose removal was cut short."""
    for gone in root.glob(f"{_GONE}*"):
        shutil.rmtree(gone, ignore_errors=True)


def explain_full_store(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Makes the system's error for a full disk in the block one that names `folder` and says what to do."""
    return explain_full_disk(
        folder,
        "What was finished stays there. Make room (`myspinbot work clear` removes unfinished work), then queue the "
        "same work again to go on",
    )


def _lock(folder: Path) -> FileLock:
    path = _lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def _lock_file(folder: Path) -> Path:
    return folder.parent.with_name(f"{folder.parent.name}.locks") / f"{folder.name}.lock"


def _jobs(root: Path) -> list[StoredJob]:
    found = [job for folder in root.iterdir() if (job := _look(folder))]
    return sorted(found, key=lambda job: (job.used, job.folder), reverse=True)


def _look(folder: Path) -> StoredJob | None:
    """A job; None for what is none, or was removed meanwhile, or can't be looked at."""
    try:
        if folder.name.startswith(_GONE) or not (folder / _DESCRIPTION).is_file():
            return None
        files = [file for file in folder.iterdir() if file.name != _DESCRIPTION]
        used = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return None
    try:
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        stage, title = str(description["stage"]), str(description["title"])
    except (OSError, ValueError, KeyError, TypeError):
        stage, title = "?", f"its {_DESCRIPTION} can't be read"
    chunks = sum(not file.name.startswith(".") for file in files)
    return StoredJob(folder, stage, title, chunks, sum(map(_size, files)), used)


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):  # gone meanwhile, or not to be looked at
        return file.stat().st_size
    return 0
