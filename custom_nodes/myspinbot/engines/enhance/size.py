"""How large the upscaled clip is."""

from typing import Literal, get_args

import numpy as np
from PIL import Image

from ...media.faces import Pixels

Target = Literal["model", "factor", "576p", "720p", "1080p", "1440p", "2160p"]
TARGETS: tuple[Target, ...] = get_args(Target)
_LARGEST = 16384  # pixels of a side that H.264 can code


def target_size(width: int, height: int, scale: int, target: Target, factor: float) -> tuple[int, int]:
    """How large a clip becomes.

    Args:
        width: of the clip in pixels.
        height: of the clip in pixels.
        scale: times that the model enlarges.
        target: "model" goes by `scale`, "factor" by `factor`; "720p" and the like are the shorter side's pixels.
        factor: times that the clip is enlarged.

    Returns:
        Width and height in pixels, both even as H.264 needs.

    Raises:
        ValueError: a side would be longer than H.264 allows.
    """
    if target == "model":
        times = float(scale)
    elif target == "factor":
        times = factor
    else:
        times = int(target.removesuffix("p")) / min(width, height)
    size = _even(width * times), _even(height * times)
    if max(size) > _LARGEST:
        raise ValueError(
            f"The clip would become {size[0]}x{size[1]} pixels, more than a video can have. Choose a smaller `target`."
        )
    return size


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` (H, W, 3) in `size` (width, height)."""
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def padded(pixels: Pixels, multiple: int) -> Pixels:
    """`pixels` (H, W, 3) with both sides filled up to a multiple by their mirror image, as spandrel does."""
    height, width = pixels.shape[:2]
    rows, columns = -height % multiple, -width % multiple
    if not rows and not columns:
        return pixels
    mirrored = np.pad(pixels, ((0, min(rows, height - 1)), (0, min(columns, width - 1)), (0, 0)), "reflect")
    missing = ((0, height + rows - mirrored.shape[0]), (0, width + columns - mirrored.shape[1]), (0, 0))
    return np.pad(mirrored, missing, "edge")


def _even(length: float) -> int:
    return max(round(length / 2) * 2, 2)
