"""The upscale workflows from the command line, on a real server with a model in miniature."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from myspinbot.media.clip import probe
from myspinbot_runner import Client
from myspinbot_shared.manifest import load
from tests.miniatures import upscale as miniature
from tests.model_properties import disagreements

from .scenes import talking, write

ROOT = Path(__file__).resolve().parents[2]
UPSCALE = ROOT / "workflows" / "upscale.app.json"
CODEFORMER = ROOT / "workflows" / "upscale_codeformer.app.json"


@pytest.fixture(scope="module")
def clip(server, tmp_path_factory) -> Path:
    models = Path(server.base_directory) / "models" / "upscale_models"
    miniature.write(models / "mini_flow_x2.pth", miniature.compact())
    return write(tmp_path_factory.mktemp("clip") / "me.mp4", talking(6))


def run(server, workflow: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "myspinbot_runner",
        "run",
        str(workflow),
        "--server",
        server.url,
        "--out",
        str(out),
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=200, cwd=ROOT, check=False)


def test_the_command_line_upscales_a_clip(server, clip, tmp_path):
    done = run(server, UPSCALE, tmp_path, "--model", "mini_flow_x2.pth", "--clip", str(clip), "--target", "576p")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.rglob("*.mp4")
    assert (probe(path).width, probe(path).height, probe(path).frames) == (768, 576, 6)


def test_the_variant_with_codeformer_names_what_it_lacks_and_its_licence(server, clip, tmp_path):
    done = run(server, CODEFORMER, tmp_path, "--model", "mini_flow_x2.pth", "--clip", str(clip))
    assert done.returncode not in (0, 1)
    assert "myspinbot models get codeformer --accept-licence S-Lab-1.0" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "promised"),
    [(UPSCALE, ["clip", "target"]), (CODEFORMER, ["clip", "codeformer-fidelity"])],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_the_flags_are_those_that_the_note_promises(server, clip, path, promised):
    note = next(node for node in json.loads(path.read_text("utf-8"))["nodes"] if node["type"] == "MarkdownNote")
    command = note["widgets_values"][0].split("Headless: `")[1]
    assert [word[2:] for word in command.split() if word.startswith("--")] == promised
    offered = [entry.flag.lstrip("-") for entry in Client(server.url).open(path).inputs]
    assert set(promised) <= set(offered)


@pytest.mark.parametrize("path", [UPSCALE, CODEFORMER], ids=lambda path: path.name)
def test_it_agrees_with_the_manifest(path):
    assert disagreements(json.loads(path.read_text("utf-8")), load()) == []


def test_only_the_variant_uses_what_has_no_open_licence():
    for path, closed in ((UPSCALE, False), (CODEFORMER, True)):
        kinds = {node["type"] for node in json.loads(path.read_text("utf-8"))["nodes"]}
        assert ("MySpinBotLoadFaceRestorer" in kinds) is closed
