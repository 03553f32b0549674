"""A Stable Diffusion 1.5 checkpoint in miniature: random numbers under the real names, loaded by the real loader.

What makes ComfyUI take a file for SD 1.5 stays: 320 channels in the UNet and CLIP-L's own sizes, which are fixed in
ComfyUI. The UNet has one level of one block instead of four of two. The VAE is a TAESD, whose names the same loader
knows, because SD's own takes a second on a processor for a picture that TAESD does at once.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

CHANNELS, CONTEXT, TIME = 320, 768, 1280
CLIP_LAYERS, CLIP_INNER, CLIP_WORDS, CLIP_LENGTH = 12, 3072, 49408, 77
Shapes = dict[str, tuple[int, ...]]


def write(path: Path, seed: int = 5) -> Path:
    """The checkpoint at `path` (.safetensors); 300 MB, most of it CLIP-L."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {f"model.diffusion_model.{name}": value for name, value in _random(unet(), seed).items()}
    state |= {f"first_stage_model.{name}": value for name, value in _random(taesd(), seed + 1, gain=1.3).items()}
    state |= {"first_stage_model.vae_scale": torch.tensor(1.0), "first_stage_model.vae_shift": torch.tensor(0.0)}
    state |= {f"cond_stage_model.transformer.text_model.{name}": value for name, value in clip(seed + 2).items()}
    save_file(state, path)
    return path


def unet() -> Shapes:
    """One level: a block with attention on the way down, the middle, two on the way up."""
    found = linear("time_embed.0", TIME, CHANNELS) | linear("time_embed.2", TIME, TIME)
    found |= conv("input_blocks.0.0", CHANNELS, 4, 3)
    found |= residual("input_blocks.1.0", CHANNELS) | attention("input_blocks.1.1")
    found |= residual("middle_block.0", CHANNELS) | attention("middle_block.1") | residual("middle_block.2", CHANNELS)
    for index in (0, 1):
        found |= residual(f"output_blocks.{index}.0", 2 * CHANNELS) | attention(f"output_blocks.{index}.1")
    return found | norm("out.0", CHANNELS) | conv("out.2", 4, CHANNELS, 3)


def residual(name: str, inputs: int) -> Shapes:
    found = norm(f"{name}.in_layers.0", inputs) | conv(f"{name}.in_layers.2", CHANNELS, inputs, 3)
    found |= linear(f"{name}.emb_layers.1", CHANNELS, TIME)
    found |= norm(f"{name}.out_layers.0", CHANNELS) | conv(f"{name}.out_layers.3", CHANNELS, CHANNELS, 3)
    return found | (conv(f"{name}.skip_connection", CHANNELS, inputs, 1) if inputs != CHANNELS else {})


def attention(name: str) -> Shapes:
    found = norm(f"{name}.norm", CHANNELS)
    for part in ("proj_in", "proj_out"):
        found |= conv(f"{name}.{part}", CHANNELS, CHANNELS, 1)
    block = f"{name}.transformer_blocks.0"
    for attn, inputs in (("attn1", CHANNELS), ("attn2", CONTEXT)):
        found |= {f"{block}.{attn}.to_q.weight": (CHANNELS, CHANNELS)}
        found |= {f"{block}.{attn}.{part}.weight": (CHANNELS, inputs) for part in ("to_k", "to_v")}
        found |= linear(f"{block}.{attn}.to_out.0", CHANNELS, CHANNELS)
    for number in (1, 2, 3):
        found |= norm(f"{block}.norm{number}", CHANNELS)
    found |= linear(f"{block}.ff.net.0.proj", 8 * CHANNELS, CHANNELS)
    return found | linear(f"{block}.ff.net.2", CHANNELS, 4 * CHANNELS)


def taesd(channels: int = 4, width: int = 64) -> Shapes:
    """The encoder's and the decoder's tensors, numbered as in their sequences of layers."""
    found: Shapes = {}

    def layers(side: str, plan: str, first: int) -> None:
        for index, kind in enumerate(plan, first):
            name = f"taesd_{side}.{index}"
            if kind == "b":  # block: three convolutions
                for part in (0, 2, 4):
                    found.update(conv(f"{name}.conv.{part}", width, width, 3))
            elif kind == "s":  # step down, or convolution after a step up
                found[f"{name}.weight"] = (width, width, 3, 3)

    found |= conv("taesd_encoder.0", width, 3, 3)
    layers("encoder", "b" + "sbbb" * 3, 1)
    found |= conv("taesd_encoder.14", channels, width, 3)
    found |= conv("taesd_decoder.1", width, channels, 3)
    layers("decoder", "bbb-s" * 3 + "b", 3)
    return found | conv("taesd_decoder.19", 3, width, 3)


def clip(seed: int) -> dict[str, Tensor]:
    """CLIP-L; one layer's numbers serve for all, which is quicker than a thousand million draws."""
    hidden = CONTEXT
    layer: Shapes = {}
    for part in ("k_proj", "q_proj", "v_proj", "out_proj"):
        layer |= linear(f"self_attn.{part}", hidden, hidden)
    layer |= norm("layer_norm1", hidden) | norm("layer_norm2", hidden)
    layer |= linear("mlp.fc1", CLIP_INNER, hidden) | linear("mlp.fc2", hidden, CLIP_INNER)
    shared = _random(layer, seed)
    state = {
        f"encoder.layers.{index}.{name}": value.clone()
        for index in range(CLIP_LAYERS)
        for name, value in shared.items()
    }
    rest = {
        "embeddings.token_embedding.weight": (CLIP_WORDS, hidden),
        "embeddings.position_embedding.weight": (CLIP_LENGTH, hidden),
    }
    state |= _random(rest | norm("final_layer_norm", hidden), seed + 1)
    return state


def linear(name: str, out: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (out, inputs), f"{name}.bias": (out,)}


def conv(name: str, out: int, inputs: int, size: int) -> Shapes:
    return {f"{name}.weight": (out, inputs, size, size), f"{name}.bias": (out,)}


def norm(name: str, size: int) -> Shapes:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _random(shapes: Shapes, seed: int, gain: float = 0.7) -> dict[str, Tensor]:
    """Weights of a size that keeps the signal's, norms near one, biases near zero; half precision as published."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            value = 0.02 * value + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        else:
            value *= gain / math.sqrt(math.prod(shape[1:]))
        state[name] = value.half()
    return state
