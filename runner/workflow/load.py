"""Loads a UI-form workflow as a graph, the way the page loads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import BadWorkflow
from .build import configure_node, drop_orphans, make_node
from .model import ABSENT, Graph, Host, Link, as_dict
from .primitives import make_primitive_widget
from .schema import ObjectInfo
from .subgraphs import configure_host, deduplicate_ids, leaf_first, migrate_proxies


def load_graph(workflow: Mapping[str, Any], object_info: ObjectInfo) -> Graph:
    """Load a UI-form workflow.

    Args:
        workflow: The parsed file, which stays as it is.
        object_info: The server's node types; what isn't among them gives nodes without schema.

    Raises:
        BadWorkflow: When it is not a workflow.
    """
    nodes = workflow.get("nodes")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise BadWorkflow("The workflow has no list of nodes.")
    definitions = as_dict(workflow.get("definitions")).get("subgraphs") or []
    subgraphs, nodes = deduplicate_ids([as_dict(definition) for definition in definitions], nodes, workflow)
    root = Graph(workflow)
    for definition in subgraphs:
        root.subgraphs[str(definition.get("id"))] = Graph(definition, root)
    for definition in leaf_first(subgraphs):
        graph = root.subgraphs[str(definition.get("id"))]
        _load_level(graph, definition.get("nodes") or [], object_info)
    _load_level(root, nodes, object_info)
    _finish(root)
    return root


def _load_level(graph: Graph, nodes: list[Any], object_info: ObjectInfo) -> None:
    for raw in graph.raw.get("links") or []:
        link = Link.read(raw)
        if link:
            graph.links[link.id] = link
    entries = [as_dict(raw) for raw in nodes if isinstance(raw, dict)]
    for raw in entries:
        inner = graph.root.subgraphs.get(str(raw.get("type")))
        if inner:
            node = Host(str(raw.get("id")), str(raw.get("type")), graph, inner)
        else:
            node = make_node(raw, object_info, graph)
        graph.nodes[node.id] = node
    for raw in entries:
        node = graph.nodes[str(raw.get("id"))]
        if isinstance(node, Host):
            configure_host(node, raw)
        else:
            configure_node(node, raw)
    _remove_duplicate_links(graph)
    for raw in entries:
        node = graph.nodes[str(raw.get("id"))]
        if isinstance(node, Host) and node.properties.get("proxyWidgets") is not None:
            migrate_proxies(node, raw.get("widgets_values"))


def _remove_duplicate_links(graph: Graph) -> None:
    """Of several links between the same two sockets leave the one that the input names."""
    groups: dict[tuple[Any, ...], list[Link]] = {}
    for link in graph.links.values():
        ends = (link.origin_id, link.origin_slot, link.target_id, link.target_slot)
        groups.setdefault(ends, []).append(link)
    for links in groups.values():
        node = graph.nodes.get(links[0].target_id)
        if len(links) < 2 or node is None:
            continue
        keep = next((link for link in links if node.input_with(link.id)), links[0])
        for link in links:
            if link is not keep:
                graph.links.pop(link.id, None)
                for item in node.inputs:
                    item.link = keep.id if item.link == link.id else item.link


def _finish(root: Graph) -> None:
    nodes = list(root.all_nodes())
    for node in nodes:
        if node.info is not None:
            drop_orphans(node)
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
