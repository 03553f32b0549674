"""Where a face and its parts are in a picture, upright windows to measure it in, and maps from one face to another."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..warp import sampled, within

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]
Plane = npt.NDArray[np.floating]
Points = npt.NDArray[np.floating]

UNIT = 64  # pixels between the eyes in a window
_SLIGHTEST = 1e-6


@dataclass(frozen=True, slots=True)
class Box:
    """A face's square from brow to chin, in pixels from the picture's top left corner."""

    x: float
    y: float
    side: float

    @property
    def centre(self) -> Point:
        return self.x + self.side / 2, self.y + self.side / 2


@dataclass(frozen=True, slots=True)
class FacePoints:
    """The parts of a face that move when it speaks, in pixels; left and right are the picture's.

    Attributes:
        left_eye, right_eye: centres between the lids.
        eye_width, eye_height: corner to corner, and lid to lid of an open eye.
        mouth: middle of the line where the lips part (below the upper teeth in a smile that shows them).
        mouth_width: corner to corner.
        lip_height: from the parting line to the lower lip's lower edge.
        teeth_height: height of the teeth visible above the parting line; 0 for a closed mouth.
        chin: lowest point.
        mesh: (478, 2 or 3) MediaPipe's face mesh, where it is known.
    """

    left_eye: Point
    right_eye: Point
    eye_width: float
    eye_height: float
    mouth: Point
    mouth_width: float
    lip_height: float
    teeth_height: float
    chin: Point
    mesh: Points | None = field(default=None, compare=False, repr=False)

    @property
    def eye_distance(self) -> float:
        return math.dist(self.left_eye, self.right_eye)

    @property
    def roll(self) -> float:
        """Tilt of the eye line in radians, clockwise positive."""
        return math.atan2(self.right_eye[1] - self.left_eye[1], self.right_eye[0] - self.left_eye[0])

    def scaled(self, factor: float) -> "FacePoints":
        """The same face in a picture scaled by `factor`."""

        def point(p: Point) -> Point:
            return p[0] * factor, p[1] * factor

        return FacePoints(
            point(self.left_eye),
            point(self.right_eye),
            self.eye_width * factor,
            self.eye_height * factor,
            point(self.mouth),
            self.mouth_width * factor,
            self.lip_height * factor,
            self.teeth_height * factor,
            point(self.chin),
            None if self.mesh is None else self.mesh * factor,
        )


def upright(
    image: Pixels, corner: Point, step: tuple[float, float], size: tuple[int, int], *, black: bool = True
) -> Plane:
    """A part of a picture, turned upright and brought to a known scale.

    What is around it is scaled down first, so that nothing aliases.

    Args:
        image: (H, W, 3) uint8.
        corner: the window's top left corner in the picture.
        step: along which its rows run, (cos, sin) times the picture's pixels for one of the window's.
        size: (w, h) of the window.
        black: what is outside of the picture is black; else the picture goes on as at its border.

    Returns:
        (h, w, 3) float32; black all over where nothing of the picture is near.
    """
    pixels = math.hypot(*step)
    shrink = max(int(pixels), 1)
    reach = pixels * math.hypot(*size)
    left, top = max(int(corner[0] - reach), 0), max(int(corner[1] - reach), 0)
    right, bottom = (
        min(int(corner[0] + reach) + 1, image.shape[1]),
        min(int(corner[1] + reach) + 1, image.shape[0]),
    )
    part = image[top:bottom, left:right]
    if not part.size:
        return np.zeros((size[1], size[0], 3), np.float32)
    if shrink > 1:
        part = np.asarray(Image.fromarray(part).reduce(shrink))
    a, b = step[0] / shrink, step[1] / shrink
    x, y = (corner[0] - left) / shrink, (corner[1] - top) / shrink
    way = (a, -b, x, b, a, y)
    window, shown = sampled(part, size, way), within(part.shape, size, way) if black else None
    return window if shown is None else window * (shown > 0)[..., None]


def similarity(start: Points, goal: Points, weights: Points | None = None) -> npt.NDArray[np.float64]:
    """The turn, size and shift that bring points closest to others, without a mirror.

    Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns" (1991).

    Args:
        start: (N, 2).
        goal: (N, 2), where they are to be. If all lie in one place, the points are shrunk to nothing there.
        weights: (N,), how much each point counts; alike if None.

    Returns:
        (2, 3), the affine map from start to goal.
    """
    start, goal = start.astype(np.float64), goal.astype(np.float64)
    shares = np.full((len(start), 1), 1 / len(start)) if weights is None else (weights / weights.sum())[:, None]
    start_mean, goal_mean = (shares * start).sum(axis=0), (shares * goal).sum(axis=0)
    a, b = start - start_mean, goal - goal_mean
    spread = max(float((shares * a**2).sum()), _SLIGHTEST)
    cos = float((shares * a * b).sum()) / spread
    sin = float((shares[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, goal_mean - turn @ start_mean])
