"""The whole pipelines, as they are shipped: from the command line, and in the page as a person would."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import av
import pytest

from myspinbot_runner import Client
from tests.identity import portraits
from tests.ollama import Ollama
from tests.runner.editor import Editor
from tests.runner.helpers import tag

from .pipelines import DIRECT, GUIDED, NOBODY, ROOT, TRAIN, command, guided, only, used


def test_guided_runs_on_a_bare_machine(bare: Any, tmp_path: Path) -> None:
    said = command(
        bare, GUIDED, tmp_path, "--topic", "How do bees find home?", "--length", "4", "--captions", "true",
        "--preset", "draft", "--set", f"Write Script.host={NOBODY}",
    )  # fmt: skip
    video = only(tmp_path, ".mp4")
    assert used(video) == ["the given portrait", "Speak (Draft)", "Talking Head (Draft)"]
    assert "No Ollama answers" in said
    subtitles = only(tmp_path, ".srt").read_text(encoding="utf-8")
    assert "bees" in subtitles
    assert only(tmp_path, ".srt").stem == video.stem, "the subtitles lie beside the video"
    with av.open(str(video)) as clip:
        first, second = clip.streams.video[0], clip.streams.audio[0]
        assert (first.width, first.height) == (512, 512)
        assert abs(float(first.duration * first.time_base - second.duration * second.time_base)) < 0.05


def test_direct_speaks_my_words_from_my_portrait(bare: Any, tmp_path: Path) -> None:
    portrait = ROOT / "tests" / "media" / "smiling_woman.jpg"
    said = command(bare, DIRECT, tmp_path, "--narration", "These are my words.", "--portrait", str(portrait))
    assert "Takes Talking Head (Draft). InfiniteTalk needs a graphics card" in said
    assert "Warning" not in said, "a machine without a card is promised no more than this"
    assert '"stage"' not in said, "what made it is in the video and beside it, not among what is printed"
    assert used(only(tmp_path, ".mp4")) == ["the given portrait", "Speak (Draft)", "Talking Head (Draft)"]
    assert "These are my words." in only(tmp_path, ".srt").read_text(encoding="utf-8")


def test_another_seed_runs_its_stage_and_what_follows_from_it_again_and_nothing_else(bare: Any) -> None:
    answer = json.dumps({"scene": "A hive.", "narration": "Bees dance."})
    with Ollama(answer) as ollama:
        client = Client(bare.url)
        workflow = client.open(GUIDED)
        for flag, value in {"topic": f"Bees {tag()}", "preset": "draft"}.items():
            client.set_inputs(workflow, {flag: value})
        workflow.set("Write Script.host", ollama.host)
        graph = workflow.api()
        ids = {node["class_type"].removeprefix("MySpinBot"): key for key, node in graph.items()}
        sources = {"LoadBot", "Preset", "LoadImage"}  # which another test may have had before
        assert ran(client, graph) | sources == set(ids)
        assert ran(client, graph) == set()
        end = {"Finish", "SaveVideo", "Subtitles"}
        following = {
            "TalkingHead": end,
            "Speak": {"TalkingHead", *end},
            "Portrait": {"TalkingHead", *end},
            "Script": {"PreviewAny", "Speak", "Portrait", "TalkingHead", *end},
        }
        for stage, others in following.items():
            graph[ids[stage]]["inputs"]["seed"] += 1
            assert ran(client, graph) == {stage, *others}
        graph[ids["Finish"]]["inputs"]["captions"] = True
        assert ran(client, graph) == end


def ran(client: Client, graph: dict[str, Any]) -> set[str]:
    """The kinds of the nodes of `graph` that the server ran; the others came from its cache."""
    job = client.submit(graph)
    job.result()
    with urllib.request.urlopen(f"{client.api.http.url}/history/{job.id}") as answer:
        messages = dict(json.load(answer)[job.id]["status"]["messages"])
    kinds = {key: node["class_type"].removeprefix("MySpinBot") for key, node in graph.items()}
    return set(kinds.values()) - {kinds[key] for key in messages["execution_cached"]["nodes"] if key in kinds}


def test_guided_is_a_graph_that_a_person_can_follow() -> None:
    workflow = json.loads(GUIDED.read_text("utf-8"))
    assert len(workflow["links"]) <= 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_bot_is_trained_and_makes_a_guided_video_with_all_engines(furnished: Any, bot: str, tmp_path: Path) -> None:
    job = Client(furnished.url).submit(guided(furnished, bot))
    job.result()
    job.save(tmp_path)
    video = only(tmp_path, ".mp4")
    assert used(video) == ["SD 1.5", "Speak (F5-TTS)", "InfiniteTalk", "Upscale Video"]
    with av.open(str(video)) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (192, 192)
        models = {model["id"] for model in json.loads(clip.metadata["models"])}
    assert {"sd15", "openf5", "wan-i2v-480p-fp8", "realesr-general-x4v3"} <= models


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_guided_in_the_page_filled_in_as_a_form(page: Any, bare: Any) -> None:
    editor = Editor(page, bare.url).open()
    editor.drop(GUIDED)
    editor.clear_mask()
    page.get_by_role("button", name="Enter app mode").first.click()
    page.get_by_text("Number of runs").wait_for()
    fill_first(page, "What do bees dream of?", "MySpinBotScript", "topic")
    assert editor.prompt()[str(_id(GUIDED, "MySpinBotScript"))]["inputs"]["topic"] == "What do bees dream of?"
    page.evaluate(f"() => {{ {_set('MySpinBotScript', 'host', NOBODY)} {_set('MySpinBotScript', 'length', 3)} }}")
    assert editor.run(timeout=600)["type"] == "execution_success"
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].some(v => v.src.includes('guided') && v.clientWidth > 200)"
    )
    page.get_by_text("InfiniteTalk needs a graphics card").first.wait_for()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_train_bot_in_the_page(page: Any, furnished: Any) -> None:
    folder, name = f"photos-{tag()}", f"ben-{tag()}"
    portraits.write(Path(furnished.base_directory) / "input" / folder, 5)
    editor = Editor(page, furnished.url).open()
    editor.drop(TRAIN)
    editor.clear_mask()
    page.get_by_role("button", name="Enter app mode").first.click()
    page.get_by_text("Number of runs").wait_for()
    fill_first(page, name, "PrimitiveString", "value")
    values = {"folder": folder, "steps": 2, "resolution": 64, "rank": 2}
    page.evaluate(
        "() => {"
        + "".join(_set("MySpinBotTrainIdentity", key, value) for key, value in values.items())
        + _set("PrimitiveBoolean", "value", True)
        + "}"
    )
    assert editor.run(timeout=600)["type"] == "execution_success"
    listed = page.request.get(f"{furnished.url}/object_info/MySpinBotLoadBot").json()
    assert name in json.dumps(listed["MySpinBotLoadBot"]["input"])


def fill_first(page: Any, text: str, kind: str, widget: str) -> None:
    """Type into the form's first box, once it shows what the node has, and wait until the node has the text."""
    held = f"{_widget(kind, widget)}.value"
    shown = "[...document.querySelectorAll('textarea, input')].find(box => box.checkVisibility())?.value"
    page.wait_for_function(f"() => {shown} === {held}")
    page.get_by_role("textbox").filter(visible=True).first.fill(text)
    page.wait_for_function(f"text => {held} === text", arg=text)


def _id(path: Path, kind: str) -> int:
    return next(node["id"] for node in json.loads(path.read_text("utf-8"))["nodes"] if node["type"] == kind)


def _set(kind: str, widget: str, value: Any) -> str:
    """JavaScript that sets a widget of the node of a kind."""
    return f"{_widget(kind, widget)}.value = {json.dumps(value)};"


def _widget(kind: str, name: str) -> str:
    return f"app.rootGraph.nodes.find(n => n.type === '{kind}').widgets.find(w => w.name === '{name}')"
