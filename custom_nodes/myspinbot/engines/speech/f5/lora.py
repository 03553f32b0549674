"""Low-rank adapters on a model's attention (Hu et al., "LoRA", arXiv:2106.09685).

An adapter is a branch beside each projection of each attention block, named as PEFT names it:
`transformer_blocks.0.attn.to_q.lora_A.weight` (rank, in) and `...lora_B.weight` (out, rank). The model's own numbers
are never touched, so that the next one who uses it finds it as it was.
"""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import F5Error
from .dit import DiT

Weights = Mapping[str, Tensor]
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class LossPoint:
    """How far training was after `step` steps: the mean loss since the point before, and that of what was held out."""

    step: int
    training: float | None
    held_out: float


@dataclass(frozen=True)
class Adapter:
    """What training adds to the model whose identity is `base`, and to no other.

    `weights` are multiplied as they are, without a further scale. `source` stands for the clips and settings it was
    made from.
    """

    weights: dict[str, Tensor]
    base: str
    source: str
    settings: dict[str, Any]
    history: tuple[LossPoint, ...]


def projections(model: DiT) -> dict[str, nn.Linear]:
    """The layers that an adapter stands beside: queries, keys, values and outputs of all attention, by name."""
    return {name: layer for name, layer in model.named_modules() if ".attn." in name and isinstance(layer, nn.Linear)}


def init_lora(model: DiT, rank: int, generator: torch.Generator) -> dict[str, Tensor]:
    """An adapter that does nothing yet: one side is random, the other zero.

    Args:
        model: What it is for.
        rank: Of both matrices.
        generator: On the CPU.

    Returns:
        Float32 on the CPU, `lora_A` (rank, in) and `lora_B` (out, rank) of each projection.
    """
    weights: dict[str, Tensor] = {}
    for name, layer in projections(model).items():
        spread = layer.in_features**-0.5
        drawn = torch.rand(rank, layer.in_features, generator=generator)
        weights[name + _DOWN] = (2 * drawn - 1) * spread
        weights[name + _UP] = torch.zeros(layer.out_features, rank)
    return weights


def scale_lora(weights: Weights, scale: float) -> dict[str, Tensor]:
    """A copy of an adapter with `scale` times the effect."""
    return {name: value * scale if name.endswith(_UP) else value.clone() for name, value in weights.items()}


@contextmanager
def apply_lora(model: DiT, weights: Weights, scale: float = 1.0) -> Generator[None]:
    """Within, `model` computes with an adapter; after, and after any error, without.

    Args:
        model: On any device.
        weights: `lora_A` (rank, in) and `lora_B` (out, rank) of each projection; gradients flow into them.
        scale: Of the adapter's effect.

    Raises:
        F5Error: The adapter is of a model of another shape.
    """
    layers = projections(model)
    if set(weights) != {name + side for name in layers for side in (_DOWN, _UP)}:
        raise F5Error("The voice was trained for a model with other layers. Train it again with this one.")
    with ExitStack() as hooks:
        for name, layer in layers.items():
            down, up = (weights[name + side].to(layer.weight.device) for side in (_DOWN, _UP))
            if down.shape[1] != layer.in_features or up.shape != (layer.out_features, down.shape[0]):
                raise F5Error("The voice was trained for a model of another size. Train it again with this one.")
            hooks.callback(layer.register_forward_hook(_LowRankBranch(down, up, scale)).remove)
        yield


class _LowRankBranch:
    def __init__(self, down: Tensor, up: Tensor, scale: float) -> None:
        self.down, self.up, self.scale = down, up, scale

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        low = F.linear(inputs[0], self.down.to(output.dtype))  # (..., rank)
        return output + F.linear(low, self.up.to(output.dtype)) * self.scale
