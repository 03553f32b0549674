"""Where one scene of a clip ends and the next begins."""

from collections import deque

import numpy as np
from PIL import Image

from .geometry import Pixels, Plane

_SIZE = (32, 18)
_LEAST_CHANGE, _LEAST_MIX = 0.045, 0.12  # of the full range of values, and of all pixels
_OUTSTANDING = 4.0  # times the change that was usual just before: a pan or a shake changes much, but steadily
_MEMORY = 12  # frames


class CutFinder:
    """Is shown a clip's frames in turn and says which begin a scene.

    A cut changes both where things are (a tiny picture of the frame) and what there is (its mix of colours), and
    by far more than the frames before.
    """

    def __init__(self) -> None:
        self._before: tuple[Plane, Plane] | None = None
        self._usual: deque[float] = deque(maxlen=_MEMORY)

    def begins(self, pixels: Pixels) -> bool:
        """Whether this frame (H, W, 3) begins a scene; the first one does."""
        tiny = _tiny(pixels)
        mix = _mix(tiny)
        before, self._before = self._before, (tiny, mix)
        if before is None:
            return True
        change = float(np.abs(tiny - before[0]).mean())
        other = float(np.abs(mix - before[1]).sum()) / 2
        usual = float(np.median(self._usual)) if self._usual else 0.0
        cut = change > max(_LEAST_CHANGE, _OUTSTANDING * usual) and other > _LEAST_MIX
        if cut:
            self._usual.clear()
        else:
            self._usual.append(change)
        return cut


def _tiny(pixels: Pixels) -> Plane:
    """(18, 32, 3), values 0 to 1."""
    step = max(min(pixels.shape[0] // (4 * _SIZE[1]), pixels.shape[1] // (4 * _SIZE[0])), 1)
    small = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    return np.asarray(small.resize(_SIZE, Image.Resampling.BOX), np.float32) / 255


def _mix(tiny: Plane) -> Plane:
    """Shares of the pixels in each of 4 x 4 x 4 colours, neighbours blended so that none is at an edge."""
    corners = np.minimum(tiny.reshape(-1, 3) * 3, 2.999)
    low = corners.astype(int)
    high_share = corners - low
    shares = np.zeros((4, 4, 4), np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, high_share, 1 - high_share), axis=1)
        r, g, b = (low + corner).T
        np.add.at(shares, (r, g, b), weight)
    return shares.ravel() / len(corners)
