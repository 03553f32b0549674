"""F5-TTS' network: a diffusion transformer that says, from noise, a reference and a text, where speech lies.

Its parts have the names that the checkpoints give them. Shapes in the comments: B speeches, N frames each, M mel
bands, T symbols of text, C channels of the transformer, E of the text, H heads of D channels.

Sources: Chen et al., "F5-TTS" (arXiv:2410.06885); Peebles and Xie, "Scalable Diffusion Models with
Transformers" (arXiv:2212.09748) for the adaptive norms; Woo et al., "ConvNeXt V2" (arXiv:2301.00808) for the text
blocks; Su et al., "RoFormer" (arXiv:2104.09864) for the rotary positions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Rotary = tuple[Tensor, Tensor]


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


def rotary_table(length: int, width: int, device: torch.device) -> Rotary:
    """Cosines and sines, (length, width / 2) each, that turn pairs of neighbouring channels by their position.

    They are float32 whatever the weights are: half precision can't hold the angles of a long speech.
    """
    rates = 10000.0 ** (-torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)  # (width / 2)
    angles = torch.outer(torch.arange(length, device=device, dtype=torch.float32), rates)  # (length, width / 2)
    return angles.cos(), angles.sin()


def apply_rotary(x: Tensor, table: Rotary) -> Tensor:
    """`x` (B, H, N, D) with its channels (0, 1), (2, 3)... rotated."""
    cos, sin = table
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)  # (B, H, N, D / 2) each
    pairs = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)  # (B, H, N, D / 2, 2)
    return pairs.flatten(-2).to(x.dtype)  # (B, H, N, D)


def text_positions(length: int, width: int, device: torch.device) -> Tensor:
    """(length, width): what is added to each place of the text, cosines first, then sines."""
    return torch.cat(rotary_table(length, width, device), dim=-1)


class TimestepEmbedding(nn.Module):
    """The time of the flow, from 0 to 1, as a vector."""

    FREQUENCIES = 128

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(2 * self.FREQUENCIES, dim), nn.SiLU(), nn.Linear(dim, dim))

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def forward(self, time: Tensor) -> Tensor:
        steps = torch.arange(self.FREQUENCIES, device=time.device, dtype=torch.float32)
        rates = torch.exp(steps * (-math.log(10000) / (self.FREQUENCIES - 1)))  # (128)
        angles = 1000 * time.float()[:, None] * rates  # (B, 128)
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1)  # (B, 256)
        return self.time_mlp(waves.to(self.dtype))  # (B, C)


class GlobalResponseNorm(nn.Module):
    """ConvNeXt V2's competition between channels, over the length of the text."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, dim))
        self.beta = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x: Tensor) -> Tensor:
        strength = x.norm(dim=1, keepdim=True)  # (B, 1, 2E)
        share = strength / (strength.mean(dim=-1, keepdim=True) + 1e-6)
        return x + self.gamma * (x * share) + self.beta  # (B, N, 2E)


class ConvNeXtV2Block(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, inner)
        self.grn = GlobalResponseNorm(inner)
        self.pwconv2 = nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x.mT).mT)  # (B, N, E)
        y = self.grn(F.gelu(self.pwconv1(y)))  # (B, N, 2E)
        return x + self.pwconv2(y)  # (B, N, E)


class TextEmbedding(nn.Module):
    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.mask_filler = arch.mask_filler
        self.text_embed = nn.Embedding(arch.vocabulary + 1, arch.text_dim)  # 0 is the filler
        self.text_blocks = nn.Sequential(
            *(ConvNeXtV2Block(arch.text_dim, 2 * arch.text_dim) for _ in range(arch.conv_layers))
        )

    def forward(self, tokens: Tensor, length: int, *, drop: bool) -> Tensor:
        """One text, stretched to its speech with filler.

        Args:
            tokens: (T,) numbers of the text's symbols.
            length: N, the frames of the speech.
            drop: Leave filler only, for guidance.

        Returns:
            (N, E).
        """
        shifted = tokens[:length] + 1
        ids = tokens.new_zeros(length)  # (N)
        ids[: len(shifted)] = shifted
        mask = (ids != 0)[None, :, None] if self.mask_filler else None  # (1, N, 1): where there's text, also if dropped
        x = self.text_embed(torch.zeros_like(ids) if drop else ids)[None]  # (1, N, E)
        if len(self.text_blocks):
            x = x + text_positions(length, x.shape[-1], x.device).to(x.dtype)
            x = x if mask is None else x * mask
            for block in self.text_blocks:
                x = block(x)  # (1, N, E)
                x = x if mask is None else x * mask
        return x[0]  # (N, E)


