"""A LoRA as kohya and diffusers write it: the names, and that both programs change a model alike with it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date

import pytest
import torch

from myspinbot.engines.identity.convert import convert_file
from myspinbot.engines.identity.layouts import LayoutError, convert, family_of, in_blocks, read
from myspinbot.engines.identity.lora import Identity, save
from myspinbot.engines.weights import load_weights, read_header
from myspinbot_runner.locate import find_installation

LAYERS = {
    "input_blocks.1.0.in_layers.2": ((8, 36), "down_blocks_0_resnets_0_conv1", "down_blocks.0.resnets.0.conv1"),
    "input_blocks.4.0.skip_connection": ((8, 4), "down_blocks_1_resnets_0_conv_shortcut", None),
    "input_blocks.6.0.op": ((8, 72), "down_blocks_1_downsamplers_0_conv", None),
    "input_blocks.8.1.proj_in": ((8, 8), "down_blocks_2_attentions_1_proj_in", None),
    "middle_block.1.transformer_blocks.0.attn2.to_k": (
        (8, 768),
        "mid_block_attentions_0_transformer_blocks_0_attn2_to_k",
        "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    ),
    "middle_block.2.emb_layers.1": ((8, 32), "mid_block_resnets_1_time_emb_proj", None),
    "output_blocks.2.1.conv": ((8, 72), "up_blocks_0_upsamplers_0_conv", None),
    "output_blocks.5.2.conv": ((8, 72), "up_blocks_1_upsamplers_0_conv", None),
    "output_blocks.5.1.transformer_blocks.0.ff.net.0.proj": (
        (64, 8),
        "up_blocks_1_attentions_2_transformer_blocks_0_ff_net_0_proj",
        None,
    ),
    "output_blocks.11.1.transformer_blocks.0.attn1.to_out.0": (
        (8, 8),
        "up_blocks_3_attentions_2_transformer_blocks_0_attn1_to_out_0",
        "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_out.0",
    ),
}
"""ComfyUI's name of a layer, its shape as a matrix, and kohya's and diffusers' names."""


def trained(rank: int = 2) -> dict[str, torch.Tensor]:
    """A LoRA as ComfyUI's training gives it."""
    generator = torch.Generator().manual_seed(1)
    lora = {}
    for name, ((outputs, inputs), *_) in LAYERS.items():
        lora[f"diffusion_model.{name}.lora_up.weight"] = torch.randn(outputs, rank, generator=generator)
        lora[f"diffusion_model.{name}.lora_down.weight"] = torch.randn(rank, inputs, generator=generator)
        lora[f"diffusion_model.{name}.alpha"] = torch.tensor(1.0)
        lora[f"diffusion_model.{name}.diff_b"] = torch.ones(outputs)
    return lora


def test_kohyas_names_and_dimensions():
    lora = convert(trained(), "SD 1.5", "kohya")
    assert {key.split(".")[0] for key in lora} == {f"lora_unet_{kohya}" for _, kohya, _ in LAYERS.values()}
    assert not [key for key in lora if "diff" in key.rpartition(".")[2]]
    assert lora["lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight"].shape == (2, 4, 3, 3)
    assert lora["lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight"].shape == (8, 2, 1, 1)
    assert lora["lora_unet_down_blocks_1_resnets_0_conv_shortcut.lora_down.weight"].shape == (2, 4, 1, 1)
    assert lora["lora_unet_down_blocks_2_attentions_1_proj_in.lora_down.weight"].shape == (2, 8, 1, 1)
    assert lora["lora_unet_mid_block_resnets_1_time_emb_proj.lora_down.weight"].shape == (2, 32)


def test_sdxl_keeps_the_checkpoints_names_and_its_linear_projections():
    lora = convert(trained(), "SDXL", "kohya")
    assert lora["lora_unet_input_blocks_8_1_proj_in.lora_down.weight"].shape == (2, 8)
    assert lora["lora_unet_input_blocks_6_0_op.lora_down.weight"].shape == (2, 8, 3, 3)


def test_diffusers_names_have_alpha_multiplied_in():
    source = trained()
    lora = convert(source, "SD 1.5", "diffusers")
    for name, (_, _, known) in LAYERS.items():
        if known:
            both = lora[f"unet.{known}.lora_B.weight"].flatten(1) @ lora[f"unet.{known}.lora_A.weight"].flatten(1)
            wanted = (
                source[f"diffusion_model.{name}.lora_up.weight"] @ source[f"diffusion_model.{name}.lora_down.weight"]
            )
            torch.testing.assert_close(both, wanted / 2)
    assert all(key.endswith((".lora_A.weight", ".lora_B.weight")) for key in lora)


