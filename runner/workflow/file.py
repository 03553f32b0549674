"""A workflow file of either form, its inputs, and the graph that is sent to the server."""

from __future__ import annotations

import copy
import mmap
import random
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from ..contents import ENOUGH, look
from ..errors import BadInput, BadWorkflow
from .embedded import find_workflow
from .export import convert, graph_to_api
from .inputs import Field, fields, find_node, slug
from .load import load_graph
from .model import ABSENT, Graph, Host, Widget
from .schema import ObjectInfo, Spec, node_specs
from .text import parse_json

SEEDS = ("seed", "noise_seed")
MAX_SEED = 2**64 - 1
MAX_BYTES = 100 << 20
"""Of a workflow file: ComfyUI's own limit for what it is sent."""


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
        """Read a JSON file, or a picture, clip or sound that ComfyUI saved with the workflow that made it.

        Raises BadWorkflow when it is missing or holds no workflow.
        """
        path = Path(path)
        try:
            content = _read(path)
        except FileNotFoundError:
            raise BadWorkflow(f"There is no file {path}.{_meant(path)}") from None
        except IsADirectoryError:
            inside = ", ".join(str(file) for file in _workflows_in(path)[:12])
            raise BadWorkflow(
                f"{path} is a folder. " + (f"Name one of the files in it: {inside}." if inside else "Name a file.")
            ) from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else ""
            raise BadWorkflow(f"{path} can't be read" + (f" ({why})." if why else ".")) from None
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
            raise self._unsound(error) from error

    def _unsound(self, error: Exception) -> BadWorkflow:
        return BadWorkflow(f"{self.name} is not a sound workflow.", f"{type(error).__name__}: {error}")

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
        """Set every seed to `seed`, or to what it was at the first call, and add `offset`.

        Raises BadInput for a seed beyond the largest that its node takes.
        """
        if self._seeds is None:
            self._seeds = list(self.seeds())
        for reference, value in self._seeds:
            base = value if seed is None else seed
            node_id, _, name = reference.rpartition(".")
            most = self._most(reference)
            if base + offset > most:
                raise BadInput(f"The seed {reference} would be {base + offset}, and its node takes {most} at most.")
            self._sent[node_id, name] = base + offset

    def _most(self, reference: str) -> int:
        """The largest seed that a node takes, as far as its type is known."""
        most = self.spec_of(reference).options.get("max")
        return most if isinstance(most, int) else MAX_SEED

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
            raise self._unsound(error) from error
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


def _read(path: Path) -> Any:
    """What a workflow file holds, parsed. Raises BadWorkflow when it is of another kind."""
    if path.is_dir():
        raise IsADirectoryError
    with path.open("rb") as file:
        found = look(file.read(ENOUGH))
        if found in ("an image", "a sound", "a video"):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                content = find_workflow(data)
            if content is None:
                raise BadWorkflow(f"{path} holds {found}, and there is no workflow in it.")
            return content
        file.seek(0)
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise BadWorkflow(f"{path} is larger than any workflow that a server takes ({MAX_BYTES >> 20} MB).")
    try:
        return parse_json(raw.decode("utf-8-sig"))
    except JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        what = f"holds {found}, and no JSON" if found and found != "text" else f"is not JSON, as {where} shows"
        raise BadWorkflow(f"{path} {what if raw.strip() else 'is empty'}.") from None
    except UnicodeDecodeError:
        raise BadWorkflow(f"{path} holds {found or 'no text'}, and no workflow.") from None
    except RecursionError:
        raise BadWorkflow(f"{path} is nested too deeply.") from None
    except ValueError:  # Python's limit for the digits of a number
        raise BadWorkflow(f"{path} has a number that is too long.") from None


def _workflows_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _meant(path: Path) -> str:
    """A question for a file that isn't there: whether one beside it was meant, or one in a folder `workflows`."""
    folders = (path.parent, path.parent / "workflows")
    known = {name: file for folder in folders for file in _workflows_in(folder) for name in _names(file)}
    near = [match for name in _names(path) for match in get_close_matches(name, known, 1, cutoff=0.75)]
    return f" Did you mean {known[near[0]]}?" if near else ""


def _names(path: Path) -> tuple[str, ...]:
    """A file's name, and the name without all that follows a dot: `guided.app.json` and `guided`."""
    return path.name, path.name.split(".")[0]


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
