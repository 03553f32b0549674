"""Upscalers with random numbers under the real names, as files that spandrel loads."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]
_GROWTH = 32  # of the channels within a dense block, in every published model


def compact(*, features: int = 16, convolutions: int = 3, scale: int = 2, channels: int = 3) -> State:
    """SRVGGNetCompact, the fast models of Real-ESRGAN (64 features and 16 or 32 convolutions in the real ones)."""
    random = _Random()
    state = random.convolution("body.0", features, channels) | random.slopes("body.1", features)
    for index in range(convolutions):
        state |= random.convolution(f"body.{2 + 2 * index}", features, features)
        state |= random.slopes(f"body.{3 + 2 * index}", features)
    return state | random.convolution(f"body.{2 + 2 * convolutions}", channels * scale**2, features)


def rrdb(*, features: int = 64, blocks: int = 23, scale: int = 2) -> State:
    """RRDBNet under Real-ESRGAN's names; as it stands RealESRGAN_x2plus, with `scale` 4 RealESRGAN_x4plus.

    For twice the size it folds 2 x 2 pixels into channels and enlarges four times.
    """
    random = _Random()
    state = random.convolution("conv_first", features, 12 if scale == 2 else 3)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for layer in (1, 2, 3, 4, 5):
                out = _GROWTH if layer < 5 else features
                name = f"body.{block}.rdb{dense}.conv{layer}"
                state |= random.convolution(name, out, features + (layer - 1) * _GROWTH, gain=0.5)
    state |= random.convolution("conv_body", features, features, gain=1.2**-blocks)  # each block adds a fifth
    for name in ("conv_up1", "conv_up2", "conv_hr"):
        state |= random.convolution(name, features, features)
    return state | random.convolution("conv_last", 3, features)


def write(path: Path, state: State) -> Path:
    """A checkpoint as the makers publish it for `.pth`, or safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"params_ema": state}, path)
    return path


class _Random:
    """Layers whose outputs are about as large as their inputs; always the same numbers."""

    def __init__(self) -> None:
        self._generator = torch.Generator().manual_seed(0)

    def convolution(self, name: str, out: int, inputs: int, gain: float = 1.0) -> State:
        weight = torch.randn(out, inputs, 3, 3, generator=self._generator) * gain / (inputs * 9) ** 0.5
        return {f"{name}.weight": weight, f"{name}.bias": torch.rand(out, generator=self._generator) * 0.1}

    def slopes(self, name: str, features: int) -> State:
        return {f"{name}.weight": torch.rand(features, generator=self._generator) * 0.5}
