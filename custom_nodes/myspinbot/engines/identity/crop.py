"""The part of a picture that is learned: around the face, in one of a few shapes."""

import math

import numpy as np
from PIL import Image

from ...media.faces import Box, Pixels
from ...media.faces.cascade import find_faces
from ...media.faces.portrait import find_points
from ...media.picture import fitted

_ASPECTS = (3 / 4, 1.0, 4 / 3)  # width to height
_ROOM = 4.5  # sides of a face that a crop's shorter side spans at most: head, shoulders and some of the place
_FACE_HEIGHT = 0.42  # of the crop's height, where the face's middle is wished
_SEARCH_SIDE = 1024


def seen(pixels: Pixels) -> list[Box]:
    """The faces in a picture (H, W, 3), largest first; a tilted one too where no upright one is found."""
    small, scale = fitted(pixels, _SEARCH_SIDE)
    boxes = find_faces(small) or _tilted(small)
    return [Box(box.x / scale, box.y / scale, box.side / scale) for box in boxes]


def _tilted(pixels: Pixels) -> list[Box]:
    try:
        points = find_points(pixels).points
    except ValueError:
        return []
    side = 2.6 * points.eye_distance  # as wide as the boxes of upright faces are
    x = (points.left_eye[0] + points.right_eye[0] + 2 * points.mouth[0]) / 4
    y = (points.left_eye[1] + points.right_eye[1] + 2 * points.mouth[1]) / 4
    return [Box(x - side / 2, y - side / 2, side)]


def buckets(resolution: int, step: int) -> list[tuple[int, int]]:
    """Sizes (w, h) of about `resolution` squared pixels, multiples of `step`."""
    sizes = ((resolution * math.sqrt(aspect), resolution / math.sqrt(aspect)) for aspect in _ASPECTS)
    return [(max(round(width / step), 1) * step, max(round(height / step), 1) * step) for width, height in sizes]


def cropped(pixels: Pixels, box: Box, resolution: int, step: int) -> Pixels:
    """The surroundings of a face in the bucket that is nearest the picture's own shape; (h, w, 3)."""
    height, width = pixels.shape[:2]
    aspect = width / height
    size = min(buckets(resolution, step), key=lambda size: abs(math.log(size[0] / size[1] / aspect)))
    scale = min(width / size[0], height / size[1], _ROOM * box.side / min(size))
    crop_width, crop_height = size[0] * scale, size[1] * scale
    x, y = box.centre
    left = float(np.clip(x - crop_width / 2, 0, width - crop_width))
    top = float(np.clip(y - _FACE_HEIGHT * crop_height, 0, height - crop_height))
    region = (left, top, left + crop_width, top + crop_height)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, region))
