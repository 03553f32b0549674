"""Lids that shut, bent out of a portrait."""

import torch
from torch import Tensor

from .contours import EyeShape
from .drawing import Patch, over, ramp

_MIX = 0.11
_SMOOTH = 0.25  # of the way from the fold to the eye that is smooth skin


class Lid:
    """Shuts one eye of a portrait (1, 3, H, W); units are half the eye's width, 0 at its middle.

    The lid is the skin between the brow and the eye, drawn down over it.
    """

    def __init__(self, picture: Tensor, eye: EyeShape) -> None:
        self._eye = eye
        self._patch = Patch.around(
            picture, eye.origin, eye.unit, eye.roll, u=(-1.7, 1.7), v=(-1.2 - 1.6 * eye.skin, 1.3)
        )
        self._pixel = 1 / eye.unit
        u = self._patch.u
        self._top, self._bottom = eye.top.at(u), eye.bottom.at(u)
        self._open = (self._bottom - self._top).clamp(min=0)
        self._sides = 1 - ramp(u.abs(), 1.0, 1.35)
        self._oval = 0.2 + 0.8 * (1 - (u / 1.15) ** 2).clamp(min=0)
        self._lashes = 1 - ramp(u.abs(), 0.8, 1.15)

    def clear(self, frame: Tensor) -> None:
        """Give `frame` (3, H, W) the portrait's own eye back."""
        self._patch.of(frame).copy_(self._patch.of(self._patch.picture[0]))

    def draw(self, frame: Tensor, shut: float) -> None:
        """Paint the eye, `shut` from 0 (as it is) to 1, into `frame` (3, H, W)."""
        if shut < 0.02:
            return
        target = self._patch.of(frame)
        u, v = self._patch.u, self._patch.v
        edge = self._top + shut * (self._open + 0.04 * self._sides)
        fold = self._top - self._eye.skin * self._oval
        # Out of [fold, edge] back into the skin below the fold, so that neither lashes nor the crease are drawn out.
        end = torch.lerp(self._top, fold + _SMOOTH * self._eye.skin * self._oval, min(shut / 0.5, 1.0))
        part = ((v - fold) / (edge - fold).clamp(min=1e-3)).clamp(0, 1)
        source = torch.where(v < fold, v, fold + part * (end - fold))
        at = torch.lerp(v, source, self._sides)
        skin = self._patch.sample(u, at)
        # Of what is drawn out, neighbours are mixed: lashes and pores would be streaks.
        even = torch.stack([self._patch.sample(u + step * _MIX, at) for step in (-2, -1, 1, 2)]).mean(dim=0)
        skin = over(skin, even, ramp(v - fold, 0, 0.25) * min(shut / 0.3, 1.0) * self._sides)
        soft = 1.2 * self._pixel
        round_lid = 1 - 0.10 * shut * torch.exp(-(((v - edge) / 0.2) ** 2))
        covered = 1 - ramp(v - edge, -soft, soft)
        picture = over(target, skin * round_lid, covered * self._sides)
        lash = torch.exp(-(((v - edge) / max(0.05, 1.3 * self._pixel)) ** 2)) * self._lashes * min(shut * 1.6, 1.0)
        target.copy_(picture * (1 - 0.45 * lash))
