"""Where a face is in a picture, and where its eyes and mouth are.

Faces are found with the LBP cascade that ships inside scikit-image (trained by OpenCV; Liao et al.,
"Learning Multi-scale Block Local Binary Patterns for Face Recognition", 2007): no download, no model file.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Point = tuple[float, float]

_SCAN_SIDES = (256, 448, 800)  # longest side of the picture at each look; later looks find smaller faces
_SMALLEST = 36  # pixels of a face's side in the scaled picture


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


def find_faces(image: Pixels) -> list[Box]:
    """Boxes of the frontal faces in `image` (H, W, 3) RGB, largest first; empty where there is none."""
    grey = Image.fromarray(image).convert("L")
    for side in _SCAN_SIDES:
        scale = min(side / max(grey.size), 1.0)
        boxes = _scan(grey, scale)
        if boxes or scale == 1.0:
            return boxes
    return []


def _scan(grey: Image.Image, scale: float) -> list[Box]:
    size = (max(round(grey.width * scale), 1), max(round(grey.height * scale), 1))
    small = np.asarray(grey.resize(size, Image.Resampling.LANCZOS))
    if min(size) < _SMALLEST:
        return []
    found = _cascade().detect_multi_scale(
        img=small,
        scale_factor=1.1,
        step_ratio=1,
        min_neighbor_number=6,
        min_size=(_SMALLEST, _SMALLEST),
        max_size=(min(size), min(size)),
    )
    boxes = [Box(hit["c"] / scale, hit["r"] / scale, hit["width"] / scale) for hit in found]
    return _distinct(sorted(boxes, key=lambda box: -box.side))


def _distinct(boxes: list[Box]) -> list[Box]:
    """`boxes` without those whose middle lies in one before them: the same face seen twice."""
    kept: list[Box] = []
    for box in boxes:
        x, y = box.centre
        if not any(0 <= x - other.x <= other.side and 0 <= y - other.y <= other.side for other in kept):
            kept.append(box)
    return kept


@functools.cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())
