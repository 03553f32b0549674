"""Writes beside a video which models made it, and under which licences they are."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myspinbot_runner.errors import BadInput
from myspinbot_shared.files import atomic_write

from .disk import local

VIDEOS = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".gif")


def write_beside(
    path: Path, graph: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Mapping[str, Any]] | None = None
) -> Path | None:
    """Write `clip.mp4.json` beside `clip.mp4` and return its path; None when there is nothing to tell.

    `graph` is the API form that made it, `outputs` what its nodes gave: stages that choose their engine when they
    run tell there what they took. An existing file stays. Raises CannotSave or DiskFull.
    """
    if path.suffix.lower() not in VIDEOS:
        return None
    told = {**_said(outputs or {}, "provenance"), **_models(graph, outputs or {})}
    target = path.with_name(f"{path.name}.json")
    if not told or target.exists():
        return None
    with local(target), atomic_write(target) as aside:
        aside.write_text(json.dumps({"video": path.name, **told}, indent=1, ensure_ascii=False), encoding="utf-8")
    return target


def _models(graph: Mapping[str, Mapping[str, Any]], outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    from .uses import names_models, provenance

    told = _said(outputs, "models")
    if names_models(graph):
        from .manifest import load

        # A runner without its manifest has nothing to tell of them.
        with contextlib.suppress(BadInput):
            named = (provenance(graph, load()) or {}).get("models", [])
            ids = [model["id"] for model in named]
            chosen = [model for model in told.get("models", []) if model.get("id") not in ids]
            told = {"models": [*named, *chosen]}
    return told if told.get("models") else {}


def _said(outputs: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    """What the nodes gave as `name`, lists of objects, in one list under that name; nothing where none did."""
    lists = [output[name] for output in outputs.values() if isinstance(output.get(name), list)]
    found = [item for items in lists for item in items if isinstance(item, Mapping)]
    return {name: found} if found else {}
