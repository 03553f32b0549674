"""The shipped workflows in the real page: dropped, run, opened as an app; help and node library."""

import json
from pathlib import Path

import pytest

from myspinbot_runner import Client

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.app.json"))
NODES = [
    *("MySpinBotScript", "MySpinBotDraftSpeech", "MySpinBotSpeakKokoro", "MySpinBotDraftHead"),
    *("MySpinBotLoadF5", "MySpinBotSpeakF5", "MySpinBotBuildVoice", "MySpinBotLoadVoice", "MySpinBotTrainVoice"),
    *("MySpinBotLoadWav2Lip", "MySpinBotWav2Lip", "MySpinBotTransferLips"),
    *("MySpinBotSubtitles", "MySpinBotBurnSubtitles"),
    *("MySpinBotPreset", "MySpinBotPortrait", "MySpinBotSpeak", "MySpinBotWriteProvenance"),
    *("MySpinBotTalkingHead", "MySpinBotFinish", "MySpinBotLoadImageModel"),
    *("MySpinBotSaveBot", "MySpinBotLoadBot", "MySpinBotApplyIdentity"),
    "MySpinBotTrainIdentity",
    "MySpinBotInfiniteTalk",
    *("MySpinBotUpscale", "MySpinBotLoadFaceRestorer", "MySpinBotRestoreFaces"),
]
PLAYS = """() => {
  const video = [...document.querySelectorAll('video')].find(v => v.src.includes('filename=draft'));
  if (!video) return null;
  video.muted = true;
  if (video.paused) video.play().catch(() => {});
  if (!video.error && video.currentTime <= 0.2) return null;
  return {time: video.currentTime, width: video.videoWidth, error: video.error?.message ?? null};
}"""

SHOWN = """labels => {
  const lines = document.body.innerText.split('\\n').map(line => line.trim());
  return labels.every(label => lines.includes(label)) && lines;
}"""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_page_and_the_runner_agree(shared_editor, server, path):
    shared_editor.drop(path)
    assert shared_editor.prompt() == Client(server.url).open(path).api()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_is_shipped_is_complete(path):
    workflow = json.loads(path.read_text("utf-8"))
    titles = {str(node["id"]): node for node in workflow["nodes"]}
    app = workflow["extra"]["linearData"]
    assert app["inputs"]
    assert app["outputs"]
    for node, *_ in app["inputs"]:
        assert node in titles
    assert any(node["type"] == "MarkdownNote" for node in workflow["nodes"])
    for node in workflow["nodes"]:
        assert "randomize" not in node.get("widgets_values", []), "seeds are shipped fixed"
        if node["type"].startswith("MySpinBot"):
            assert node["properties"]["cnr_id"] == "myspinbot"
    picture = path.with_name(path.name.replace(".json", ".jpg"))
    assert picture.is_file(), "a thumbnail for the template browser"


def test_run_in_the_editor_shows_a_playing_video_and_the_warning(shared_editor):
    editor = shared_editor
    editor.drop(ROOT / "workflows" / "draft.app.json")
    editor.page.evaluate(
        "() => { const set = (name, value) => {"
        "  app.rootGraph.getNodeById(2).widgets.find(w => w.name === name).value = value; };"
        " set('host', 'http://127.0.0.1:9'); set('length', 3); }"
    )
    assert editor.run()["type"] == "execution_success"
    editor.page.get_by_text("No Ollama answers").first.wait_for()
    seen = editor.page.wait_for_function(PLAYS).json_value()
    assert seen["error"] is None
    assert seen["time"] > 0.2
    assert seen["width"] == 512


def test_app_mode_is_a_form_of_the_inputs(shared_editor):
    path, editor = ROOT / "workflows" / "draft.app.json", shared_editor
    editor.drop(path)
    editor.clear_mask()
    editor.page.get_by_role("button", name="Enter app mode").first.click()
    editor.page.get_by_text("Number of runs").wait_for()
    labels = ["Topic", "Portrait", "Voice language", "Length", "Tone", "Model"]
    shown = editor.page.wait_for_function(SHOWN, arg=labels).json_value()
    places = [shown.index(label) for label in labels]
    assert places == sorted(places)
    assert editor.page.get_by_role("button", name="Run", exact=True).first.is_visible()
    editor.page.get_by_role("button", name="Enter node graph").first.click()


