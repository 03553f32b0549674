"""Subgraph nodes: their inputs, the inner widgets that they show outside, and the older way of doing so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .nodes import Input, Node, Output
from .widgets import ABSENT, Widget

if TYPE_CHECKING:
    from .graph import Graph, Link, Port

PREFIX = re.compile(r"^\s*(\d+)\s*:\s*(.+)$")
PREVIEWS = ("preview", "video", "audioUI", "AUDIO_UI")


class Host(Node):
    """An instance of a subgraph. Its widgets belong to its inputs, and are its own copies."""

    def __init__(self, raw: Mapping[str, Any], subgraph: Graph, graph: Graph) -> None:
        self.subgraph = subgraph
        super().__init__(str(raw.get("id")), str(raw.get("type")), None, graph)
        self.title = subgraph.name or self.type
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

    def add_port(self, port: Port) -> Input:
        """Follow the definition when it gains an input."""
        item = Input(port.name, port.type, label=port.label, port=port)
        self.inputs.append(item)
        return item

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

    def _build(self) -> None:
        for port in self.subgraph.inputs:
            self.add_port(port)
        self.outputs += [Output(port.name, port.type) for port in self.subgraph.outputs]

    def _after_sockets(self) -> None:
        self.inputs = [item for item in self.inputs if item.port]
        for item in self.inputs:
            self._bind(item)

    def _fill(self, values: Any) -> None:
        self.values = values if isinstance(values, list) else []
        for widget, value in zip(self.widgets, self.values, strict=False):
            widget.value = value

    def _bind(self, item: Input) -> None:
        for link, node, target in inner_ends(self, item.port):
            widget = node.widget_of(target)
            if widget is None and isinstance(node, Host):
                widget = deepest_widget(self, node.id, target.name)
            if widget and link:
                self.promote(item, widget)
                return


def inner_ends(host: Host, port: Port | None) -> list[tuple[Link, Node, Input]]:
    """The inner sockets that an input of the subgraph leads to."""
    found: list[tuple[Link, Node, Input]] = []
    for link_id in port.links if port else []:
        link = host.subgraph.links.get(link_id)
        end = host.subgraph.target(link) if link else None
        if link and end:
            found.append((link, *end))
    return found


def source_of(host: Host, name: str) -> tuple[str, str] | None:
    """The inner node and the name of its widget (or input, when it is a subgraph) behind an input."""
    port = next((port for port in host.subgraph.inputs if port.name == name), None)
    return _port_source(host, port)


def _port_source(host: Host, port: Port | None) -> tuple[str, str] | None:
    for _, node, target in inner_ends(host, port):
        if isinstance(node, Host):
            return node.id, target.name
        widget = node.widget_of(target)
        if widget:
            return node.id, widget.name
    return None


def deepest_widget(host: Host, node_id: str, name: str) -> Widget | None:
    """Follow a widget's name down through nested subgraphs to the node that has it."""
    for _ in range(100):
        node = host.subgraph.nodes.get(node_id)
        if node is None:
            return None
        if not isinstance(node, Host):
            return node.widget(name)
        source = source_of(node, name)
        if source is None:
            return None
        host, (node_id, name) = node, source
    return None


@dataclass
class Proxy:
    """One entry of the older `proxyWidgets`: an inner widget that is to be shown outside."""

    node_id: str
    name: str
    deeper_id: str | None
    value: Any

    @classmethod
    def read(cls, host: Host, entry: Any, value: Any) -> Proxy | None:
        """Read `["7", "text"]`; the name may carry the ids of nested nodes, as in `3: 7: text`."""
        if not isinstance(entry, list) or len(entry) not in (2, 3) or not all(isinstance(e, str) for e in entry):
            return None
        node_id, name = entry[0], entry[1]
        deeper = entry[2] if len(entry) == 3 else None
        if deepest_widget(host, node_id, name) is None:
            while match := PREFIX.match(name):
                deeper, name = match[1], match[2]
        return cls(node_id, name, deeper, value)


def migrate_proxies(host: Host, values: Any) -> None:
    """Turn `proxyWidgets` into inputs of the subgraph, as the page does when it loads an older file."""
    values = values if isinstance(values, list) else []
    entries = host.properties.pop("proxyWidgets")
    if not isinstance(entries, list):
        return
    proxies = [
        Proxy.read(host, entry, values[index] if index < len(values) else ABSENT) for index, entry in enumerate(entries)
    ]
    if any(proxy is None for proxy in proxies):
        return  # the page reads all of them or none
    bypassed: dict[str, list[Proxy]] = {}
    plans = [(proxy, _plan(host, proxy)) for proxy in proxies if proxy]
    for proxy, plan in plans:
        if plan == "primitive":
            bypassed.setdefault(proxy.node_id, []).append(proxy)
        elif isinstance(plan, Input):
            _give(plan, proxy.value)
        elif isinstance(plan, Widget):
            _open_port(host, proxy, plan)
    for cohort in bypassed.values():
        _bypass_primitive(host, cohort)


