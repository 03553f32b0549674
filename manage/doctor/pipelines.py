"""Which of the shipped workflows could run now, and what each of the others lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myspinbot_runner.workflow import Workflow
from myspinbot_shared.manifest import Manifest
from myspinbot_shared.provenance import is_model_file, texts_in

from ..models.store import Status, Store
from .automatic import wanting

FOLDER = Path(__file__).resolve().parents[2] / "workflows"


@dataclass(frozen=True)
class Pipeline:
    """One workflow: the node types that the server lacks (None: nobody asked it), and the models it lacks.

    `unknown` are model files that the manifest doesn't know, so that nobody looked for them. For want of the models
    in `better` automatic nodes take something simpler.
    """

    name: str
    nodes: tuple[str, ...] | None
    models: tuple[Status, ...]
    unknown: tuple[str, ...]
    better: tuple[Status, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing is known to be lacking."""
        return not self.nodes and not self.models


def pipelines(
    manifest: Manifest, store: Store, node_types: set[str] | None, folder: Path = FOLDER, preset: str = "draft"
) -> Iterator[Pipeline]:
    """All workflows of a folder. `node_types` are those of the server; `preset` is the one that suits the machine.

    Raises BadWorkflow for a broken file.
    """
    present = {key for key, model in manifest.models.items() if store.status(model).state == "have"}
    for path in sorted(folder.glob("*.json")):
        workflow = Workflow.load(path)
        types = workflow.node_types()
        lacking = None if node_types is None else tuple(sorted(types - node_types - PAGE_ONLY))
        needed, better = wanting(manifest, present, types, preset)
        files = [text for node in nodes_of(workflow.content) for text in texts_in(node.get("widgets_values"))]
        named = manifest.choose(model.id for file in files if (model := manifest.find(file)))
        found = [store.status(model) for model in [*named, *(model for model in needed if model not in named)]]
        yield Pipeline(
            path.name.removesuffix(".json").removesuffix(".app"),
            lacking,
            tuple(status for status in found if status.state != "have"),
            tuple(f for f in dict.fromkeys(files) if is_model_file(f) and manifest.find(f) is None),
            tuple(store.status(model) for model in better),
        )


# Nodes that only the page knows; no server ever has them.
PAGE_ONLY = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}


def nodes_of(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All nodes of a workflow in UI form, those in the definitions of its subgraphs included."""
    definitions = content.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    for level in [content, *(subgraphs if isinstance(subgraphs, list) else [])]:
        for node in level.get("nodes") or [] if isinstance(level, Mapping) else []:
            if isinstance(node, Mapping):
                yield node
