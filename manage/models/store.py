"""Which models are here, missing or not what they should be, what was recorded of them, and their removal."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from myspinbot_runner.contents import why_unreadable
from myspinbot_runner.errors import BadInput, Cancelled, CannotSave
from myspinbot_shared.disk import format_size
from myspinbot_shared.files import atomic_write
from myspinbot_shared.manifest import Model

from ..disk import local
from .formats import flaw
from .places import Places, part_of

BLOCK = 1 << 22
State = Literal["have", "missing", "broken", "unknown"]
NAME = "myspinbot.lock.json"


@dataclass(frozen=True)
class Record:
    """One file as it was when it was fetched. `path` is its file path at that time."""

    sha256: str
    bytes: int
    url: str
    path: str
    date: str


class LockFile:
    """The records of one models folder, by model id."""

    def __init__(self, models: Path) -> None:
        self.path = models / NAME

    def read(self) -> dict[str, Record]:
        """All records. Raises BadInput when the file is there but isn't ours."""
        try:
            content: Any = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(key): Record(**value) for key, value in content["files"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(
                f"{self.path} can't be read ({why_unreadable(error)}). It holds the hashes of fetched models; "
                "repair it, or move it away to start afresh."
            ) from None

    def put(self, model_id: str, *, sha256: str, size: int, url: str, path: Path) -> None:
        """Add or replace a record. Raises CannotSave when it can't be written."""
        date = datetime.now(UTC).isoformat(timespec="seconds")
        record = Record(sha256, size, url, str(path), date)
        self._change(model_id, record)

    def drop(self, model_id: str) -> None:
        """Forget a record, if there is one."""
        if model_id in self.read():
            self._change(model_id, None)

    def _change(self, model_id: str, record: Record | None) -> None:
        from filelock import FileLock

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Read and written as one step: two programs may finish at the same moment.
            with FileLock(self.path.with_suffix(".guard")):
                files = self.read()
                files.pop(model_id, None)
                if record:
                    files[model_id] = record
                content = {"version": 1, "files": {key: asdict(files[key]) for key in sorted(files)}}
                with atomic_write(self.path, replace=True) as aside, aside.open("w", encoding="utf-8") as file:
                    json.dump(content, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise CannotSave(f"{self.path} can't be written ({error.strerror}).") from None


@dataclass(frozen=True)
class Status:
    """What is on the disk for one model; `unknown` where nobody looked.

    `why` says what is wrong with a broken one, or where a stray one is.
    """

    model: Model
    state: State
    path: Path | None = None
    bytes: int | None = None
    why: str = ""


class Store:
    """The models of one ComfyUI."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.lock = LockFile(places.models)
        self._records: Mapping[str, Record] | None = None

    def expected(self, model: Model) -> tuple[str | None, int | None]:
        """Hash and size that the file should have: the manifest's, else what was recorded when it was fetched."""
        if model.sha256 and model.bytes is not None:
            return model.sha256, model.bytes
        if self._records is None:
            self._records = self.lock.read()
        record = self._records.get(model.id)
        if record is None or (model.sha256 and record.sha256 != model.sha256):
            return model.sha256, model.bytes
        return model.sha256 or record.sha256, record.bytes if model.bytes is None else model.bytes

    def refresh(self) -> None:
        """Forget what was read of the records."""
        self._records = None

    def status(self, model: Model) -> Status:
        """The state of a file by its size and its first bytes; quick, and blind to changed numbers."""
        path = self.places.find(model)
        if path is None:
            stray = self.places.stray(model)
            return Status(model, "missing", why=f"A file of its name and size is at {stray}." if stray else "")
        size = path.stat().st_size
        _, wanted = self.expected(model)
        wrong = flaw(path, model.format, wanted)
        return Status(model, "broken" if wrong else "have", path, size, wrong or "")

    def verify(
        self,
        model: Model,
        on_bytes: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> tuple[Status, str]:
        """The state of a file by its whole content, and its hash (empty when it is missing or of wrong size)."""
        status = self.status(model)
        if status.state != "have" or status.path is None:
            return status, ""
        found = file_hash(status.path, on_bytes, stop)
        wanted, _ = self.expected(model)
        if wanted and found != wanted:
            why = f"its sha256 is {found} and should be {wanted}"
            return Status(model, "broken", status.path, status.bytes, why), found
        return status, found


def file_hash(
    path: Path, on_bytes: Callable[[int, int], None] | None = None, stop: threading.Event | None = None
) -> str:
    """The sha256 of a file. `on_bytes(done, total)` is called as it goes; raises Cancelled once `stop` is set."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if stop and stop.is_set():
                raise Cancelled("Stopped.")
            digest.update(block)
            done += len(block)
            if on_bytes:
                on_bytes(done, total)
    return digest.hexdigest()


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
