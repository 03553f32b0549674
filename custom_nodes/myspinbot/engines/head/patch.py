"""A rectangle of the portrait with coordinates of its own, to sample from and paint into."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from ...media.faces import Point


@dataclass(frozen=True, slots=True)
class Patch:
    """Part of a picture, `y:y+h, x:x+w`, seen in units of `unit` pixels around `origin`, turned by `roll`.

    Attributes:
        u, v: (h, w) each pixel's coordinates; u runs along the eye line, v down the face.
        picture: (1, 3, H, W) the whole portrait, float.
    """

    picture: Tensor
    x: int
    y: int
    u: Tensor
    v: Tensor
    origin: Point
    unit: float
    roll: float

    @classmethod
    def around(
        cls,
        picture: Tensor,
        origin: Point,
        unit: float,
        roll: float,
        *,
        u: tuple[float, float],
        v: tuple[float, float],
    ) -> "Patch":
        """The patch that holds the (turned) box `u` by `v`, cut at the picture's edges."""
        height, width = picture.shape[2:]
        cos, sin = math.cos(roll) * unit, math.sin(roll) * unit
        xs = [origin[0] + a * cos - b * sin for a in u for b in v]
        ys = [origin[1] + a * sin + b * cos for a in u for b in v]
        x0, x1 = max(int(min(xs)), 0), min(int(max(xs)) + 1, width)
        y0, y1 = max(int(min(ys)), 0), min(int(max(ys)) + 1, height)
        dy = (torch.arange(y0, max(y1, y0 + 1)) - origin[1]).unsqueeze(1)
        dx = (torch.arange(x0, max(x1, x0 + 1)) - origin[0]).unsqueeze(0)
        return cls(
            picture,
            x0,
            y0,
            (dx * cos + dy * sin) / unit**2,
            (dy * cos - dx * sin) / unit**2,
            origin,
            unit,
            roll,
        )

    def sample(self, u: Tensor, v: Tensor) -> Tensor:
        """The portrait at coordinates (h, w): (3, h, w), bicubic."""
        height, width = self.picture.shape[2:]
        cos, sin = math.cos(self.roll) * self.unit, math.sin(self.roll) * self.unit
        x = (u * cos - v * sin + (self.origin[0] + 0.5)) * (2 / width) - 1
        y = (u * sin + v * cos + (self.origin[1] + 0.5)) * (2 / height) - 1
        grid = torch.stack((x, y), dim=-1).unsqueeze(0)
        return functional.grid_sample(self.picture, grid, mode="bicubic", padding_mode="border", align_corners=False)[0]

    def of(self, frame: Tensor) -> Tensor:
        """This patch's part of `frame` (3, H, W), as a view."""
        height, width = self.u.shape
        return frame[:, self.y : self.y + height, self.x : self.x + width]


def ramp(value: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, a smooth step between."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def over(below: Tensor, above: Tensor, alpha: Tensor) -> Tensor:
    """`above` laid on `below` (3, h, w) where `alpha` (h, w) is 1."""
    return torch.lerp(below, above, alpha)


def fade_at_edges(height: int, width: int, share: float) -> Tensor:
    """(height, width): 0 on the border, so that nothing jumps or is pulled in there; 1 from `share` of a side on."""

    def along(size: int) -> Tensor:
        inward = torch.arange(size)
        return ramp(torch.minimum(inward, inward.flip(0)) / max(share * size, 1), 0, 1)

    return along(height).unsqueeze(1) * along(width).unsqueeze(0)
