"""What made a video: the models that a workflow names, with their licences, as it is told in the file and beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .manifest import Manifest, Model

Graph = Mapping[str, Any]
"""A workflow in API form."""
NODE_PREFIX = "MySpinBot"
"""What the ids of all our nodes begin with."""
SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".onnx", ".gguf")


def models_of(graph: Graph, manifest: Manifest) -> list[Model]:
    """The models that a workflow in API form names in its inputs, each once, with the files that they need."""
    found = [model for text in texts_of(graph) if (model := manifest.find(text))]
    return manifest.choose(model.id for model in found)


def names_models(graph: Graph) -> bool:
    """Whether a workflow in API form names any model file at all; needs no manifest."""
    return any(is_model_file(text) for text in texts_of(graph))


def is_model_file(name: str) -> bool:
    """Whether a text is the name of a model file, by its suffix."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def record(model: Model) -> dict[str, Any]:
    """What is told of a model with which a video was made."""
    return {
        "id": model.id,
        "name": model.role,
        "file": model.file,
        "sha256": model.sha256,
        "licence": model.licence,
        "open": model.open,
        **({"reason": model.reason} if model.reason else {}),
    }


def sidecar(
    video: str, graph: Graph, outputs: Mapping[str, Mapping[str, Any]], manifest: Manifest | None
) -> dict[str, Any]:
    """The content of the file beside a video; empty when there is nothing to tell.

    Args:
        video: The video's file name.
        graph: The workflow that made it, in API form.
        outputs: What its nodes gave to the user; stages that choose their engine when they run tell there which
            they chose, as `provenance` and `models`.
        manifest: The models that are known; None where it isn't at hand.
    """
    models: list[Mapping[str, Any]] = [record(model) for model in models_of(graph, manifest)] if manifest else []
    for entry in _given(outputs, "models"):
        if entry.get("id") not in [listed.get("id") for listed in models]:
            models.append(entry)
    content = {"provenance": _given(outputs, "provenance"), "models": models}
    found = {name: entries for name, entries in content.items() if entries}
    return {"video": video, **found} if found else {}


def texts_of(graph: Graph) -> Iterator[str]:
    """All texts in the inputs of a workflow in API form."""
    for node in graph.values():
        yield from texts_in(node.get("inputs") if isinstance(node, Mapping) else None)


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def _given(outputs: Mapping[str, Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The objects that the nodes gave as `name`, each once: one node's list may repeat what came before it."""
    found: list[Mapping[str, Any]] = []
    for given in outputs.values():
        items = given.get(name)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, Mapping) and item not in found:
                found.append(item)
    return found
