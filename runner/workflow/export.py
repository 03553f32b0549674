"""A loaded workflow in API form, the one that the server runs: node by node, with links followed to their origin."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import BadWorkflow, MissingNode
from .load import load_graph
from .model import ABSENT, Graph, Host, Node, Widget
from .primitives import apply_primitive
from .resolve import Place, resolve_input
from .schema import ObjectInfo
from .text import choose_wildcards, replace_text
from .widgets import LIVE_TYPES

ApiGraph = dict[str, dict[str, Any]]
REPLACE_IN_PREFIX = {
    "SaveImage", "SaveImageAdvanced", "SaveSVGNode", "SaveVideo", "SaveAnimatedWEBP", "SaveWEBM", "SaveAudio",
    "SaveAudioMP3", "SaveAudioOpus", "SaveAudioAdvanced", "SaveGLB", "Save3DAdvanced", "SaveGaussianSplat",
    "SavePointCloud", "SaveAnimatedPNG", "CLIPSave", "VAESave", "ModelSave", "LoraSave", "SaveLatent",
}  # fmt: skip
MOST_NODES = 100_000
"""Of a workflow with all its subgraphs written out; the largest that people share have some hundreds."""
GROUP_PREFIXES = ("workflow/", "workflow>")
NEED_BROWSER = {"WebcamCapture", "RecordAudio", "Load3D", "Load3DAdvanced"}


def convert(workflow: Mapping[str, Any], object_info: ObjectInfo, rng: random.Random | None = None) -> ApiGraph:
    """The API form of a UI-form workflow.

    Args:
        workflow: The parsed file, which stays as it is.
        object_info: The server's node types.
        rng: Chooses between `{a|b}` wildcards; the first draws of a fixed seed when left out.

    Raises:
        BadWorkflow: When a node can't be converted, which is named.
        MissingNode: When the server lacks a node type.
    """
    return graph_to_api(load_graph(workflow, object_info), rng)


def graph_to_api(graph: Graph, rng: random.Random | None = None) -> ApiGraph:
    """The API form of a loaded graph."""
    for node in graph.all_nodes():
        if node.type == "PrimitiveNode":
            apply_primitive(node)
    rng = rng or random.Random(0)  # noqa: S311  (wildcards are no secret)
    api: ApiGraph = {}
    _check_size(graph)
    places = list(_places(graph))
    if unknown := [place for place in places if place.node.info is None]:
        raise _missing(unknown)
    for place in places:
        api[place.id] = _convert_node(place, rng)
    for entry in api.values():
        inputs = entry["inputs"]
        for name, value in list(inputs.items()):
            if isinstance(value, list) and len(value) == 2 and value[0] not in api:
                del inputs[name]
    return api


def _check_size(graph: Graph) -> None:
    """Raises BadWorkflow where subgraphs in subgraphs make more nodes than anybody could run."""
    counts: dict[int, int] = {}

    def count(graph: Graph, path: tuple[int, ...]) -> int:
        if id(graph) in path:
            return 0  # one that contains itself, which `_places` names
        if id(graph) not in counts:
            inner = (node.subgraph for node in graph.nodes.values() if isinstance(node, Host))
            counts[id(graph)] = len(graph.nodes) + sum(count(one, (*path, id(graph))) for one in inner)
        return counts[id(graph)]

    if count(graph, ()) > MOST_NODES:
        raise BadWorkflow(f"The workflow's subgraphs make more than {MOST_NODES} nodes, too many for any server.")


def _places(graph: Graph, path: tuple[Host, ...] = ()) -> Iterator[Place]:
    """Every node that goes into the API form, those inside subgraphs once for each instance."""
    for node in graph.nodes.values():
        if isinstance(node, Host):
            if node.subgraph in [host.subgraph for host in path]:
                raise BadWorkflow(f"The subgraph {node.subgraph.name!r} contains itself.")
            # Only at the top do a muted or bypassed subgraph's nodes stay out.
            if path or node.active:
                yield from _places(node.subgraph, (*path, node))
        elif node.active and not node.virtual:
            yield Place(node, path)


def _missing(places: list[Place]) -> MissingNode:
    """The error for all nodes whose types the server doesn't have, with the packs that the file names for them."""
    first = {place.node.type: place for place in reversed(places)}
    groups = sorted(kind for kind in first if kind.startswith(GROUP_PREFIXES))
    if groups:
        names = ", ".join(repr(kind[len(GROUP_PREFIXES[0]) :]) for kind in groups)
        return MissingNode(
            f"{names}: group nodes of the old form aren't read. Open the file in ComfyUI's editor, which turns them "
            "into subgraphs, and save it again."
        )
    lines: list[str] = []
    packs: dict[str, None] = {}
    for kind in sorted(first):
        pack = _pack_of(first[kind].node)
        packs |= dict.fromkeys([pack] if pack else [])
        lines.append(f"{kind!r} (which {first[kind]} needs{f', of the pack {pack}' if pack else ''})")
    ways = [f"`comfy node install {pack}`" if "/" not in pack else f"https://github.com/{pack}" for pack in packs]
    get = f" Get {'it' if len(packs) == 1 else 'them'} by {' and '.join(ways)}." if packs else ""
    what = "type" if len(lines) == 1 else "types"
    return MissingNode(
        f"The server has no node {what} {', '.join(lines)}.{get or ' Install the node pack that has it.'} "
        "Where the pack is installed, it is a node of the page alone: replace or remove it."
    )


def _pack_of(node: Node) -> str:
    """The registry's id or the repository of the pack that a file names for a node; empty where it names none."""
    for key in ("cnr_id", "aux_id"):
        pack = node.properties.get(key)
        if isinstance(pack, str) and re.fullmatch(r"[\w.-]+(/[\w.-]+)?", pack, re.ASCII):
            return pack
    return ""


def _convert_node(place: Place, rng: random.Random) -> dict[str, Any]:
    node = place.node
    inputs: dict[str, Any] = {}
    for widget in node.widgets:
        if widget.sent and widget.name:
            value = _value(place, widget, rng)
            if value is not ABSENT:
                inputs[widget.name] = _boxed(value, curve=widget.kind == "CURVE")
    for slot, item in enumerate(node.inputs):
        origin = resolve_input(place, slot)
        if origin is None:
            continue
        if origin.place:
            inputs[item.name] = [origin.place.id, origin.slot]
        elif origin.value is ABSENT:
            inputs.pop(item.name, None)
        else:
            inputs[item.name] = _boxed(origin.value)
    return {"inputs": inputs, "class_type": node.type, "_meta": {"title": node.title}}


def _boxed(value: Any, *, curve: bool = False) -> Any:
    """A list would be read as a link, so the page wraps it."""
    if not isinstance(value, list):
        return value
    return {"__type__": "CURVE", "__value__": value} if curve else {"__value__": value}


def _value(place: Place, widget: Widget, rng: random.Random) -> Any:
    node, value = place.node, widget.value
    if widget.kind in LIVE_TYPES and node.type in NEED_BROWSER:
        raise BadWorkflow(
            f"{place} takes its input from {LIVE_TYPES[widget.kind]} of the editor's page, "
            "so it can't run without one. Replace it by a node that loads a file."
        )
    if isinstance(value, str):
        if widget.name == "filename_prefix" and node.type in REPLACE_IN_PREFIX:
            return replace_text(node.graph, value)
        if widget.spec and widget.spec.options.get("dynamicPrompts") is True:
            return choose_wildcards(value, rng)
    return value