class ConvPositionEmbedding(nn.Module):
    """Relative position by two wide convolutions; what lies beyond a speech's end counts as zero."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        first, second = (nn.Conv1d(dim, dim, 31, padding=15, groups=16) for _ in range(2))
        self.conv1d = nn.Sequential(first, nn.Mish(), second, nn.Mish())

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        y = x.mT  # (B, C, N)
        for layer in self.conv1d:
            if mask is not None and isinstance(layer, nn.Conv1d):
                y = y * mask[:, None]
            y = layer(y)
        return (y if mask is None else y * mask[:, None]).mT  # (B, N, C)


class InputEmbedding(nn.Module):
    def __init__(self, arch: Arch) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * arch.mel_dim + arch.text_dim, arch.dim)
        self.conv_pos_embed = ConvPositionEmbedding(arch.dim)

    def forward(self, x: Tensor, reference: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
        y = self.proj(torch.cat((x, reference, text), dim=-1))  # (B, N, 2M + E) -> (B, N, C)
        return y + self.conv_pos_embed(y, mask)  # (B, N, C)


class AdaLayerNorm(nn.Module):
    """A norm whose scale and shift come from the time; `parts` vectors (B, 1, C) come out of `linear`."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(dim, dim * parts)

    def forward(self, time: Tensor) -> tuple[Tensor, ...]:
        return self.linear(F.silu(time))[:, None].chunk(self.parts, dim=-1)  # (B, 1, C) each


def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Layer norm of `x` (B, N, C), scaled and shifted by (B, 1, C)."""
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=1e-6), 1 + scale)


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int, dim_head: int, *, qk_norm: bool, rotary_heads: int | None) -> None:
        super().__init__()
        self.heads = heads
        self.rotary_heads = rotary_heads
        inner = heads * dim_head
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, inner) for _ in range(3))
        self.q_norm = nn.RMSNorm(dim_head, eps=1e-6) if qk_norm else nn.Identity()
        self.k_norm = nn.RMSNorm(dim_head, eps=1e-6) if qk_norm else nn.Identity()
        self.to_out = nn.ModuleList([nn.Linear(inner, dim)])

    def forward(self, x: Tensor, rotary: Rotary, mask: Tensor | None) -> Tensor:
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, N, D)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        query, key = (self._rotate(y, rotary) for y in (self.q_norm(query), self.k_norm(key)))
        key_mask = None if mask is None else mask[:, None, None]  # (B, 1, 1, N): nobody looks beyond the end
        y = F.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)  # (B, H, N, D)
        return self.to_out[0](y.transpose(1, 2).flatten(-2))  # (B, N, C)

    def _rotate(self, x: Tensor, rotary: Rotary) -> Tensor:
        if self.rotary_heads is None:
            return apply_rotary(x, rotary)
        first, rest = x[:, : self.rotary_heads], x[:, self.rotary_heads :]
        return torch.cat((apply_rotary(first, rotary), rest), dim=1)


class FeedForward(nn.Module):
    def __init__(self, dim: int, mult: int) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(dim, dim * mult), nn.GELU(approximate="tanh"))
        # The checkpoints count a dropout in the middle.
        self.ff = nn.Sequential(inner, nn.Identity(), nn.Linear(dim * mult, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.ff(x)  # (B, N, C)


class DiTBlock(nn.Module):
    def __init__(
        self, dim: int, heads: int, dim_head: int, ff_mult: int, *, qk_norm: bool, rotary_heads: int | None
    ) -> None:
        super().__init__()
        self.attn_norm = AdaLayerNorm(dim, 6)
        self.attn = Attention(dim, heads, dim_head, qk_norm=qk_norm, rotary_heads=rotary_heads)
        self.ff = FeedForward(dim, ff_mult)

    def forward(self, x: Tensor, time: Tensor, rotary: Rotary, mask: Tensor | None) -> Tensor:
        shift, scale, gate, ff_shift, ff_scale, ff_gate = self.attn_norm(time)  # (B, 1, C) each
        x = torch.addcmul(x, gate, self.attn(modulate(x, scale, shift), rotary, mask))  # (B, N, C)
        return torch.addcmul(x, ff_gate, self.ff(modulate(x, ff_scale, ff_shift)))  # (B, N, C)


class DiT(nn.Module):
    """The whole network, for B speeches of up to N frames."""

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
        """The texts' symbols, each embedded as if alone: the blocks look at a text's whole length.

        Args:
            texts: B texts (T,) of symbols' numbers.
            lengths: Frames of each one's speech, N the longest.
            drop: Leave filler only, for guidance.

        Returns:
            (B, N, E).
        """
        rows = [self.text_embed(text, length, drop=drop) for text, length in zip(texts, lengths, strict=True)]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def forward(self, x: Tensor, reference: Tensor, text: Tensor, time: Tensor, mask: Tensor | None) -> Tensor:
        """The velocity of the flow at `x`.

        Args:
            x: (B, N, M) log mel bands, between noise and speech.
            reference: (B, N, M) what is known of the speech, zero elsewhere.
            text: (B, N, E) from `embed_text`.
            time: (B,) from 0, noise, to 1, speech.
            mask: (B, N) false beyond each speech's end; None where all are of one length.

        Returns:
            (B, N, M).
        """
        embedded_time = self.time_embed(time)  # (B, C)
        rotary = rotary_table(x.shape[1], self.arch.dim_head, x.device)  # (N, D / 2) each
        y = self.input_embed(x, reference, text, mask)  # (B, N, C)
        for block in self.transformer_blocks:
            y = block(y, embedded_time, rotary, mask)
        scale, shift = self.norm_out(embedded_time)  # (B, 1, C) each
        return self.proj_out(modulate(y, scale, shift))  # (B, N, M)
