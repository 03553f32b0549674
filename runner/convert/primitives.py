"""Primitive nodes: one widget in the page that writes its value into the widgets it is connected to."""

from __future__ import annotations

from .nodes import Node
from .text import replace_text
from .widgets import Widget, has_widget

REPLACE = "Run widget replace on values"


def make_primitive_widget(node: Node) -> None:
    """Give a primitive the widget of the first socket that it is connected to."""
    links = node.outputs[0].links if node.outputs else []
    link = node.graph.links.get(links[0]) if links else None
    end = node.graph.target(link) if link else None
    if end is None or node.widgets:
        return
    target, item = end
    if not item.widget and not has_widget(str(item.type)):
        return
    source = target.widget(item.widget or item.name)
    widget = Widget("value", source.kind if source else str(item.type))
    if source:
        widget.stored, widget.spec, widget.limits = source.value, source.spec, source.limits
        widget.choices = source.choices
    if node.values:
        widget.stored = node.values[0]
    node.widgets.append(widget)


def apply_primitive(node: Node) -> None:
    """Write the primitive's value into the connected widgets."""
    if not node.widgets or not node.outputs:
        return
    value = node.widgets[0].value
    if isinstance(value, str) and value and node.properties.get(REPLACE):
        value = replace_text(node.graph, value)
    for link_id in node.outputs[0].links:
        link = node.graph.links.get(link_id)
        end = node.graph.target(link) if link else None
        widget = end[0].widget_of(end[1]) if end else None
        if widget:
            widget.value = value
            widget.settle()
