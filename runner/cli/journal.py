"""The record of a batch on disk: what was submitted under which id, and what became of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import BadInput, CannotSave


@dataclass(frozen=True)
class State:
    """Where a row is: waiting, submitting, finished (results not all saved), done or failed."""

    name: str = "waiting"
    job_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])


class Journal:
    """Lines of JSON, each on disk before the next step is taken. One batch at a time may hold it."""

    def __init__(self, path: Path, file: BufferedRandom) -> None:
        self.path = path
        self._file = file
        self._states: dict[str, State] = {}
        self._saved: dict[str, dict[str, str]] = {}
        for line in file.read().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a batch that was killed while it wrote
            if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                self._apply(entry)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Open or begin a journal. Raises BadInput when another batch holds it, CannotSave otherwise."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+b")
        except OSError as error:
            raise CannotSave(f"The journal {path} can't be written ({error.strerror}).") from None
        if not _lock(file):
            file.close()
            raise BadInput(f"Another batch is working with the journal {path}.")
        file.seek(0)
        journal = cls(path, file)
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        return journal

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def state(self, key: str) -> State:
        """Where a row is."""
        return self._states.get(key, State())

    def saved(self, key: str) -> dict[str, str]:
        """The result files of a row that are on disk: the server's query to the path."""
        return self._saved.setdefault(key, {})

    def add(self, key: str, state: str, **details: Any) -> None:
        """Record a step, and return when it is on disk."""
        self._write({"key": key, "state": state, **details})

    def add_file(self, key: str, query: str, path: str) -> None:
        """Record that a result file is on disk."""
        self._write({"key": key, "query": query, "path": path})

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            self._file.write((json.dumps(entry, ensure_ascii=False) + "\n").encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise CannotSave(f"The journal {self.path} can't be written ({error.strerror}).") from None
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        key = entry["key"]
        if "query" in entry:
            self.saved(key)[str(entry["query"])] = str(entry.get("path"))
            return
        name = str(entry.get("state"))
        job_id = entry.get("job_id") or self.state(key).job_id
        if name == "submitting" and entry.get("job_id") != self.state(key).job_id:
            self._saved.pop(key, None)
        if name == "failed":
            job_id = None  # the next batch begins this row anew
        details = {k: v for k, v in entry.items() if k not in ("key", "state", "job_id")}
        self._states[key] = State(name, job_id, details)


def _lock(file: BufferedRandom) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0x7FFF0000)  # far beyond the content: the lock is mandatory there
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
