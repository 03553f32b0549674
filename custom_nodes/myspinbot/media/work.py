"""The store of unfinished work: chunks on disk from which an interrupted stage goes on.

A store is a folder; in it each job has a folder of its own, named by a hash of all that determines its result.

    <root>/<stage>-<hash>/job.json     what it is: {"stage", "title", "created", "key"}
    <root>/<stage>-<hash>/<chunk>      finished pieces, each put there whole
    <root>/<stage>-<hash>/.lock        held by the process that works on it

`myspinbot work` lists and clears the same folders, and knows no more of them than this.
"""

import contextlib
import errno
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

_DESCRIPTION, _LOCK, _PART = "job.json", ".lock", ".part"


@dataclass(frozen=True, slots=True)
class Store:
    """Jobs below `root`; when they take more than `cap` bytes, those not used for longest are removed."""

    root: Path
    cap: int

    def job(self, stage: str, key: Mapping[str, Any], title: str) -> "Job":
        """The job whose result is determined by `stage` and `key` (JSON values), new or begun before."""
        folder = self.root / f"{stage}-{fingerprint(stage, key)[:32]}"
        folder.mkdir(parents=True, exist_ok=True)
        description = folder / _DESCRIPTION
        if not description.exists():
            content = {"stage": stage, "title": title, "created": datetime.now(UTC).isoformat(), "key": dict(key)}
            with _aside(description) as aside:
                aside.write_text(json.dumps(content, indent=1), encoding="utf-8")
        os.utime(folder)
        return Job(self, folder)

    def make_room(self, keep: Path) -> None:
        """Remove jobs, least recently used first, until the rest fits; never `keep` or one that is held."""
        jobs = [folder for folder in self.root.iterdir() if (folder / _DESCRIPTION).is_file()]
        sizes = {folder: _size(folder) for folder in jobs}
        total = sum(sizes.values())
        for folder in sorted(jobs, key=_used):
            if total <= self.cap:
                return
            if folder != keep and remove_job(folder):
                total -= sizes[folder]


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work and its finished chunks, by name."""

    store: Store
    folder: Path

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
        try:
            with _aside(self.path(name)) as aside:
                yield aside
        except OSError as error:  # PyAV's errors of the operating system are OSErrors too
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(
                errno.ENOSPC,
                f"The disk is full: a part of the work can't be kept in {self.folder}. What was finished stays there. "
                "Make room (`myspinbot work clear` removes kept work), then queue the same work again to go on",
            ) from error
        os.utime(self.folder)
        self.store.make_room(self.folder)

    @contextlib.contextmanager
    def held(self) -> Generator[None, None, None]:
        """Keep the job from being removed, or worked on by another process, during the block.

        What an earlier process left half written is removed first.

        Raises:
            RuntimeError: another process works on it.
        """
        lock = FileLock(self.path(_LOCK), timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise RuntimeError(
                f"Another ComfyUI works on the same job in {self.folder}. Wait until it is done, or stop it."
            ) from error
        try:
            for part in self.folder.glob(f".*{_PART}*"):
                part.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


def remove_job(folder: Path) -> bool:
    """Remove a job's folder; False where it is held, and stays."""
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        with lock:
            (folder / _DESCRIPTION).unlink(missing_ok=True)  # first, so that no half of a job is ever taken for one
            for file in folder.iterdir():
                if file.name != _LOCK:
                    file.unlink(missing_ok=True)
    except Timeout:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


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


@contextlib.contextmanager
def _aside(path: Path) -> Generator[Path, None, None]:
    aside = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{_PART}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _used(folder: Path) -> float:
    return folder.stat().st_mtime


def _size(folder: Path) -> int:
    sizes = 0
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            sizes += file.stat().st_size
    return sizes
