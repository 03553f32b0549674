"""What was fetched: the hash of each file, kept beside the models, for those that the manifest has no hash of."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from myspinbot_runner.errors import BadInput, CannotSave
from myspinbot_shared.files import atomic_write

NAME = "myspinbot.lock.json"


@dataclass(frozen=True)
class Fetched:
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

    def read(self) -> dict[str, Fetched]:
        """All records. Raises BadInput when the file is there but isn't ours."""
        try:
            content: Any = json.loads(self.path.read_text(encoding="utf-8"))
            return {str(key): Fetched(**value) for key, value in content["files"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(
                f"{self.path} can't be read ({type(error).__name__}: {error}). It holds the hashes of fetched models; "
                "repair it, or move it away to start afresh."
            ) from None

    def put(self, model_id: str, *, sha256: str, size: int, url: str, path: Path) -> None:
        """Add or replace a record. Raises CannotSave when it can't be written."""
        date = datetime.now(UTC).isoformat(timespec="seconds")
        record = Fetched(sha256, size, url, str(path), date)
        self._change(model_id, record)

    def drop(self, model_id: str) -> None:
        """Forget a record, if there is one."""
        if model_id in self.read():
            self._change(model_id, None)

    def _change(self, model_id: str, record: Fetched | None) -> None:
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
