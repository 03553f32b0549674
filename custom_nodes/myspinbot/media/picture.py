"""A still picture as ComfyUI's IMAGE carries it, checked and brought into one shape."""

from typing import Any

import numpy as np
from PIL import Image

from .faces import Pixels


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
    colour = pixels[..., : 3 if channels >= 3 else 1]
    if channels in (2, 4):
        alpha = pixels[..., -1:].astype(np.uint16)
        colour = ((colour * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(colour, (*colour.shape[:2], 3)))


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
