"""The parts that F5-TTS' transformer is built of, under the names its checkpoints give them.

Sources: Chen et al., "F5-TTS" (arXiv:2410.06885); Peebles and Xie, "Scalable Diffusion Models with
Transformers" (arXiv:2212.09748) for the adaptive norms; Woo et al., "ConvNeXt V2" (arXiv:2301.00808) for the text
blocks; Su et al., "RoFormer" (arXiv:2104.09864) for the rotary positions.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Rotary = tuple[Tensor, Tensor]


def rotary(length: int, width: int, device: torch.device) -> Rotary:
    """Cosines and sines, (length, width / 2) each, that turn pairs of neighbouring channels by their position.

    Kept in float32 whatever the weights are: half precision can't hold the angles of a long speech.
    """
    rates = 10000.0 ** (-torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)
    angles = torch.outer(torch.arange(length, device=device, dtype=torch.float32), rates)
    return angles.cos(), angles.sin()


def turned(x: Tensor, by: Rotary) -> Tensor:
    """`x` (B, H, N, D) with its channels (0, 1), (2, 3)... rotated."""
    cos, sin = by
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)  # (B, H, N, D / 2)
    pairs = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return pairs.flatten(-2).to(x.dtype)


def text_positions(length: int, width: int, device: torch.device) -> Tensor:
    """(length, width): what is added to each place of the text, cosines first, then sines."""
    return torch.cat(rotary(length, width, device), dim=-1)


class TimestepEmbedding(nn.Module):
    """The moment of the flow, 0 to 1, as a vector."""

    FREQUENCIES = 128

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(2 * self.FREQUENCIES, dim), nn.SiLU(), nn.Linear(dim, dim))

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def forward(self, time: Tensor) -> Tensor:
        steps = torch.arange(self.FREQUENCIES, device=time.device, dtype=torch.float32)
        rates = torch.exp(steps * (-math.log(10000) / (self.FREQUENCIES - 1)))
        angles = 1000 * time.float()[:, None] * rates  # (B, 128)
        waves = torch.cat((angles.sin(), angles.cos()), dim=-1)
        return self.time_mlp(waves.to(self.dtype))  # (B, D)


class GlobalResponseNorm(nn.Module):
    """ConvNeXt V2's competition between channels, over the length of the text."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, dim))
        self.beta = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x: Tensor) -> Tensor:
        strength = x.norm(dim=1, keepdim=True)  # (B, 1, D)
        share = strength / (strength.mean(dim=-1, keepdim=True) + 1e-6)
        return x + self.gamma * (x * share) + self.beta


class ConvNeXtV2Block(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, inner)
        self.grn = GlobalResponseNorm(inner)
        self.pwconv2 = nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x.mT).mT)  # (B, N, D)
        return x + self.pwconv2(self.grn(F.gelu(self.pwconv1(y))))


class ConvPositionEmbedding(nn.Module):
    """Relative position by two wide convolutions; what lies beyond a speech's end counts as zero."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        first, second = (nn.Conv1d(dim, dim, 31, padding=15, groups=16) for _ in range(2))
        self.conv1d = nn.Sequential(first, nn.Mish(), second, nn.Mish())

    def forward(self, x: Tensor, inside: Tensor | None) -> Tensor:
        y = x.mT  # (B, D, N)
        for layer in self.conv1d:
            if inside is not None and isinstance(layer, nn.Conv1d):
                y = y * inside[:, None]
            y = layer(y)
        return (y if inside is None else y * inside[:, None]).mT


class AdaLayerNorm(nn.Module):
    """A norm whose scale and shift come from the moment; `parts` (B, D) vectors come out of `linear`."""

    def __init__(self, dim: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(dim, dim * parts)

    def forward(self, moment: Tensor) -> tuple[Tensor, ...]:
        return self.linear(F.silu(moment))[:, None].chunk(self.parts, dim=-1)  # (B, 1, D) each


def modulated(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
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

    def forward(self, x: Tensor, positions: Rotary, inside: Tensor | None) -> Tensor:
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, N, D)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        query, key = (self._placed(y, positions) for y in (self.q_norm(query), self.k_norm(key)))
        seen = None if inside is None else inside[:, None, None]  # (B, 1, 1, N): nobody looks beyond the end
        y = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        return self.to_out[0](y.transpose(1, 2).flatten(-2))  # (B, N, D)

    def _placed(self, x: Tensor, positions: Rotary) -> Tensor:
        if self.rotary_heads is None:
            return turned(x, positions)
        first, rest = x[:, : self.rotary_heads], x[:, self.rotary_heads :]
        return torch.cat((turned(first, positions), rest), dim=1)


class FeedForward(nn.Module):
    def __init__(self, dim: int, mult: int) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(dim, dim * mult), nn.GELU(approximate="tanh"))
        # The checkpoints count a dropout in the middle.
        self.ff = nn.Sequential(inner, nn.Identity(), nn.Linear(dim * mult, dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.ff(x)


class DiTBlock(nn.Module):
    def __init__(
        self, dim: int, heads: int, dim_head: int, ff_mult: int, *, qk_norm: bool, rotary_heads: int | None
    ) -> None:
        super().__init__()
        self.attn_norm = AdaLayerNorm(dim, 6)
        self.attn = Attention(dim, heads, dim_head, qk_norm=qk_norm, rotary_heads=rotary_heads)
        self.ff = FeedForward(dim, ff_mult)

    def forward(self, x: Tensor, moment: Tensor, positions: Rotary, inside: Tensor | None) -> Tensor:
        shift, scale, gate, ff_shift, ff_scale, ff_gate = self.attn_norm(moment)
        x = torch.addcmul(x, gate, self.attn(modulated(x, scale, shift), positions, inside))
        return torch.addcmul(x, ff_gate, self.ff(modulated(x, ff_scale, ff_shift)))
