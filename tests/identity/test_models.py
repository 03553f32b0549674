"""The models at their full size, without numbers: what is trained has names that Load LoRA knows."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from myspinbot_runner.locate import find_installation

_SD = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "use_spatial_transformer": True}
_SD |= {"legacy": False, "use_temporal_attention": False}
KINDS = {
    "SD15": _SD
    | {"num_res_blocks": [2] * 4, "channel_mult": [1, 2, 4, 4], "num_heads": 8, "num_head_channels": -1}
    | {"transformer_depth": [1] * 6 + [0] * 2, "transformer_depth_output": [1] * 9 + [0] * 3}
    | {"transformer_depth_middle": 1, "context_dim": 768, "use_linear_in_transformer": False, "adm_in_channels": None},
    "SDXL": _SD
    | {"num_res_blocks": [2] * 3, "channel_mult": [1, 2, 4], "num_heads": -1, "num_head_channels": 64}
    | {"transformer_depth": [0, 0, 2, 2, 10, 10], "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10]}
    | {"transformer_depth_middle": 10, "context_dim": 2048, "use_linear_in_transformer": True}
    | {"adm_in_channels": 2816, "num_classes": "sequential"},
    "ZImage": {"image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 3840, "cap_feat_dim": 2560}
    | {"n_layers": 30, "qk_norm": True, "n_heads": 30, "n_kv_heads": 30, "axes_dims": [32, 48, 48]}
    | {"axes_lens": [1536, 512, 512], "rope_theta": 256.0, "ffn_dim_multiplier": 8 / 3, "z_image_modulation": True}
    | {"time_scale": 1000.0, "pad_tokens_multiple": 32},
}
CODE = """
import json, math, sys, types
kinds, comfyui, pack = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.argv = ["x", "--cpu"]
sys.path.insert(0, comfyui)
package = types.ModuleType("myspinbot"); package.__path__ = [pack]; sys.modules["myspinbot"] = package
import comfy.options; comfy.options.enable_args_parsing()
import comfy.lora, comfy.ops, comfy.supported_models, torch
from myspinbot.engines.identity.layouts import convert, in_blocks, own_layout
from myspinbot.nodes.identity.model import family_of, layers_of
ENDS = (".lora_up.weight", ".lora_down.weight", ".lora_B.weight", ".lora_A.weight", ".alpha")
found = {}
for kind, config in kinds.items():
    model_config = getattr(comfy.supported_models, kind)(config)
    model_config.set_inference_dtype(torch.bfloat16, None)
    model_config.custom_operations = comfy.ops.manual_cast
    model = model_config.get_model({}, "", device=torch.device("meta"))
    patcher = types.SimpleNamespace(model=model)
    known, family = comfy.lora.model_lora_keys_unet(model, {}), family_of(patcher, "auto")
    layers = [(name, shape) for name, shape in layers_of(patcher) if in_blocks(name)]
    lora = {f"{name}.lora_up.weight": torch.empty(shape[0], 16, device="meta") for name, shape in layers}
    lora |= {f"{name}.lora_down.weight": torch.empty(16, math.prod(shape[1:]), device="meta") for name, shape in layers}
    file = convert(lora, family, own_layout(family))
    found[kind] = {
        "family": family,
        "unknown": [name for name in file if name.removesuffix(next(filter(name.endswith, ENDS))) not in known],
        "weights": sum(value.numel() for value in model.diffusion_model.parameters()),
        "rank 16": sum(value.numel() for value in lora.values()),
        "file": sum(2 * value.numel() for value in file.values()),
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def models(starts_processes) -> dict:
    from tests.engines import PACK

    command = [sys.executable, "-c", CODE, json.dumps(KINDS), str(find_installation().comfyui), str(PACK)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("kind", "family"), [("SD15", "SD 1.5"), ("SDXL", "SDXL"), ("ZImage", "Z-Image-Turbo")])
def test_every_name_is_known_and_the_settings_are_found(models, kind, family):
    assert models[kind]["unknown"] == []
    assert models[kind]["family"] == family


def test_the_sizes_are_those_of_the_document(models):
    sizes = {
        kind: [round(found[size] / 1e6) for size in ("weights", "rank 16", "file")] for kind, found in models.items()
    }
    assert sizes == {"SD15": [860, 17, 34], "SDXL": [2567, 49, 98], "ZImage": [6155, 44, 95]}
