"""A workflow as the page holds it in memory: graphs of nodes with sockets and widgets, links and nested graphs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .schema import CONTROLS, Spec

MUTED, BYPASSED = 2, 4
# These live in the page alone and leave nothing in the API form.
VIRTUAL = {"Reroute", "PrimitiveNode", "Note", "MarkdownNote"}
# The same of packs: values that are set and got by name, reroutes, and switches that only change other nodes' modes.
SETTERS, GETTERS = {"SetNode", "easy setNode"}, {"GetNode", "easy getNode"}
PAGE_NODES = {
    *SETTERS, *GETTERS, "Reroute (rgthree)", "Label (rgthree)", "Bookmark (rgthree)", "Fast Groups Bypasser (rgthree)",
    "Fast Groups Muter (rgthree)", "Fast Bypasser (rgthree)", "Fast Muter (rgthree)", "Fast Actions Button (rgthree)",
    "Mute / Bypass Relay (rgthree)", "Mute / Bypass Repeater (rgthree)", "Node Collector (rgthree)",
    "Random Unmuter (rgthree)", "Note Plus (mtb)",
}  # fmt: skip
FROM_OUTSIDE = "-10"
"""The origin of a link that starts at an input of its own subgraph."""
TEXT_AREAS = ("customtext", "MARKDOWN")


class _Absent:
    """The value of a widget that has none; unlike null it doesn't appear in the API form."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(eq=False)
class Widget:
    """A control on a node, with its value.

    `saved`: it has a place in the file's `widgets_values`. `sent`: it is in the API form.
    """

    name: str
    kind: str
    stored: Any = ABSENT
    saved: bool = True
    sent: bool = True
    spec: Spec | None = None
    choices: list[Any] | None = None
    limits: dict[str, float] = field(default_factory=dict[str, float])
    compute: Callable[[], Any] | None = None
    on_set: Callable[[Any], None] | None = None

    @property
    def value(self) -> Any:
        """The present value, `ABSENT` when there is none."""
        if self.compute:
            return self.compute()
        if self.stored is None and self.kind in TEXT_AREAS:
            return ""
        return self.stored

    @value.setter
    def value(self, value: Any) -> None:
        if self.compute:
            return
        self.stored = value
        if self.on_set:
            self.on_set(value)

    @property
    def shown_as(self) -> str:
        """The sort of control that the page draws; two widgets that share it can stand in for each other."""
        return CONTROLS.get(self.kind, self.kind)


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
    first_widget: Widget | None = None

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Port:
        """Read a port from a subgraph's definition."""
        return cls(str(raw.get("name", "")), raw.get("type"), list(raw.get("linkIds") or []), raw.get("label"))


@dataclass(eq=False)
class Input:
    """An input socket. `widget` names the widget that it can replace; the last two are for subgraph nodes."""

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


class Node:
    """One node, without sockets and widgets at first.

    `info` is its `/object_info` entry; None for virtual and unknown nodes. `named` says whether the title is from the
    file.
    """

    def __init__(
        self,
        node_id: str,
        node_type: str,
        graph: Graph,
        info: Mapping[str, Any] | None = None,
        specs: list[Spec] | None = None,
    ) -> None:
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
        self.specs = specs or []

    @property
    def widgets(self) -> list[Widget]:
        """The node's own widgets, in order."""
        return self._widgets

    @property
    def virtual(self) -> bool:
        """Whether the node leaves nothing in the API form."""
        if self.type in VIRTUAL:
            return True
        # A type that the server doesn't know and that is linked to nothing can only be a label of a pack.
        return self.info is None and (self.type in PAGE_NODES or not (self.inputs or self.outputs))

    @property
    def active(self) -> bool:
        """Whether the node is neither muted nor bypassed."""
        return self.mode not in (MUTED, BYPASSED)

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


class Host(Node):
    """An instance of a subgraph. Its widgets belong to its inputs, and are its own copies."""

    def __init__(self, node_id: str, node_type: str, graph: Graph, subgraph: Graph) -> None:
        super().__init__(node_id, node_type, graph)
        self.subgraph = subgraph
        self.title = subgraph.name or self.type
        for port in subgraph.inputs:
            self.add_port(port)
        self.outputs += [Output(port.name, port.type) for port in subgraph.outputs]
        subgraph.hosts.append(self)

    @property
    def widgets(self) -> list[Widget]:
        return [item.promoted for item in self.inputs if item.promoted]

    @property
    def virtual(self) -> bool:
        return True

    def widget_of(self, item: Input) -> Widget | None:
        return item.promoted or super().widget_of(item)

    def input_of(self, widget: Widget) -> Input | None:
        return next((item for item in self.inputs if item.promoted is widget), None)

    def add_port(self, port: Port) -> None:
        """Follow the definition when it gains an input."""
        self.inputs.append(Input(port.name, port.type, label=port.label, port=port))

    def promote(self, item: Input, widget: Widget) -> None:
        """Show an inner widget at this input, starting from its value unless one like it is shown already."""
        item.widget = item.port.name if item.port else item.name
        if item.promoted and item.promoted.shown_as == widget.shown_as:
            return
        item.promoted = Widget(
            item.widget,
            widget.kind,
            widget.value,
            spec=widget.spec,
            choices=widget.choices,
            limits=widget.limits,
        )


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
        self.hosts: list[Host] = []

    def all_nodes(self) -> Iterator[Node]:
        """Every node of this level and below, each once, inner ones before the subgraph node that has them."""
        seen: set[int] = set()

        def walk(graph: Graph) -> Iterator[Node]:
            if id(graph) in seen:
                return
            seen.add(id(graph))
            for node in graph.nodes.values():
                if isinstance(node, Host):
                    yield from walk(node.subgraph)
                yield node

        yield from walk(self)

    def target(self, link: Link) -> tuple[Node, Input] | None:
        """The node and socket that a link ends in."""
        node = self.nodes.get(link.target_id)
        item = node.input_with(link.id) if node else None
        return (node, item) if node and item else None


def as_dict(value: Any) -> dict[str, Any]:
    """The value when it is a dictionary, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
