"""Which models a workflow uses, by the file names in it; and whether a shipped one agrees with the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from .manifest import Manifest, Model

SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".onnx", ".gguf")


def models_of_graph(graph: Mapping[str, Mapping[str, Any]], manifest: Manifest) -> list[Model]:
    """The models that a workflow in API form names in its inputs, each once, with the files that they need."""
    values = [value for node in graph.values() for value in _texts(node.get("inputs"))]
    return _known(values, manifest)


def models_of_workflow(content: Mapping[str, Any], manifest: Manifest) -> list[Model]:
    """The models that a workflow in UI form names in its widgets, those of subgraphs included."""
    return _known([value for node in nodes(content) for value in _texts(node.get("widgets_values"))], manifest)


def unknown_models(content: Mapping[str, Any], manifest: Manifest) -> list[str]:
    """The model files in the widgets of a workflow in UI form that aren't in the manifest."""
    values = [value for node in nodes(content) for value in _texts(node.get("widgets_values"))]
    return [name for name in dict.fromkeys(values) if _is_model(name) and find(name, manifest) is None]


def find(name: str, manifest: Manifest) -> Model | None:
    """The model with this path below its folder, or with this file name if only one has it."""
    path = PurePosixPath(name.replace("\\", "/"))
    exact = [model for model in manifest.models.values() if model.file == str(path)]
    found = exact or [model for model in manifest.models.values() if model.name == path.name]
    return found[0] if len(found) == 1 and path.name else None


def nodes(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All nodes of a workflow in UI form, those in the definitions of its subgraphs included."""
    definitions = content.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    for level in [content, *(subgraphs if isinstance(subgraphs, list) else [])]:
        for node in level.get("nodes") or [] if isinstance(level, Mapping) else []:
            if isinstance(node, Mapping):
                yield node


def property_of(model: Model) -> dict[str, str]:
    """What a node's `properties.models` says of a model, so that the page can offer it when it is missing."""
    return {"name": model.name, "url": model.urls[0] if model.urls else model.page, "directory": model.folder}


def disagreements(content: Mapping[str, Any], manifest: Manifest) -> list[str]:
    """Where a workflow in UI form and the manifest differ, as sentences; empty when they agree.

    Every model file in a widget must be in the manifest and in its node's `properties.models`, with the
    manifest's address and folder, and there must be no others.
    """
    said: list[str] = []
    for node in nodes(content):
        where = f"node {node.get('id')} ({node.get('type')})"
        used = {name: find(name, manifest) for name in _texts(node.get("widgets_values")) if _is_model(name)}
        said += [f"{where}: {name} isn't in the manifest." for name, model in used.items() if model is None]
        wanted = [property_of(model) for model in used.values() if model]
        properties = node.get("properties")
        listed = properties.get("models") if isinstance(properties, Mapping) else None
        listed = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
        for entry in wanted:
            mine = next((item for item in listed if item.get("name") == entry["name"]), None)
            if mine is None:
                said.append(f"{where}: properties.models lacks {entry}.")
                continue
            for field in ("url", "directory"):
                if mine.get(field) != entry[field]:
                    said.append(f"{where}: {entry['name']} has the {field} {mine.get(field)!r}, not {entry[field]!r}.")
        names = [entry["name"] for entry in wanted]
        extra = [item.get("name") for item in listed if item.get("name") not in names]
        said += [f"{where}: properties.models names {name}, which no widget uses." for name in extra]
    return said


def record(model: Model) -> dict[str, Any]:
    """What is told of a model beside a video that was made with it."""
    return {
        "id": model.id,
        "name": model.role,
        "file": model.file,
        "sha256": model.sha256,
        "licence": model.licence,
        "open": model.open,
        **({"reason": model.reason} if model.reason else {}),
    }


def provenance(graph: Mapping[str, Mapping[str, Any]], manifest: Manifest) -> dict[str, Any] | None:
    """What is told beside a job's results: the models used and their licences; None when it used none."""
    used = models_of_graph(graph, manifest)
    return {"models": [record(model) for model in used]} if used else None


def _known(values: list[str], manifest: Manifest) -> list[Model]:
    found = [model for value in values if (model := find(value, manifest))]
    return manifest.choose(model.id for model in found)


def names_models(graph: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a workflow in API form names any model file at all; needs no manifest."""
    return any(_is_model(value) for node in graph.values() for value in _texts(node.get("inputs")))


def _is_model(value: str) -> bool:
    return Path(value).suffix.lower() in SUFFIXES


def _texts(value: Any) -> Iterator[str]:
    """All strings in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
