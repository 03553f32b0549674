"""A workflow file of either form, its inputs, and the graph that is sent to the server."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput, BadWorkflow
from .export import convert, graph_to_api
from .inputs import Field, fields, find_node, slug
from .load import load_graph
from .model import ABSENT, Graph, Host, Widget
from .schema import ObjectInfo, Spec, node_specs

SEEDS = ("seed", "noise_seed")
MAX_SEED = 2**64 - 1


class Workflow:
    """A workflow and the values that were set in it. `content` is the parsed file and stays as it is.

    UI form needs the server's node types: give them with `bind` (a `Client` does it for you).
    """

    def __init__(self, content: Any, name: str = "workflow") -> None:
        self.name = name
        self.content = check(content, name)
        self.is_ui = is_ui_form(content)
        self._graph: Graph | None = None
        self._info: ObjectInfo = {}
        self._sent: dict[tuple[str, str], Any] = {}
        self._seeds: list[tuple[str, int]] | None = None

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a file. Raises BadWorkflow when it is missing, not JSON, or not a workflow."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise BadWorkflow(f"There is no file {path}.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadWorkflow(f"{path} can't be read as a workflow ({error}).") from None
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadWorkflow(f"{path} is not JSON ({error}).") from None
        return cls(content, path.name)

    def node_types(self) -> set[str]:
        """The node types that the workflow names."""
        if not self.is_ui:
            return {str(node["class_type"]) for node in self.content.values()}
        levels = [self.content, *_definitions(self.content)]
        nodes = [node for level in levels for node in level.get("nodes") or [] if isinstance(node, dict)]
        inner = {str(level.get("id")) for level in levels[1:]}
        return {str(node.get("type")) for node in nodes} - inner

    def bind(self, object_info: ObjectInfo) -> None:
        """Use the server's node types, and forget the values that were set."""
        self._info = object_info
        self._sent = {}
        try:
            self._graph = load_graph(self.content, object_info) if self.is_ui else None
        except RecursionError:
            raise BadWorkflow(f"{self.name} is nested too deeply.") from None
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise BadWorkflow(f"{self.name} is not a sound workflow ({type(error).__name__}: {error}).") from error

    @property
    def inputs(self) -> list[Field]:
        """The inputs that the workflow offers, in its own order; none for API form."""
        return fields(self._graph) if self._graph else []

    def spec_of(self, reference: str) -> Spec:
        """The schema of `NODE.INPUT`. Raises BadInput when there is no such node or input."""
        return self._find(reference)[2]

    def set(self, reference: str, value: Any) -> None:
        """Set `NODE.INPUT`, where NODE is an id, a path of ids such as `12:4`, or a title.

        Raises BadInput when there is no such node or input.
        """
        key, widget, _ = self._find(reference)
        if widget is not None and ":" not in key[0]:
            widget.value = value
        else:
            # Inside a subgraph the widget is shared by all instances; the graph that is sent is not.
            self._sent[key] = value

    def seeds(self) -> Iterator[tuple[str, int]]:
        """Every seed in the workflow that is a number: its reference and its value."""
        for node_id, node in self.api().items():
            for name, value in node["inputs"].items():
                if name in SEEDS and isinstance(value, int) and not isinstance(value, bool):
                    yield f"{node_id}.{name}", value

    def shift_seeds(self, seed: int | None, offset: int) -> None:
        """Set every seed to `seed`, or to what it was at the first call, and add `offset`."""
        if self._seeds is None:
            self._seeds = list(self.seeds())
        for reference, value in self._seeds:
            base = value if seed is None else seed
            node_id, _, name = reference.rpartition(".")
            self._sent[node_id, name] = (base + offset) % (MAX_SEED + 1)

    def api(self, rng: random.Random | None = None) -> dict[str, dict[str, Any]]:
        """The API form with all values set. Raises BadWorkflow or MissingNode when it can't be converted."""
        try:
            if self._graph:
                graph = graph_to_api(self._graph, rng)
            elif self.is_ui:
                graph = convert(self.content, self._info, rng)
            else:
                graph = copy.deepcopy(self.content)
        except RecursionError:
            raise BadWorkflow(f"{self.name} is nested too deeply.") from None
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise BadWorkflow(f"{self.name} is not a sound workflow ({type(error).__name__}: {error}).") from error
        for (node_id, name), value in self._sent.items():
            if node_id in graph:
                graph[node_id]["inputs"][name] = value
        if not graph:
            raise BadWorkflow(f"{self.name} has no nodes that could run.")
        return graph

    def embedded(self) -> dict[str, Any] | None:
        """The UI form with the values that were set, for the files that the server saves; None for API form."""
        if not self._graph:
            return None
        content = copy.deepcopy(self.content)
        for raw in content.get("nodes") or []:
            node = self._graph.nodes.get(str(raw.get("id")))
            if node and isinstance(raw.get("widgets_values"), list) and not isinstance(node, Host):
                values = [widget.value for widget in node.widgets if widget.saved]
                count = len(raw["widgets_values"])
                if len(values) >= count:
                    raw["widgets_values"] = [None if value is ABSENT else value for value in values[:count]]
        return content

    def _find(self, reference: str) -> tuple[tuple[str, str], Widget | None, Spec]:
        node_ref, dot, name = reference.rpartition(".")
        while dot:
            found = self._lookup(node_ref, name)
            if found:
                return found
            # Inputs such as `model.fps` have a dot of their own.
            node_ref, dot, head = node_ref.rpartition(".")
            name = f"{head}.{name}"
        raise BadInput(
            f"The workflow has no input {reference!r}. Write NODE.INPUT, with the node's id or title; "
            "`myspinbot inputs FILE --all` lists them."
        )

    def _lookup(self, node_ref: str, name: str) -> tuple[tuple[str, str], Widget | None, Spec] | None:
        if self._graph:
            node = find_node(self._graph, node_ref)
            widget = node.widget(name) if node else None
            if node is None or widget is None:
                return None
            key = node_ref if ":" in node_ref else node.id
            return (key, name), widget, widget.spec or Spec(name, widget.kind)
        titles = [key for key, node in self.content.items() if _titled(node, node_ref)]
        key = node_ref if node_ref in self.content else titles[0] if len(titles) == 1 else None
        if key is None:
            return None
        kind = str(self.content[key]["class_type"])
        specs = {spec.name: spec for spec in node_specs(kind, self._info.get(kind) or {})}
        if name not in specs and name not in self.content[key]["inputs"]:
            return None
        return (key, name), None, specs.get(name) or _guess(name, self.content[key]["inputs"][name])


