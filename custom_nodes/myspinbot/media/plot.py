"""Curves as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_SIZE = (768, 480)
_LEFT, _TOP, _RIGHT, _BOTTOM = 72, 40, 24, 48
_INK, _GRID, _PAPER = (60, 60, 60), (224, 224, 224), (255, 255, 255)
_LINES = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) in the order of x, in one colour."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: tuple[int, int, int]


def plot(curves: Sequence[Curve], title: str, across: str) -> npt.NDArray[np.uint8]:
    """(480, 768, 3): all curves over one grid, named in their colours; `across` says what x counts."""
    image = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(15)
    xs, ys = zip(*(point for curve in curves for point in curve.points), strict=True)
    (low_x, high_x), (low_y, high_y) = _range(xs), _range(ys)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x = _LEFT + (point[0] - low_x) / (high_x - low_x) * (_SIZE[0] - _LEFT - _RIGHT)
        y = _SIZE[1] - _BOTTOM - (point[1] - low_y) / (high_y - low_y) * (_SIZE[1] - _TOP - _BOTTOM)
        return x, y

    for i in range(_LINES):
        x = low_x + (high_x - low_x) * i / (_LINES - 1)
        y = low_y + (high_y - low_y) * i / (_LINES - 1)
        draw.line([at((low_x, y)), at((high_x, y))], _GRID)
        draw.text((_LEFT - 8, at((low_x, y))[1]), f"{y:.4g}", _INK, font, anchor="rm")
        draw.text((at((x, low_y))[0], _SIZE[1] - _BOTTOM + 8), f"{x:.4g}", _INK, font, anchor="mt")
    draw.text((_LEFT, 12), title, _INK, font)
    draw.text((_SIZE[0] - _RIGHT, _SIZE[1] - 8), across, _INK, font, anchor="rb")
    place = float(_SIZE[0] - _RIGHT)
    for curve in reversed(curves):
        draw.text((place, 12), curve.name, curve.colour, font, anchor="ra")
        place -= draw.textlength(curve.name, font) + 16
        for start, end in pairwise(curve.points):
            draw.line([at(start), at(end)], curve.colour, 2)
        for point in curve.points:
            x, y = at(point)
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), curve.colour)
    return np.asarray(image)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest, never the same."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
