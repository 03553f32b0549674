"""What ComfyUI's training node does with the latents that it is given."""

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
from myspinbot.nodes.identity.graph import _with_scaled_latents
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
def losses(model, latents, buckets):
    torch.manual_seed(7)
    lists = {name: [value] for name, value in settings.items()}
    with torch.inference_mode():
        done = TrainLoraNode.execute(
            model=[model], latents=[{"samples": latents}], positive=[positive], bucket_mode=[buckets], **lists
        )
    return done.result[1]["loss"]
plain = _with_scaled_latents(model.clone())
print(json.dumps({
    "meant": losses(model, latents, False),
    "ours": losses(plain, model.model.process_latent_in(latents), True),
}))
"""


@pytest.mark.slow
def test_pictures_in_buckets_are_trained_as_single_ones_are(sd15, server):
    """The same picture, noise and time give the same loss; the first step draws its picture elsewhere."""
    checkpoint = Path(server.base_directory) / "models" / "checkpoints" / sd15
    pack = Path(__file__).resolve().parents[2] / "custom_nodes"
    command = [sys.executable, "-c", CODE, str(checkpoint), str(find_installation().comfyui), str(pack)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ours"][1] == found["meant"][1]