def check(content: Any, name: str) -> dict[str, Any]:
    """The content itself when it has the shape of a workflow. Raises BadWorkflow otherwise."""
    if not isinstance(content, dict) or not content:
        raise BadWorkflow(f"{name} is not a workflow: it holds no nodes.")
    if is_ui_form(content):
        return content
    if isinstance(content.get("prompt"), dict) and all(isinstance(n, dict) for n in content["prompt"].values()):
        # What a script would post to the server.
        return check(content["prompt"], name)
    for key, node in content.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise BadWorkflow(f"{name} is not a workflow: {key!r} is not a node with a `class_type`.")
        if not isinstance(node.setdefault("inputs", {}), dict):
            raise BadWorkflow(f"{name}: the inputs of node {key!r} are not an object.")
    return content


def _definitions(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    definitions = content.get("definitions")
    found = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    return [item for item in found or [] if isinstance(item, dict)] if isinstance(found, list) else []


def is_ui_form(content: Any) -> bool:
    """Whether a parsed file is the editor's own format."""
    return isinstance(content, dict) and isinstance(content.get("nodes"), list)


def _titled(node: Mapping[str, Any], reference: str) -> bool:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return isinstance(title, str) and reference in (title, slug(title))


def _guess(name: str, value: Any) -> Spec:
    kinds = ((bool, "BOOLEAN"), (int, "INT"), (float, "FLOAT"))
    return Spec(name, next((kind for type_, kind in kinds if isinstance(value, type_)), "STRING"))
