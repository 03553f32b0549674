"""The conversion equals the real page's: on published templates, on our workflows, and on random graphs."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from myspinbot_runner.errors import BadWorkflow, MissingNode
from myspinbot_runner.http import Http
from myspinbot_runner.workflow.export import convert
from myspinbot_runner.workflow.file import is_ui_form

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = (HERE / "graphs.js").read_text()

# One for each thing that can go wrong: subgraphs nested and shared, older proxies, dynamic combos, growing
# inputs, primitives inside subgraphs, custom combos, uploads, sounds, videos, bypassed nodes.
QUICK = [
    "templates_graphic_design_recomposer",
    "basic_switch_node",
    "basic_datatype_conversion",
    "template_image_speech_to_video",
    "api_recraft_image_gen_with_color_control",
    "video_wan2_2_14B_s2v",
    "audio_ace_step_1_t2a_song",
    "default",
]
# The page takes these values from the camera, the microphone or a rendered scene, new at every call.
LIVE = {"WebcamCapture", "RecordAudio", "Load3D", "Load3DAdvanced"}


def templates() -> Path:
    spec = importlib.util.find_spec("comfyui_workflow_templates_json")
    if spec is None or not spec.submodule_search_locations:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail("The templates' package is missing.", pytrace=False)
        pytest.skip("The package comfyui-workflow-templates-json isn't installed.")
    return Path(next(iter(spec.submodule_search_locations))) / "templates"


@pytest.fixture(scope="module")
def object_info(server) -> dict[str, Any]:
    return Http(server.url).ask("GET", "/object_info", timeout=120).json()


def comparable(graph: dict[str, Any], untitled: set[str]) -> dict[str, Any]:
    """Without the titles of nodes that have none in the file: the page shows those in its own language."""
    return {
        node_id: {key: value for key, value in node.items() if key != "_meta" or node_id.split(":")[-1] not in untitled}
        for node_id, node in graph.items()
    }


def untitled(workflow: dict[str, Any]) -> set[str]:
    levels = [workflow, *((workflow.get("definitions") or {}).get("subgraphs") or [])]
    return {str(node["id"]) for level in levels for node in level["nodes"] if not node.get("title")}


def assert_equal(workflow: dict[str, Any], page: dict[str, Any], ours: dict[str, Any], name: str) -> None:
    loose = untitled(workflow)
    sent, shown = (json.loads(json.dumps(graph), parse_int=_javascripts) for graph in (ours, page))
    assert comparable(sent, loose) == comparable(shown, loose), name


def _javascripts(digits: str) -> int | float:
    """A whole number as the page knows it: beyond 2^53 it has the nearest double alone."""
    value = int(digits)
    return value if abs(value) <= 2**53 else float(value)


@pytest.mark.parametrize("name", QUICK)
def test_template_equals_the_page(name, shared_editor, object_info):
    path = templates() / f"{name}.json"
    if not path.exists():
        pytest.fail(f"{name} isn't among the templates any more; choose another.")
    workflow = json.loads(path.read_text("utf-8"))
    page = shared_editor.convert(workflow)
    assert len(page) > 1
    assert_equal(workflow, page, convert(workflow, object_info), name)


def ours() -> list[Path]:
    return sorted((ROOT / "workflows").glob("*.app.json"))


@pytest.mark.parametrize("path", ours(), ids=lambda path: path.stem)
def test_our_workflow_equals_the_page(path, shared_editor, object_info):
    workflow = json.loads(path.read_text("utf-8"))
    page = shared_editor.convert(workflow)
    assert len(page) > 1
    assert_equal(workflow, page, convert(workflow, object_info), path.name)


def drawable(object_info: dict[str, Any]) -> list[str]:
    """Node types that a random graph may use."""
    skipped = {"LOAD_3D", "LOAD_3D_ADVANCED", "WEBCAM", "AUDIO_RECORD"}
    kinds = {
        name: {str(spec[0]) for part in info["input"].values() for spec in part.values() if isinstance(spec, list)}
        for name, info in object_info.items()
    }
    # These settle a moment after loading, in a race with the export: types that follow a link, and lists of choices
    # that the page asks the server for.
    late = ('"COMFY_MATCHTYPE', '"remote": {')
    racing = {name for name, info in object_info.items() if any(sign in json.dumps(info) for sign in late)}
    usable = [name for name, found in kinds.items() if not found & skipped and name not in LIVE | racing]
    return [*sorted(usable), *["Reroute", "PrimitiveNode"] * 20]


@pytest.mark.parametrize("seed", range(4))
def test_random_graph_equals_the_page(seed, shared_editor, object_info):
    build = {"types": drawable(object_info), "seed": seed, "count": 25}
    workflow = shared_editor.page.evaluate(BUILD, build)
    page = shared_editor.convert(workflow)
    assert_equal(workflow, page, convert(workflow, object_info), f"seed {seed}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_random_graphs_equal_the_page(shared_editor, object_info):
    types = drawable(object_info)
    for start in range(100, 200, 20):
        seeds = range(start, start + 20)
        with shared_editor.undrawn():
            built = [shared_editor.page.evaluate(BUILD, {"types": types, "seed": seed, "count": 40}) for seed in seeds]
        for seed, workflow, page in zip(seeds, built, shared_editor.convert_all(built), strict=True):
            assert_equal(workflow, page, convert(workflow, object_info), f"seed {seed}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_node_type_equals_the_page(shared_editor, object_info):
    """Each with its defaults, as the page makes it."""
    types = sorted(set(drawable(object_info)))
    for start in range(0, len(types), 60):
        make = """types => {
          app.clean();
          for (const type of types) { const n = LiteGraph.createNode(type); if (n) app.rootGraph.add(n); }
          return JSON.parse(JSON.stringify(app.rootGraph.serialize()));
        }"""
        workflow = shared_editor.page.evaluate(make, types[start : start + 60])
        page = shared_editor.convert(workflow)
        assert_equal(workflow, page, convert(workflow, object_info), f"from {types[start]}")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_published_template_equals_the_page(shared_editor, object_info):
    refused, converted = [], {}
    for path in sorted(templates().glob("*.json")):
        workflow = json.loads(path.read_text("utf-8"))
        if not is_ui_form(workflow):
            continue
        try:
            converted[path.stem] = workflow, convert(workflow, object_info)
        except (MissingNode, BadWorkflow) as error:
            refused.append((path.stem, error))
    different, names = [], list(converted)
    for start in range(0, len(names), 25):
        some = names[start : start + 25]
        for name, page in zip(some, shared_editor.convert_all([converted[name][0] for name in some]), strict=True):
            workflow, got = converted[name]
            loose = untitled(workflow)
            if comparable(json.loads(json.dumps(got)), loose) != comparable(page, loose):
                different.append(name)
    assert not different
    assert len(converted) >= 480
    for name, error in refused:
        # Only what no server could run: a node type that it lacks, or a picture drawn by the page itself.
        assert isinstance(error, MissingNode) or "3D view" in error.message, (name, error.message)
