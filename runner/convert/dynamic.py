"""Inputs that come and go: dynamic combos, inputs that grow as they are connected, and custom combos."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .specs import Spec, group
from .widgets import ABSENT, Widget

if TYPE_CHECKING:
    from .nodes import Input, Node


def choose(node: Node, widget: Widget, key: Any) -> None:
    """Replace the inputs below a dynamic combo by those of the chosen option; links are kept by name."""
    prefix = f"{widget.name}."
    removed = [item for item in node.inputs if item.name.startswith(prefix)]
    node.inputs[:] = [item for item in node.inputs if not item.name.startswith(prefix)]
    node.widgets[:] = [item for item in node.widgets if not item.name.startswith(prefix)]
    options = widget.spec.options.get("options") or [] if widget.spec else []
    option = next((o for o in options if isinstance(o, dict) and o.get("key") == key), None) if key else None
    if option is None:
        return
    at = node.widgets.index(widget) + 1
    widget_count, input_count = len(node.widgets), len(node.inputs)
    for spec in group(option.get("inputs")):
        node.add_input(spec.named(prefix + spec.name))
    added_widgets = node.widgets[widget_count:]
    del node.widgets[widget_count:]
    node.widgets[at:at] = added_widgets
    place = next((i for i, item in enumerate(node.inputs) if item.name == widget.name), None)
    if place is None:
        return  # the combo's own socket isn't there yet: the node is being made
    added = node.inputs[input_count:]
    del node.inputs[input_count:]
    for index, item in enumerate(added):
        existing = next((other for other in node.inputs if other.name == item.name), None)
        if existing:
            node.inputs.remove(existing)
            added[index] = existing
    place = next(i for i, item in enumerate(node.inputs) if item.name == widget.name)
    node.inputs[place + 1 : place + 1] = added
    node.renumber(place + 1)
    for old in removed:
        new = next((item for item in node.inputs if item.name == old.name), None)
        if new:
            new.link = old.link
            node.renumber(node.inputs.index(new), only_one=True)
            if new.link is not None:
                node.connected(new)


@dataclass
class Growth:
    """A group of inputs that grows: one more appears when the last is connected."""

    name: str
    specs: list[Spec]
    least: int
    most: int
    prefix: str
    names: list[str] | None

    def input_name(self, ordinal: int, key: str) -> str:
        """`images.image3`, or a name from the list."""
        if self.names is not None:
            base = self.names[ordinal] if 0 <= ordinal < len(self.names) else "undefined"
        else:
            base = f"{self.prefix if len(self.specs) == 1 else key}{ordinal}"
        return f"{self.name}.{base}"

    def ordinal(self, input_name: str) -> int | None:
        """The place of an input in the group."""
        name = input_name[len(self.name) + 1 :]
        if self.names is not None:
            return self.names.index(name) if name in self.names else None
        digits = re.search(r"\d+$", name)
        return int(digits.group()) if digits else None


def start_growth(node: Node, spec: Spec) -> None:
    """Add the first inputs of a growing group."""
    template = spec.options.get("template") or {}
    names = template.get("names") or None
    least = template.get("min", 1)
    growth = Growth(
        name=spec.name,
        specs=list(group(template.get("input"))),
        least=least,
        most=len(names) if names else template.get("max", 100),
        prefix=template.get("prefix") or "",
        names=names,
    )
    node.growths[spec.name] = growth
    for ordinal in range(max(1, least + 1)):
        _grow(node, growth, ordinal)


def grow_after(node: Node, item: Input) -> None:
    """Called for a connected input: adds the next one of its group."""
    growth = node.growths.get(item.name.rpartition(".")[0])
    if growth is None:
        return
    if item.widget:
        ensure_widget(node, item)
    ordinal = growth.ordinal(item.name)
    if ordinal is not None and item.link is not None:
        _grow(node, growth, ordinal + 1)


def ensure_widget(node: Node, item: Input) -> None:
    """The page gives sockets inside such a group a widget that has no value."""
    if item.widget and any(widget.name == item.widget for widget in node.widgets):
        return
    node.widgets.append(Widget(item.name, "shim", ABSENT, saved=False))
    item.widget = item.name


def _grow(node: Node, growth: Growth, ordinal: int) -> None:
    if ordinal >= growth.most or not growth.specs:
        return
    new: list[Input] = []
    for spec in growth.specs:
        named = spec.named(growth.input_name(ordinal, spec.name), optional=ordinal >= growth.least or spec.optional)
        node.add_input(named)
        item = node.inputs.pop()
        if len(growth.specs) != 1:
            ensure_widget(node, item)
        new.append(item)
    for item in new:
        for existing in [other for other in node.inputs if other.name == item.name]:
            item.link = existing.link if item.link is None else item.link
            node.inputs.remove(existing)
    before = growth.input_name(ordinal - 1, growth.specs[-1].name)
    last = max((i for i, item in enumerate(node.inputs) if item.name.startswith(before)), default=None)
    at = len(node.inputs) if last is None else last + 1
    node.inputs[at:at] = new
    node.renumber(at)


def make_custom_combo(node: Node) -> None:
    """`CustomCombo` keeps its choices in text widgets, of which there is always one empty at the end."""
    choice = node.widgets[0]
    options: list[Widget] = []

    def refresh(_: Any = None) -> None:
        choice.choices = [str(widget.value) for widget in options if widget.value]
        if options[-1].value:
            add()

    def add() -> None:
        widget = Widget(f"option{len(node.widgets) - 1}", "string", "", on_set=refresh)
        options.append(widget)
        node.widgets.append(widget)

    def index() -> int:
        values = [widget.value for widget in node.widgets[2:]]
        return values.index(choice.value) if choice.value in values else -1

    node.widgets.append(Widget("index", "hidden", compute=index))
    add()
