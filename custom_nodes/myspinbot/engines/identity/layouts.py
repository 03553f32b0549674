"""The names and shapes that other programs know a LoRA by.

ComfyUI's training names a layer as the checkpoint does, `diffusion_model.input_blocks.1.1.proj_in`, and makes matrices
of convolutions. Others know two layouts:

- **kohya**: `lora_unet_...lora_down.weight`, `.lora_up.weight` and `.alpha`, as sd-scripts writes them. Layers of
  Stable Diffusion 1.5 have diffusers' names, those of SDXL the checkpoint's; dots are underscores. ComfyUI, A1111,
  Forge and diffusers' own loader read it.
- **diffusers**: `unet....lora_A.weight` and `.lora_B.weight` as PEFT writes them, alpha multiplied in. For Z-Image,
  whose attention is one layer in ComfyUI and three in diffusers, it is `transformer....`, which ComfyUI reads too; of
  SDXL and SD 1.5 it reads kohya's alone.

Convolutions have four dimensions in both. Changes to norms and biases (`.diff`, `.diff_b`) have no place in either.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .settings import Family

Layout = Literal["kohya", "diffusers"]
Lora = Mapping[str, Tensor]
DIFFERENCES = (".diff", ".diff_b")
_COMFYUI, _KOHYA = "diffusion_model.", "lora_unet_"
_DOWN, _UP, _ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"
_PEFT = (".lora_A.weight", ".lora_B.weight")
_BLOCKS = ("input_blocks.", "middle_block.", "output_blocks.", "layers.", "noise_refiner.", "context_refiner.")
_RESNET = {
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_OUTSIDE = {
    "input_blocks.0.0": "conv_in",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}
_ZIMAGE = {
    "x_embedder": "all_x_embedder.2-1",
    "final_layer.linear": "all_final_layer.2-1.linear",
    "final_layer.adaLN_modulation.1": "all_final_layer.2-1.adaLN_modulation.1",
}
_WIDTHS: dict[int, Family] = {768: "SD 1.5", 2048: "SDXL"}
"""What a text has per token, to the family that is drawn from such texts."""
_COMPOUND = re.compile(
    r"(input|output|down|up|transformer)_blocks|(middle|mid)_block|to_(q|k|v|out)|proj_(in|out)|(in|out|emb)_layers"
    r"|skip_connection|time_emb_proj|time_embedding|time_embed|add_embedding|label_emb|conv_(shortcut|in|out)"
    r"|linear_(1|2)|feed_forward|adaLN_modulation|(noise|context)_refiner|(x|t|cap)_embedder|final_layer"
)
"""Underscores that are part of a name and stand for no dot."""


class LayoutError(ValueError):
    """A LoRA can't be written in a layout; the message says why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a LoRA adds to a layer: `up` (out, rank) times `down` (rank, in) times alpha / rank, as matrices."""

    up: Tensor
    down: Tensor
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]


def in_blocks(layer: str) -> bool:
    """Whether a layer, by ComfyUI's name, is in one of the blocks, which every program knows.

    Those around them (embeddings of time and of the size, the first and the last convolution) some don't.
    """
    name = layer.removeprefix(_COMFYUI)
    return name.startswith(_BLOCKS) and not name.startswith("input_blocks.0.")


def own_layout(family: Family) -> Layout:
    """The layout that ComfyUI and others read, for a family."""
    return "diffusers" if family == "Z-Image-Turbo" else "kohya"


def family_of(lora: Lora) -> Family:
    """The kind of model that a LoRA in ComfyUI's or kohya's layout is for, by its layers.

    Raises:
        LayoutError: It is of another kind, or no LoRA.
    """
    layers = read(lora)
    if any(name.endswith("attention.qkv") for name in layers):
        return "Z-Image-Turbo"
    widths = {pair.down.shape[1] for name, pair in layers.items() if name.endswith("attn2.to_k")}
    families = {_WIDTHS.get(width) for width in widths}
    family = families.pop() if len(families) == 1 else None
    if family is None:
        raise LayoutError("It is for none of Stable Diffusion 1.5, SDXL and Z-Image, and others can't be converted.")
    return family


def convert(lora: Lora, family: Family, layout: Layout) -> dict[str, Tensor]:
    """A LoRA in another layout; changes to norms and biases are left out.

    Args:
        lora: In ComfyUI's or kohya's layout; one that is in diffusers' already stays as it is there.
        family: What it is for.
        layout: What is wanted.

    Raises:
        LayoutError: It has layers that aren't known, or the family has no such layout.
    """
    model = "transformer" if family == "Z-Image-Turbo" else "unet"
    if layout == "diffusers" and lora and all(key.startswith(f"{model}.") and key.endswith(_PEFT) for key in lora):
        return dict(lora)
    layers = read(lora)
    if layout == "kohya":
        if family == "Z-Image-Turbo":
            raise LayoutError("LoRAs for Z-Image have no layout of kohya's that all programs read; use diffusers'.")
        return _kohya(layers, family)
    if family == "Z-Image-Turbo":
        return _pairs(model, _z_image(layers))
    return _pairs(model, ((_unet_name(name), _shaped(name, pair, family)) for name, pair in layers.items()))


