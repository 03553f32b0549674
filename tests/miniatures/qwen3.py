"""Qwen3 0.6B in miniature: the real names and widths with one layer of 28, which says one text whatever it is asked.

Attention gives nothing. Each token of the text has a direction of its own, and the layer's feed-forward part turns the
direction of each into that of the one after it; so no token may be in the text twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

WORDS, WIDTH, INNER, HEADS, KEY_HEADS, HEAD = 151936, 1024, 3072, 16, 8, 128


def write(path: Path, tokens: Sequence[int]) -> Path:
    """The text encoder at `path` (.safetensors, 660 MB); after the first of `tokens` it says the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state(tokens), path)
    return path


def state(tokens: Sequence[int]) -> dict[str, Tensor]:
    if len(set(tokens)) < len(tokens):
        raise ValueError("A token is in the text twice, so that what comes after it isn't clear.")

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(shape)  # in 32 bits, as a processor would bring others to them at each token

    words, gate, down = zeros(WORDS, WIDTH), zeros(INNER, WIDTH), zeros(WIDTH, INNER)
    for place, token in enumerate(tokens):
        words[token, place] = 1
    for this, following in pairwise(range(len(tokens))):
        gate[this, this] = down[following, this] = 1
    layer = {
        "self_attn.q_proj": zeros(HEADS * HEAD, WIDTH),
        "self_attn.k_proj": zeros(KEY_HEADS * HEAD, WIDTH),
        "self_attn.v_proj": zeros(KEY_HEADS * HEAD, WIDTH),
        "self_attn.o_proj": zeros(WIDTH, HEADS * HEAD),
        "self_attn.q_norm": zeros(HEAD) + 1,
        "self_attn.k_norm": zeros(HEAD) + 1,
        "mlp.gate_proj": gate,
        "mlp.up_proj": gate.clone(),
        "mlp.down_proj": down,
        "input_layernorm": zeros(WIDTH) + 1,
        "post_attention_layernorm": zeros(WIDTH) + 1,
    }
    found = {f"model.layers.0.{name}.weight": value for name, value in layer.items()}
    return found | {"model.embed_tokens.weight": words, "model.norm.weight": zeros(WIDTH) + 1}
