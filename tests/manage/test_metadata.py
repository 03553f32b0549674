"""A real ComfyUI: what its videos tell of the models that made them, and what it says of a missing one."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from myspinbot_manage.hooks import write_beside
from myspinbot_runner.client import Client
from myspinbot_runner.errors import MissingModel
from myspinbot_runner.server import LocalServer


def miniature_upscaler(path: Path) -> None:
    """A random SRVGG network under the key names of the public ones."""
    shapes = {"body.0": (8, 3), "body.2": (8, 8), "body.4": (12, 8)}
    state: dict[str, torch.Tensor] = {}
    generator = torch.Generator().manual_seed(0)
    for name, (out, into) in shapes.items():
        state[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * 0.05
        state[f"{name}.bias"] = torch.zeros(out)
    for name in ("body.1", "body.3"):
        state[f"{name}.weight"] = torch.ones(8)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"params": state}, path)


def graph(model: str, *, ours: bool = True) -> dict[str, Any]:
    """A picture made larger, as a video; with a node of ours that speaks, or without."""
    video = {"images": ["3", 0], "fps": 5.0}
    nodes: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 32, "batch_size": 2, "color": 255}},
        "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": model}},
        "3": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]}},
        "4": {"class_type": "CreateVideo", "inputs": video},
        "5": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["4", 0], "filename_prefix": uuid.uuid4().hex, "format": "mp4", "codec": "h264"},
        },
    }
    if ours:
        speech = {"text": "Hi.", "language": "en-us", "voice": "default", "speed": 1.0, "pitch": 50}
        nodes["6"] = {"class_type": "MySpinBotDraftSpeech", "inputs": speech}
        video["audio"] = ["6", 0]
    return nodes


def metadata(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return dict(container.metadata)


def test_a_video_tells_which_models_made_it(server: LocalServer, tmp_path: Path) -> None:
    assert server.base_directory
    miniature_upscaler(server.base_directory / "models" / "upscale_models" / "realesr-general-x4v3.pth")
    client = Client(server.url)
    ours, foreign = (client.submit(graph("realesr-general-x4v3.pth", ours=ours)) for ours in (True, False))
    ours.result()
    foreign.result()
    (video,) = ours.save(tmp_path / "ours")
    told = json.loads(metadata(video)["models"])
    assert [entry["id"] for entry in told] == ["realesr-general-x4v3"]
    assert told[0]["licence"] == "BSD-3-Clause"
    assert "prompt" in metadata(video)
    beside = json.loads(video.with_name(f"{video.name}.json").read_text(encoding="utf-8"))
    assert beside == {"video": video.name, "models": told}
    # Without a node of ours the file is ComfyUI's own business; the runner still tells of models that it knows.
    (video,) = foreign.save(tmp_path / "foreign")
    assert "models" not in metadata(video)
    assert video.with_name(f"{video.name}.json").exists()


def test_a_missing_model_is_told_with_what_fetches_it(server: LocalServer) -> None:
    with pytest.raises(MissingModel) as caught:
        Client(server.url).submit(graph("RealESRGAN_x2plus.pth"))
    assert caught.value.message.endswith(
        "RealESRGAN x2plus is missing: RealESRGAN_x2plus.pth (67.1 MB, licence BSD-3-Clause). Fetch it with "
        "`myspinbot models get realesrgan-x2plus`, or put it into ComfyUI's models/upscale_models."
    )


def test_nothing_beside_where_there_is_nothing_to_tell(tmp_path: Path) -> None:
    clip, picture = tmp_path / "clip.mp4", tmp_path / "picture.png"
    for path in (clip, picture):
        path.write_bytes(b"x")
    known = {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "wan_2.1_vae.safetensors"}}}
    strange = {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "strange.safetensors"}}}
    assert write_beside(picture, known) is None
    assert write_beside(clip, {}) is None
    assert write_beside(clip, strange) is None
    assert len(list(tmp_path.iterdir())) == 2
    target = write_beside(clip, known)
    assert target == tmp_path / "clip.mp4.json"
    target.write_text("mine")
    assert write_beside(clip, known) is None
    assert target.read_text() == "mine"
