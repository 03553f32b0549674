"""Adds to each job of ours which models it uses and under which licences, for the files that it saves.

ComfyUI's saving nodes write `extra_pnginfo` into their files; there the entry `models` joins the workflow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from .models import manifest

PREFIX = "MySpinBot"


def register_provenance() -> None:
    """Have ComfyUI call `add_provenance` for every job that it takes."""
    from server import PromptServer

    try:
        manifest()
    except FileNotFoundError as error:
        logging.warning("%s Until then videos don't tell which models made them.", error)
        return
    PromptServer.instance.add_on_prompt_handler(add_provenance)


def add_provenance(request: dict[str, Any]) -> dict[str, Any]:
    """The request to `/prompt`, with the models that it uses. Jobs without a node of ours stay as they are."""
    graph = request.get("prompt")
    if not isinstance(graph, dict) or not any(_ours(node) for node in graph.values()):
        return request
    used = models_of(graph)
    if used:
        data = request.get("extra_data") or {}
        told = {"models": used, **(data.get("extra_pnginfo") or {})}
        request["extra_data"] = {**data, "extra_pnginfo": told}
    return request


def models_of(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is told of the models that a workflow in API form names, with the files that they need."""
    models = manifest()["models"]
    by_path = {model["file"]: key for key, model in models.items()}
    names = [PurePosixPath(file).name for file in by_path]
    by_name = {PurePosixPath(file).name: key for file, key in by_path.items() if names.count(_name(file)) == 1}
    found: dict[str, None] = {}

    def add(key: str) -> None:
        if key not in found:
            found[key] = None
            for needed in models[key].get("needs", ()):
                add(needed)

    for node in graph.values():
        for text in _texts(node.get("inputs") if isinstance(node, Mapping) else None):
            path = text.replace("\\", "/")
            key = by_path.get(path) or by_name.get(_name(path))
            if key:
                add(key)
    return told_of(found)


def told_of(ids: Iterable[str]) -> list[dict[str, Any]]:
    """What is told of models of `models.yaml` beside a video that they made."""
    models = manifest()["models"]
    return [_told(key, models[key]) for key in ids]


def _told(key: str, model: Mapping[str, Any]) -> dict[str, Any]:
    told = {"id": key, "name": model["role"], "file": model["file"], "sha256": model["sha256"]}
    told |= {"licence": model["licence"], "open": model["open"]}
    return told | ({"reason": model["reason"]} if "reason" in model else {})


def _ours(node: Any) -> bool:
    return isinstance(node, Mapping) and str(node.get("class_type", "")).startswith(PREFIX)


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
