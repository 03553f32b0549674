"""Where a face is in a picture, and where its eyes and mouth are."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]


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
        )
