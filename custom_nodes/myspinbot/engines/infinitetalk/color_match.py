"""Keeping a video's colours where they began, so that what drifts in one window isn't carried into the next.

Reinhard et al., "Color Transfer between Images" (2001), moves mean and spread of each channel, in CIE L*a*b* here;
Pitié and Kokaram, "The Linear Monge-Kantorovitch Linear Colour Mapping" (2007), all of the covariance, in sRGB, so
that it undoes any fading and tinting that is linear there.
"""

import torch
from torch import Tensor

_BATCH = 8  # frames in hand at once
_REACH = 8  # frames on each side over which statistics are averaged, so that speech doesn't make colours flicker
_STRIDE = 2  # every second pixel of a row and a column is enough for statistics
_LEAST = 1e-6  # variance, of a range of 1, below which a channel counts as flat
_WHITE = (0.95047, 1.0, 1.08883)  # D65
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def match_colors(frames: Tensor, reference: Tensor, method: str, known: int = 0) -> Tensor:
    """The frames after the first `known` in the colours of a reference.

    Args:
        frames: (N, H, W, 3), sRGB in [0, 1].
        reference: (H, W, 3), sRGB in [0, 1]; it is computed on its device.
        method: "lab" or "mkl".
        known: how many frames are only looked at, for the others to go on from smoothly.

    Returns:
        (N - known, H, W, 3) in [0, 1], of the type and on the device of `frames`.
    """
    there, back, maps_of = (_same, _clipped, _mkl) if method == "mkl" else (to_lab, to_rgb, _scales)
    target_mean, target_spread = _statistics(there(_sampled(reference[None])))
    parts = [_statistics(there(_sampled(batch).to(reference))) for batch in frames.split(_BATCH)]
    means = _smoothed(torch.cat([mean for mean, _ in parts]))  # (N, 3)
    spreads = _smoothed(torch.cat([spread for _, spread in parts]))  # (N, 3, 3)
    maps = maps_of(spreads, target_spread[0]).mT
    shifts = target_mean - (means[:, None] @ maps)[:, 0]
    made = torch.empty_like(frames[known:])
    for start in range(known, len(frames), _BATCH):
        part = slice(start, min(start + _BATCH, len(frames)))
        colors = there(frames[part].to(reference)).flatten(1, 2)
        moved = back(torch.baddbmm(shifts[part, None], colors, maps[part]))
        made[start - known : part.stop - known] = moved.reshape(frames[part].shape)
    return made


def to_lab(rgb: Tensor) -> Tensor:
    """sRGB (..., 3) in [0, 1] to CIE L*a*b* under D65."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4)
    xyz = linear @ linear.new_tensor(_TO_XYZ).T / linear.new_tensor(_WHITE)
    f = torch.where(xyz > _EPSILON, xyz.clamp(min=_EPSILON) ** (1 / 3), (_KAPPA * xyz + 16) / 116)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def to_rgb(lab: Tensor) -> Tensor:
    """CIE L*a*b* (..., 3) under D65 to sRGB within [0, 1]."""
    light, a, b = lab.unbind(-1)
    y = (light + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=-1)
    xyz = torch.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA) * lab.new_tensor(_WHITE)
    linear = xyz @ torch.linalg.inv(lab.new_tensor(_TO_XYZ)).T
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved).clamp(0, 1)


def _sampled(frames: Tensor) -> Tensor:
    """The pixels of each frame (N, H, W, 3) that are enough for statistics."""
    return frames[:, ::_STRIDE, ::_STRIDE]


def _statistics(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (N, 3) and covariance (N, 3, 3) of each frame's colours."""
    colors = frames.flatten(1, 2)
    mean = colors.mean(dim=1)
    away = colors - mean[:, None]
    spread = away.mT @ away / colors.shape[1]
    return mean, spread + _LEAST * torch.eye(3, dtype=spread.dtype, device=spread.device)


def _same(rgb: Tensor) -> Tensor:
    return rgb


def _clipped(rgb: Tensor) -> Tensor:
    return rgb.clamp_(0, 1)


def _smoothed(values: Tensor) -> Tensor:
    """The mean of each frame's neighbours within reach, (N, ...)."""
    sums = torch.cat([values[:1] * 0, values.cumsum(0)])
    index = torch.arange(len(values), device=values.device)
    low, high = (index - _REACH).clamp(min=0), (index + _REACH + 1).clamp(max=len(values))
    counts = (high - low).reshape(-1, *[1] * (values.ndim - 1))
    return (sums[high] - sums[low]) / counts


def _scales(spreads: Tensor, target: Tensor) -> Tensor:
    return torch.diag_embed((target.diagonal() / spreads.diagonal(dim1=-2, dim2=-1)).sqrt())


def _mkl(spreads: Tensor, target: Tensor) -> Tensor:
    root = _root(spreads)
    inverse = torch.linalg.inv(root)
    return inverse @ _root(root @ target @ root) @ inverse


def _root(matrices: Tensor) -> Tensor:
    """The square root of symmetric positive matrices (..., 3, 3)."""
    values, vectors = torch.linalg.eigh(matrices)
    return vectors @ torch.diag_embed(values.clamp(min=0).sqrt()) @ vectors.mT
