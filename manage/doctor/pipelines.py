"""Which of the shipped workflows could run now, and what each of the others lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myspinbot_runner.workflow import Workflow
from myspinbot_runner.workflow.model import VIRTUAL
from myspinbot_shared.manifest import Manifest, Model
from myspinbot_shared.provenance import is_model_file, texts_in
from myspinbot_shared.selection import HEAD_ENGINES, IMAGE_MODELS, READY_VOICE, Roles, lacking, speech_models, upscalers

from ..models.store import Status, Store

FOLDER = Path(__file__).resolve().parents[2] / "workflows"
"""Of a clone; what was installed from a wheel has none."""


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
    manifest: Manifest,
    store: Store,
    node_types: set[str] | None,
    folder: Path = FOLDER,
    preset: str = "draft",
    has_card: bool = True,
) -> Iterator[Pipeline]:
    """All workflows of a folder; none where it isn't there.

    `node_types` are those of the server; `preset` is the one that suits the machine. Raises BadWorkflow for a broken
    file.
    """
    present = {key for key, model in manifest.models.items() if store.status(model).state == "have"}
    for path in sorted(folder.glob("*.json")):
        workflow = Workflow.load(path)
        types = workflow.node_types()
        absent = None if node_types is None else tuple(sorted(types - node_types - VIRTUAL))
        needed, better = wanting(manifest, present, types, preset, has_card)
        files = [text for node in nodes_of(workflow.content) for text in texts_in(node.get("widgets_values"))]
        named = manifest.choose(model.id for file in files if (model := manifest.find(file)))
        found = [store.status(model) for model in [*named, *(model for model in needed if model not in named)]]
        yield Pipeline(
            path.name.removesuffix(".json").removesuffix(".app"),
            absent,
            tuple(status for status in found if status.state != "have"),
            tuple(file for file in dict.fromkeys(files) if is_model_file(file) and manifest.find(file) is None),
            tuple(store.status(model) for model in better),
        )


def wanting(
    manifest: Manifest, present: set[str], node_types: Iterable[str], preset: str, has_card: bool = True
) -> tuple[list[Model], list[Model]]:
    """The models without which nodes of these types can't run, and those for want of which they take less.

    Automatic nodes choose when they run, so that their workflows name no files. One that can do without any model
    lacks nothing in a preset that has none for it; one that can't is given no preset, and takes the best.

    Args:
        manifest: All models.
        present: The ids of those that are there.
        node_types: The node types of a workflow.
        preset: The one that suits the machine.
        has_card: Whether the machine has a graphics card.
    """

    def lacks(roles: Roles, preset: str) -> list[str]:
        return lacking(roles, manifest, present.__contains__, preset)

    needed: list[str] = []
    better: list[str] = []
    choices: dict[str, Iterable[Roles]] = {  # the best first
        "MySpinBotPortrait": IMAGE_MODELS.values(),
        "MySpinBotSpeak": [((model.id,),) for model in speech_models(manifest)],
        "MySpinBotTalkingHead": HEAD_ENGINES.values(),
        "MySpinBotFinish": [(upscalers(preset, has_card),)],
    }
    types = set(node_types)
    if "MySpinBotLoadImageModel" in types:
        missing = [lacks(roles, "") for roles in IMAGE_MODELS.values()]
        needed += missing[0] if all(missing) else []
    for node_type in sorted(choices.keys() & types):
        best = lacks(next(iter(choices[node_type])), preset)
        if any(preset in manifest.models[key].sets for key in best):
            better += best
    if "MySpinBotSpeak" in types:
        better += [model.id for model in manifest.choose([READY_VOICE]) if model.id not in present]
    return manifest.named(needed), [model for model in manifest.named(better) if model.id not in needed]


def nodes_of(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All nodes of a workflow in UI form, those in the definitions of its subgraphs included."""
    definitions = content.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    for level in [content, *(subgraphs if isinstance(subgraphs, list) else [])]:
        for node in level.get("nodes") or [] if isinstance(level, Mapping) else []:
            if isinstance(node, Mapping):
                yield node
