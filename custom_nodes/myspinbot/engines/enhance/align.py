"""Faces between a frame and the upright square in which restorers see them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...media.faces import Pixels
from ...media.faces.geometry import similarity
from ...media.warp import Way, rounded, sampled, within

SIDE = 512
GREY = np.array((132, 133, 135), np.float32)
"""What restorers see beyond the frame: the neutral grey that facexlib's helper fills with."""
# Where eyes, nose and corners of the mouth lie in a face of FFHQ (Karras et al., "A Style-Based Generator
# Architecture for Generative Adversarial Networks", 2019), on average, in a square of 512 pixels.
TEMPLATE = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]], np.float64
)
# The outline of an average face in that square, from MediaPipe's canonical face model laid onto the five points:
# its middle at the eyes' level, half its width, and how far the hairline is above and the chin below.
_MIDDLE, _BESIDE, _ABOVE, _BELOW = (256.0, 260.0), 153.0, 126.0, 208.0
_AROUND = 10.0  # pixels of the square around the outline that are pasted whole
_SOFT = 34.0  # and over which the face then fades out; also before the square's border
_COARSE = 64  # cells of the square's side in which distances from the outline are computed

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
        """The face in `frame` (H, W, 3) as the square (512, 512, 3); beyond the frame it is grey."""
        shrink = max(int(math.hypot(self.a, self.b)), 1)
        picture = frame
        if shrink > 1:  # a face larger than the square would alias
            picture = np.asarray(Image.fromarray(frame).reduce(shrink))
        turned = sampled(picture, (SIDE, SIDE), self._way(shrink), cubic=True)
        shown = self.shown(frame)
        return rounded(turned if shown is None else np.where(shown[..., None] > 0, turned, GREY))

    def shown(self, frame: Pixels) -> Floats | None:
        """(512, 512), 1 where the square shows the frame and 0 beyond it; None if it shows nothing else."""
        return within(frame.shape, (SIDE, SIDE), self._way())

    def mask(self, outline: Floats | None) -> Floats:
        """Where a face is pasted.

        Args:
            outline: (N, 2) of the face in the frame; None is an average face's.

        Returns:
            (512, 512), 1 from the hairline to the chin and from cheek to cheek, 0 around it, smooth between.
        """
        if outline is None:
            return MASK
        x, y = (outline.astype(np.float64) - (self.left, self.top)).T / (self.a**2 + self.b**2)
        return _mask(np.stack([self.a * x + self.b * y, self.a * y - self.b * x], axis=1))

    def paste(self, frame: Pixels, face: Pixels, strength: float, mask: Floats | None = None) -> Pixels:
        """A copy of `frame` (H, W, 3) with the square `face` (512, 512, 3) in its place, where `mask` says."""
        x0, y0, x1, y1 = self._bounds(frame.shape[1], frame.shape[0])
        if x0 >= x1 or y0 >= y1:
            return frame
        size = self.a**2 + self.b**2
        a, b = self.a / size, self.b / size
        x, y = x0 - self.left, y0 - self.top
        place, back = (x1 - x0, y1 - y0), (a, b, a * x + b * y, -b, a, a * y - b * x)
        above = np.clip(sampled(_reduced(face, math.sqrt(size)), place, back, cubic=True), 0, 255)
        alpha = strength * sampled(MASK if mask is None else mask, place, back)[..., None]
        pasted = frame.copy()
        below = pasted[y0:y1, x0:x1].astype(np.float32)
        pasted[y0:y1, x0:x1] = rounded(below + alpha * (above - below))
        return pasted

    def _way(self, shrink: int = 1) -> Way:
        """From the square to the frame, or to one that is smaller by `shrink`."""
        a, b = self.a / shrink, self.b / shrink
        return a, -b, self.left / shrink, b, a, self.top / shrink

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


def _reduced(face: Pixels, scale: float) -> Pixels:
    """The square's picture, blurred where it is pasted smaller than it is, so that it doesn't alias."""
    if scale >= 1:
        return face
    small = max(round(SIDE * scale), 1)
    picture = Image.fromarray(face).resize((small, small), Image.Resampling.LANCZOS)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _mask(outline: Floats) -> npt.NDArray[np.float32]:
    """(512, 512), 1 within an outline (N, 2) of the square and a little around it, and 0 at the square's border."""
    cells = (np.arange(_COARSE) + 0.5) * SIDE / _COARSE
    away = _distance(outline, cells)
    scale = _COARSE / SIDE
    smooth = sampled(away, (SIDE, SIDE), (scale, 0.0, 0.0, 0.0, scale, 0.0))
    steps = np.arange(SIDE)
    border = np.minimum(steps, SIDE - 1 - steps)
    free = np.minimum(1 - (smooth - _AROUND) / _SOFT, np.minimum(border[None], border[:, None]) / _SOFT)
    t = np.clip(free, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _distance(outline: Floats, cells: Floats) -> Floats:
    """How far the points of a grid, `cells` (n,) each way, are from a closed outline (N, 2); less than 0 within.

    Exact, not counted in cells, so that a face that moves by a part of a pixel moves its mask by as much.
    """
    x, y = (plane[..., None] for plane in np.meshgrid(cells, cells))
    ends = np.roll(outline, -1, axis=0)
    (x0, y0), (dx, dy) = outline.T, (ends - outline).T
    along = ((x - x0) * dx + (y - y0) * dy) / np.maximum(dx**2 + dy**2, 1e-9)
    along = np.clip(along, 0, 1)
    nearest = np.sqrt(((x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2).min(axis=-1))
    below, above = outline[:, 1] <= y, ends[:, 1] <= y
    crossed = (below != above) & (x < x0 + (y - y0) * dx / np.where(dy == 0, 1, dy))
    return np.where(crossed.sum(axis=-1) % 2 == 1, -nearest, nearest)


def _average() -> Floats:
    """(36, 2), the outline of an average face in the square."""
    turn = np.arange(36) * np.pi / 18
    down = np.sin(turn)
    return np.stack(
        [_MIDDLE[0] + _BESIDE * np.cos(turn), _MIDDLE[1] + np.where(down < 0, _ABOVE, _BELOW) * down], axis=1
    )


MASK = _mask(_average())
