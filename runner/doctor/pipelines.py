"""Which of the shipped workflows could run now, and what each of the others lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..models.manifest import Manifest
from ..models.store import Status, Store
from ..models.uses import models_of_workflow, unknown_models
from ..workflow import Workflow

FOLDER = Path(__file__).absolute().parents[2] / "workflows"


@dataclass(frozen=True)
class Pipeline:
    """One workflow: the node types that the server lacks (None: nobody asked it), and the models it lacks.

    `unknown` are model files that the manifest doesn't know, so that nobody looked for them.
    """

    name: str
    nodes: tuple[str, ...] | None
    models: tuple[Status, ...]
    unknown: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing is known to be lacking."""
        return not self.nodes and not self.models


def pipelines(
    manifest: Manifest, store: Store, node_types: set[str] | None, folder: Path = FOLDER
) -> Iterator[Pipeline]:
    """All workflows of a folder. `node_types` are those of the server. Raises BadWorkflow for a broken file."""
    for path in sorted(folder.glob("*.json")):
        workflow = Workflow.load(path)
        lacking = None if node_types is None else tuple(sorted(workflow.node_types() - node_types - PAGE_ONLY))
        found = [store.status(model) for model in models_of_workflow(workflow.content, manifest)]
        yield Pipeline(
            path.name.removesuffix(".json").removesuffix(".app"),
            lacking,
            tuple(status for status in found if status.state != "have"),
            tuple(unknown_models(workflow.content, manifest)),
        )


# Nodes that only the page knows; no server ever has them.
PAGE_ONLY = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}
