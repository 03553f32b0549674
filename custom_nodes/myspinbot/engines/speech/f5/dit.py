"""F5-TTS' diffusion transformer: from noise, a reference and a text to the direction in which speech lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import (
    AdaLayerNorm,
    ConvNeXtV2Block,
    ConvPositionEmbedding,
    DiTBlock,
    TimestepEmbedding,
    modulated,
    rotary,
    text_positions,
)


@dataclass(frozen=True, slots=True)
class Arch:
    """The sizes of a model. Defaults are those of F5TTS_v1_Base.

    `vocabulary` counts the symbols of vocab.txt, without the filler. `mask_filler` and `rotary_heads` (None: all)
    leave no trace in the weights; the first generation, F5TTS_Base, has False and 1.
    """

    dim: int = 1024
    depth: int = 22
    heads: int = 16
    dim_head: int = 64
    ff_mult: int = 2
    mel_dim: int = 100
    vocabulary: int = 2545
    text_dim: int = 512
    conv_layers: int = 4
    qk_norm: bool = False
    mask_filler: bool = True
    rotary_heads: int | None = None


class TextEmbedding(nn.Module):
    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.mask_filler = arch.mask_filler
        self.text_embed = nn.Embedding(arch.vocabulary + 1, arch.text_dim)  # 0 is the filler
        self.text_blocks = nn.Sequential(
            *(ConvNeXtV2Block(arch.text_dim, 2 * arch.text_dim) for _ in range(arch.conv_layers))
        )

    def forward(self, tokens: Tensor, length: int, *, drop: bool) -> Tensor:
        """(length, D) of one text's symbols (T,), stretched to its speech with filler; `drop` leaves filler only."""
        ids = tokens.new_zeros(length)
        kept = tokens[:length] + 1
        ids[: len(kept)] = kept
        symbol = (ids != 0)[None, :, None] if self.mask_filler else None  # where there's text, also if dropped
        x = self.text_embed(torch.zeros_like(ids) if drop else ids)[None]  # (1, N, D)
        if len(self.text_blocks):
            x = x + text_positions(length, x.shape[-1], x.device).to(x.dtype)
            x = x if symbol is None else x * symbol
            for block in self.text_blocks:
                x = block(x)
                x = x if symbol is None else x * symbol
        return x[0]


class InputEmbedding(nn.Module):
    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * arch.mel_dim + arch.text_dim, arch.dim)
        self.conv_pos_embed = ConvPositionEmbedding(arch.dim)

    def forward(self, x: Tensor, reference: Tensor, text: Tensor, inside: Tensor | None) -> Tensor:
        y = self.proj(torch.cat((x, reference, text), dim=-1))
        return y + self.conv_pos_embed(y, inside)


class DiT(nn.Module):
    """B speeches of up to N frames, M mel bands each."""

    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.arch = arch
        self.time_embed = TimestepEmbedding(arch.dim)
        self.text_embed = TextEmbedding(arch)
        self.input_embed = InputEmbedding(arch)
        self.transformer_blocks = nn.ModuleList(
            DiTBlock(
                arch.dim,
                arch.heads,
                arch.dim_head,
                arch.ff_mult,
                qk_norm=arch.qk_norm,
                rotary_heads=arch.rotary_heads,
            )
            for _ in range(arch.depth)
        )
        self.norm_out = AdaLayerNorm(arch.dim, 2)
        self.proj_out = nn.Linear(arch.dim, arch.mel_dim)

    @property
    def dtype(self) -> torch.dtype:
        return self.proj_out.weight.dtype

    def embed_text(self, texts: Sequence[Tensor], lengths: Sequence[int], *, drop: bool = False) -> Tensor:
        """(B, N, D) of B texts' symbols, each as if alone: the blocks look at a text's whole length."""
        rows = [self.text_embed(text, length, drop=drop) for text, length in zip(texts, lengths, strict=True)]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def forward(self, x: Tensor, reference: Tensor, text: Tensor, time: Tensor, inside: Tensor | None) -> Tensor:
        """The velocity (B, N, M) at `x` (B, N, M).

        Args:
            reference: (B, N, M) what is known of the speech, zero elsewhere.
            text: (B, N, D) from `embed_text`.
            time: (B,) from 0, noise, to 1, speech.
            inside: (B, N) false beyond each speech's end; None where all are of one length.
        """
        moment = self.time_embed(time)
        positions = rotary(x.shape[1], self.arch.dim_head, x.device)
        y = self.input_embed(x, reference, text, inside)  # (B, N, D)
        for block in self.transformer_blocks:
            y = block(y, moment, positions, inside)
        scale, shift = self.norm_out(moment)
        return self.proj_out(modulated(y, scale, shift))
