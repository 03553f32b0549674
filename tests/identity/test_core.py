"""What ComfyUI's training node does with the latents and the model that it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation

CODE = """
import json, sys
checkpoint, comfyui, pack = sys.argv[1:4]
sys.argv = ["x", "--cpu"]
sys.path[:0] = [comfyui, pack]
import comfy.options; comfy.options.enable_args_parsing()
import comfy.sd, nodes, torch
from comfy_extras.nodes_train import TrainLoraNode
from myspinbot.engines.identity.lora import trained
from myspinbot.nodes.identity.graph import _with_scaled_latents
from myspinbot.nodes.identity.model import only_trained
torch.set_num_threads(1)
model = comfy.sd.load_checkpoint_guess_config(checkpoint, output_vae=False, output_clip=False)[0]
generator = torch.Generator().manual_seed(1)
latents = 5 * torch.randn(1, 4, 8, 8, generator=generator)
positive = [[torch.randn(1, 77, 768, generator=generator), {}]]
settings = {
    "batch_size": 1, "steps": 2, "grad_accumulation_steps": 1, "learning_rate": 1e-7, "rank": 2, "optimizer": "AdamW",
    "loss_function": "MSE", "seed": 3, "training_dtype": "fp32", "lora_dtype": "fp32", "quantized_backward": False,
    "algorithm": "LoRA", "gradient_checkpointing": False, "checkpoint_depth": 2, "offloading": False,
    "existing_lora": "[None]", "bypass_mode": False,
}
def trains(model, latents, buckets, **changes):
    torch.manual_seed(7)
    lists = {name: [value] for name, value in (settings | changes).items()}
    with torch.inference_mode():
        done = TrainLoraNode.execute(
            model=[model], latents=[{"samples": latents}], positive=[positive], bucket_mode=[buckets], **lists
        )
    return done.result
plain, scaled = _with_scaled_latents(model.clone()), model.model.process_latent_in(latents)
stage = trains(only_trained(plain.clone()), scaled, True, steps=1, learning_rate=1e-2, gradient_checkpointing=True)[0]
kept = trained(stage)
print(json.dumps({
    "meant": trains(model, latents, False)[1]["loss"],
    "ours": trains(plain, scaled, True)[1]["loss"],
    "still": sorted(name for name in kept if name.endswith("lora_down.weight") and not kept[name].any()),
    "moved": sorted(
        name for name, value in stage.items()
        if (name.endswith((".diff", ".diff_b")) or name not in kept and "lora_down" in name) and value.any()
    ),
    "alphas": sorted({value.item() for name, value in kept.items() if name.endswith(".alpha")}),
    "trained": len(kept) // 3,
}))
"""


@pytest.fixture(scope="module")
def found(sd15, server) -> dict:
    checkpoint = Path(server.base_directory) / "models" / "checkpoints" / sd15
    pack = Path(__file__).resolve().parents[2] / "custom_nodes"
    command = [sys.executable, "-c", CODE, str(checkpoint), str(find_installation().comfyui), str(pack)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_pictures_in_buckets_are_trained_as_single_ones_are(found):
    """The same picture, noise and time give the same loss; the first step draws its picture elsewhere."""
    assert found["ours"][1] == found["meant"][1]


@pytest.mark.slow
def test_the_matrices_in_blocks_are_trained_alone(found):
    """Whatever else ComfyUI's node would train stays as it began, and so does the scale that other programs go by."""
    assert (found["still"], found["moved"], found["alphas"]) == ([], [], [1.0])
    assert found["trained"] == 65
