"""The outlines of a face's mouth and eyes as curves, from its mesh, or an average face's where no mesh is known.

Each part has coordinates of its own: u runs from -1 to 1 between its corners, v down the face, both in half widths.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from ...media.faces import FacePoints, Point

Points = npt.NDArray[np.floating]

# Vertices of MediaPipe's canonical face model, from the picture's left to its right.
_UPPER_INSIDE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_INSIDE = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_UPPER_OUTSIDE = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_LOWER_OUTSIDE = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_NOSE_BASE, _CHIN = 2, 152
_LIDS = {
    "left": ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    "right": ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
}
_BROWS = {"left": (46, 53, 52, 65, 55), "right": (285, 295, 282, 283, 276)}

_REACH, _STEPS = 3.0, 769  # a curve is known from -_REACH to _REACH
_PARTED = 0.12  # half mouth widths between the lips from which on they are taken for parted


class Curve:
    """v over u, smooth through its points and level beyond them."""

    def __init__(self, u: Sequence[float] | Points, v: Sequence[float] | Points) -> None:
        xs, ys = np.asarray(u, np.float64), np.asarray(v, np.float64)
        order = np.argsort(xs, kind="stable")
        xs, ys = xs[order], ys[order]
        xs = xs + np.arange(len(xs)) * 1e-6  # two points of a mesh may lie in one column
        grid = np.linspace(-_REACH, _REACH, _STEPS)
        table = PchipInterpolator(xs, ys)(grid.clip(xs[0], xs[-1]))
        self._table = torch.from_numpy(np.asarray(table, np.float32))

    def at(self, u: Tensor) -> Tensor:
        """v at each `u`, of any shape."""
        place = ((u + _REACH) * ((_STEPS - 1) / (2 * _REACH))).clamp(0, _STEPS - 1.001)
        low = place.floor()
        index = low.long()
        return torch.lerp(self._table[index], self._table[index + 1], place - low)


@dataclass(frozen=True, slots=True)
class MouthShape:
    """A mouth as the portrait shows it.

    Attributes:
        origin: middle between the corners, in pixels.
        unit: half of the way between them.
        roll: tilt of the line through them, radians clockwise.
        seam: upper edge of the lower lip.
        gap: height of what is seen between the lips; 0 everywhere for lips that touch.
        upper, lower: thickness of the lips.
        nose, chin: base of the nose and tip of the chin.
        parted: whether teeth are seen, or the mouth is open.
    """

    origin: Point
    unit: float
    roll: float
    seam: Curve
    gap: Curve
    upper: Curve
    lower: Curve
    nose: float
    chin: float
    parted: bool


def mouth_shape(points: FacePoints) -> MouthShape:
    """The mouth of a face."""
    mesh = points.mesh
    if mesh is None:
        return _average_mouth(points)
    left, right = mesh[_UPPER_OUTSIDE[0], :2], mesh[_UPPER_OUTSIDE[-1], :2]
    origin, unit, roll = _frame(left, right)

    def curve(vertices: Sequence[int]) -> tuple[Points, Points]:
        own = _in_frame(mesh[list(vertices), :2], origin, unit, roll)
        return own[:, 0], own[:, 1]

    upper_u, upper_v = curve(_UPPER_INSIDE)
    lower_u, lower_v = curve(_LOWER_INSIDE)
    grid = np.linspace(-1, 1, 25)
    lower, upper = (np.interp(grid, *_sorted(u, v)) for u, v in ((lower_u, lower_v), (upper_u, upper_v)))
    gap = np.clip(lower - upper, 0, None)
    parted = bool(gap.max() > _PARTED)
    seam = lower if parted else (lower + upper) / 2
    gap = gap if parted else np.zeros_like(gap)
    above, below = (np.interp(grid, *_sorted(*curve(vertices))) for vertices in (_UPPER_OUTSIDE, _LOWER_OUTSIDE))
    (nose,), (chin,) = (_in_frame(mesh[[vertex], :2], origin, unit, roll)[:, 1] for vertex in (_NOSE_BASE, _CHIN))
    middle = float(seam[12])
    return MouthShape(
        origin, unit, roll, Curve(grid, seam), Curve(grid, gap),
        Curve(grid, np.clip(seam - gap - above, 0.04, None)), Curve(grid, np.clip(below - seam, 0.04, None)),
        min(float(nose) - middle, -0.3), max(float(chin) - middle, 0.7), parted,
    )  # fmt: skip


def _average_mouth(points: FacePoints) -> MouthShape:
    half = points.mouth_width / 2
    chin = max((points.chin[1] - points.mouth[1]) / half, 0.7)
    lip = min(points.lip_height / half, 0.6 * chin)
    teeth = points.teeth_height / half
    grid = np.linspace(-1.1, 1.1, 25)
    arch = np.clip(1 - (grid / 0.98) ** 2, 0, None)
    # A smile that shows teeth is parted along a curve.
    return MouthShape(
        points.mouth, half, points.roll, Curve(grid, -0.85 * teeth * np.clip(grid**2, None, 1.2)),
        Curve(grid, teeth * arch**0.75), Curve(grid, 0.3 * arch + 0.04), Curve(grid, lip * arch**0.5 + 0.04),
        -0.75, chin, teeth > 0,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EyeShape:
    """An eye as the portrait shows it: `origin`, `unit` and `roll` as a mouth's.

    Attributes:
        top, bottom: the edges of the lids.
        skin: height of the skin between the lid's edge and the brow.
    """

    origin: Point
    unit: float
    roll: float
    top: Curve
    bottom: Curve
    skin: float


def eye_shapes(points: FacePoints) -> list[EyeShape]:
    """The eyes of a face, the picture's left one first."""
    mesh = points.mesh
    if mesh is None:
        return [_average_eye(eye, points) for eye in (points.left_eye, points.right_eye)]
    eyes: list[EyeShape] = []
    for side, (top, bottom) in _LIDS.items():
        origin, unit, roll = _frame(mesh[top[0], :2], mesh[top[-1], :2])
        above, below, brow = (
            _in_frame(mesh[list(vertices), :2], origin, unit, roll) for vertices in (top, bottom, _BROWS[side])
        )
        # The mesh's edges lie on the lids' rims: what is seen of the eye reaches a little further.
        rim = 0.03 * np.array([0, *[1] * (len(top) - 2), 0])
        curves = [
            Curve(*_sorted(1.06 * edge[:, 0], edge[:, 1] + rim * sign)) for edge, sign in ((above, -1), (below, 1))
        ]
        skin = float(above[len(above) // 2, 1] - brow[len(brow) // 2, 1])
        eyes.append(EyeShape(origin, unit, roll, curves[0], curves[1], min(max(0.72 * skin, 0.3), 1.1)))
    return eyes


def _average_eye(eye: Point, points: FacePoints) -> EyeShape:
    half = points.eye_width / 2
    height = points.eye_height / 2 / half * 1.25
    # Wider and rounder than many eyes are: of those too nothing may show at the corners.
    grid = np.linspace(-1.36, 1.36, 25)
    arch = np.clip(1 - (grid / 1.36) ** 2, 0, None) ** 0.8
    skin = max(0.34, 0.7 * height)
    return EyeShape(eye, half, points.roll, Curve(grid, -height * arch), Curve(grid, 1.3 * height * arch), skin)


def _frame(left: Points, right: Points) -> tuple[Point, float, float]:
    """Origin, unit and roll of the coordinates in which two corners are at -1 and 1."""
    (ax, ay), (bx, by) = left.tolist(), right.tolist()
    return ((ax + bx) / 2, (ay + by) / 2), max(math.dist((ax, ay), (bx, by)) / 2, 1.0), math.atan2(by - ay, bx - ax)


def _in_frame(places: Points, origin: Point, unit: float, roll: float) -> Points:
    """(N, 2): u and v of places in the picture."""
    cos, sin = math.cos(roll), math.sin(roll)
    return (places - np.array(origin)) @ np.array([[cos, -sin], [sin, cos]]) / unit


def _sorted(u: Points, v: Points) -> tuple[Points, Points]:
    order = np.argsort(u, kind="stable")
    return u[order], v[order]
