"""Parts of a portrait that are bent, each in units of its own, and a head that sways."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from ...media.faces import FacePoints, Point


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
        """The patch that holds a turned box, cut at the picture's edges.

        Args:
            picture: (1, 3, H, W) float.
            origin: of the coordinates, in pixels.
            unit: pixels of a step of 1.
            roll: by which the coordinates are turned, radians clockwise.
            u: where the box begins and ends along the eye line.
            v: where it begins and ends down the face.
        """
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


def ramp(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
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


class Sway:
    """Moves the head of a picture of `height` by `width` pixels around its neck."""

    def __init__(self, height: int, width: int, points: FacePoints) -> None:
        distance = points.eye_distance
        pivot_x, pivot_y = points.chin[0], points.chin[1] + 0.5 * distance
        y = torch.arange(height, dtype=torch.float32).unsqueeze(1)
        x = torch.arange(width, dtype=torch.float32).unsqueeze(0)
        middle_x = (points.left_eye[0] + points.right_eye[0] + points.mouth[0]) / 3
        middle_y = (points.left_eye[1] + points.right_eye[1]) / 2
        far = torch.sqrt(((x - middle_x) / (1.5 * distance)) ** 2 + ((y - middle_y) / (2.0 * distance)) ** 2)
        weight = (1 - ramp(far, 0.95, 2.1)) * fade_at_edges(height, width, 0.06)
        self._unit, self._size = distance, (height, width)
        dx, dy = (x - pivot_x) * weight, (y - pivot_y) * weight
        zero = torch.zeros(height, width)
        # Where each pixel is read from: its own place, less the head's movement there; in grid_sample's units.
        place = torch.stack(((x + 0.5 + zero) * 2 / width - 1, (y + 0.5 + zero) * 2 / height - 1), -1)
        self._place = place.view(-1, 2)  # (H*W, 2)
        self._lever = torch.stack((dx, dy, weight), -1).view(-1, 3)  # (H*W, 3)
        self._to_grid = torch.tensor([2 / width, 2 / height])

    def move(self, frame: Tensor, shift_x: float, shift_y: float, roll: float, zoom: float) -> Tensor:
        """A frame with the head moved.

        Args:
            frame: (3, H, W).
            shift_x: to the right, in eye distances.
            shift_y: down, in eye distances.
            roll: radians, clockwise.
            zoom: relative growth.
        """
        movement = torch.tensor(
            [[zoom, roll], [-roll, zoom], [shift_x * self._unit, shift_y * self._unit]]
        )  # (3, 2): for small angles a turn is its own matrix
        grid = torch.addmm(self._place, self._lever, movement * -self._to_grid).view(1, *self._size, 2)
        return functional.grid_sample(
            frame.unsqueeze(0), grid, mode="bicubic", padding_mode="border", align_corners=False
        )[0]
