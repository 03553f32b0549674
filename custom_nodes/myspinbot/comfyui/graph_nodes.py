"""A node in a graph, with its own defaults for whatever isn't given."""

from __future__ import annotations

from typing import Any


def add(graph: Any, class_type: str, **given: Any) -> Any:
    """Add a node of ours to a `GraphBuilder`; gives its first output's link."""
    return graph.node(class_type, **(defaults_of(class_type) | given)).out(0)


def defaults_of(class_type: str) -> dict[str, Any]:
    """The defaults in the schema of a node of ours, by the names of its inputs."""
    from nodes import NODE_CLASS_MAPPINGS

    node: Any = NODE_CLASS_MAPPINGS[class_type]
    inputs = node.define_schema().inputs
    found = {item.id: getattr(item, "default", None) for item in inputs}
    return {key: value for key, value in found.items() if value is not None}
