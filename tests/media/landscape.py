"""A picture without anybody in it: hills, a lake and trees in the evening."""

from __future__ import annotations

from math import sin
from random import Random

from tests.media.body import paint_finish
from tests.media.sketch import Point, Sketch, mix, number, pair, smooth


def landscape(size: int = 512, seed: int = 4) -> str:
    """The landscape as SVG text, ``size`` pixels square."""
    s, rng, horizon = Sketch(), Random(seed), size * 0.62
    s.raw(
        f'<rect width="{size}" height="{size}" fill="'
        + s.linear((0, 0), (0, horizon), (0, "#7fa3c7", 1), (0.55, "#d9cfc4", 1), (1, "#f6d3a4", 1))
        + '"/>'
    )
    s.ellipse((size * 0.7, size * 0.5), size * 0.3, size * 0.2, "#fff0c9", opacity=0.6, blur=40)
    for _ in range(5):
        x, y = rng.uniform(0, size), rng.uniform(0.05, 0.3) * size
        for _ in range(7):
            at = (x + rng.gauss(0, 46), y + rng.gauss(0, 4))
            s.ellipse(at, rng.uniform(20, 54), rng.uniform(3, 7), "#fff4e6", opacity=0.3, blur=5)
    for layer, (height, tone) in enumerate(((0.4, "#a3adbf"), (0.5, "#7b8ea0"), (0.57, "#57716f"))):
        ridge: list[Point] = [(-10.0, horizon + 2)]
        for i in range(14):
            wave = sin(i * 0.9 + layer * 2.1) * 26 + sin(i * 2.3 + layer) * 11
            ridge.append((i * size / 13, size * height - wave * (1 - layer * 0.25)))
        ridge.append((size + 10.0, horizon + 2))
        s.path(
            smooth(ridge) + "Z",
            s.linear((0, size * 0.3), (0, horizon), (0, tone, 1), (1, mix(tone, "#f3d9b4", 0.5), 1)),
            blur=1,
        )
    s.path(
        f"M0,{number(horizon)}h{size}v{size}H0Z",
        s.linear((0, horizon), (0, size), (0, "#e9cda4", 1), (0.4, "#8fa3ab", 1), (1, "#3c5666", 1)),
    )
    for _ in range(70):
        y = horizon + rng.random() ** 1.4 * size * 0.34
        reach = rng.uniform(10, 60)
        s.path(
            f"M{pair(rng.uniform(0, size), y)}h{number(reach)}",
            opacity=rng.uniform(0.1, 0.35),
            blur=0.8,
            line="#fff1d2" if rng.random() < 0.6 else "#34505f",
            width=1.4,
        )
    shore: list[Point] = [
        (-5, size * 0.8),
        (size * 0.2, size * 0.83),
        (size * 0.42, size * 0.92),
        (size * 0.6, size * 1.02),
    ]
    s.path(
        smooth(shore) + f"L-5,{size + 5}Z",
        s.linear((0, size * 0.8), (0, size), (0, "#5f6f42", 1), (1, "#2f3a26", 1)),
        blur=1,
    )
    for x, height in ((0.06, 250), (0.16, 300), (0.26, 140)):
        _paint_fir(s, rng, (x * size, size * (0.84 + x * 0.16)), height * size / 512)
    paint_finish(s, size)
    return s.text(size, size)


def _paint_fir(s: Sketch, rng: Random, foot: Point, height: float) -> None:
    s.path(f"M{pair(foot[0], foot[1])}v{number(-height)}", line="#38291f", width=5)
    for i in range(22):
        u = i / 21
        y, reach = foot[1] - height * (0.12 + 0.88 * u), height * 0.2 * (1 - u) ** 0.85 + 2
        for side in (-1, 1):
            droop = reach * rng.uniform(0.3, 0.5)
            tip = pair(side * reach * rng.uniform(0.8, 1.1), droop)
            tone = mix("#1f3a2c", "#7d8a55", rng.uniform(0, 0.25) + (0.3 if side > 0 else 0))
            back = pair(-side * reach, droop * 0.2 + 3)
            branch = f"M{pair(foot[0], y - 9)}q{number(side * reach * 0.4)},2 {tip}l{back}Z"
            s.path(branch, tone, opacity=0.95)
