"""Curves as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_SIZE = (768, 480)
_LEFT, _TOP, _RIGHT, _BOTTOM = 72, 40, 24, 48
_INK, _GRID, _PAPER = (60, 60, 60), (224, 224, 224), (255, 255, 255)
_LINES = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) in the order of x, in one colour; those that are no finite numbers are left out.

    One that is `behind` the others is a thin line on a height of its own.
    """

    name: str
    points: Sequence[tuple[float, float]]
    color: tuple[int, int, int]
    behind: bool = False

    @property
    def finite(self) -> list[tuple[float, float]]:
        return [(x, y) for x, y in self.points if isfinite(y)]


def plot(curves: Sequence[Curve], title: str, across: str) -> npt.NDArray[np.uint8]:
    """(480, 768, 3): all curves over one grid, named in their colours; `across` says what x counts."""
    image = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(15)
    low_x, high_x = _range([x for curve in curves for x, _ in curve.finite])
    low_y, high_y = _range([y for curve in curves for _, y in curve.finite if not curve.behind])

    def at(point: tuple[float, float], low_y: float = low_y, high_y: float = high_y) -> tuple[float, float]:
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
        draw.text((place, 12), curve.name, curve.color, font, anchor="ra")
        place -= draw.textlength(curve.name, font) + 16
    for curve in sorted(curves, key=lambda curve: not curve.behind):
        own = _range([y for _, y in curve.finite]) if curve.behind else (low_y, high_y)
        places = [at(point, *own) for point in curve.finite]
        for start, end in pairwise(places):
            draw.line([start, end], curve.color, 1 if curve.behind else 2)
        for x, y in () if curve.behind else places:
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), curve.color)
    return np.array(image)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest, never the same; 0 where there is nothing."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
