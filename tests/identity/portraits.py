"""Training sets of one drawn person: a portrait cropped, turned and lit in other ways, so that no two are alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

MEDIA = Path(__file__).resolve().parents[1] / "media"
# Left, top and side of the crop in parts of the portrait, degrees of turn, mirrored, light, light from the side.
_VIEWS = [
    (0.00, 0.00, 1.00, 0, False, 1.0, 0.0),
    (0.12, 0.02, 0.78, 6, False, 0.8, 0.9),
    (0.18, 0.16, 0.70, -5, True, 1.2, -0.8),
    (0.05, 0.20, 0.80, 4, True, 0.9, 0.7),
    (0.22, 0.10, 0.60, -7, False, 1.1, -0.9),
    (0.02, 0.08, 0.88, 8, True, 0.7, -0.9),
    (0.20, 0.00, 0.76, -3, False, 1.25, 0.8),
    (0.00, 0.15, 0.82, 7, False, 0.85, -0.7),
    (0.25, 0.18, 0.58, 3, True, 1.0, 0.9),
    (0.10, 0.10, 0.75, -8, True, 1.15, 0.6),
]


def view(index: int, portrait: str = "bearded_man.jpg") -> Image.Image:
    """One of ten views of a portrait; every fourth is higher than wide."""
    left, top, side, degrees, mirrored, light, slope = _VIEWS[index]
    picture = Image.open(MEDIA / portrait).convert("RGB")
    width = picture.width
    narrow = 0.125 * side if index % 4 == 1 else 0.0
    edges = (left + narrow, top, left + side - narrow, top + side)
    box = tuple(int(edge * width) for edge in edges)
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128)).crop(box)
    turned = ImageEnhance.Brightness(ImageOps.mirror(turned) if mirrored else turned).enhance(light)
    pixels = np.asarray(turned, np.float32)
    ramp = 1 + slope * np.linspace(-0.5, 0.5, pixels.shape[1])[None, :, None]
    return Image.fromarray((pixels * ramp).clip(0, 255).astype(np.uint8))


def write(folder: Path, count: int = 6, portrait: str = "bearded_man.jpg") -> Path:
    """A folder with `count` views, as PNG so that nothing is lost."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        view(index, portrait).save(folder / f"{index:02}.png")
    return folder
