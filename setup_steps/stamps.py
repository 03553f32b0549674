"""Notes of finished steps, so that the next run goes on where this one stopped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from .places import write_whole


def fingerprint(*inputs: object) -> str:
    """One short text for everything a step's result depends on; files count with their content."""
    digest = hashlib.sha256()
    for item in inputs:
        content = item.read_bytes() if isinstance(item, Path) and item.is_file() else str(item).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


class Stamps:
    """One small JSON file per step: what it was done for, and whether it was finished."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, step: str) -> dict[str, Any]:
        """The note of a step; empty when there is none or it can't be read."""
        try:
            note = json.loads((self.folder / f"{step}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def started(self, step: str) -> bool:
        """Whether an earlier run began this step, finished or not."""
        return bool(self.read(step))

    def interrupted(self, step: str) -> bool:
        return self.started(step) and not self.read(step).get("finished")

    def finished(self, step: str, inputs: str) -> bool:
        note = self.read(step)
        return bool(note.get("finished")) and note.get("inputs") == inputs

    def start(self, step: str) -> None:
        write_whole(self.folder / f"{step}.json", json.dumps({"finished": False}))

    def finish(self, step: str, inputs: str, **result: object) -> None:
        note = {"finished": True, "inputs": inputs, **result}
        write_whole(self.folder / f"{step}.json", json.dumps(note, indent=2) + "\n")

    def forget(self, *steps: str) -> None:
        for step in steps:
            (self.folder / f"{step}.json").unlink(missing_ok=True)
