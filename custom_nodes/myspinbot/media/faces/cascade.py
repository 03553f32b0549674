"""Frontal faces, found without any model.

They are found with the LBP cascade that ships inside scikit-image (trained by OpenCV; Liao et al.,
"Learning Multi-scale Block Local Binary Patterns for Face Recognition", 2007): no download, no model file.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .geometry import Box, Pixels

SCAN_SIDES = (256, 448, 800)
_SMALLEST = 36  # pixels of a face's side in the scaled picture


def find_faces(image: Pixels, sides: Sequence[int] = SCAN_SIDES) -> list[Box]:
    """Boxes of the frontal faces in a picture, largest first; empty where there is none.

    Args:
        image: (H, W, 3) uint8 RGB.
        sides: longest side of the picture at each look; later looks, which are slower, find smaller faces.
    """
    grey = Image.fromarray(image).convert("L")
    for side in sides:
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
