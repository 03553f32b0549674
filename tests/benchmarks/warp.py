"""Pictures turned and scaled in float, against Pillow's transform, which truncates.

    python -m tests.benchmarks.warp

Milliseconds of the processor for one call on one thread, the least of ten, and the median difference to the exact
value.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from PIL import Image

import tests.engines  # noqa: F401
from myspinbot.engines.enhance.align import SIDE, TEMPLATE, Alignment
from myspinbot.media.warp import rounded, sampled

FILTERS = {True: Image.Resampling.BICUBIC, False: Image.Resampling.BILINEAR}


def pillow(picture: np.ndarray, size: tuple[int, int], way: tuple, cubic: bool) -> np.ndarray:
    turned = Image.fromarray(picture).transform(size, Image.Transform.AFFINE, way, FILTERS[cubic])
    return np.asarray(turned)


def planes(picture: np.ndarray, size: tuple[int, int], way: tuple, cubic: bool) -> np.ndarray:
    """Pillow's way in float: channel by channel."""
    parts = (Image.fromarray(picture[..., c].astype(np.float32)) for c in range(3))
    turned = [np.asarray(part.transform(size, Image.Transform.AFFINE, way, FILTERS[cubic])) for part in parts]
    return rounded(np.stack(turned, axis=2))


def ours(picture: np.ndarray, size: tuple[int, int], way: tuple, cubic: bool) -> np.ndarray:
    return rounded(sampled(picture, size, way, cubic=cubic))


def spent(work: Callable[[], object]) -> float:
    times = []
    for _ in range(11):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * min(times[1:])


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def main() -> None:
    torch.set_num_threads(1)
    cos, sin = math.cos(0.1), math.sin(0.1)
    cases = {
        "a face of 300 pixels out of 1920x1080, to 512": (
            noise(1080, 1920), (512, 512), (0.586 * cos, -0.586 * sin, 800.3, 0.586 * sin, 0.586 * cos, 300.7), True,
        ),
        "the restored square into 330x330": (
            noise(512, 512), (330, 330), (1.6 * cos, 1.6 * sin, -5.0, -1.6 * sin, 1.6 * cos, 30.0), True,
        ),
        "a mouth of 96 pixels into 140x120": (
            noise(96, 96), (140, 120), (0.48, 0.0, 20.0, 0.0, 0.436, 40.0), True,
        ),
        "a face of another video, 300x300": (
            noise(480, 640), (300, 300), (0.8 * cos, -0.8 * sin, 100.3, 0.8 * sin, 0.8 * cos, 50.7), True,
        ),
        "a window to look for eyes in, 112x112": (
            noise(480, 640), (112, 112), (1.9, 0.0, 100.3, 0.0, 1.9, 50.7), False,
        ),
    }  # fmt: skip
    for name, (picture, size, way, cubic) in cases.items():
        row = {how.__name__: spent(partial(how, picture, size, way, cubic)) for how in (pillow, planes, ours)}
        exact = sampled(picture.astype(np.float64), size, way)
        lost = {how.__name__: float(np.median(how(picture, size, way, False) - exact)) for how in (pillow, ours)}
        told = ", ".join(f"{how} {took:.2f} ms" for how, took in row.items())
        sys.stdout.write(f"{name}: {told}; {row['ours'] / row['pillow']:.0%}; lost, linear: {lost}\n")
    frame, face = noise(1080, 1920), noise(SIDE, SIDE)
    placed = Alignment.of(TEMPLATE * 0.6 + (700, 300))
    outline = (np.stack([np.cos(np.arange(36) / 6), np.sin(np.arange(36) / 6)], axis=1) * 100 + (850, 480)).astype(
        np.float32
    )
    for name, work in {
        "cut": lambda: placed.cut(frame),
        "paste": lambda: placed.paste(frame, face, 1.0),
        "mask of an outline": lambda: placed.mask(outline),
    }.items():
        sys.stdout.write(f"Alignment.{name}: {spent(work):.1f} ms\n")


if __name__ == "__main__":
    main()
