"""Several files from one's own computer into a folder of the server, in the real page's form."""

import json
from pathlib import Path

import pytest

from myspinbot_runner import Client

ROOT = Path(__file__).resolve().parents[2]
PICTURES = [ROOT / "tests" / "media" / "elderly_man.jpg", ROOT / "workflows" / "media" / "portrait.jpg"]
CHOSEN = """([id, none]) => {
  const folder = app.rootGraph.getNodeById(id).widgets.find(widget => widget.name === 'folder').value;
  return folder !== none;
}"""
BUTTONS = [("train_bot", "6", "Upload pictures", "my-identity-"), ("finetune_voice", "4", "Upload clips", "")]


@pytest.mark.parametrize(("workflow", "node", "label", "folder"), BUTTONS)
def test_a_form_takes_several_files(shared_editor, server, workflow, node, label, folder):
    page = shared_editor.page
    path = ROOT / "workflows" / f"{workflow}.app.json"
    shared_editor.drop(path)
    shared_editor.clear_mask()
    before = shared_editor.prompt()
    page.get_by_role("button", name="Enter app mode").first.click()
    button = page.get_by_role("button", name=label)
    with page.expect_file_chooser() as chosen:
        button.click()
    chosen.value.set_files(PICTURES)
    none = before[node]["inputs"].pop("folder")
    page.wait_for_function(CHOSEN, arg=[node, none])
    page.get_by_text("2 files are in ComfyUI's input folder").first.wait_for()
    after = shared_editor.prompt()
    name = after[node]["inputs"].pop("folder")
    assert after == before, "nothing else has changed"
    assert name.startswith(folder)
    there = Path(server.base_directory) / "input" / name
    assert {file.name: file.read_bytes() for file in there.iterdir()} == {p.name: p.read_bytes() for p in PICTURES}
    page.get_by_role("button", name="Enter node graph").first.click()


def test_the_button_is_in_no_file_and_no_command(server):
    for workflow, *_ in BUTTONS:
        path = ROOT / "workflows" / f"{workflow}.app.json"
        linear = json.loads(path.read_text("utf-8"))["extra"]["linearData"]["inputs"]
        assert "upload" in [name for _, name, *_ in linear]
        assert "--upload" not in [entry.flag for entry in Client(server.url).open(path).inputs]
