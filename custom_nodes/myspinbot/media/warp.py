"""Pictures turned, scaled and shifted in float, so that no pass loses a part of a level.

A way has six numbers (a, b, c, d, e, f): the point (x, y) of the result, in pixels from its top left corner, shows
(a x + b y + c, d x + e y + f) of the picture, and the middle of the first pixel is (0.5, 0.5).
"""

import numpy as np
import numpy.typing as npt

Way = tuple[float, float, float, float, float, float]
Floats = npt.NDArray[np.float32]
_AROUND = 3  # pixels beyond what is shown that cubic interpolation may read


def sampled(picture: npt.NDArray[np.generic], size: tuple[int, int], way: Way, *, cubic: bool = False) -> Floats:
    """What a picture shows along a way; beyond its border it goes on as at the border.

    Args:
        picture: (H, W) or (H, W, C), of any type.
        size: width and height of the result.
        way: from the result to the picture.
        cubic: interpolate by cubic convolution (Keys 1981, with -0.75) instead of linearly; it may overshoot.

    Returns:
        (h, w) or (h, w, C), not rounded.
    """
    import torch
    from torch.nn.functional import grid_sample

    a, b, c, d, e, f = way
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
    (left, right), (top, bottom) = (
        _reach(corners @ (row[0], row[1]) + row[2], length)
        for row, length in (((a, b, c), picture.shape[1]), ((d, e, f), picture.shape[0]))
    )
    part = np.ascontiguousarray(picture[top:bottom, left:right], np.float32)
    columns, rows = np.arange(size[0]) + 0.5, np.arange(size[1])[:, None] + 0.5
    grid = np.empty((1, size[1], size[0], 2), np.float32)  # from -1 at the part's one edge to 1 at the other
    grid[0, ..., 0] = (a * columns + b * rows + (c - left)) * (2 / (right - left)) - 1
    grid[0, ..., 1] = (d * columns + e * rows + (f - top)) * (2 / (bottom - top)) - 1
    planes = torch.from_numpy(part).reshape(*part.shape[:2], -1).permute(2, 0, 1)[None]  # (1, C, H, W)
    mode = "bicubic" if cubic else "bilinear"
    found = grid_sample(planes, torch.from_numpy(grid), mode, padding_mode="border", align_corners=False)
    shown = found[0].permute(1, 2, 0).numpy()
    return shown if picture.ndim == 3 else shown[..., 0]


def rounded(levels: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Levels from 0 to 255 as a picture has them, each the nearest."""
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)


def within(shape: tuple[int, ...], size: tuple[int, int], way: Way, soft: float = 0.0) -> Floats | None:
    """Where the result of `sampled` shows the picture itself and not what lies beyond its border.

    Args:
        shape: of the picture.
        size: width and height of the result.
        way: from the result to the picture.
        soft: pixels of the picture from its border inward over which it rises.

    Returns:
        (h, w) from 0 beyond the border to 1; None if it is 1 all over.
    """
    a, b, c, d, e, f = way
    x = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64) @ np.array([(a, d), (b, e)]) + (c, f)
    if (x >= soft).all() and (x <= np.array([shape[1], shape[0]]) - soft).all():
        return None
    columns, rows = np.arange(size[0]) + 0.5, np.arange(size[1])[:, None] + 0.5
    across, down = a * columns + b * rows + c, d * columns + e * rows + f
    inward = np.minimum(np.minimum(across, shape[1] - across), np.minimum(down, shape[0] - down))
    return np.clip(inward / max(soft, 1e-6), 0, 1).astype(np.float32)


def _reach(ends: npt.NDArray[np.float64], length: int) -> tuple[int, int]:
    """The first and the last of `length` pixels that may be read, the last not within."""
    first = min(max(int(np.floor(ends.min())) - _AROUND, 0), length - 1)
    return first, max(min(int(np.ceil(ends.max())) + _AROUND, length), first + 1)
