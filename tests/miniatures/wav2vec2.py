"""A narrow wav2vec 2.0 of random numbers: ComfyUI's own network, and transformers' with the same weights."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Mapping
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from myspinbot_runner.locate import find_installation

CONVOLVED, WIDTH, HEADS, LAYERS, FFN = 48, 32, 4, 3, 128


def pair(*, large: bool = False, seed: int = 1) -> tuple[Any, Any]:
    """ComfyUI's and transformers', in the way of the base model or of the large one."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(seed)
    config = Wav2Vec2Config(
        conv_dim=(CONVOLVED,) * 7, hidden_size=WIDTH, num_attention_heads=HEADS, num_hidden_layers=LAYERS,
        intermediate_size=FFN,
        feat_extract_norm="layer" if large else "group", conv_bias=large, do_stable_layer_norm=large,
    )  # fmt: skip
    original = Wav2Vec2Model(config).eval().requires_grad_(False)
    for name, value in original.named_parameters():
        if "encoder.layers" in name and name.endswith("weight") and value.ndim == 2:
            value.mul_(8)  # so that attention chooses
    comfyui = _comfyui()
    ours = comfyui.Wav2Vec2Model(
        embed_dim=WIDTH, num_heads=HEADS, num_layers=LAYERS, conv_norm=large, conv_bias=large, do_normalize=False,
        do_stable_layer_norm=large, operations=torch.nn,
    )  # fmt: skip
    ours.feature_extractor = comfyui.ConvFeatureEncoder(CONVOLVED, large, large, operations=torch.nn)
    ours.feature_projection = comfyui.FeatureProjection(CONVOLVED, WIDTH, operations=torch.nn)
    ours.load_state_dict(original.state_dict())
    return ours.eval().requires_grad_(False), original


def base(weights: Mapping[str, Tensor]) -> Any:
    """transformers' base model with the numbers of a checkpoint."""
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    made = Wav2Vec2Model(Wav2Vec2Config()).eval().requires_grad_(False)
    position = "encoder.pos_conv_embed.conv"
    names = {
        f"{position}.weight_g": f"{position}.parametrizations.weight.original0",
        f"{position}.weight_v": f"{position}.parametrizations.weight.original1",
    }
    found = {name.removeprefix("wav2vec2."): value.float() for name, value in weights.items()}
    made.load_state_dict({names.get(name, name): value for name, value in found.items()})
    return made


def upstream(original: Any, wave: Tensor, frames: int) -> list[Tensor]:
    """What MeiGen's code computes: transformers' network with the features' rate changed before their projection.

    Args:
        original: a Wav2Vec2Model.
        wave: (T,), as the feature extractor gives it.
        frames: of the video.

    Returns:
        (frames, channels) for each layer.
    """

    def at_rate(_: Any, given: tuple[Tensor]) -> tuple[Tensor]:
        features = given[0].transpose(1, 2)
        return (functional.interpolate(features, size=frames, mode="linear", align_corners=True).transpose(1, 2),)

    hook = original.feature_projection.register_forward_pre_hook(at_rate)
    try:
        with torch.inference_mode():
            given = original(wave[None], output_hidden_states=True)
    finally:
        hook.remove()
    return [layer[0] for layer in (*given.hidden_states[1:-1], given.last_hidden_state)]


def _comfyui() -> Any:
    """ComfyUI's module of the network alone; importing it whole would look for a graphics card."""
    attention: Any = types.ModuleType("comfy.ldm.modules.attention")

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in (q, k, v))
        return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)

    attention.optimized_attention_masked = attend
    path = find_installation().comfyui / "comfy" / "audio_encoders" / "wav2vec2.py"
    spec: Any = importlib.util.spec_from_file_location("comfyui_wav2vec2", path)
    module: Any = importlib.util.module_from_spec(spec)
    names = [".".join(attention.__name__.split(".")[: i + 1]) for i in range(3)]
    with mock.patch.dict(
        sys.modules, {**{name: types.ModuleType(name) for name in names}, attention.__name__: attention}
    ):
        spec.loader.exec_module(module)
    return module
