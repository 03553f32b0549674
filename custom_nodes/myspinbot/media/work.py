"""The store of unfinished work: chunks on disk from which an interrupted stage goes on.

A store is a folder; in it each job has a folder of its own, named by a hash of all that determines its result.

    <root>/<stage>-<hash>/job.json     what it is: {"stage", "title", "created", "key"}
    <root>/<stage>-<hash>/<chunk>      finished pieces, each put there whole
    <root>/.gone-<stage>-<hash>-<hex>  a job that is being removed, or what was left of that
    <root>.locks/<stage>-<hash>.lock   held by the process that works on the job, or removes it

A job is removed by giving its folder another name while its lock is held: it is there whole, or not at all. The locks
are empty files outside of what is removed, and may stay. `myspinbot work` lists and clears the same folders, and knows
no more of them than this.
"""

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ..shared.disk import explain_full_disk
from ..shared.files import PART, atomic_write

_DESCRIPTION, _GONE = "job.json", ".gone-"
_WHEN_FULL = (
    "What was finished stays there. Make room (`myspinbot work clear` removes kept work), then queue the same work "
    "again to go on"
)
_PATIENCE = 2.0  # seconds; `myspinbot work list` takes each lock for an instant to see whether it is free


@dataclass(frozen=True, slots=True)
class Store:
    """Jobs below `root`; when they take more than `cap` bytes, those not used for longest are removed."""

    root: Path
    cap: int

    def job(self, stage: str, key: Mapping[str, Any], title: str) -> "Job":
        """The job whose result is determined by `stage` and `key` (JSON values), new or begun before."""
        content = {"stage": stage, "title": title, "created": datetime.now(UTC).isoformat(), "key": dict(key)}
        job = Job(self, self.root / f"{stage}-{fingerprint(stage, key)[:32]}", json.dumps(content, indent=1))
        with contextlib.suppress(FileNotFoundError):
            os.utime(job.folder)
        return job

    def make_room(self, keep: Path) -> None:
        """Remove jobs, least recently used first, until the rest fits.

        Never `keep`, nor one that is held, nor one that this process may not look at or remove.
        """
        for gone in self.root.glob(f"{_GONE}*"):
            shutil.rmtree(gone, ignore_errors=True)
        jobs = sorted(job for folder in self.root.iterdir() if (job := _used(folder)))
        total = sum(size for _, size, _ in jobs)
        for _, size, folder in jobs:
            if total <= self.cap:
                return
            if folder != keep and remove_job(folder):
                total -= size


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work and its finished chunks, by name. `about` is what its `job.json` says."""

    store: Store
    folder: Path
    about: str

    def _begin(self) -> None:
        """Make its folder, if it isn't there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.has(_DESCRIPTION):
            with atomic_write(self.path(_DESCRIPTION), replace=True) as aside:
                aside.write_text(self.about, encoding="utf-8")

    def path(self, name: str) -> Path:
        return self.folder / name

    def has(self, name: str) -> bool:
        return self.path(name).is_file()

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def writing(self, name: str) -> Generator[Path, None, None]:
        """A path aside that becomes `path(name)` when the block ends well, and is removed when it doesn't.

        Raises:
            OSError: the disk is full; the message says where. Chunks that were finished stay.
        """
        with said_where_full(self.folder):
            self._begin()
            with atomic_write(self.path(name), replace=True) as aside:
                yield aside
        os.utime(self.folder)
        self.store.make_room(self.folder)

    @contextlib.contextmanager
    def held(self) -> Generator[None, None, None]:
        """Keep the job from being removed, or worked on by another process, during the block.

        What an earlier process left half written is removed first.

        Raises:
            RuntimeError: another process works on it.
            OSError: the disk is full; the message says where.
        """
        with said_where_full(self.folder):
            lock = _lock_of(self.folder)
            try:
                lock.acquire(_PATIENCE)
            except Timeout as error:
                raise RuntimeError(
                    f"Another ComfyUI works on the same job in {self.folder}. Wait until it is done, or stop it."
                ) from error
        try:
            with said_where_full(self.folder):
                self._begin()
            for part in self.folder.glob(f".*{PART}*"):
                part.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


def remove_job(folder: Path) -> bool:
    """Remove a job's folder; False where it is held or its files can't be removed, and stays."""
    gone = folder.with_name(f"{_GONE}{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        with _lock_of(folder).acquire(0):
            folder.rename(gone)
    except (Timeout, OSError):  # Windows doesn't rename a folder in which a file is open
        return False
    shutil.rmtree(gone, ignore_errors=True)
    return True


def _lock_of(folder: Path) -> FileLock:
    locks = folder.parent.with_name(f"{folder.parent.name}.locks")
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{folder.name}.lock")


def said_where_full(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Makes the system's error for a full disk in the block one that names `folder` and says what to do."""
    return explain_full_disk(folder, _WHEN_FULL)


def fingerprint(*parts: Any) -> str:
    """A SHA-256 (64 hex digits) over bytes, text, arrays, files' contents (a `Path`) and JSON values."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()


def _pieces(part: Any) -> Iterator[bytes | memoryview]:
    if isinstance(part, Path):
        with part.open("rb") as file:
            yield b"file"
            yield hashlib.file_digest(file, "sha256").digest()
    elif isinstance(part, np.ndarray):
        yield f"array {part.dtype.str} {part.shape}".encode()
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    elif isinstance(part, bytes):
        yield b"bytes"
        yield part
    else:
        yield b"json"
        yield json.dumps(part, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _used(folder: Path) -> tuple[float, int, Path] | None:
    """When a job was last used, in seconds, and its bytes; None for what is no job, or can't be looked at."""
    try:
        if folder.name.startswith(_GONE) or not (folder / _DESCRIPTION).is_file():
            return None
        return folder.stat().st_mtime, sum(map(_size, folder.iterdir())), folder
    except OSError:
        return None


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):  # gone meanwhile, or not to be looked at
        return file.stat().st_size
    return 0
