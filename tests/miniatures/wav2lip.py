"""Wav2Lip's checkpoint with random numbers: every name and shape of the published file, written from its layer table.

It is full size, as the network has only one. The table is repeated here on purpose, so that a slip in the engine's
own shows.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

# name, inputs, outputs, kernel, transposed
_ENCODER = [
    [(6, 16, 7)],
    [(16, 32, 3), (32, 32, 3), (32, 32, 3)],
    [(32, 64, 3), (64, 64, 3), (64, 64, 3), (64, 64, 3)],
    [(64, 128, 3), (128, 128, 3), (128, 128, 3)],
    [(128, 256, 3), (256, 256, 3), (256, 256, 3)],
    [(256, 512, 3), (512, 512, 3)],
    [(512, 512, 3), (512, 512, 1)],
]
_AUDIO = [
    (1, 32, 3), (32, 32, 3), (32, 32, 3), (32, 64, 3), (64, 64, 3), (64, 64, 3), (64, 128, 3), (128, 128, 3),
    (128, 128, 3), (128, 256, 3), (256, 256, 3), (256, 512, 3), (512, 512, 1),
]  # fmt: skip
_DECODER = [
    [(512, 512, 1)],
    [(1024, 512, 3), (512, 512, 3)],
    [(1024, 512, 3), (512, 512, 3), (512, 512, 3)],
    [(768, 384, 3), (384, 384, 3), (384, 384, 3)],
    [(512, 256, 3), (256, 256, 3), (256, 256, 3)],
    [(320, 128, 3), (128, 128, 3), (128, 128, 3)],
    [(160, 64, 3), (64, 64, 3), (64, 64, 3)],
]


def state(seed: int = 0) -> dict[str, Tensor]:
    """The weights by their bare names."""
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, Tensor] = {}

    def block(name: str, inputs: int, outputs: int, kernel: int, *, transposed: bool = False) -> None:
        shape = (inputs, outputs, kernel, kernel) if transposed else (outputs, inputs, kernel, kernel)
        scale = (2 / (inputs * kernel * kernel)) ** 0.5
        found[f"{name}.conv_block.0.weight"] = torch.randn(shape, generator=generator) * scale
        found[f"{name}.conv_block.0.bias"] = 0.1 * torch.randn(outputs, generator=generator)
        found[f"{name}.conv_block.1.weight"] = 0.5 + torch.rand(outputs, generator=generator)
        found[f"{name}.conv_block.1.bias"] = 0.1 * torch.randn(outputs, generator=generator)
        found[f"{name}.conv_block.1.running_mean"] = 0.1 * torch.randn(outputs, generator=generator)
        found[f"{name}.conv_block.1.running_var"] = 1 + torch.rand(outputs, generator=generator)
        found[f"{name}.conv_block.1.num_batches_tracked"] = torch.tensor(7)

    for i, stage in enumerate(_ENCODER):
        for j, shape in enumerate(stage):
            block(f"face_encoder_blocks.{i}.{j}", *shape)
    for i, shape in enumerate(_AUDIO):
        block(f"audio_encoder.{i}", *shape)
    for i, stage in enumerate(_DECODER):
        for j, shape in enumerate(stage):
            block(f"face_decoder_blocks.{i}.{j}", *shape, transposed=i > 0 and j == 0)
    block("output_block.0", 80, 32, 3)
    found["output_block.1.weight"] = 0.05 * torch.randn((3, 32, 1, 1), generator=generator)
    found["output_block.1.bias"] = torch.zeros(3)
    return found


def write(path: Path, *, prefix: str = "module.", seed: int = 0) -> Path:
    """As it is published: a pickle whose names begin with `module.`, beside an optimizer's leftovers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {prefix + name: value for name, value in state(seed).items()}
    torch.save({"state_dict": named, "optimizer": None, "global_step": 1, "global_epoch": 1}, path)
    return path
