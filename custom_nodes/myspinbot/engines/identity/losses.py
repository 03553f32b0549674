"""What is written down while training, as numbers and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from ...media.faces import Pixels

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 840, 520, 90, 30, 50, 60
_STEP, _LEARNED, _HELD = (196, 205, 220), (31, 91, 179), (200, 88, 20)
_INK, _GRID = (40, 40, 40), (230, 230, 230)


@dataclass(frozen=True, slots=True)
class Measured:
    """The loss after `steps` with fixed noise, on pictures that are learned and on ones that aren't."""

    steps: int
    learned: float
    held_out: float | None


def grows(measured: Sequence[Measured]) -> bool:
    """Whether the loss on held-out pictures ends more than 2 percent above its least: the training was too long."""
    held = [point.held_out for point in measured if point.held_out is not None]
    return len(held) > 2 and held[-1] > 1.02 * min(held)


def plot(steps: Sequence[float], measured: Sequence[Measured]) -> Pixels:
    """What was measured as a chart, and behind it the loss of each step on a scale of its own; (520, 840, 3)."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    learned = [(point.steps, point.learned) for point in measured]
    held = [(point.steps, point.held_out) for point in measured if point.held_out is not None]
    last = max(len(steps), *(at for at, _ in learned), 1)
    low, high = _bounds([value for _, value in (*learned, *held)])
    for value in np.linspace(low, high, 5):
        y = _place((0, float(value)), last, low, high)[1]
        draw.line([(_LEFT, y), (_WIDTH - _RIGHT, y)], fill=_GRID)
        draw.text((10, y - 8), f"{value:.4f}", fill=_INK, font_size=15)
    for at in np.unique(np.linspace(0, last, 5).round().astype(int)):
        draw.text((_place((int(at), low), last, low, high)[0] - 12, _HEIGHT - 48), str(at), fill=_INK, font_size=15)
    draw.text((_WIDTH // 2, _HEIGHT - 25), "steps", fill=_INK, font_size=15)
    _curve(draw, list(enumerate(steps, 1)), last, _bounds(steps), _STEP, 1)
    _curve(draw, learned, last, (low, high), _LEARNED, 3)
    _curve(draw, held, last, (low, high), _HELD, 3)
    names = (("each step (own scale)", _STEP), ("pictures that are learned", _LEARNED), ("pictures held out", _HELD))
    for index, (name, colour) in enumerate(names):
        x = _LEFT + 240 * index
        draw.line([(x, 25), (x + 20, 25)], fill=colour, width=4)
        draw.text((x + 28, 16), name, fill=_INK, font_size=16)
    return np.array(picture)


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest of the finite values, apart from each other."""
    finite = [value for value in values if np.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place(point: tuple[int, float], last: int, low: float, high: float) -> tuple[float, float]:
    x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * point[0] / last
    return x, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (point[1] - low) / (high - low)


def _curve(
    draw: ImageDraw.ImageDraw,
    points: Sequence[tuple[int, float]],
    last: int,
    bounds: tuple[float, float],
    colour: tuple[int, int, int],
    width: int,
) -> None:
    places = [_place(point, last, *bounds) for point in points if np.isfinite(point[1])]
    for one, other in pairwise(places):
        draw.line([one, other], fill=colour, width=width)
    for x, y in places if width > 1 else ():
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colour)
