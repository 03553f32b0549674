"""A part of a picture, turned upright and brought to a known scale, to measure a face in."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from .geometry import Pixels, Point

Plane = npt.NDArray[np.floating]

UNIT = 64  # pixels between the eyes in a window


def upright(image: Pixels, corner: Point, step: tuple[float, float], size: tuple[int, int]) -> Plane:
    """A window of `size` (w, h) whose rows run along `step` = (cos, sin) * pixels; (h, w, 3) float.

    The part of the picture around it is scaled down first, so that nothing aliases.
    """
    pixels = math.hypot(*step)
    shrink = max(int(pixels), 1)
    reach = pixels * math.hypot(*size)
    left, top = max(int(corner[0] - reach), 0), max(int(corner[1] - reach), 0)
    right, bottom = (
        min(int(corner[0] + reach) + 1, image.shape[1]),
        min(int(corner[1] + reach) + 1, image.shape[0]),
    )
    part = Image.fromarray(image[top:bottom, left:right]).reduce(shrink)
    a, b = step[0] / shrink, step[1] / shrink
    x, y = (corner[0] - left) / shrink, (corner[1] - top) / shrink
    turned = part.transform(size, Image.Transform.AFFINE, (a, -b, x, b, a, y), Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32)
