"""Follows links to where a value really comes from: through subgraphs, reroutes and bypassed nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BadWorkflow
from .model import ABSENT, BYPASSED, FROM_OUTSIDE, GETTERS, MUTED, SETTERS, Graph, Host, Input, Node


@dataclass(frozen=True)
class Place:
    """A node in one instance of its subgraph: the path of subgraph nodes that leads to it."""

    node: Node
    path: tuple[Host, ...]

    @property
    def id(self) -> str:
        """Id in the API form, such as `12:4` for node 4 inside subgraph node 12."""
        return ":".join([*(host.id for host in self.path), self.node.id])

    def __str__(self) -> str:
        return f"node {self.id} ({self.node.title})"


@dataclass(frozen=True)
class Origin:
    """What feeds an input: an output of a node, or a widget of a subgraph node."""

    place: Place | None = None
    slot: int = -1
    value: Any = ABSENT


Seen = set[tuple[str, str, int]]


def resolve_input(place: Place, slot: int, kind: Any = None, seen: Seen | None = None) -> Origin | None:
    """What feeds an input; None when nothing does. Raises BadWorkflow for broken or endless links."""
    seen = _once(seen, place, "input", slot)
    item = place.node.inputs[slot] if 0 <= slot < len(place.node.inputs) else None
    if item is None:
        raise BadWorkflow(f"A link leads to input {slot} of {place}, which has no such input.")
    if item.link is None:
        return None
    graph = place.node.graph
    link = graph.links.get(item.link)
    if link is None:
        raise BadWorkflow(f"The input {item.name!r} of {place} names the link {item.link}, which doesn't exist.")
    if link.origin_id == FROM_OUTSIDE and place.path:
        return _from_outside(place, item, link.origin_slot, seen)
    origin = graph.nodes.get(link.origin_id)
    if origin is None:
        raise BadWorkflow(
            f"The input {item.name!r} of {place} is linked to node {link.origin_id}, which doesn't exist."
        )
    return _resolve_output(Place(origin, place.path), link.origin_slot, item.type if kind is None else kind, seen)


def _from_outside(place: Place, item: Input, slot: int, seen: Seen) -> Origin | None:
    host = place.path[-1]
    if not 0 <= slot < len(host.inputs):
        raise BadWorkflow(f"The input {item.name!r} of {place} is linked to a missing input of its subgraph.")
    outer = host.inputs[slot]
    if outer.link is None:
        return Origin(value=outer.promoted.value) if outer.promoted else None
    return resolve_input(Place(host, place.path[:-1]), slot, None, seen)


def _resolve_output(place: Place, slot: int, kind: Any, seen: Seen) -> Origin | None:
    seen = _once(seen, place, "output", slot)
    node = place.node
    if node.mode == MUTED:
        return None
    if node.mode == BYPASSED:
        through = _bypass_slot(node, slot, kind)
        return None if through is None else resolve_input(place, through, None, seen)
    if isinstance(node, Host):
        return _from_inside(place, node, slot, kind, seen)
    if node.type in GETTERS and node.virtual:
        return resolve_input(Place(_setter_of(place), place.path), 0, kind, seen)
    if node.virtual:
        if slot < len(node.inputs) and node.inputs[slot].link is not None:
            return resolve_input(place, slot, kind, seen)
        return None
    return Origin(place, slot)


def _setter_of(place: Place) -> Node:
    """The node that sets the value which a node gets by name. Raises BadWorkflow when none does."""
    name = place.node.values[:1]
    setters = [node for node in place.node.graph.nodes.values() if node.type in SETTERS and node.values[:1] == name]
    if not name or not setters:
        raise BadWorkflow(f"In the editor {place} gets a value by name, and no node sets one of that name.")
    return setters[0]


def _from_inside(place: Place, host: Host, slot: int, kind: Any, seen: Seen) -> Origin | None:
    graph: Graph = host.subgraph
    if not 0 <= slot < len(graph.outputs):
        raise BadWorkflow(f"A link starts at output {slot} of {place}, which has no such output.")
    link = next((graph.links[i] for i in graph.outputs[slot].links if i in graph.links), None)
    if link is None:
        return None
    inner = graph.nodes.get(link.origin_id)
    if inner is None:
        raise BadWorkflow(
            f"The output {graph.outputs[slot].name!r} of {place} isn't fed by a node inside the subgraph."
        )
    return _resolve_output(Place(inner, (*place.path, host)), link.origin_slot, kind, seen)


def _bypass_slot(node: Node, slot: int, kind: Any) -> int | None:
    """The input that stands in for an output of a bypassed node: the same place, else the same type."""
    inputs = node.inputs
    if kind in ("*", ""):
        return slot if len(inputs) > slot else 0
    out = node.outputs[slot].type if 0 <= slot < len(node.outputs) else "*"
    if slot < len(inputs) and fits(inputs[slot].type, out) and fits(inputs[slot].type, kind):
        return slot
    exact = next((i for i, item in enumerate(inputs) if item.type == kind), None)
    if exact is not None:
        return exact
    return next((i for i, item in enumerate(inputs) if fits(item.type, out) and fits(item.type, kind)), None)


def fits(one: Any, other: Any) -> bool:
    """Whether an output of one type may be linked to an input of the other."""
    if one in ("", "*", 0, None) or other in ("", "*", 0, None) or one == other:
        return True
    first, second = ({part.strip() for part in str(kind).lower().split(",")} for kind in (one, other))
    return bool(first & second) or "*" in first | second


def _once(seen: Seen | None, place: Place, side: str, slot: int) -> Seen:
    seen = set() if seen is None else seen
    key = (place.id, side, slot)
    if key in seen:
        raise BadWorkflow(f"The links at {place} go round in a circle.")
    seen.add(key)
    return seen
