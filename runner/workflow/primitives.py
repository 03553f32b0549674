"""Primitive nodes: one widget in the page that writes its value into the widgets it is connected to."""

from __future__ import annotations

import math

from .model import Host, Input, Node, Widget
from .schema import Spec
from .subgraphs import inner_ends
from .text import replace_text
from .widgets import has_widget, number_limits, settle

IGNORED = {"default", "forceInput", "defaultInput", "control_after_generate", "multiline", "tooltip", "dynamicPrompts"}
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
    if item.widget:
        _merge_ranges(node, widget)


def _merge_ranges(node: Node, widget: Widget) -> None:
    """Keep a number within the ranges of all sockets it goes to, as far as these differ in nothing else."""
    merged: Spec | None = None
    for link_id in node.outputs[0].links:
        link = node.graph.links.get(link_id)
        end = node.graph.target(link) if link else None
        config = _config(*end) if end else None
        if config is None or config.type not in ("INT", "FLOAT"):
            if merged is None:
                return
            continue
        merged = merged or config
        both = _merge(merged, config)
        if both is None:
            continue
        merged = both
        widget.spec, widget.limits, widget.kind = merged, number_limits(merged), merged.type
        if widget.stored is None:
            widget.stored = 0
        if isinstance(widget.stored, int | float):
            widget.stored = min(max(widget.stored, widget.limits["min"]), widget.limits["max"])
        settle(widget)
        apply_primitive(node)


def _config(node: Node, item: Input) -> Spec | None:
    """The schema that a socket is compared by; the name counts only for inputs of a dynamic combo."""
    if isinstance(node, Host):
        ends = inner_ends(node, item.port)
        return _config(ends[0][1], ends[0][2]) if ends else None
    widget = node.widget_of(item)
    spec = widget.spec if widget else None
    if spec and any(own.name == item.widget for own in node.specs):
        return spec.named("", optional=False)
    return spec


def _merge(one: Spec, two: Spec) -> Spec | None:
    """The input that satisfies both; None when their ranges don't meet or they differ in more than the range."""
    if (one.type, one.name, one.optional) != (two.type, two.name, two.optional):
        return None
    least = max(one.options.get("min", -math.inf), two.options.get("min", -math.inf))
    most = min(one.options.get("max", math.inf), two.options.get("max", math.inf))
    if least > most:
        return None
    keys = ({*one.options, *two.options} - IGNORED) - {"min", "max", "step"}
    if any(one.options.get(key) != two.options.get(key) for key in keys):
        return None
    step = _common_multiple(one.options.get("step") or 1, two.options.get("step") or 1)
    return Spec(one.name, one.type, {**one.options, "min": least, "max": most, "step": step}, one.optional)


def _common_multiple(one: float, two: float) -> float:
    a, b = one, two
    while b > 1e-10:
        a, b = b, math.fmod(a, b)
    return one * two / a if a else one


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
            settle(widget)
