"""A restored face that doesn't flicker: where a face stays as it was, so does what was drawn for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ....media.faces import Pixels
from .align import MASK, SIDE

Floats = npt.NDArray[np.float32]
_COARSE = 128  # pixels of the square's side in which movement is measured
_STILL = 5.0  # levels of 8 bits: what changes by less is noise
_MOVING = 20.0  # what changes by more has moved
_LARGEST_SHIFT = 40.0  # levels by which a drawing's colour is brought nearer to the frame's


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A face as it was `seen` (512, 512, 3) uint8, and as it is `shown`, restored and steadied, in float."""

    seen: Pixels
    shown: Floats


def steadied(before: Drawn | None, seen: Pixels, drawn: Pixels, temporal_smoothing: float) -> Drawn:
    """The face as it is shown after `before`, the frame before's.

    Models draw pores and hair anew in each frame. Where the face that they see has not moved, what was shown before
    is kept by the share `temporal_smoothing`, 0 to 1; where it has, the new drawing is taken.
    """
    fresh = coloured(drawn, seen).astype(np.float32)
    if before is None or temporal_smoothing <= 0:
        return Drawn(seen, fresh)
    keep = temporal_smoothing * stillness(before.seen, seen)[..., None]
    return Drawn(seen, (fresh + keep * (before.shown - fresh)).astype(np.float32))


def stillness(one: Pixels, other: Pixels) -> Floats:
    """(512, 512), 1 where two aligned faces are the same and 0 where they have moved, smooth."""
    apart = np.abs(_small(one) - _small(other)).max(axis=2)
    still = np.clip((_MOVING - apart) / (_MOVING - _STILL), 0, 1)
    mask = Image.fromarray((255 * still).astype(np.uint8)).filter(ImageFilter.MinFilter(5))
    soft = mask.filter(ImageFilter.GaussianBlur(2)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return (np.asarray(soft, np.float32) / 255).astype(np.float32)


def coloured(drawn: Pixels, seen: Pixels) -> Pixels:
    """`drawn` with the average colour of the face that was seen."""
    weight = MASK[..., None] / MASK.sum()
    shift = ((seen.astype(np.float32) - drawn) * weight).sum(axis=(0, 1))
    return np.clip(drawn + np.clip(shift, -_LARGEST_SHIFT, _LARGEST_SHIFT) + 0.5, 0, 255).astype(np.uint8)


def _small(face: Pixels) -> Floats:
    return np.asarray(Image.fromarray(face).resize((_COARSE, _COARSE), Image.Resampling.BOX), np.float32)
