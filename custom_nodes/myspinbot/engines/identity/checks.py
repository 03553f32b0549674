"""Whether pictures are fit to learn a face from: what is measured in each, with a rating and a sentence.

Blur is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000),
taken of the face at one size, so that it means the same in every picture. Likeness is the Hamming distance between
perceptual hashes of the lowest frequencies (Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions", 2010).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import fft, ndimage

from ...media.faces import Box, Pixels

Rating = Literal["good", "doubtful", "left out"]
Bits = npt.NDArray[np.bool_]
BLURRED, SOFT = 25.0, 70.0
"""Variance of the Laplacian below which a face is left out, and below which it is doubtful."""
ALIKE = 5
"""Bits of 63 in which the hashes of two pictures differ at most where one is nearly the other."""
_FACE = 128  # pixels of a face's side when its sharpness is measured
_SMALLEST_FACE = 48


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one picture: its rating, and a sentence for the user."""

    name: str
    rating: Rating
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.rating}. {self.text}"


def size(name: str, pixels: Pixels, resolution: int) -> Finding | None:
    """Whether a picture has enough pixels for a training at `resolution`."""
    height, width = pixels.shape[:2]
    if min(height, width) < resolution // 2:
        return Finding(name, "left out", f"It has only {width}x{height} pixels; {resolution} a side are wished for.")
    if min(height, width) < resolution:
        return Finding(name, "doubtful", f"It has {width}x{height} pixels and is made larger to {resolution}.")
    return None


def faces(name: str, boxes: list[Box]) -> Finding | None:
    """Whether there is one face, large enough to learn from."""
    if not boxes:
        return Finding(name, "left out", "No face was found in it; use pictures that show the face from the front.")
    if boxes[0].side < _SMALLEST_FACE:
        return Finding(name, "left out", f"Its face is only {boxes[0].side:.0f} pixels wide; come closer.")
    if len(boxes) > 1:
        return Finding(name, "doubtful", f"It shows {len(boxes)} faces; the largest is taken to be the person.")
    return None


def sharpness(pixels: Pixels, box: Box) -> float:
    """The variance of the Laplacian of a face, 0 to 255 grey, at 128 pixels a side."""
    corner = (box.x, box.y, box.x + box.side, box.y + box.side)
    grey = Image.fromarray(pixels).convert("L").resize((_FACE, _FACE), Image.Resampling.BOX, corner)
    return float(ndimage.laplace(np.asarray(grey, np.float32)).var())


def blur(name: str, pixels: Pixels, box: Box) -> Finding | None:
    """Whether a face is sharp enough to learn from."""
    value = sharpness(pixels, box)
    if value < BLURRED:
        return Finding(name, "left out", f"Its face is blurred (sharpness {value:.0f}, below {BLURRED:.0f}).")
    if value < SOFT:
        return Finding(name, "doubtful", f"Its face is a little blurred (sharpness {value:.0f}, below {SOFT:.0f}).")
    return None


def perceptual_hash(pixels: Pixels) -> Bits:
    """63 bits: which of the lowest frequencies of a picture are above their median."""
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.BOX), np.float64)
    low = np.asarray(fft.dctn(grey, norm="ortho"))[:8, :8].reshape(-1)[1:]  # without the mean
    return low > np.median(low)


def alike(one: Bits, other: Bits) -> bool:
    """Whether two hashes are those of nearly the same picture."""
    return int((one != other).sum()) <= ALIKE
