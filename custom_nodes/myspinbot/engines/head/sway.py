"""Small movements of the whole head, with the shoulders and the background left in place."""

import torch
import torch.nn.functional as functional
from torch import Tensor

from ...media.faces import FacePoints
from .patch import fade_at_edges, ramp


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
        """`frame` (3, H, W) with the head shifted by eye distances, turned by radians, grown."""
        movement = torch.tensor(
            [[zoom, roll], [-roll, zoom], [shift_x * self._unit, shift_y * self._unit]]
        )  # (3, 2): for small angles a turn is its own matrix
        grid = torch.addmm(self._place, self._lever, movement * -self._to_grid).view(1, *self._size, 2)
        return functional.grid_sample(
            frame.unsqueeze(0), grid, mode="bicubic", padding_mode="border", align_corners=False
        )[0]
