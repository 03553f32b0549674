"""What MySpinBot adds to the runner: provenance beside saved videos, and how to get a model that is missing.

Nothing heavy is imported before it is needed: every command of the runner registers this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myspinbot_runner import hooks

GENERAL = "`myspinbot models get` fetches the models of MySpinBot's own workflows."
VIDEOS = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".gif")


def register() -> None:
    """Have the runner call what is here; a second call changes nothing."""
    if write_provenance not in hooks.after_save:
        hooks.after_save.append(write_provenance)
        hooks.explain_missing_file.append(how_to_get)


def write_provenance(path: Path, job: hooks.SavedJob) -> None:
    """Write beside a video what made it."""
    if path.suffix.lower() in VIDEOS:  # reading the record may take a request
        record = job.record
        write_beside(path, job.graph or (record.graph if record else {}), record.outputs if record else {})


def write_beside(
    path: Path, graph: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]] | None = None
) -> Path | None:
    """Write `clip.mp4.json` beside `clip.mp4` and return its path; None when there is nothing to tell.

    `graph` is the workflow in API form that made it, `outputs` what its nodes gave. An existing file stays.
    Raises CannotSave or DiskFull.
    """
    import json

    from myspinbot_runner.errors import BadInput
    from myspinbot_shared.files import atomic_write
    from myspinbot_shared.provenance import names_models, sidecar

    from .disk import local

    target = path.with_name(f"{path.name}.json")
    if path.suffix.lower() not in VIDEOS or target.exists():
        return None
    manifest = None
    if names_models(graph):
        from .models.manifest import load

        with contextlib.suppress(BadInput):  # the user's own, and broken: the video is whole all the same
            manifest = load()
    content = sidecar(path.name, graph, outputs or {}, manifest)
    if not content:
        return None
    with local(target), atomic_write(target) as aside:
        aside.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return target


def how_to_get(file: str) -> str:
    """How to get a model file, in the words that the nodes use too."""
    from myspinbot_runner.errors import BadInput

    from .models.manifest import load

    try:
        model = load().find(file)
    except BadInput:
        model = None
    return model.missing if model else GENERAL
