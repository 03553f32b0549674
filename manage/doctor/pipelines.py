"""Which of the shipped workflows could run now, and what each of the others lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myspinbot_runner.workflow import Workflow

from ..models.manifest import Manifest
from ..models.store import Status, Store
from ..models.uses import models_of_workflow, unknown_models
from .automatic import wanting

FOLDER = Path(__file__).absolute().parents[2] / "workflows"


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
        named = models_of_workflow(workflow.content, manifest)
        found = [store.status(model) for model in [*named, *(model for model in needed if model not in named)]]
        yield Pipeline(
            path.name.removesuffix(".json").removesuffix(".app"),
            lacking,
            tuple(status for status in found if status.state != "have"),
            tuple(unknown_models(workflow.content, manifest)),
            tuple(store.status(model) for model in better),
        )


# Nodes that only the page knows; no server ever has them.
PAGE_ONLY = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}
