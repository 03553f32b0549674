"""Whether a workflow in UI form and the manifest agree, so that the page can offer the files that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myspinbot_manage.doctor.pipelines import nodes_of
from myspinbot_shared.manifest import Manifest, Model
from myspinbot_shared.provenance import is_model_file, texts_in


def property_of(model: Model) -> dict[str, str]:
    """What a node's `properties.models` says of a model, so that the page can offer it when it is missing."""
    return {"name": model.name, "url": model.urls[0] if model.urls else model.page, "directory": model.folder}


def disagreements(content: Mapping[str, Any], manifest: Manifest) -> list[str]:
    """Where a workflow in UI form and the manifest differ, as sentences; empty when they agree.

    Every model file in a widget must be in the manifest and in its node's `properties.models`, with the
    manifest's address and folder, and there must be no others.
    """
    said: list[str] = []
    for node in nodes_of(content):
        where = f"node {node.get('id')} ({node.get('type')})"
        used = {name: manifest.find(name) for name in texts_in(node.get("widgets_values")) if is_model_file(name)}
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
