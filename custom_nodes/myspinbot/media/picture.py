"""A still picture as ComfyUI's IMAGE carries it, checked and brought into one shape."""

from typing import Any

import numpy as np
from PIL import Image

from .faces import Pixels

_FILLS = {"green": (0, 135, 0), "grey": (128, 128, 128)}  # what FFmpeg and Pillow put where a JPEG ends too early
_BLACK = (0, 0, 0)  # and where a PNG does
_CLOSE = 2  # levels
_STRIDE = 3  # every third pixel of a row is enough
_MISSING_ROWS = 8  # a JPEG is decoded by 8 or 16 rows


def from_image(image: Any) -> Pixels:
    """The first picture of an IMAGE (B, H, W, C), values 0 to 1, as (H, W, 3) uint8.

    Grey is spread over three channels; transparency is laid on white.

    Raises:
        ValueError: not an IMAGE, or an empty one.
    """
    try:
        pixels = image[0].detach().cpu().float().nan_to_num().clamp(0, 1).mul(255).round().byte().numpy()
    except (TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"The image input does not hold a picture ({error!r}). Connect an IMAGE output.") from error
    if pixels.ndim != 3 or pixels.size == 0 or pixels.shape[2] not in (1, 2, 3, 4):
        raise ValueError(
            f"The picture has the shape {tuple(pixels.shape)}; height, width and 1 to 4 channels are needed."
        )
    channels = pixels.shape[2]
    color = pixels[..., : 3 if channels >= 3 else 1]
    if channels in (2, 4):
        alpha = pixels[..., -1:].astype(np.uint16)
        color = ((color * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3)))


def check_whole(pixels: Pixels, what: str = "The picture") -> None:
    """Refuse a picture whose file was cut short, or that shows nothing.

    ComfyUI loads a JPEG that was not copied or downloaded whole, and what is missing of it is plain green or grey.

    Args:
        pixels: (H, W, 3) uint8.
        what: how the message calls it.

    Raises:
        ValueError: it is plain green or grey from some row on down to the last, or all of one colour.
    """
    if (pixels == pixels[0, 0]).all():
        if any((np.abs(pixels[0, 0].astype(int) - fill) <= _CLOSE).all() for fill in _FILLS.values()):
            raise ValueError(f"{what} looks cut short: nothing of it came but one colour. Load the whole file.")
        raise ValueError(f"{what} is of one plain colour and shows nothing. Choose another file.")
    for name, fill in _FILLS.items():
        missing = _rows_of(pixels, fill)
        if missing >= _MISSING_ROWS:
            raise ValueError(
                f"{what} looks cut short: its lowest {missing} of {len(pixels)} rows are plain {name}, as of a file "
                f"that was not copied or downloaded whole. Load the whole file, or crop the {name} part off."
            )


def looks_cut_short(pixels: Pixels) -> bool:
    """Whether a picture (H, W, 3) ends in rows of plain black, as ComfyUI loads a PNG that was cut short."""
    return _MISSING_ROWS <= _rows_of(pixels, _BLACK) < len(pixels) and bool(pixels[0].any())


def _rows_of(pixels: Pixels, color: tuple[int, int, int]) -> int:
    """How many of the lowest rows are of one colour, all over."""
    other = np.flatnonzero((np.abs(pixels[:, ::_STRIDE].astype(np.int16) - color) > _CLOSE).any(axis=(1, 2)))
    return len(pixels) - 1 - int(other[-1]) if len(other) else len(pixels)


def fitted(pixels: Pixels, longest: int) -> tuple[Pixels, float]:
    """`pixels` (H, W, 3) scaled down to at most `longest` pixels a side, and by how much it was scaled.

    Both sides become even, as H.264 needs, by leaving out a last row or column; a smaller picture keeps its size.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 2:
        raise ValueError(f"The picture is only {width}x{height} pixels; a video needs at least 2x2.")
    scale = min(longest / max(height, width), 1.0)
    if scale < 1:
        size = (max(round(width * scale), 2), max(round(height * scale), 2))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[: height // 2 * 2, : width // 2 * 2]), scale
