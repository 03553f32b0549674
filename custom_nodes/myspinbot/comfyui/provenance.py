"""Adds to each job of ours which models it uses and under which licences, for the files that it saves.

ComfyUI's saving nodes write `extra_pnginfo` into their files; there the entry `models` joins the workflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..shared.provenance import NODE_PREFIX, models_of, record
from .model_files import manifest


def register_provenance() -> None:
    """Have ComfyUI call `add_provenance` for every job that it takes."""
    from server import PromptServer

    PromptServer.instance.add_on_prompt_handler(add_provenance)


def add_provenance(request: dict[str, Any]) -> dict[str, Any]:
    """The request to `/prompt`, with the models that it uses. Jobs without a node of ours stay as they are."""
    graph = request.get("prompt")
    if not isinstance(graph, dict) or not any(_is_ours(node) for node in graph.values()):
        return request
    used = [record(model) for model in models_of(graph, manifest())]
    if used:
        data = request.get("extra_data") or {}
        info = {"models": used, **(data.get("extra_pnginfo") or {})}
        request["extra_data"] = {**data, "extra_pnginfo": info}
    return request


def _is_ours(node: Any) -> bool:
    return isinstance(node, Mapping) and str(node.get("class_type", "")).startswith(NODE_PREFIX)
