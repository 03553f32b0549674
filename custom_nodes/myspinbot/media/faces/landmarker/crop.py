"""Square windows on a picture, turned so that what is in them is upright."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ..geometry import Pixels, Point, upright


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of `side` pixels around `centre`, turned clockwise by `roll` radians."""

    centre: Point
    side: float
    roll: float = 0.0

    @classmethod
    def whole(cls, pixels: Pixels) -> Self:
        """All of a picture, with margins to make it square."""
        height, width = pixels.shape[:2]
        return cls((width / 2, height / 2), max(height, width))

    @classmethod
    def around(cls, points: npt.NDArray[np.floating], roll: float, growth: float) -> Self:
        """The square, `growth` times as long as points (N, 2) are along its longer direction, around their middle."""
        cos, sin = math.cos(roll), math.sin(roll)
        turned = points @ np.array([[cos, -sin], [sin, cos]])  # into the square's own directions
        low, high = turned.min(axis=0), turned.max(axis=0)
        x, y = (low + high) / 2
        return cls((x * cos - y * sin, x * sin + y * cos), float((high - low).max()) * growth, roll)

    def sample(self, pixels: Pixels, size: int) -> npt.NDArray[np.float32]:
        """(size, size, 3) of `pixels` (H, W, 3), 0 to 255; black outside of the picture."""
        step = self.side / size
        across, down = step * math.cos(self.roll), step * math.sin(self.roll)
        corner = self.to_picture(np.zeros((1, 2)))[0]
        window = upright(pixels, (float(corner[0]), float(corner[1])), (across, down), (size, size))
        return np.ascontiguousarray(window, np.float32)

    def to_picture(self, places: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Places (N, 2) in the square, from 0 at its top left corner to 1, in the picture's pixels."""
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        away = (places - 0.5) * self.side
        return away @ np.array([[cos, sin], [-sin, cos]]) + self.centre
