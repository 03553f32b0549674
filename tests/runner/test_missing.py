"""Nodes that the server doesn't know: those of the page alone are followed or left out, others are named."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from myspinbot_runner.errors import BadWorkflow, MissingNode
from myspinbot_runner.workflow import Workflow

INFO = {
    "Make": {"input": {"required": {"size": ["INT", {"default": 8}]}}, "output": ["IMAGE"], "output_name": ["IMAGE"]},
    "Show": {"input": {"required": {"images": ["IMAGE"]}}, "output": [], "output_name": []},
}
Raw = dict[str, Any]


def node(number: int, kind: str, *, takes: int | None = None, gives: list[int] | None = None, **more: Any) -> Raw:
    inputs = [{"name": "images", "type": "IMAGE", "link": takes}] if takes is not None else []
    outputs = [{"name": "IMAGE", "type": "IMAGE", "links": gives}] if gives is not None else []
    return {"id": number, "type": kind, "mode": 0, "inputs": inputs, "outputs": outputs, **more}


def api(*nodes: Raw, links: list[list[Any]]) -> dict[str, Any]:
    return api_of({"nodes": list(nodes), "links": [[*link, "IMAGE"] for link in links], "version": 0.4})


MAKE, SHOW = node(1, "Make", gives=[1], widgets_values=[8]), node(9, "Show", takes=9)


@pytest.mark.parametrize(("set_kind", "get_kind"), [("SetNode", "GetNode"), ("easy setNode", "easy getNode")])
def test_what_is_set_by_name_is_got_by_name(set_kind: str, get_kind: str) -> None:
    graph = api(
        MAKE,
        node(2, set_kind, takes=1, gives=[], widgets_values=["sky"]),
        node(3, set_kind, takes=None, gives=[], widgets_values=["sea"]),
        node(4, get_kind, gives=[9], widgets_values=["sky"]),
        SHOW,
        links=[[1, 1, 0, 2, 0], [9, 4, 0, 9, 0]],
    )
    assert graph["9"]["inputs"] == {"images": ["1", 0]}
    assert set(graph) == {"1", "9"}


def test_a_name_that_nobody_sets_is_said() -> None:
    with pytest.raises(BadWorkflow, match=r"node 4 .*no node sets one of that name"):
        api(MAKE, node(4, "GetNode", gives=[9], widgets_values=["sky"]), SHOW, links=[[9, 4, 0, 9, 0]])


def test_values_that_are_set_in_a_circle_end() -> None:
    with pytest.raises(BadWorkflow, match="circle"):
        api(
            node(2, "SetNode", takes=2, gives=[], widgets_values=["sky"]),
            node(4, "GetNode", gives=[2, 9], widgets_values=["sky"]),
            SHOW,
            links=[[2, 4, 0, 2, 0], [9, 4, 0, 9, 0]],
        )


def test_reroutes_of_packs_are_followed_and_labels_left_out() -> None:
    graph = api(
        MAKE,
        node(2, "Reroute (rgthree)", takes=1, gives=[9]),
        node(3, "Label of somebody"),
        node(4, "Fast Groups Muter (rgthree)", gives=[]),
        SHOW,
        links=[[1, 1, 0, 2, 0], [9, 2, 0, 9, 0]],
    )
    assert graph["9"]["inputs"] == {"images": ["1", 0]}
    assert set(graph) == {"1", "9"}


def test_all_missing_types_are_named_with_their_packs() -> None:
    with pytest.raises(MissingNode) as caught:
        api(
            MAKE,
            node(2, "Alpha", takes=1, gives=[], properties={"cnr_id": "alpha-pack"}),
            node(3, "Alpha", takes=None, gives=[]),
            node(4, "Beta", gives=[9], properties={"aux_id": "someone/beta-pack"}),
            node(5, "Gamma", gives=[], properties={"cnr_id": "x`; rm -rf ~ `"}),
            node(6, "Muted", gives=[]) | {"mode": 2},
            SHOW,
            links=[[1, 1, 0, 2, 0], [9, 4, 0, 9, 0]],
        )
    said = caught.value.message
    for words in ("'Alpha' (which node 2", "of the pack alpha-pack", "'Beta'", "'Gamma'",
                  "`comfy node install alpha-pack`", "https://github.com/someone/beta-pack"):  # fmt: skip
        assert words in said
    for words in ("Muted", "rm -rf"):
        assert words not in said


@pytest.mark.parametrize("prefix", ["workflow/", "workflow>"])
def test_a_group_node_is_named_as_one_with_the_way_out(prefix: str) -> None:
    with pytest.raises(MissingNode, match=r"^'Pair': group nodes of the old form.*Open the file in ComfyUI's editor"):
        api(MAKE, node(2, f"{prefix}Pair", takes=1, gives=[9]), SHOW, links=[[1, 1, 0, 2, 0], [9, 2, 0, 9, 0]])


@pytest.mark.parametrize(("depth", "width"), [(40, 2), (200, 2), (5, 50), (2000, 1)])
def test_a_bomb_of_subgraphs_is_refused_in_a_moment(depth: int, width: int) -> None:
    levels = [f"s{number}" for number in range(depth)] + ["Make"]
    definitions = [
        {"id": kind, "name": kind, "links": [], "nodes": [node(number, inner) for number in range(1, width + 1)]}
        for kind, inner in pairwise(levels)
    ]
    content = {"nodes": [node(1, "s0")], "links": [], "definitions": {"subgraphs": definitions}, "version": 0.4}
    began = time.process_time()
    with pytest.raises(BadWorkflow, match=r"more than 100000 nodes|nested too deeply"):
        api_of(content)
    assert time.process_time() - began < 10


def api_of(content: Raw) -> dict[str, Any]:
    workflow = Workflow(content)
    workflow.bind(INFO)
    return workflow.api()
