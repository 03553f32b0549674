"""What runs in ComfyUI's hands stays in its sight, so that it can take it off the card again: with its own code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation
from tests.miniatures import recognition
from tests.miniatures import upscale as miniature

pytestmark = pytest.mark.slow
PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"
CODE = """
import gc, json, sys, types
comfyui, pack, models, upscaler = sys.argv[1:]
sys.argv = ["x", "--cpu"]
sys.path.insert(0, comfyui)
package = types.ModuleType("myspinbot"); package.__path__ = [pack]; sys.modules["myspinbot"] = package
import comfy.options; comfy.options.enable_args_parsing()
import folder_paths, numpy, torch
from comfy import model_management
from spandrel import ModelLoader
from myspinbot.nodes.enhance import upscale_model
from myspinbot.nodes.speech import recognition_models

def seen():
    gc.collect()
    model_management.cleanup_models_gc()
    return [None if model is None else type(model.model).__name__ for model in model_management.loaded_models()]

folder_paths.add_model_folder_path("audio_encoders", models)
found = {}
place = model_management.get_torch_device()
for turn in (1, 2):
    recognition_models.forced_aligner("auto", place)(numpy.zeros(16000, numpy.float32), 16000, ["word"])
    found[f"aligner {turn}"] = seen()
held = upscale_model.load_upscaler(ModelLoader().load_from_file(upscaler), exact=True)
upscale_model.load_together(held.model)
found["upscaler"] = seen()
del held
found["without the upscaler"] = seen()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[str | None]]:
    base = tmp_path_factory.mktemp("models")
    recognition.write_wav2vec2(base / "audio_encoders" / "wav2vec2-mini")
    upscaler = miniature.write(base / "mini.pth", miniature.compact())
    paths = [find_installation().comfyui, PACK, base / "audio_encoders", upscaler]
    done = subprocess.run([sys.executable, "-c", CODE, *map(str, paths)], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_aligner_stays_in_sight_after_its_run_and_is_there_once(found):
    assert found["aligner 1"] == found["aligner 2"] == ["ModuleList"]


def test_an_upscaler_is_in_sight_while_it_is_used_and_gone_after_it(found):
    assert found["upscaler"] == ["DescriptorModule", "ModuleList"]
    assert found["without the upscaler"] == ["ModuleList"]
