"""Blinking: the skin above an eye drawn down over it."""

import torch
from torch import Tensor

from ...media.faces import FacePoints, Point
from .patch import Patch, over, ramp


class Lid:
    """Shuts one eye of a portrait (1, 3, H, W); units are half the eye's width, 0 at its middle."""

    def __init__(self, picture: Tensor, eye: Point, points: FacePoints) -> None:
        half = points.eye_width / 2
        self._height = points.eye_height / 2 / half * 1.25
        self._skin = max(0.34, 0.7 * self._height)  # how much skin above the eye is there to be drawn down
        self._patch = Patch.around(picture, eye, half, points.roll, u=(-1.55, 1.55), v=(-1.7, 1.3))
        self._pixel = 1 / half
        u = self._patch.u
        # Wider and rounder than many eyes are: of those too nothing may show at the corners.
        self._arch = (1 - (u / 1.36) ** 2).clamp(min=0) ** 0.8
        self._sides = 1 - ramp(u.abs(), 1.1, 1.4)
        self._lashes = 1 - ramp(u.abs(), 0.8, 1.3)

    def clear(self, frame: Tensor) -> None:
        """Give `frame` (3, H, W) the portrait's own eye back."""
        self._patch.of(frame).copy_(self._patch.of(self._patch.picture[0]))

    def draw(self, frame: Tensor, shut: float) -> None:
        """Paint the eye, `shut` from 0 (as it is) to 1, into `frame` (3, H, W)."""
        if shut < 0.02:
            return
        target = self._patch.of(frame)
        u, v = self._patch.u, self._patch.v
        top = -self._height * self._arch
        bottom = self._height * 1.3 * self._arch  # over the lower lid rather than short of it
        edge = torch.lerp(top, bottom, shut)
        fold = top - self._skin
        # Out of [fold, edge] back into [fold, top]: the lid's skin, stretched.
        stretch = (top - fold) / (edge - fold).clamp(min=1e-3)
        skin = self._patch.sample(u, fold + (v - fold) * stretch - 0.10 * shut)
        shade = 1 - 0.16 * shut * torch.exp(-(((v - edge) / 0.22) ** 2))
        soft = 1.2 * self._pixel
        covered = ramp(v - fold, 0, 0.25) * (1 - ramp(v - edge, -soft, soft)) * self._sides
        picture = over(target, skin * shade, covered)
        lash = torch.exp(-(((v - edge) / max(0.07, 1.3 * self._pixel)) ** 2)) * self._lashes * min(shut * 1.6, 1.0)
        target.copy_(picture * (1 - 0.55 * lash))
