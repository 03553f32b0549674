"""Writes beside a video which models made it, and under which licences they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput
from .disk import local

VIDEOS = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".gif")


def write_beside(path: Path, graph: Mapping[str, Mapping[str, Any]]) -> Path | None:
    """Write `clip.mp4.json` beside `clip.mp4` and return its path; None when there is nothing to tell.

    `graph` is the API form that made it. An existing file stays. Raises CannotSave or DiskFull.
    """
    if path.suffix.lower() not in VIDEOS:
        return None
    from .uses import names_models, provenance

    if not names_models(graph):
        return None
    from .manifest import load

    try:
        told = provenance(graph, load())
    except BadInput:
        return None  # a runner without its manifest has nothing to tell
    target = path.with_name(f"{path.name}.json")
    if told is None or target.exists():
        return None
    aside = target.with_name(f".{target.name}.part")
    with local(target):
        aside.write_text(json.dumps({"video": path.name, **told}, indent=1, ensure_ascii=False), encoding="utf-8")
        aside.replace(target)
    return target
