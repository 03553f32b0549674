"""A UI-form workflow as a graph of nodes, links and subgraphs, loaded the way the page loads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import BadWorkflow
from .ids import deduplicate, leaf_first
from .nodes import Input, Node, ObjectInfo, as_dict, make_node
from .widgets import ABSENT

FROM_OUTSIDE, TO_OUTSIDE = "-10", "-20"


@dataclass(eq=False)
class Link:
    """A connection. Inside a subgraph its ends may be the subgraph's own inputs and outputs."""

    id: Any
    origin_id: str
    origin_slot: int
    target_id: str
    target_slot: int
    type: Any = None

    @classmethod
    def read(cls, raw: Any) -> Link | None:
        """Read a link, which old files write as an array."""
        if isinstance(raw, dict):
            keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
            raw = [raw.get(key) for key in keys]
        if not isinstance(raw, list) or len(raw) < 5:
            return None
        slots = [slot if isinstance(slot, int) else -1 for slot in (raw[2], raw[4])]
        return cls(raw[0], str(raw[1]), slots[0], str(raw[3]), slots[1], raw[5] if len(raw) > 5 else None)


@dataclass(eq=False)
class Port:
    """An input or output of a subgraph, as seen from inside."""

    name: str
    type: Any
    links: list[Any] = field(default_factory=list[Any])
    label: str | None = None
    first_widget: Any = None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Port:
        """Read a port from a subgraph's definition."""
        return cls(str(raw.get("name", "")), raw.get("type"), list(raw.get("linkIds") or []), raw.get("label"))


class Graph:
    """One level of a workflow: the root, or the definition of a subgraph, shared by all its instances."""

    def __init__(self, raw: Mapping[str, Any], root: Graph | None = None) -> None:
        self.raw = raw
        self.root = root or self
        self.subgraphs: dict[str, Graph] = {}
        self.nodes: dict[str, Node] = {}
        self.links: dict[Any, Link] = {}
        self.inputs = [Port.read(port) for port in raw.get("inputs") or [] if isinstance(port, dict)]
        self.outputs = [Port.read(port) for port in raw.get("outputs") or [] if isinstance(port, dict)]
        self.name = str(raw.get("name") or "")
        self.hosts: list[Any] = []

    def all_nodes(self) -> Iterator[Node]:
        """Every node of this level and below, each once, inner ones before the subgraph node that has them."""
        seen: set[int] = set()

        def walk(graph: Graph) -> Iterator[Node]:
            if id(graph) in seen:
                return
            seen.add(id(graph))
            for node in graph.nodes.values():
                inner = getattr(node, "subgraph", None)
                if isinstance(inner, Graph):
                    yield from walk(inner)
                yield node

        yield from walk(self)

    def target(self, link: Link) -> tuple[Node, Input] | None:
        """The node and socket that a link ends in."""
        node = self.nodes.get(link.target_id)
        item = node.input_with(link.id) if node else None
        return (node, item) if node and item else None

    def load(self, nodes: list[Any], object_info: ObjectInfo) -> None:
        """Make this level's nodes and links."""
        from .promote import Host, migrate_proxies

        for raw in self.raw.get("links") or []:
            link = Link.read(raw)
            if link:
                self.links[link.id] = link
        entries = [as_dict(raw) for raw in nodes if isinstance(raw, dict)]
        for raw in entries:
            inner = self.root.subgraphs.get(str(raw.get("type")))
            node = Host(raw, inner, self) if inner else make_node(raw, object_info, self)
            self.nodes[node.id] = node
        for raw in entries:
            self.nodes[str(raw.get("id"))].configure(raw)
        self._remove_duplicate_links()
        for raw in entries:
            node = self.nodes[str(raw.get("id"))]
            if isinstance(node, Host) and node.properties.get("proxyWidgets") is not None:
                migrate_proxies(node, raw.get("widgets_values"))

    def _remove_duplicate_links(self) -> None:
        """Of several links between the same two sockets keep the one that the input names."""
        groups: dict[tuple[Any, ...], list[Link]] = {}
        for link in self.links.values():
            ends = (link.origin_id, link.origin_slot, link.target_id, link.target_slot)
            groups.setdefault(ends, []).append(link)
        for links in groups.values():
            node = self.nodes.get(links[0].target_id)
            if len(links) < 2 or node is None:
                continue
            keep = next((link for link in links if node.input_with(link.id)), links[0])
            for link in links:
                if link is not keep:
                    self.links.pop(link.id, None)
                    for item in node.inputs:
                        item.link = keep.id if item.link == link.id else item.link


def load_graph(workflow: Mapping[str, Any], object_info: ObjectInfo) -> Graph:
    """Load a UI-form workflow. Raises BadWorkflow when it is not one, or when it contains itself."""
    nodes = workflow.get("nodes")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise BadWorkflow("The workflow has no list of nodes.")
    definitions = as_dict(workflow.get("definitions")).get("subgraphs") or []
    subgraphs, nodes = deduplicate([as_dict(definition) for definition in definitions], nodes, workflow)
    root = Graph(workflow)
    for definition in subgraphs:
        root.subgraphs[str(definition.get("id"))] = Graph(definition, root)
    for definition in leaf_first(subgraphs):
        graph = root.subgraphs[str(definition.get("id"))]
        graph.load(definition.get("nodes") or [], object_info)
    root.load(nodes, object_info)
    _finish(root)
    return root


def _finish(root: Graph) -> None:
    from .primitives import make_primitive_widget

    nodes = list(root.all_nodes())
    for node in nodes:
        if node.info is not None:
            node.drop_orphans()
    for node in nodes:
        if node.type == "PrimitiveNode":
            make_primitive_widget(node)
    for node in nodes:
        for widget in list(node.widgets):
            value = widget.value
            old_name = node.type in ("KSampler", "KSamplerAdvanced") and widget.name == "sampler_name"
            if old_name and isinstance(value, str) and value.startswith("sample_"):
                widget.value = value[7:]
            if widget.choices and (value is None or value is ABSENT):
                widget.value = widget.choices[0]
