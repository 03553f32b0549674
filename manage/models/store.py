"""Which models are there, which are missing, and which are not what they should be."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from myspinbot_runner.errors import Cancelled
from myspinbot_shared.manifest import Model

from .formats import flaw
from .lockfile import Fetched, LockFile
from .places import Places

BLOCK = 1 << 22
State = Literal["have", "missing", "broken", "unknown"]


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
        self._records: Mapping[str, Fetched] | None = None

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
