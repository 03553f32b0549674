"""A node as the page holds it: made from its schema, then filled from the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from .dynamic import Growth, grow_after, make_custom_combo, start_growth
from .specs import Spec, node_specs
from .widgets import Widget, has_widget, make_widgets

if TYPE_CHECKING:
    from .graph import Graph, Port

MUTED, BYPASSED = 2, 4
NOTES = ("Note", "MarkdownNote")
# These live in the page alone and leave nothing in the API form.
VIRTUAL = {"Reroute", "PrimitiveNode", *NOTES}
ObjectInfo = Mapping[str, Mapping[str, Any]]


@dataclass(eq=False)
class Input:
    """A socket. `widget` names the widget that it can replace."""

    name: str
    type: Any
    link: Any = None
    widget: str | None = None
    label: str | None = None
    port: Port | None = None
    promoted: Widget | None = None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Input:
        """Read a socket from the file."""
        widget = raw.get("widget")
        name = widget.get("name") if isinstance(widget, dict) else None
        return cls(str(raw.get("name", "")), raw.get("type"), raw.get("link"), name, raw.get("label"))


@dataclass(eq=False)
class Output:
    """An output socket and the ids of the links that leave it."""

    name: str
    type: Any
    links: list[Any] = field(default_factory=list[Any])


class Node:
    """One node. `info` is its `/object_info` entry; None for virtual and unknown nodes."""

    def __init__(self, node_id: str, node_type: str, info: Mapping[str, Any] | None, graph: Graph) -> None:
        self.id = node_id
        self.type = node_type
        self.info = info
        self.graph = graph
        self.mode: Any = 0
        self.title = str((info or {}).get("display_name") or node_type)
        self.named = False
        self.properties: dict[str, Any] = {"Node name for S&R": node_type}
        self.values: list[Any] = []
        self.inputs: list[Input] = []
        self.outputs: list[Output] = []
        self._widgets: list[Widget] = []
        self.growths: dict[str, Growth] = {}
        self.specs = node_specs(node_type, info) if info else []
        self._build()

    @property
    def widgets(self) -> list[Widget]:
        """The node's own widgets, in order."""
        return self._widgets

    @property
    def virtual(self) -> bool:
        """Whether the node leaves nothing in the API form."""
        return self.type in VIRTUAL

    @property
    def active(self) -> bool:
        """Whether the node is neither muted nor bypassed."""
        return self.mode not in (MUTED, BYPASSED)

    def add_input(self, spec: Spec) -> None:
        """Append the sockets and widgets of one input."""
        self._add_socket(spec)
        self._add_widget(spec)

    def connected(self, item: Input) -> None:
        """Called for every input that the file or a moved link connects."""
        grow_after(self, item)

    def widget(self, name: str | None) -> Widget | None:
        """The widget of that name."""
        return next((widget for widget in self.widgets if widget.name == name), None) if name else None

    def widget_of(self, item: Input) -> Widget | None:
        """The widget that a socket can replace."""
        return self.widget(item.widget)

    def input_of(self, widget: Widget) -> Input | None:
        """The socket that can replace a widget."""
        return next((item for item in self.inputs if item.widget == widget.name), None)

    def input_with(self, link_id: Any) -> Input | None:
        """The socket that a link ends in."""
        return next((item for item in self.inputs if item.link == link_id), None)

    def renumber(self, start: int, *, only_one: bool = False) -> None:
        """Tell the links into moved sockets their new place."""
        for index, item in enumerate(self.inputs[start : start + 1 if only_one else None], start):
            link = self.graph.links.get(item.link)
            if link:
                link.target_slot = index

    def configure(self, raw: Mapping[str, Any]) -> None:
        """Fill the node from its entry in the file."""
        self._configure_sockets(raw)
        # Growing groups insert further sockets while the loop runs, and those count too.
        index = 0
        while index < len(self.inputs):
            self.connected(self.inputs[index])
            index += 1
        self._after_sockets()
        self._fill(raw.get("widgets_values"))

    def drop_orphans(self) -> None:
        """Remove sockets whose widget doesn't exist; the one after a removed socket is passed over."""
        index = 0
        while index < len(self.inputs):
            item = self.inputs[index]
            if item.widget and self.widget(item.widget) is None:
                self.inputs.remove(item)
            index += 1

    def _build(self) -> None:
        for spec in self.specs:
            self._add_socket(spec)
        for spec in self.specs:
            self._add_widget(spec)
        for index, kind in enumerate((self.info or {}).get("output") or []):
            names = (self.info or {}).get("output_name") or []
            name = str(names[index]) if index < len(names) else f"output_{index}"
            kind = "COMBO" if isinstance(kind, list) else kind
            self.outputs.append(Output(name, "*" if kind == "COMFY_MATCHTYPE_V3" else kind))
        if self.type == "CustomCombo" and self.widgets:
            make_custom_combo(self)
        if self.type == "Reroute":
            self.inputs.append(Input("", "*"))
            self.outputs.append(Output("", "*"))
        if self.type == "PrimitiveNode":
            self.outputs.append(Output("connect to widget input", "*"))

    def _add_socket(self, spec: Spec) -> None:
        if has_widget(spec.widget_type) and not spec.force_input:
            return
        if spec.type == "COMFY_AUTOGROW_V3":
            start_growth(self, spec)
        elif spec.type == "COMFY_MATCHTYPE_V3":
            template = spec.options.get("template") or {}
            kind = str(template.get("allowed_types", "*"))
            self.add_input(Spec(spec.name, kind, spec.options, spec.optional))
        else:
            self.inputs.append(Input(spec.name, spec.type))

    def _add_widget(self, spec: Spec) -> None:
        if make_widgets(self, spec) and not spec.options.get("socketless"):
            self.inputs.append(Input(spec.name, spec.type, widget=spec.name))

    def _configure_sockets(self, raw: Mapping[str, Any]) -> None:
        self.mode = raw.get("mode", 0)
        if isinstance(raw.get("properties"), dict):
            self.properties.update(raw["properties"])
        if raw.get("title"):
            self.title, self.named = str(raw["title"]), True
        sockets = [item for item in raw.get("inputs") or [] if isinstance(item, dict)]
        by_name = {item.get("name"): item for item in sockets}
        defined = {item.name for item in self.inputs}
        for item in self.inputs:
            saved = by_name.get(item.name)
            if saved:
                item.link, item.label = saved.get("link"), saved.get("label")
        self.inputs += [Input.read(item) for item in sockets if item.get("name") not in defined]
        for index, item in enumerate(raw.get("outputs") or []):
            if index >= len(self.outputs):
                self.outputs.append(Output(str(item.get("name", "")), item.get("type")))
            self.outputs[index].links = list(item.get("links") or [])
            if self.type in VIRTUAL:
                self.outputs[index].type = item.get("type")
        if self.type == "Reroute" and sockets and self.inputs:
            self.inputs[0].type = sockets[0].get("type", "*")

    def _after_sockets(self) -> None:
        """For subgraph nodes."""

    def _fill(self, values: Any) -> None:
        if isinstance(values, dict):
            # Some packs save their widgets by name.
            for widget in self.widgets:
                if widget.name in values:
                    widget.value = values[widget.name]
            return
        self.values = values = self._without_dummies(values if isinstance(values, list) else [])
        # Dynamic combos insert widgets while the loop runs, and those take the next values.
        index = taken = 0
        while index < len(self.widgets) and taken < len(values):
            widget = self.widgets[index]
            if widget.saved:
                widget.value = values[taken]
                taken += 1
            index += 1

    def _without_dummies(self, values: list[Any]) -> list[Any]:
        """Old files keep a value for inputs that are always sockets; leave those out."""
        names = {widget.name for widget in self.widgets}
        forced: list[bool] = []
        for spec in self.specs:
            if spec.name in names or spec.force_input:
                forced.append(spec.force_input)
                if spec.options.get("control_after_generate"):
                    forced.append(False)
        if len(forced) != len(values):
            return values
        return [value for value, dummy in zip(values, forced, strict=True) if not dummy]


def make_node(raw: Mapping[str, Any], object_info: ObjectInfo, graph: Graph) -> Node:
    """A node for an entry of the file, not yet filled. Unknown types give a node without schema."""
    node_type = str(raw.get("type"))
    return Node(str(raw.get("id")), node_type, object_info.get(node_type), graph)


def as_dict(value: Any) -> dict[str, Any]:
    """The value when it is a dictionary, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


Visit = Callable[[Node], None]
