"""The lip-sync workflow from the command line, on a real server with random weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest

from myspinbot_runner import Client
from myspinbot_shared.manifest import load
from tests.miniatures import wav2lip as miniature
from tests.model_properties import disagreements

from .test_nodes import sound

ROOT = Path(__file__).resolve().parents[2]
LIPSYNC = ROOT / "workflows" / "lipsync.app.json"
RELIP = ROOT / "workflows" / "transfer_lips.app.json"


def run(server, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "myspinbot_manage", "run", str(LIPSYNC), "--server", server.url, "--out", str(out)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=200, cwd=ROOT, check=False)


def test_the_command_line_dubs_the_example_clip_and_ones_own(server, tmp_path):
    miniature.write(Path(server.base_directory) / "models" / "wav2lip" / "mini.pth")
    sound(tmp_path / "my speech.wav", 1.0)
    own = tmp_path / "my clip.mp4"
    own.write_bytes((ROOT / "workflows" / "media" / "clip.mp4").read_bytes())
    for number, clip in enumerate(([], ["--clip", str(own)])):
        out = tmp_path / str(number)
        done = run(server, out, "--model", "mini.pth", "--speech", str(tmp_path / "my speech.wav"), *clip)
        assert done.returncode == 0, done.stdout + done.stderr
        (path,) = out.rglob("*.mp4")
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 25


def test_as_it_is_shipped_it_names_the_model_its_licence_and_where_to_get_it(server, tmp_path):
    done = run(server, tmp_path)
    assert done.returncode not in (0, 1)
    said = done.stdout + done.stderr
    assert "Wav2Lip-research" in said
    assert "myspinbot models get" in said


@pytest.mark.parametrize("path", [LIPSYNC, RELIP], ids=lambda path: path.name)
def test_the_flags_are_those_that_the_note_promises(server, path):
    note = next(node for node in json.loads(path.read_text("utf-8"))["nodes"] if node["type"] == "MarkdownNote")
    command = note["widgets_values"][0].split("Headless: `")[1]
    promised = [word[2:] for word in command.split() if word.startswith("--")]
    assert promised == ["clip", "speech"]
    offered = [entry.flag.lstrip("-") for entry in Client(server.url).open(path).inputs]
    assert set(promised) <= set(offered)


@pytest.mark.parametrize("path", [LIPSYNC, RELIP], ids=lambda path: path.name)
def test_it_agrees_with_the_manifest(path):
    assert disagreements(json.loads(path.read_text("utf-8")), load()) == []
