"""A generated mouth back into its frame: only the mouth, with a soft edge and the frame's own light."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from ...media.faces import Pixels
from ...media.faces.tracks import TrackedFace
from ...media.warp import rounded, sampled
from .generator import SIDE, WHOLE, Window

Region = Literal["mouth", "face"]
Scaling = Literal["as trained", "averaged"]
Crop = tuple[float, float, float, float]
Plane = npt.NDArray[np.float32]

# The mouth's part of a face in units of its size (the distance between the eyes, seen from the front), from the
# middle of the mouth: to the sides, up to below the nose, and down past the chin, which moves with the mouth.
_BESIDE, _ABOVE, _BELOW = 0.80, 0.52, 0.85
_EYES_TO_MOUTH = 1.10
_EDGE = 1 / 16  # of a crop, at its border, in which a face fades out
_UNSEEN = 1 / 512  # of a generated face in a mix with the frame: less than half a level
_AROUND = 4  # pixels of a generated face that enlarging and sharpening reach, at most
_LARGEST_SHIFT = 48.0  # levels by which a colour is brought nearer to the frame's


@dataclass(frozen=True, slots=True)
class Blending:
    """How a generated face is blended into its frame.

    Attributes:
        region: what is replaced: the mouth with the chin, or all of the face's crop.
        feather: how soft the edge is, 0 to 1 of the way to the middle.
        color_match: 0 to 1, how far the face takes on the light of the frame around it.
        sharpness: 0 to 2, how much the face, which is generated small, is sharpened.
        padding: pixels by which the crop is larger at the top, bottom, left and right.
        scaling: how the crop is brought to the network's size.
    """

    region: Region = "mouth"
    feather: float = 0.4
    color_match: float = 1.0
    sharpness: float = 0.5
    padding: tuple[int, int, int, int] = (0, 10, 0, 0)
    scaling: Scaling = "as trained"


def crop_of(face: TrackedFace, padding: tuple[int, int, int, int], width: int, height: int) -> Crop | None:
    """The part of a frame that the network sees.

    Args:
        face: in the frame.
        padding: pixels by which it is larger than the face's box at the top, bottom, left and right.
        width: of the frame.
        height: of the frame.

    Returns:
        Left, top, right, bottom in pixels; None if too little of it is in the frame.
    """
    top, bottom, left, right = padding
    x0, y0, x1, y1 = (float(value) for value in face.box)
    x0, y0, x1, y1 = max(x0 - left, 0.0), max(y0 - top, 0.0), min(x1 + right, width), min(y1 + bottom, height)
    return (x0, y0, x1, y1) if x1 - x0 >= 8 and y1 - y0 >= 8 else None


def cut_out(pixels: Pixels, crop: Crop, side: int = SIDE, scaling: Scaling = "averaged") -> Pixels:
    """The crop at the network's size or another.

    Args:
        pixels: the frame, (H, W, 3) uint8.
        crop: within it.
        side: pixels of the result's side.
        scaling: "as trained" interpolates between the four nearest pixels, as OpenCV's `resize` does and so what the
            network was trained on; "averaged" takes all the pixels there are, as Pillow's does, which is softer.

    Returns:
        (side, side, 3) uint8.
    """
    x0, y0 = math.floor(crop[0]), math.floor(crop[1])
    part = np.ascontiguousarray(pixels[y0 : math.ceil(crop[3]), x0 : math.ceil(crop[2])])
    within = (crop[0] - x0, crop[1] - y0, crop[2] - x0, crop[3] - y0)
    if scaling == "as trained":
        way = ((crop[2] - crop[0]) / side, 0.0, within[0], 0.0, (crop[3] - crop[1]) / side, within[1])
        return rounded(sampled(part, (side, side), way))
    return np.asarray(Image.fromarray(part).resize((side, side), Image.Resampling.BILINEAR, box=within))


def blend(pixels: Pixels, generated: Pixels, original: Pixels, mask: Plane, crop: Crop, blending: Blending) -> Pixels:
    """A frame with a generated face in place of its own.

    Args:
        pixels: the frame, (H, W, 3) uint8.
        generated: the new face, (S, S, 3) uint8.
        original: the frame's own face in that size.
        mask: (S, S) in [0, 1]; where it is 0 the frame stays exact.
        crop: where in the frame the face is.
        blending: how it is blended in.

    Returns:
        (H, W, 3) uint8, a new array unless nothing is replaced.
    """
    side = len(generated)
    matched = _color_matched(generated, original, mask, blending.color_match)
    rows, columns = np.nonzero(mask.max(axis=1))[0], np.nonzero(mask.max(axis=0))[0]
    if not len(rows):
        return pixels
    wide, high = (crop[2] - crop[0]) / side, (crop[3] - crop[1]) / side
    x0, x1 = math.floor(crop[0] + columns[0] * wide), math.ceil(crop[0] + (columns[-1] + 1) * wide)
    y0, y1 = math.floor(crop[1] + rows[0] * high), math.ceil(crop[1] + (rows[-1] + 1) * high)
    x1, y1 = min(x1, pixels.shape[1]), min(y1, pixels.shape[0])

    place, way = (x1 - x0, y1 - y0), (1 / wide, 0.0, (x0 - crop[0]) / wide, 0.0, 1 / high, (y0 - crop[1]) / high)
    above = np.clip(sampled(matched, place, way, cubic=True), 0, 255)
    if blending.sharpness > 0:
        sharper = ImageFilter.UnsharpMask(max(wide, 0.5), round(100 * blending.sharpness), 0)
        above = np.asarray(Image.fromarray(rounded(above)).filter(sharper), np.float32)
    alpha = sampled(mask, place, way)[..., None]
    frame = pixels.copy()
    below = frame[y0:y1, x0:x1].astype(np.float32)
    frame[y0:y1, x0:x1] = rounded(below + alpha * (above - below))
    return frame


def region_mask(face: TrackedFace, crop: Crop, blending: Blending, side: int = SIDE) -> Plane:
    """Where the generated face is seen.

    Args:
        face: in the frame.
        crop: the part of the frame that was generated.
        blending: the region and how soft its edge is.
        side: pixels of the generated face's side.

    Returns:
        (side, side) float32, from 0 where the frame is seen to 1.
    """
    x0, y0, x1, y1 = crop
    steps = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = x0 + steps[None, :] * (x1 - x0), y0 + steps[:, None] * (y1 - y0)
    inward = np.minimum(steps, 1 - steps) / _EDGE
    mask = _ramp(inward)[:, None] * _ramp(inward)[None, :]
    if blending.region == "face":
        return mask.astype(np.float32)
    eyes, mouth = face.points[:2].mean(axis=0), face.points[3:].mean(axis=0)
    down = mouth - eyes
    far = float(np.hypot(*down))
    unit = max(float(np.hypot(*(face.points[1] - face.points[0]))), far / _EYES_TO_MOUTH, 1e-3)
    dx, dy = down / max(far, 1e-3)
    across, along = (x - mouth[0]) * dy - (y - mouth[1]) * dx, (x - mouth[0]) * dx + (y - mouth[1]) * dy
    reach = np.hypot(across / (_BESIDE * unit), along / np.where(along < 0, _ABOVE * unit, _BELOW * unit))
    mask = mask * _ramp((1 - reach) / max(blending.feather, 0.02))
    if face.outline is not None:
        mask = mask * _inside(face.outline, crop, blending.feather, side)
    return mask.astype(np.float32)


def visible_window(masks: Sequence[Plane]) -> Window:
    """The part of generated faces that `masks` (96, 96) let be seen, with what sharpening reaches around it.

    Its borders are multiples of 4, so that a clip has few different ones.
    """
    seen = np.max(masks, axis=0) > _UNSEEN
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return WHOLE
    top, left = (max((int(found[0]) - _AROUND) // 4 * 4, 0) for found in (rows, columns))
    bottom, right = (min(-(-(int(found[-1]) + 1 + _AROUND) // 4) * 4, SIDE) for found in (rows, columns))
    return top, bottom, left, right


def _inside(outline: npt.NDArray[np.floating], crop: Crop, feather: float, side: int) -> Plane:
    """(side, side), 1 within a face's oval, falling off inside its edge."""
    size = np.array([crop[2] - crop[0], crop[3] - crop[1]])
    corners = (outline - np.array(crop[:2])) / size * side
    oval = Image.new("L", (side, side), 0)
    ImageDraw.Draw(oval).polygon([(float(x), float(y)) for x, y in corners], fill=255)
    soft = oval.filter(ImageFilter.GaussianBlur((1 + 5 * feather) * side / SIDE))
    return _ramp(np.asarray(soft, np.float32) / 255 * 2 - 1)


def _color_matched(generated: Pixels, original: Pixels, mask: Plane, strength: float) -> Pixels:
    """`generated` with the colours that `original` has along the edge of the region."""
    edge = (mask * (1 - mask))[..., None]
    total = float(edge.sum())
    if strength <= 0 or total < 1:
        return generated
    shift = ((original.astype(np.float32) - generated) * edge).sum(axis=(0, 1)) / total
    shift = np.clip(shift, -_LARGEST_SHIFT, _LARGEST_SHIFT) * strength
    return rounded(generated + shift)


def _ramp(value: npt.NDArray[np.floating]) -> Plane:
    """0 below 0, 1 above 1, a smooth step between."""
    t = np.clip(value, 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
