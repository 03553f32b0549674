"""Node ids are made unique over all subgraphs, and subgraphs are ordered so that the inner come first."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .nodes import as_dict

Raw = dict[str, Any]


def deduplicate(subgraphs: list[Raw], nodes: list[Any], workflow: Mapping[str, Any]) -> tuple[list[Raw], list[Any]]:
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