CONTROLS = """types => Object.fromEntries(types.map(type => {
  const control = node => node.widgets?.find(w => w.name === 'control_after_generate')?.value;
  const fresh = LiteGraph.createNode(type);
  const place = fresh.widgets?.findIndex(w => w.name === 'control_after_generate');
  const made = [control(fresh)];
  if (made[0]) {
    const saved = LiteGraph.createNode(type);
    const content = fresh.serialize();
    content.widgets_values[place] = 'randomize';
    saved.configure(content);
    made.push(control(saved), fresh.widgets[place - 1].name);
  }
  return [type, made];
}))"""


def test_the_seed_of_a_fresh_node_stays_and_what_a_file_says_too(shared_editor):
    """Work that is queued again goes on only if it is the same."""
    types = [*NODES, "KSampler"]
    found = shared_editor.page.evaluate(CONTROLS, types)
    seeded = {node: made for node, made in found.items() if made[0]}
    assert seeded.pop("KSampler")[0] == "randomize", "other nodes are left alone"
    assert set(seeded) >= {"MySpinBotInfiniteTalk", "MySpinBotTalkingHead", "MySpinBotTrainVoice"}
    assert {node: made for node, made in seeded.items() if made != ["fixed", "randomize", "seed"]} == {}


def test_queued_twice_in_the_page_infinitetalk_is_the_same_work(shared_editor):
    queue = """type => {
      const node = LiteGraph.createNode(type);
      const seed = node.widgets.find(w => w.name === 'seed');
      const before = seed.value;
      for (let i = 0; i < 2; i++)
        for (const widget of node.widgets) { widget.beforeQueued?.(); widget.afterQueued?.(); }
      return seed.value === before;
    }"""
    assert shared_editor.page.evaluate(queue, "MySpinBotInfiniteTalk")
    assert not shared_editor.page.evaluate(queue, "KSampler")


@pytest.mark.parametrize("node", NODES)
def test_each_node_is_in_the_library_with_a_help_page(shared_editor, node):
    listed = shared_editor.page.evaluate("n => LiteGraph.registered_node_types[n]?.category", node)
    assert listed.startswith("MySpinBot/")
    answer = shared_editor.page.request.get(f"{shared_editor.url}/extensions/myspinbot/docs/{node}.md")
    assert answer.ok
    text = answer.text()
    info = shared_editor.page.request.get(f"{shared_editor.url}/object_info/{node}").json()[node]
    names = [name for part in ("required", "optional") for name in info["input"].get(part, {})]
    assert [name for name in [*names, *info["output_name"]] if f"`{name}`" not in text] == []
    for part in ("required", "optional"):
        for name, (_, *options) in info["input"].get(part, {}).items():
            assert options[0]["tooltip"].endswith("."), f"{node}.{name} has a tooltip in a whole sentence"


def test_templates_show_the_workflows(shared_editor):
    listed = shared_editor.page.request.get(f"{shared_editor.url}/workflow_templates").json()
    assert "draft.app" in listed["myspinbot"]
    for suffix in ("json", "jpg"):
        address = f"{shared_editor.url}/api/workflow_templates/myspinbot/draft.app.{suffix}"
        assert shared_editor.page.request.get(address).ok


def test_every_template_has_a_title_and_a_line():
    templates = json.loads((ROOT / "custom_nodes" / "myspinbot" / "web" / "templates.json").read_text("utf-8"))
    names = [template["name"] for template in templates]
    assert sorted(f"{name}.json" for name in names) == [path.name for path in WORKFLOWS]
    assert names[:2] == ["draft.app", "guided.app"], "the simple ones first"
    for template in templates:
        assert 10 < len(template["title"]) <= 60
        assert template["description"].endswith(".")
        assert 30 < len(template["description"]) <= 120


def test_the_page_lists_templates_by_their_titles_the_simple_ones_first(shared_editor):
    editor, page = shared_editor, shared_editor.page
    templates = json.loads((ROOT / "custom_nodes" / "myspinbot" / "web" / "templates.json").read_text("utf-8"))
    page.get_by_role("button", name="Templates").first.click()
    page.get_by_text("myspinbot", exact=True).first.click()
    cards = page.locator("[data-testid^=template-workflow-]")
    page.wait_for_function(
        "n => document.querySelectorAll('[data-testid^=template-workflow-]').length === n", arg=len(templates)
    )
    titles = [card.locator("h3").inner_text() for card in cards.all()]
    assert titles == [template["title"] for template in templates]
    said = cards.first.locator("p").inner_text()
    assert said == templates[0]["description"]
    cards.first.click()
    page.wait_for_function("() => app.rootGraph.nodes.some(node => node.type === 'MySpinBotDraftHead')")
    editor.clear_mask()
    assert page.evaluate("() => app.canvas.ds.scale") >= 0.6