def read(lora: Lora) -> dict[str, Pair]:
    """The layers of a LoRA in ComfyUI's or kohya's layout, by their names with dots, as matrices.

    Raises:
        LayoutError: It holds something else.
    """
    layers: dict[str, Pair] = {}
    for key in lora:
        if key.endswith(DIFFERENCES):
            continue
        layer = next((key.removesuffix(end) for end in (_DOWN, _UP, _ALPHA) if key.endswith(end)), "")
        if not layer.startswith((_COMFYUI, _KOHYA)) or not {layer + _DOWN, layer + _UP} <= lora.keys():
            raise LayoutError(
                f"It holds {key}, which neither ComfyUI's training nor kohya's writes for an image model."
            )
        if key.endswith(_DOWN):
            up, down = (lora[layer + end].flatten(1) for end in (_UP, _DOWN))
            alpha = float(lora[layer + _ALPHA]) if layer + _ALPHA in lora else float(down.shape[0])
            layers[_dotted(layer)] = Pair(up, down, alpha)
    if not layers:
        raise LayoutError("It holds no matrices of a LoRA.")
    return layers


def _dotted(layer: str) -> str:
    if layer.startswith(_COMFYUI):
        return layer.removeprefix(_COMFYUI)
    held = _COMPOUND.sub(lambda found: found[0].replace("_", "\0"), layer.removeprefix(_KOHYA))
    return held.replace("_", ".").replace("\0", "_")


def _kohya(layers: Mapping[str, Pair], family: Family) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, pair in layers.items():
        known = name if family == "SDXL" else _unet_name(name)
        layer = _KOHYA + known.replace(".", "_")
        shaped, alpha = _shaped(name, pair, family), torch.tensor(pair.alpha, dtype=pair.down.dtype)
        found |= {layer + _DOWN: shaped.down, layer + _UP: shaped.up, layer + _ALPHA: alpha}
    return found


def _pairs(model: str, layers: Iterable[tuple[str, Pair]]) -> dict[str, Tensor]:
    """PEFT's names; the scale goes into both matrices, so that neither gets too small for half precision."""
    found: dict[str, Tensor] = {}
    for name, pair in layers:
        scale = pair.alpha / pair.rank
        part = 2.0 ** round(math.log2(abs(scale)) / 2) if scale else 1.0
        found[f"{model}.{name}{_PEFT[0]}"] = pair.down * (scale / part)
        found[f"{model}.{name}{_PEFT[1]}"] = pair.up * part
    return found


def _z_image(layers: Mapping[str, Pair]) -> Iterable[tuple[str, Pair]]:
    """Diffusers' names of a Z-Image's layers; queries, keys and values are layers of their own there."""
    for name, pair in layers.items():
        if name.endswith("attention.qkv"):
            for part, up in zip("qkv", pair.up.chunk(3), strict=True):
                yield f"{name.removesuffix('qkv')}to_{part}", Pair(up, pair.down, pair.alpha)
        elif name.endswith("attention.out"):
            yield f"{name.removesuffix('out')}to_out.0", pair
        else:
            yield _ZIMAGE.get(name, name), pair


def _unet_name(name: str) -> str:
    """Diffusers' name of a layer of a Stable Diffusion UNet with two residual blocks a level."""
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    side, *rest = name.split(".")
    if side not in ("input_blocks", "middle_block", "output_blocks"):
        return name  # as it is called already
    if side == "middle_block":
        kind, index = ("attentions", 0) if rest[0] == "1" else ("resnets", int(rest[0]) // 2)
        return f"mid_block.{kind}.{index}.{_inner(kind, rest[1:])}"
    level, index = divmod(int(rest[0]) - (side == "input_blocks"), 3)
    blocks = "down_blocks" if side == "input_blocks" else "up_blocks"
    if rest[2:] == ["op"]:
        return f"{blocks}.{level}.downsamplers.0.conv"
    if rest[2:] == ["conv"]:
        return f"{blocks}.{level}.upsamplers.0.conv"
    kind = "resnets" if rest[1] == "0" else "attentions"
    return f"{blocks}.{level}.{kind}.{index}.{_inner(kind, rest[2:])}"


def _inner(kind: str, rest: list[str]) -> str:
    inner = ".".join(rest)
    return _RESNET.get(inner, inner) if kind == "resnets" else inner


def _shaped(name: str, pair: Pair, family: Family) -> Pair:
    """The pair in the dimensions of its layer: four where it is a convolution."""
    end = _unet_name(name).rpartition(".")[2]
    wide = end in ("conv", "conv1", "conv2", "conv_in", "conv_out")
    narrow = end == "conv_shortcut" or (family == "SD 1.5" and end in ("proj_in", "proj_out"))
    if not wide and not narrow:
        return pair
    side = 3 if wide else 1
    return Pair(pair.up[:, :, None, None], pair.down.unflatten(1, (-1, side, side)), pair.alpha)
