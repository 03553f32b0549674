"""Face restorers with random numbers under the real names, as files that spandrel loads."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]


def restoreformer(*, features: int = 32, attended: int = 32) -> State:
    """RestoreFormer, its channels as few as its normalisation allows (64 in the real one)."""
    network = _class("spandrel.architectures.RestoreFormer.__arch.restoreformer_arch", "RestoreFormer")
    return _state(
        network(n_embed=16, embed_dim=attended, z_channels=attended, ch=features, ch_mult=(1,) * 6, num_res_blocks=1)
    )


def gfpgan() -> State:
    """GFPGANv1.4 at full size: spandrel knows no other."""
    network = _class("spandrel.architectures.GFPGAN.__arch.gfpganv1_clean_arch", "GFPGANv1Clean")
    return _state(network(out_size=512, channel_multiplier=2, input_is_latent=True, different_w=True, sft_half=True))


def codeformer() -> State:
    """CodeFormer with one layer of attention (9 in the real one) and few codes (1024)."""
    network = _class("spandrel_extra_arches.architectures.CodeFormer.__arch.codeformer", "CodeFormer")
    return _state(network(n_layers=1, codebook_size=16, latent_size=256))


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _state(network: torch.nn.Module) -> State:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
