"""The pipelines as they are shipped, from the command line and from Python, with settings for miniatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av

from myspinbot_runner import Client
from tests.runner.helpers import call

ROOT = Path(__file__).resolve().parents[2]
GUIDED, DIRECT, TRAIN, FINETUNE = (
    ROOT / "workflows" / f"{name}.app.json" for name in ("guided", "direct", "train_bot", "finetune_voice")
)
RECORDING = ROOT / "workflows" / "media" / "voice.flac"
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing answers there
WORDS = (
    "This is a voice to begin with. It comes from a small program, so it sounds like one. "
    "Put ten seconds of your own in its place."
)


def command(server: Any, workflow: Path, out: Path, *arguments: str) -> str:
    """What `myspinbot run` prints; it must succeed."""
    where = ["--server", server.url, "--out", str(out)]
    status, told, errors = call("run", str(workflow), *where, *arguments, timeout=800)
    assert status == 0, told + errors
    return told + errors


def training(pictures: Path, name: str) -> list[str]:
    """The arguments that train a bot with a miniature."""
    return [
        "--pictures", str(pictures), "--recording", str(RECORDING), "--transcript", WORDS, "--name", name,
        "--consent", "true", "--trigger", "ohwx man", "--persona", "a beekeeper",
        "--portrait", str(ROOT / "tests" / "media" / "bearded_man.jpg"),
        "--set", "Train Identity (LoRA).resolution=64", "--set", "Train Identity (LoRA).rank=2",
    ]  # fmt: skip


def guided(server: Any, bot: str, *, length: int = 3, **changes: dict[str, Any]) -> dict[str, Any]:
    """The guided pipeline's graph for `bot`, small; `changes` are of the nodes' inputs, by class without its prefix."""
    client = Client(server.url)
    workflow = client.open(GUIDED)
    flags = {"topic": "Bees", "length": str(length), "bot": bot, "preset": "low-vram", "prompt": "A person."}
    for flag, value in flags.items():
        client.set_inputs(workflow, {flag: value})
    workflow.set("Write Script.host", NOBODY)
    small: dict[str, dict[str, Any]] = {
        "Portrait": {"steps": 1},
        "TalkingHead": {"width": 128, "height": 128, "steps": 1},
        "Finish": {"upscale_height": 192},
    }
    graph = workflow.api()
    for node in graph.values():
        kind = node["class_type"].removeprefix("MySpinBot")
        node["inputs"] |= small.get(kind, {}) | changes.get(kind, {})
    return graph


def only(folder: Path, suffix: str) -> Path:
    (path,) = folder.rglob(f"*{suffix}")
    return path


def used(path: Path) -> list[str]:
    """The engines that a video's file says made it."""
    with av.open(str(path)) as clip:
        return [entry["used"] for entry in json.loads(clip.metadata["provenance"])]
