"""Faces between a frame and the upright square in which restorers see them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...media.faces import Pixels
from ...media.faces.geometry import similarity

SIDE = 512
# Where eyes, nose and corners of the mouth lie in a face of FFHQ (Karras et al., "A Style-Based Generator
# Architecture for Generative Adversarial Networks", 2019), on average, in a square of 512 pixels.
TEMPLATE = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]], np.float64
)
_OVAL = (256.0, 286.0, 200.0, 218.0)  # middle and radii of what is pasted
_SOFT = 0.28  # of the way from the oval's edge to its middle, over which it fades in

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Turns and scales the square into a frame: (x, y) becomes (a x - b y + left, b x + a y + top)."""

    a: float
    b: float
    left: float
    top: float

    @classmethod
    def of(cls, points: Floats) -> Alignment:
        """The best fit of the template to a face's five points, (5, 2) in pixels of the frame."""
        (a, _, left), (b, _, top) = similarity(TEMPLATE, points).tolist()
        return cls(a, b, left, top)

    @property
    def side(self) -> float:
        """Pixels of the frame along the square's side."""
        return SIDE * math.hypot(self.a, self.b)

    def scaled(self, x: float, y: float) -> Alignment:
        """The same in a frame that is so many times as wide and high, nearly the same number."""
        times = (x + y) / 2
        return Alignment(self.a * times, self.b * times, self.left * x, self.top * y)

    def cut(self, frame: Pixels) -> Pixels:
        """The face in `frame` (H, W, 3) as the square (512, 512, 3); beyond the frame it is black."""
        shrink = max(int(math.hypot(self.a, self.b)), 1)
        picture = Image.fromarray(frame)
        if shrink > 1:  # a face larger than the square would alias
            picture = picture.reduce(shrink)
        matrix = tuple(value / shrink for value in (self.a, -self.b, self.left, self.b, self.a, self.top))
        turned = picture.transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        return np.asarray(turned)

    def paste(self, frame: Pixels, face: Pixels, strength: float) -> Pixels:
        """A copy of `frame` (H, W, 3) with the square `face` (512, 512, 3) in its place, its edges soft."""
        x0, y0, x1, y1 = self._bounds(frame.shape[1], frame.shape[0])
        if x0 >= x1 or y0 >= y1:
            return frame
        size = self.a**2 + self.b**2
        a, b = self.a / size, self.b / size
        x, y = x0 - self.left, y0 - self.top
        back = (a, b, a * x + b * y, -b, a, a * y - b * x)

        def placed(picture: Image.Image, how: Image.Resampling) -> Floats:
            turned = picture.transform((x1 - x0, y1 - y0), Image.Transform.AFFINE, back, how)
            return np.asarray(turned, np.float32)

        above = placed(_reduced(face, math.sqrt(size)), Image.Resampling.BICUBIC)
        alpha = strength * placed(Image.fromarray(MASK), Image.Resampling.BILINEAR)[..., None]
        pasted = frame.copy()
        below = pasted[y0:y1, x0:x1].astype(np.float32)
        pasted[y0:y1, x0:x1] = np.clip(below + alpha * (above - below) + 0.5, 0, 255).astype(np.uint8)
        return pasted

    def _bounds(self, width: int, height: int) -> tuple[int, int, int, int]:
        corners = np.array([(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)], np.float64)
        x = self.a * corners[:, 0] - self.b * corners[:, 1] + self.left
        y = self.b * corners[:, 0] + self.a * corners[:, 1] + self.top
        return (
            max(math.floor(x.min()), 0),
            max(math.floor(y.min()), 0),
            min(math.ceil(x.max()), width),
            min(math.ceil(y.max()), height),
        )


def _reduced(face: Pixels, scale: float) -> Image.Image:
    """The square's picture, blurred where it is pasted smaller than it is, so that it doesn't alias."""
    picture = Image.fromarray(face)
    if scale >= 1:
        return picture
    small = max(round(SIDE * scale), 1)
    return picture.resize((small, small), Image.Resampling.LANCZOS).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _oval() -> npt.NDArray[np.float32]:
    """(512, 512), 1 in the face and 0 around it, with a smooth step between."""
    x, y, wide, high = _OVAL
    steps = np.arange(SIDE) + 0.5
    inward = 1 - np.hypot((steps[None] - x) / wide, (steps[:, None] - y) / high)
    t = np.clip(inward / _SOFT, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


MASK = _oval()
