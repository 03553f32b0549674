"""Nodes as the page makes them: built from the schema, filled from the file, with inputs that come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import ABSENT, VIRTUAL, Graph, Growth, Input, Node, Output, Widget
from .schema import DYNAMIC_COMBO, ObjectInfo, Spec, group, node_specs
from .widgets import has_widget, make_widgets


def make_node(raw: Mapping[str, Any], object_info: ObjectInfo, graph: Graph) -> Node:
    """A node for an entry of the file, with its sockets and widgets but not yet filled.

    Unknown types give a node without schema.
    """
    node_type = str(raw.get("type"))
    info = object_info.get(node_type)
    node = Node(str(raw.get("id")), node_type, graph, info, node_specs(node_type, info) if info else [])
    for spec in node.specs:
        _add_socket(node, spec)
    for spec in node.specs:
        _add_widgets(node, spec)
    for index, kind in enumerate((info or {}).get("output") or []):
        names = (info or {}).get("output_name") or []
        name = str(names[index]) if index < len(names) else f"output_{index}"
        kind = "COMBO" if isinstance(kind, list) else kind
        node.outputs.append(Output(name, "*" if kind == "COMFY_MATCHTYPE_V3" else kind))
    if node.type == "CustomCombo" and node.widgets:
        _make_custom_combo(node)
    if node.type == "Reroute":
        node.inputs.append(Input("", "*"))
        node.outputs.append(Output("", "*"))
    if node.type == "PrimitiveNode":
        node.outputs.append(Output("connect to widget input", "*"))
    return node


def add_input(node: Node, spec: Spec) -> None:
    """Append the sockets and widgets of one input."""
    _add_socket(node, spec)
    _add_widgets(node, spec)


def _add_socket(node: Node, spec: Spec) -> None:
    if has_widget(spec.widget_type) and not spec.force_input:
        return
    if spec.type == "COMFY_AUTOGROW_V3":
        _start_growth(node, spec)
    elif spec.type == "COMFY_MATCHTYPE_V3":
        template = spec.options.get("template") or {}
        kind = str(template.get("allowed_types", "*"))
        add_input(node, Spec(spec.name, kind, spec.options, spec.optional))
    else:
        node.inputs.append(Input(spec.name, spec.type))


def _add_widgets(node: Node, spec: Spec) -> None:
    made = make_widgets(spec)
    if not made:
        return
    # Of two colors of one name the page makes one.
    if spec.widget_type != "COLOR" or not any((w.name, w.kind) == (spec.name, "COLOR") for w in node.widgets):
        node.widgets.extend(made)
    if spec.widget_type == DYNAMIC_COMBO:
        combo = made[0]
        combo.on_set = lambda value: _choose(node, combo, value)
        combo.value = spec.choices[0] if spec.choices else ABSENT
    if not spec.options.get("socketless"):
        node.inputs.append(Input(spec.name, spec.type, widget=spec.name))


def configure_node(node: Node, raw: Mapping[str, Any]) -> None:
    """Fill a node from its entry in the file."""
    configure_sockets(node, raw)
    # Growing groups insert further sockets while the loop runs, and those count too.
    index = 0
    while index < len(node.inputs):
        _grow_after(node, node.inputs[index])
        index += 1
    _fill(node, raw.get("widgets_values"))


def configure_sockets(node: Node, raw: Mapping[str, Any]) -> None:
    """Fill a node's mode, title, properties and links from its entry in the file."""
    node.mode = raw.get("mode", 0)
    if isinstance(raw.get("properties"), dict):
        node.properties.update(raw["properties"])
    if raw.get("title"):
        node.title, node.named = str(raw["title"]), True
    sockets = [item for item in raw.get("inputs") or [] if isinstance(item, dict)]
    by_name = {item.get("name"): item for item in sockets}
    defined = {item.name for item in node.inputs}
    for item in node.inputs:
        saved = by_name.get(item.name)
        if saved:
            item.link, item.label = saved.get("link"), saved.get("label")
    node.inputs += [Input.read(item) for item in sockets if item.get("name") not in defined]
    for index, item in enumerate(raw.get("outputs") or []):
        if index >= len(node.outputs):
            node.outputs.append(Output(str(item.get("name", "")), item.get("type")))
        node.outputs[index].links = list(item.get("links") or [])
        if node.type in VIRTUAL:
            node.outputs[index].type = item.get("type")
    if node.type == "Reroute" and sockets and node.inputs:
        node.inputs[0].type = sockets[0].get("type", "*")


def _fill(node: Node, values: Any) -> None:
    if isinstance(values, dict):
        # Some packs save their widgets by name.
        for widget in node.widgets:
            if widget.name in values:
                widget.value = values[widget.name]
        return
    node.values = values = _without_dummies(node, values if isinstance(values, list) else [])
    # Dynamic combos insert widgets while the loop runs, and those get the next values.
    index = used = 0
    while index < len(node.widgets) and used < len(values):
        widget = node.widgets[index]
        if widget.saved:
            widget.value = values[used]
            used += 1
        index += 1


def _without_dummies(node: Node, values: list[Any]) -> list[Any]:
    """Old files have a value for inputs that are always sockets; leave those out."""
    names = {widget.name for widget in node.widgets}
    forced: list[bool] = []
    for spec in node.specs:
        if spec.name in names or spec.force_input:
            forced.append(spec.force_input)
            if spec.options.get("control_after_generate"):
                forced.append(False)
    if len(forced) != len(values):
        return values
    return [value for value, dummy in zip(values, forced, strict=True) if not dummy]


def drop_orphans(node: Node) -> None:
    """Remove sockets whose widget doesn't exist; the one after a removed socket is passed over."""
    index = 0
    while index < len(node.inputs):
        item = node.inputs[index]
        if item.widget and node.widget(item.widget) is None:
            node.inputs.remove(item)
        index += 1


def _choose(node: Node, widget: Widget, key: Any) -> None:
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
        add_input(node, spec.named(prefix + spec.name))
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
                _grow_after(node, new)


def _start_growth(node: Node, spec: Spec) -> None:
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


def _grow_after(node: Node, item: Input) -> None:
    """Called for a connected input: adds the next one of its group."""
    growth = node.growths.get(item.name.rpartition(".")[0])
    if growth is None:
        return
    if item.widget:
        _ensure_widget(node, item)
    ordinal = growth.ordinal(item.name)
    if ordinal is not None and item.link is not None:
        _grow(node, growth, ordinal + 1)


def _ensure_widget(node: Node, item: Input) -> None:
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
        add_input(node, named)
        item = node.inputs.pop()
        if len(growth.specs) != 1:
            _ensure_widget(node, item)
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


def _make_custom_combo(node: Node) -> None:
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
