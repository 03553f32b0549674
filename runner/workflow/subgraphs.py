"""Subgraphs: the ids of inner nodes, and the inner widgets that an instance shows outside in the newer or older way."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .build import configure_sockets
from .model import ABSENT, FROM_OUTSIDE, Graph, Host, Input, Link, Node, Port, Widget, as_dict

Raw = dict[str, Any]
PREFIX = re.compile(r"^\s*(\d+)\s*:\s*(.+)$")
PREVIEWS = ("preview", "video", "audioUI", "AUDIO_UI")


def deduplicate_ids(subgraphs: list[Raw], nodes: list[Any], workflow: Mapping[str, Any]) -> tuple[list[Raw], list[Any]]:
    """Give inner nodes whose id is taken the next free one, as the page does when it loads a file.

    Returns changed copies of the definitions and of the root's nodes.
    """
    subgraphs, nodes = copy.deepcopy(subgraphs), copy.deepcopy(nodes)
    used = {str(node.get("id")) for node in nodes if isinstance(node.get("id"), int)}
    last = workflow.get("last_node_id")
    if last is None:
        last = as_dict(workflow.get("state")).get("lastNodeId")
    last = last if isinstance(last, int) else 0
    changes: dict[str, dict[str, int]] = {}
    for definition in subgraphs:
        renamed: dict[str, int] = {}
        for node in definition.get("nodes") or []:
            key = str(node.get("id"))
            if key in used:
                last += 1
                while str(last) in used:
                    last += 1
                renamed[key] = node["id"] = last
                used.add(str(last))
            else:
                used.add(key)
                if key.isdecimal():
                    last = max(last, int(key))
        if renamed:
            changes[str(definition.get("id"))] = renamed
            _rename_links(definition.get("links") or [], renamed)
    for level in [*(definition.get("nodes") or [] for definition in subgraphs), nodes]:
        _rename_proxies(level, changes)
    return subgraphs, nodes


def _rename_links(links: list[Any], renamed: Mapping[str, int]) -> None:
    for link in links:
        if isinstance(link, dict):
            for end in ("origin_id", "target_id"):
                link[end] = renamed.get(str(link.get(end)), link.get(end))


def _rename_proxies(nodes: list[Any], changes: Mapping[str, Mapping[str, int]]) -> None:
    for node in nodes:
        renamed = changes.get(str(node.get("type")))
        proxies = as_dict(node.get("properties")).get("proxyWidgets")
        if renamed and isinstance(proxies, list):
            for entry in proxies:
                if isinstance(entry, list) and entry and str(entry[0]) in renamed:
                    entry[0] = str(renamed[str(entry[0])])


def leaf_first(subgraphs: list[Raw]) -> list[Raw]:
    """Order definitions so that each comes after those that it uses; cycles keep the file's order."""
    by_id = {str(definition.get("id")): definition for definition in subgraphs}
    uses: dict[str, list[str]] = {
        key: [str(n.get("type")) for n in definition.get("nodes") or [] if str(n.get("type")) in by_id]
        for key, definition in by_id.items()
    }
    waiting = {key: len(inner) for key, inner in uses.items()}
    queue = [key for key, count in waiting.items() if count == 0]
    done: list[Raw] = []
    while queue:
        key = queue.pop(0)
        done.append(by_id[key])
        for other, inner in uses.items():
            if key in inner and waiting[other] > 0:
                waiting[other] -= inner.count(key)
                if waiting[other] == 0:
                    queue.append(other)
    return done if len(done) == len(subgraphs) else subgraphs


def configure_host(host: Host, raw: Mapping[str, Any]) -> None:
    """Fill an instance of a subgraph from its entry in the file. The inner nodes must be there already."""
    configure_sockets(host, raw)
    host.inputs = [item for item in host.inputs if item.port]
    for item in host.inputs:
        _promote_inner(host, item)
    values = raw.get("widgets_values")
    host.values = values if isinstance(values, list) else []
    for widget, value in zip(host.widgets, host.values, strict=False):
        widget.value = value


def _promote_inner(host: Host, item: Input) -> None:
    """Show at an input the first widget that it leads to."""
    for _, node, target in inner_ends(host, item.port):
        widget = node.widget_of(target)
        if widget is None and isinstance(node, Host):
            widget = _deepest_widget(host, node.id, target.name)
        if widget:
            host.promote(item, widget)
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


def _source_of(host: Host, name: str) -> tuple[str, str] | None:
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


def _deepest_widget(host: Host, node_id: str, name: str) -> Widget | None:
    """Follow a widget's name down through nested subgraphs to the node that has it."""
    for _ in range(100):
        node = host.subgraph.nodes.get(node_id)
        if node is None:
            return None
        if not isinstance(node, Host):
            return node.widget(name)
        source = _source_of(node, name)
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
        if _deepest_widget(host, node_id, name) is None:
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
            _set_promoted(plan, proxy.value)
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
            source = _source_of(node, item.name)
            if proxy.deeper_id:
                fits = source == (proxy.deeper_id, proxy.name)
            else:
                fits = item.name == proxy.name or (source is not None and source[1] == proxy.name)
            if fits:
                if item.promoted:
                    return item.promoted
                break
    return node.widget(proxy.name)


def _set_promoted(item: Input, value: Any) -> None:
    if item.promoted and value is not ABSENT:
        item.promoted.value = value


def _open_port(host: Host, proxy: Proxy, widget: Widget) -> None:
    node = host.subgraph.nodes[proxy.node_id]
    socket = node.input_of(widget)
    if socket is None:
        return
    port = _new_port(host, proxy.name, socket.type, socket.label)
    _connect_port(host.subgraph, port, node, socket)
    for item in host.inputs:
        if item.port is port:
            _set_promoted(item, proxy.value)


def _new_port(host: Host, name: str, kind: Any, label: str | None = None) -> Port:
    names = {port.name for port in host.subgraph.inputs}
    unique, count = name, 0
    while unique in names:
        count += 1
        unique = f"{name}_{count}"
    port = Port(unique, kind, label=label)
    host.subgraph.inputs.append(port)
    for instance in host.subgraph.hosts:
        instance.add_port(port)
    return port


def _connect_port(graph: Graph, port: Port, node: Node, socket: Input) -> None:
    """Link an input of the subgraph to an inner socket, unless two widgets' ranges differ."""
    widget = node.widget_of(socket)
    first = port.first_widget
    if widget and first and (first.kind, first.limits) != (widget.kind, widget.limits):
        return
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
        _connect_port(graph, port, target, item)
    value = next((proxy.value for proxy in cohort if proxy.value is not ABSENT), ABSENT)
    for item in host.inputs:
        if item.port is port:
            _set_promoted(item, value)
    node.properties["proxyBypassedToSubgraphInput"] = port.name