def test_one_layout_after_the_other_gives_the_same():
    source = trained()
    for family in ("SD 1.5", "SDXL"):
        kohya = convert(source, family, "kohya")
        again, once = convert(kohya, family, "diffusers"), convert(source, family, "diffusers")
        assert again.keys() == once.keys()
        assert all(torch.equal(again[key], once[key]) for key in once)


def test_what_is_in_diffusers_layout_already_stays_as_it_is():
    """So a training's own file can stand for its last stage, and be saved again under another name."""
    source = {
        "diffusion_model.layers.0.attention.qkv.lora_up.weight": torch.ones(12, 2),
        "diffusion_model.layers.0.attention.qkv.lora_down.weight": torch.ones(2, 4),
        "diffusion_model.layers.0.attention.qkv.alpha": torch.tensor(1.0),
    }
    for family, lora in (("Z-Image-Turbo", source), ("SDXL", trained())):
        once = convert(lora, family, "diffusers")
        assert convert(once, family, "diffusers") == once
    with pytest.raises(LayoutError, match="It holds unet"):
        convert(once, "Z-Image-Turbo", "diffusers")


def test_the_family_is_known_by_the_layers():
    assert family_of(trained()) == "SD 1.5"
    sdxl = {key: value for key, value in trained().items() if "attn2" not in key}
    sdxl["diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.lora_up.weight"] = torch.ones(8, 2)
    sdxl["diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.lora_down.weight"] = torch.ones(2, 2048)
    assert family_of(sdxl) == family_of(convert(sdxl, "SDXL", "kohya")) == "SDXL"
    z_image = {"diffusion_model.layers.0.attention.qkv.lora_up.weight": torch.ones(12, 2)}
    z_image["diffusion_model.layers.0.attention.qkv.lora_down.weight"] = torch.ones(2, 4)
    assert family_of(z_image) == "Z-Image-Turbo"
    with pytest.raises(LayoutError, match="no layout of kohya's"):
        convert(z_image, "Z-Image-Turbo", "kohya")


def test_what_isnt_known_is_refused_by_name():
    with pytest.raises(LayoutError, match="It holds lora_te_text"):
        read(trained() | {"lora_te_text_model.lora_down.weight": torch.ones(2, 4)})
    with pytest.raises(LayoutError, match="no matrices"):
        read({"diffusion_model.out.0.diff": torch.ones(2)})
    with pytest.raises(LayoutError, match="for none of"):
        family_of({key: value for key, value in trained().items() if "attn2" not in key})


def test_an_older_file_is_written_beside_itself(tmp_path):
    path = tmp_path / "anna.safetensors"
    identity = Identity("anna", "ohwx woman", "SD 1.5", "x.safetensors", 10, 2, 512, 1e-4, 3, ("ab",), "1", 0.5)
    header = identity.metadata(date(2026, 1, 2))
    save(path, trained(), {name: value for name, value in header.items() if not name.startswith("ss_")})
    before = path.read_bytes()
    kohya, left_out = convert_file(path)
    assert (kohya.name, left_out) == ("anna-kohya.safetensors", len(LAYERS))
    assert read_header(kohya) == header, "as if it were written today, but for the words of the pictures"
    assert load_weights(kohya).keys() == convert(trained(), "SD 1.5", "kohya").keys()
    assert path.read_bytes() == before
    with pytest.raises(FileExistsError, match="nothing was changed"):
        convert_file(path)
    diffusers, _ = convert_file(kohya, "diffusers")
    assert diffusers.name == "anna-kohya-diffusers.safetensors"
    assert read_header(diffusers)["ss_network_alpha"] == "2.0"
    with pytest.raises(LayoutError, match="already"):
        convert_file(kohya)


def test_a_file_of_another_maker_keeps_what_it_says(tmp_path):
    save(tmp_path / "x.safetensors", trained(), {"author": "someone"})
    facts = read_header(convert_file(tmp_path / "x.safetensors", "kohya")[0])
    assert (facts["author"], facts["ss_base_model_version"], facts["ss_network_dim"]) == ("someone", "sd_v1", "2")
    assert facts["modelspec.architecture"] == "stable-diffusion-v1/lora"


