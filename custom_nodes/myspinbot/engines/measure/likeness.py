"""How close a clip is to another, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from ...media.faces import Pixels

_LONGEST = 512  # pixels of the longest side at which pictures are compared


def compared(frames: Iterable[Pixels], reference: Iterable[Pixels]) -> Iterator[tuple[float, float]]:
    """SSIM and PSNR in decibels of each frame, as long as both last; the reference is brought to the frames' size.

    SSIM is that of Wang et al. (2004) with a Gaussian window, of grey pictures, by scikit-image. The same picture has
    a PSNR of 100.
    """
    from skimage.metrics import structural_similarity

    for one, other in zip(frames, reference, strict=False):
        height, width = one.shape[:2]
        scale = min(_LONGEST / max(height, width), 1.0)
        size = max(round(width * scale), 16), max(round(height * scale), 16)
        a, b = (
            np.asarray(Image.fromarray(p).resize(size, Image.Resampling.LANCZOS).convert("L")) for p in (one, other)
        )
        error = float(np.square(a.astype(np.float64) - b).mean())
        psnr = 100.0 if error == 0 else min(10 * float(np.log10(255**2 / error)), 100.0)
        alike: Any = structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        yield float(alike), psnr