def _plan(host: Host, proxy: Proxy) -> Input | Widget | str | None:
    linked = next((item for item in host.inputs if _port_source(host, item.port) == (proxy.node_id, proxy.name)), None)
    if linked:
        same = [item for item in host.inputs if item.name == linked.name]
        return linked if len(same) == 1 else None
    node = host.subgraph.nodes.get(proxy.node_id)
    if node is None:
        return None
    if node.type == "PrimitiveNode":
        marked = node.properties.get("proxyBypassedToSubgraphInput")
        existing = next((item for item in host.inputs if item.name == marked), None)
        return existing or "primitive"
    widget = _source_widget(node, proxy)
    if widget is None or widget.name.startswith("$$") or (not widget.sent and widget.kind in PREVIEWS):
        return None
    return widget


def _source_widget(node: Node, proxy: Proxy) -> Widget | None:
    if isinstance(node, Host):
        for item in node.inputs:
            source = source_of(node, item.name)
            if proxy.deeper_id:
                fits = source == (proxy.deeper_id, proxy.name)
            else:
                fits = item.name == proxy.name or (source is not None and source[1] == proxy.name)
            if fits:
                if item.promoted:
                    return item.promoted
                break
    return node.widget(proxy.name)


def _give(item: Input, value: Any) -> None:
    if item.promoted and value is not ABSENT:
        item.promoted.value = value


def _open_port(host: Host, proxy: Proxy, widget: Widget) -> None:
    node = host.subgraph.nodes[proxy.node_id]
    socket = node.input_of(widget)
    if socket is None:
        return
    port = _new_port(host, proxy.name, socket.type, socket.label)
    connect_port(host.subgraph, port, node, socket)
    for item in host.inputs:
        if item.port is port:
            _give(item, proxy.value)


def _new_port(host: Host, name: str, kind: Any, label: str | None = None) -> Port:
    from .graph import Port

    taken = {port.name for port in host.subgraph.inputs}
    unique, count = name, 0
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    port = Port(unique, kind, label=label)
    host.subgraph.inputs.append(port)
    for instance in host.subgraph.hosts:
        instance.add_port(port)
    return port


def connect_port(graph: Graph, port: Port, node: Node, socket: Input) -> bool:
    """Link an input of the subgraph to an inner socket; refused when two widgets' ranges differ."""
    from .graph import FROM_OUTSIDE, Link

    widget = node.widget_of(socket)
    first = port.first_widget
    if widget and first and (first.kind, first.limits) != (widget.kind, widget.limits):
        return False
    graph.links.pop(socket.link, None)
    if widget:
        port.first_widget = widget
        for instance in graph.hosts:
            for item in instance.inputs:
                if item.port is port:
                    instance.promote(item, widget)
    link_id = f"promoted-{len(graph.links)}-{port.name}"
    slot = graph.inputs.index(port)
    graph.links[link_id] = Link(link_id, FROM_OUTSIDE, slot, node.id, node.inputs.index(socket), socket.type)
    port.links.append(link_id)
    socket.link = link_id
    return True


def _bypass_primitive(host: Host, cohort: list[Proxy]) -> None:
    graph, first = host.subgraph, cohort[0]
    node = graph.nodes[first.node_id]
    ends: list[tuple[Node, Input]] = []
    for link in [graph.links[link_id] for link_id in node.outputs[0].links if link_id in graph.links]:
        target = graph.nodes.get(link.target_id)
        # The slot as the file has it, which may be another than the link's own end: so does the page.
        if target is None or not 0 <= link.target_slot < len(target.inputs):
            return
        ends.append((target, target.inputs[link.target_slot]))
    kind = str(node.outputs[0].type or "*")
    fits = all(kind == "*" or str(item.type) in (kind, "*") for _, item in ends)
    if not ends or not fits or any(proxy.name != first.name for proxy in cohort):
        return
    base = node.title if node.named and node.title != "PrimitiveNode" else first.name
    port = _new_port(host, base, kind)
    for target, item in ends:
        connect_port(graph, port, target, item)
    value = next((proxy.value for proxy in cohort if proxy.value is not ABSENT), ABSENT)
    for item in host.inputs:
        if item.port is port:
            _give(item, value)
    node.properties["proxyBypassedToSubgraphInput"] = port.name