def test_layers_around_the_blocks_arent_trained():
    assert in_blocks("diffusion_model.input_blocks.1.0.in_layers.2")
    assert in_blocks("diffusion_model.layers.3.attention.qkv")
    for name in ("input_blocks.0.0", "out.2", "time_embed.0", "label_emb.0.0", "x_embedder", "final_layer.linear"):
        assert not in_blocks(f"diffusion_model.{name}")


_SD = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "use_spatial_transformer": True}
_SD |= {"legacy": False, "use_temporal_attention": False}
KINDS = {
    "SD15": _SD
    | {"num_res_blocks": [2] * 4, "channel_mult": [1, 1, 2, 2], "num_heads": 4, "num_head_channels": -1}
    | {"transformer_depth": [1] * 6 + [0] * 2, "transformer_depth_output": [1] * 9 + [0] * 3}
    | {"transformer_depth_middle": 1, "context_dim": 768, "use_linear_in_transformer": False, "adm_in_channels": None},
    "SDXL": _SD
    | {"num_res_blocks": [2] * 3, "channel_mult": [1, 2, 2], "num_heads": -1, "num_head_channels": 32}
    | {"transformer_depth": [0, 0, 1, 1, 2, 2], "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2]}
    | {"transformer_depth_middle": 2, "context_dim": 2048, "use_linear_in_transformer": True}
    | {"adm_in_channels": 48, "num_classes": "sequential"},
    "ZImage": {"image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 96, "cap_feat_dim": 32}
    | {"n_layers": 2, "qk_norm": True, "n_heads": 2, "n_kv_heads": 2, "axes_dims": [16, 16, 16]}
    | {"axes_lens": [64, 64, 64], "rope_theta": 256.0, "ffn_dim_multiplier": 8 / 3, "z_image_modulation": True}
    | {"time_scale": 1000.0, "pad_tokens_multiple": 32},
}
"""ComfyUI's settings of each model, with all its levels and layers, and a tenth of its channels."""
CODE = """
import json, math, sys, types
from pathlib import Path
kinds, comfyui, pack, folder = json.loads(sys.argv[1]), *sys.argv[2:]
sys.argv = ["x", "--cpu"]
sys.path.insert(0, comfyui)
package = types.ModuleType("myspinbot"); package.__path__ = [pack]; sys.modules["myspinbot"] = package
import comfy.options; comfy.options.enable_args_parsing()
import comfy.model_patcher, comfy.ops, comfy.sd, comfy.supported_models, comfy.utils, diffusers, torch
from safetensors.torch import load_file
from myspinbot.engines.identity.convert import convert_file
from myspinbot.engines.identity.layouts import convert, in_blocks, own_layout
from myspinbot.engines.identity.lora import save_identity
from myspinbot.nodes.identity.model import family_of, layers_of
torch.set_num_threads(1)
torch.set_grad_enabled(False)
cpu, random = torch.device("cpu"), torch.Generator().manual_seed(3)
part = {"sample_size": 8, "attention_head_dim": 4}
part |= {"block_out_channels": (32, 32, 64, 64), "cross_attention_dim": 768}
large = {"sample_size": 8, "cross_attention_dim": 2048, "use_linear_projection": True}
large |= {"block_out_channels": (32, 64, 64), "attention_head_dim": (1, 2, 2)}
large |= {"transformer_layers_per_block": (1, 1, 2)}
large |= {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")}
large |= {"up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")}
large |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 48}
z_image = {"dim": 96, "n_layers": 2, "n_heads": 2, "n_kv_heads": 2, "cap_feat_dim": 32}
z_image |= {"axes_dims": [16, 16, 16], "axes_lens": [64, 64, 64]}

def pipeline(kind):
    nothing = dict.fromkeys(("vae", "text_encoder", "tokenizer", "scheduler"))
    if kind == "SD15":
        unet, more = diffusers.UNet2DConditionModel(**part), dict.fromkeys(("safety_checker", "feature_extractor"))
        return unet, diffusers.StableDiffusionPipeline(unet=unet, **nothing, **more, requires_safety_checker=False)
    if kind == "SDXL":
        unet, more = diffusers.UNet2DConditionModel(**large), dict.fromkeys(("text_encoder_2", "tokenizer_2"))
        return unet, diffusers.StableDiffusionXLPipeline(unet=unet, **nothing, **more)
    transformer = diffusers.ZImageTransformer2DModel(**z_image)
    return transformer, diffusers.ZImagePipeline(transformer=transformer, **nothing)

def names(kind, config):  # diffusers' name to ComfyUI's, or to a part of one, as ComfyUI has it
    if kind == "ZImage":
        return comfy.utils.z_image_to_diffusers(config, output_prefix="diffusion_model.")
    return {name: f"diffusion_model.{own}" for name, own in comfy.utils.unet_to_diffusers(config).items()}

def under_diffusers_names(state, known):
    found = {}
    for name, own in known.items():
        own, (axis, start, length) = own if isinstance(own, tuple) else (own, (0, 0, None))
        if own in state:
            found[name] = state[own] if length is None else state[own].narrow(axis, start, length)
    return found

def furthest(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one.keys() & other.keys())

found = {}
for kind, config in kinds.items():
    model_config = getattr(comfy.supported_models, kind)(config)
    model_config.set_inference_dtype(torch.float32, None)
    model_config.custom_operations = comfy.ops.disable_weight_init
    model = model_config.get_model({}, "", device=cpu)
    for value in model.parameters():
        value.copy_(0.05 * torch.randn(value.shape, generator=random))
    patcher = comfy.model_patcher.ModelPatcher(model, cpu, cpu)
    lora = {}
    for name, shape in layers_of(patcher):
        if in_blocks(name):
            lora[f"{name}.lora_up.weight"] = torch.randn(shape[0], 4, generator=random)
            lora[f"{name}.lora_down.weight"] = 0.1 * torch.randn(4, math.prod(shape[1:]), generator=random)
            lora[f"{name}.alpha"] = torch.tensor(1.0)
    known, family = names(kind, config), family_of(patcher, "auto")
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def known_to(network, state):  # ComfyUI's list has other networks' names too, and a miniature is narrower elsewhere
        named = under_diffusers_names(state, known)
        return {name: named[name] for name, value in network.items() if named[name].shape == value.shape}

    def by_comfyui(file):
        tensors = comfy.utils.load_torch_file(str(file)) if isinstance(file, Path) else file
        changed = comfy.sd.load_lora_for_models(patcher, None, tensors, 1.0, 0)[0]
        changed.patch_model(cpu)
        after = {name: value.clone() for name, value in model.state_dict().items()}
        changed.unpatch_model(cpu)
        return after

    def by_diffusers(file):
        network, pipe = pipeline(kind)
        network.load_state_dict(known_to(network.state_dict(), before), strict=False)
        pipe.load_lora_weights(str(file.parent), weight_name=file.name, local_files_only=True)
        pipe.fuse_lora()
        pipe.unload_lora_weights()
        return network.state_dict()

    files = {}
    for layout in {own_layout(family), "diffusers"}:
        files[layout] = Path(folder) / f"{kind}-{layout}.safetensors"
        save_identity(files[layout], convert(lora, family, layout), {"format": "pt"})
    own = by_comfyui(files[own_layout(family)])
    assert furthest(model.state_dict(), before) == 0
    theirs = by_diffusers(files[own_layout(family)])
    shown = known_to(theirs, own)
    found[kind] = {
        "layers": len({key.rsplit(".", 2)[0] for key in lora if "lora_up" in key}),
        "compared": len(shown),
        "changed": sum(not torch.equal(own[name], before[name]) for name in before),
        "change": furthest(own, before),
        "programs": furthest(shown, theirs),
        "as trained": furthest(own, by_comfyui(lora)),
        "layouts": furthest({name: theirs[name] for name in shown}, by_diffusers(files["diffusers"])),
    }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(starts_processes, tmp_path_factory) -> dict:
    from tests.engines import PACK

    folder = tmp_path_factory.mktemp("loras")
    command = [sys.executable, "-c", CODE, json.dumps(KINDS), str(find_installation().comfyui), str(PACK), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_comfyui_and_diffusers_change_a_model_alike(found, kind):
    """By their own loaders, from the same file."""
    measured = found[kind]
    assert measured["changed"] == measured["layers"] < measured["compared"]
    assert measured["change"] > 0.1
    assert measured["programs"] == 0
    assert measured["as trained"] < 1e-3, "half precision alone"
    assert measured["layouts"] < 1e-6
