"""What a training is known by, and what its steps need: with ComfyUI's own classes, without a server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from myspinbot_runner.locate import find_installation

CODE = """
import json, os, pathlib, sys, types
comfyui, pack, base = sys.argv[1:]
sys.argv = ["x", "--cpu", "--base-directory", base]
sys.path.insert(0, comfyui)
package = types.ModuleType("myspinbot"); package.__path__ = [pack]; sys.modules["myspinbot"] = package
import comfy.options; comfy.options.enable_args_parsing()
import torch
from comfy.model_patcher import ModelPatcher
from comfy.weight_adapter.lora import LoRAAdapter
from myspinbot.engines.identity.plan import Plan, lora_name
from myspinbot.engines.identity.settings import settings_for
from myspinbot.nodes.identity.model import origin_of
from myspinbot.nodes.identity.graph import IdentitySave
from myspinbot.nodes.identity.train_identity import TrainIdentity, _pictures
from myspinbot.comfyui.work_store import work_store
found = {}

def said(call):
    try:
        return [call(), ""][1]
    except (RuntimeError, OSError, ValueError) as error:
        return str(error)

torch.manual_seed(0)
plain = ModelPatcher(torch.nn.Sequential(torch.nn.Linear(8, 16)), torch.device("cpu"), torch.device("cpu"))
up, other, down = torch.randn(16, 2), torch.randn(16, 2), torch.randn(2, 8)
def patched(up, strength=1.0):
    model = plain.clone()
    model.add_patches({"0.weight": LoRAAdapter(set(), (up, down, 1.0, None, None, None))}, strength)
    return model
def replaced(value):
    model = plain.clone()
    model.add_object_patch("sampling", torch.nn.ParameterList([torch.full((2,), value)]))
    model.add_object_patch("0.forward", plain.model[0].forward)
    return model
models = [plain, patched(up), patched(other), patched(up, 0.5), replaced(1.0), replaced(2.0)]
again = [plain.clone(), patched(up.clone()), patched(other), patched(up, 0.5), replaced(1.0), replaced(2.0)]
found["origins"] = [origin_of(model) for model in models]
plain.model[0].weight.data[-1] += 1  # as if a LoRA that was used last were in it, past the numbers that are sampled
found["again"] = [origin_of(model) for model in again]

folder = pathlib.Path(base, "input", "person")
(folder / "more").mkdir(parents=True)
states = found["states"] = []
def look():
    states.append(TrainIdentity.fingerprint_inputs(folder=["person"], seed=[1]))
look(); look()
(folder / "more" / "a.png").write_bytes(b"1"); look()
(folder / "more" / "a.txt").write_text("smiling"); look()
os.utime(folder / "more" / "a.txt", (5, 5)); look()
found["refused"] = said(lambda: _pictures("..", [], []))
found["outside"] = TrainIdentity.fingerprint_inputs(folder=[".."])

plan = Plan("n", "t", "SD 1.5", "b", "o", "p", 1, (2, 2), settings_for("SD 1.5"), ("a",), ())
save = lambda stage, **inputs: IdentitySave.execute(plan.dumps(), stage, **inputs)
block = "diffusion_model.middle_block.1.proj_in"
lora = {f"{block}.lora_up.weight": torch.full((2, 1), 4.0), f"{block}.diff_b": torch.ones(2)}
save(2, lora=lora, loss={"loss": [1.0, 1.0]})
job = plan.job(work_store())
kept = {name: value.tolist() for name, value in save(2)[0].items()}
found["kept"] = [sorted(path.name for path in job.folder.glob("s*")), kept]
with job.locked():
    found["held"] = [said(lambda: save(2)), said(lambda: save(2, lora=lora, loss={"loss": [1.0]}))]
job.remove(lora_name(2))
found["gone"] = said(lambda: save(2))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(starts_processes, tmp_path_factory) -> dict:
    from tests.engines import PACK

    base = tmp_path_factory.mktemp("base")
    command = [sys.executable, "-c", CODE, str(find_installation().comfyui), str(PACK), str(base)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_models_with_other_patches_have_other_origins(found):
    assert len(set(found["origins"])) == 6


def test_a_model_with_the_same_patches_is_known_again(found):
    assert found["again"][1:] == found["origins"][1:]


def test_a_changed_picture_or_caption_in_the_folder_is_noticed(found):
    first, same, *changed = found["states"]
    assert first == same
    assert len({first, *changed}) == 4
    assert found["outside"] == "", "nothing outside of the input folder is looked at"


def test_a_stage_is_kept_though_the_earlier_ones_were_cleared(found):
    files, kept = found["kept"]
    assert files == ["stage-002.safetensors"]
    assert kept == {"diffusion_model.middle_block.1.proj_in.lora_up.weight": [[4.0], [4.0]]}
    assert "kept work was cleared. Queue the training again" in found["gone"]


def test_the_job_is_held_while_a_stage_is_kept(found):
    assert all("Another ComfyUI works on the same job" in said for said in found["held"])
    assert len(found["held"]) == 2


def test_folders_outside_of_the_input_folder_are_refused(found):
    assert "There is no folder '..' in ComfyUI's input folder" in found["refused"]
