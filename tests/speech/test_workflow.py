"""The speech workflows from the command line, on a real server with a model in miniature."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from safetensors import safe_open

from myspinbot_runner import Client
from myspinbot_shared.manifest import load
from tests.miniatures import f5 as miniature
from tests.model_properties import disagreements
from tests.runner.helpers import tag

from .test_train_node import clips

ROOT = Path(__file__).resolve().parents[2]
SPEAK = ROOT / "workflows" / "speak.app.json"
TRAIN = ROOT / "workflows" / "train_voice.app.json"
FINETUNE = ROOT / "workflows" / "finetune_voice.app.json"
MODEL = "F5-TTS/mini/model_1250000.safetensors"


@pytest.fixture(scope="module")
def base(server) -> Path:
    folder = Path(server.base_directory) / "models" / "TTS" / "F5-TTS"
    miniature.write_model(folder / "mini")
    miniature.write_vocoder(folder / "vocos")
    return Path(server.base_directory)


def run(server, out: Path, *arguments: str, workflow: Path = SPEAK) -> subprocess.CompletedProcess[str]:
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


def test_the_command_line_speaks_in_the_example_voice(server, base, tmp_path):
    done = run(server, tmp_path, "--model", MODEL, "--steps", "5", "--text", "Twenty-one words, or 21.")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.rglob("*.flac")
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.sample_rate, stream.codec_context.layout.name) == (24000, "mono")
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert 1.0 < samples.shape[1] / 24000 < 10


def test_as_it_is_shipped_it_names_the_model_to_fetch(server, base, tmp_path):
    done = run(server, tmp_path)
    assert done.returncode not in (0, 1)
    assert "myspinbot models get openf5" in done.stdout + done.stderr


def test_a_voice_is_made_kept_and_heard(server, base, tmp_path):
    name = f"owner {tag()}"
    flags = ("--model", MODEL, "--steps", "5", "--name", name)
    done = run(server, tmp_path, *flags, workflow=TRAIN)
    assert done.returncode not in (0, 1)
    assert "consent" in done.stdout + done.stderr
    path = base / "models" / "voices" / f"{name}.safetensors"
    assert not path.exists()
    done = run(server, tmp_path, *flags, "--consent", "true", workflow=TRAIN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.is_file()
    assert list(tmp_path.rglob("*.flac"))


def test_a_voice_is_trained_with_a_folder_of_clips_and_heard(server, base, tmp_path):
    folder = clips(base, f"clips-{tag()}", ["It was a fine day for all of us.", "Nobody minded the wind at all."])
    name = f"owner {tag()}"
    names = ("--name", name, "--trained-name", f"{name}, trained")
    flags = ("--model", MODEL, "--speech-steps", "5", "--steps", "4", "--learning-rate", "0.01", "--folder", folder)
    done = run(server, tmp_path, *flags, *names, "--consent", "true", workflow=FINETUNE)
    assert done.returncode == 0, done.stdout + done.stderr
    voices = base / "models" / "voices"
    assert "adapter" not in facts(voices / f"{name}.safetensors")
    assert facts(voices / f"{name}, trained.safetensors")["adapter"]["settings"]["steps"] == 4
    assert list(tmp_path.rglob("*.flac"))
    assert list(tmp_path.rglob("*.png"))


def facts(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["myspinbot-voice"])


@pytest.mark.parametrize(
    ("path", "promised"),
    [
        (SPEAK, ["text", "voice", "transcript"]),
        (TRAIN, ["recording", "transcript", "name", "consent"]),
        (FINETUNE, ["recording", "transcript", "folder", "name", "trained-name", "consent"]),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_the_flags_are_those_that_the_note_promises(server, path, promised):
    note = next(node for node in json.loads(path.read_text("utf-8"))["nodes"] if node["type"] == "MarkdownNote")
    command = note["widgets_values"][0].split("Headless: `")[1]
    assert re.findall(r"--([a-z-]+)", command) == promised
    client = Client(server.url)
    offered = [entry.flag.lstrip("-") for entry in client.open(path).inputs]
    assert set(promised) <= set(offered)


@pytest.mark.parametrize("path", [SPEAK, TRAIN, FINETUNE], ids=lambda path: path.name)
def test_it_agrees_with_the_manifest(path):
    assert disagreements(json.loads(path.read_text("utf-8")), load()) == []
