"""What a face detector gives, whichever it is, and the one that needs no model."""

import math
import os
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from .cascade import find_faces
from .geometry import FacePoints, Pixels
from .points import locate

Floats = npt.NDArray[np.float32]

# Proportions of the box from hairline to chin that detectors trained on WIDER FACE draw, in distances between the
# eyes: what is above and below the line of the eyes, and to each side of the middle.
_ABOVE, _BELOW, _BESIDE = 1.16, 1.76, 1.10
_EYES_TO_NOSE = 0.56  # of the way from the eyes to the mouth, as in the five-point template of FFHQ
_AT_ONCE = 2  # more would hold more frames
_VIDEO_SIDES = (256, 448)  # finds faces from a twelfth of the picture's longest side on


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture, in pixels from its top left corner; left and right are the picture's.

    Attributes:
        box: (4,) left, top, right, bottom, from the hairline to the chin.
        points: (5, 2) left eye, right eye, tip of the nose, left and right corner of the mouth.
        score: how sure the detector is, 0 to 1.
        outline: (36, 2) the face's oval, if the detector knows it.
        mesh: (478, 3) MediaPipe's face mesh, if the detector knows it; depth is in pixels too, smaller when nearer.
    """

    box: Floats
    points: Floats
    score: float = 1.0
    outline: Floats | None = None
    mesh: Floats | None = None

    @property
    def width(self) -> float:
        return float(self.box[2] - self.box[0])

    @property
    def area(self) -> float:
        return self.width * float(self.box[3] - self.box[1])


class Detector(Protocol):
    """Finds the faces of a picture."""

    @property
    def name(self) -> str:
        """What it is and how it is set: part of the key under which its findings are kept."""
        ...

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces in `pixels` (H, W, 3) uint8 RGB, largest first."""
        ...


@runtime_checkable
class MeshDetector(Detector, Protocol):
    """A detector that knows each face's mesh, and how surely it is a face."""

    @property
    def present(self) -> float:
        """The presence from which on it takes something for a face."""
        ...

    def candidates(self, pixels: Pixels) -> list[dict[str, Any]]:
        """What may be a face in `pixels` (H, W, 3) uint8 RGB, as entries of a frame of ComfyUI's FACE_LANDMARKS.

        The `presence` of each, 0 to 1, says how surely it is one.
        """
        ...


def parallel_calls(detector: Detector) -> int:
    """In how many pictures it may look at the same time: the built-in one runs beside itself, a network doesn't."""
    return min(_AT_ONCE, os.cpu_count() or 1) if isinstance(detector, CascadeDetector) else 1


@dataclass(frozen=True, slots=True)
class CascadeDetector:
    """The built-in finder: frontal faces, tilted by 15 degrees at most.

    Its nose is where an average face has it. `sides` are the sizes in pixels to which the picture is scaled for
    each look; the largest decides how small a face is found and what a picture without one costs.
    """

    sides: tuple[int, ...] = _VIDEO_SIDES

    @property
    def name(self) -> str:
        return f"cascade {self.sides}"

    def detect(self, pixels: Pixels) -> list[Face]:
        found: list[Face] = []
        for box in find_faces(pixels, self.sides):
            try:
                found.append(face_of(locate(pixels, box)))
            except ValueError:  # nothing in it looks like an eye, so it is no face
                continue
        return sorted(found, key=lambda face: -face.area)


def face_of(points: FacePoints) -> Face:
    """The face that has these points; its box is upright around them."""
    cos, sin = math.cos(points.roll), math.sin(points.roll)
    eyes = np.array([points.left_eye, points.right_eye])
    middle, mouth = eyes.mean(axis=0), np.array(points.mouth)
    along = np.array([cos, sin]) * points.mouth_width / 2
    nose = middle + _EYES_TO_NOSE * (mouth - middle)
    five = np.array([*eyes, nose, mouth - along, mouth + along], np.float32)
    return Face(_box_around(middle, points.eye_distance, float(points.chin[1] - middle[1])), five)


def face_in_box(left: float, top: float, width: float, height: float) -> Face:
    """An average upright face in a box from hairline to chin.

    Raises:
        ValueError: the box is empty.
    """
    if not (width > 0 and height > 0):
        raise ValueError(f"A face's box of {width:g}x{height:g} pixels is empty.")
    unit = height / (_ABOVE + _BELOW)
    x, y = left + width / 2, top + _ABOVE * unit
    five = [(-0.5, 0), (0.5, 0), (0, 1.1 * _EYES_TO_NOSE), (-0.4, 1.1), (0.4, 1.1)]
    points = np.array([(x + dx * unit, y + dy * unit) for dx, dy in five], np.float32)
    return Face(np.array([left, top, left + width, top + height], np.float32), points)


def _box_around(middle: npt.NDArray[np.floating], unit: float, chin: float) -> Floats:
    """`middle` (2,) between the eyes, which are `unit` pixels apart; the chin is `chin` pixels below."""
    long = min(max(chin / unit, 0.85 * _BELOW), 1.15 * _BELOW)  # as far as an average face's length varies
    x, y = middle
    return np.array([x - _BESIDE * unit, y - _ABOVE * unit, x + _BESIDE * unit, y + long * unit], np.float32)
