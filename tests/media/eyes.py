"""Paints eyes and brows."""

from __future__ import annotations

from math import cos, sin
from random import Random

from tests.media.look import EYE_X, Look
from tests.media.sketch import Point, Sketch, mix, number, pair, smooth


def paint_brows(s: Sketch, look: Look) -> None:
    """Two brows, each a soft ground with hairs that turn from upright at the nose to lying at the temple."""
    rng, colour, thick = Random(look.seed + 50), look.brows, look.brow
    spine: list[Point] = [(17, -33.5), (28, -36.5), (42, -39.5), (57, -41), (70, -38), (80, -31)]
    for side in (-1, 1):
        above = [(side * x, y - h * thick) for (x, y), h in zip(spine, (1.2, 3.6, 4.2, 3.4, 2.2, 0), strict=True)]
        below = [(side * x, y + h * thick) for (x, y), h in zip(spine, (2.2, 3.6, 3, 2, 1, 0), strict=True)]
        s.path(smooth(above) + "L" + smooth(below[::-1])[1:] + "Z", colour, opacity=0.72, blur=1.5)
        hairs: list[str] = []
        for i in range(200):
            u = (i + rng.random()) / 200
            place = min(u * 5, 4.999)
            (ax, ay), (bx, by) = spine[int(place)], spine[int(place) + 1]
            off = rng.uniform(-1, 1) * (3.6 - 3.0 * u) * min(1.0, 0.45 + 5 * u)
            x, y = ax + (bx - ax) * (place - int(place)), ay + (by - ay) * (place - int(place)) + off * thick
            length, along = rng.uniform(5, 8) * (1 - 0.3 * u) * min(1.0, 0.6 + 3 * u), -0.42 + 0.85 * u**1.4
            turn = along - 0.75 * (1 - u) ** 2 - off * 0.09 - 0.12 + rng.gauss(0, 0.08)
            dx, dy = length * cos(turn), length * sin(turn)
            bend = f"{pair(side * dx * 0.45, dy * 0.45 - 0.7)}"
            hairs.append(f"M{pair(side * x, y)}q{bend} {pair(side * dx, dy)}")
        s.path("".join(hairs), opacity=0.6, line=mix(colour, "#0c0605", 0.3), width=0.7, blur=0.2)


def paint_eyes(s: Sketch, look: Look) -> None:
    """Both eyes, lit from the same side."""
    for side in (-1, 1):
        _paint_eye(s, look, side)


def _paint_eye(s: Sketch, look: Look, side: int) -> None:
    t, size = look.tones, look.eye
    half, above, below = look.eye_edges()
    inner, outer = (-half, 4.2 * size), (half, -1.5 * size)

    def bow(reach: float, lift: float, *, back: bool = False) -> str:
        """A lid: the curve between the corners that rises ``reach`` at its middle, moved up by ``lift``."""
        a, b = (inner[0], inner[1] - lift * 0.5), (outer[0], outer[1] - lift)
        top = -reach - lift
        ends = [
            f"{pair(a[0] + 6 * size, a[1] + (top - a[1]) * 0.55)}",
            f"{pair(-half * 0.42, top)}",
            f"{pair(-half * 0.02, top)}",
            f"{pair(half * 0.45, top)}",
            f"{pair(b[0] - 4 * size, b[1] + (top - b[1]) * 0.55)}",
        ]
        start, end = (f"{pair(p[0], p[1])}" for p in (a, b))
        if back:
            return f"L{end} C{ends[4]} {ends[3]} {ends[2]} C{ends[1]} {ends[0]} {start}"
        return f"M{start} C{ends[0]} {ends[1]} {ends[2]} C{ends[3]} {ends[4]} {end}"

    almond = bow(above, 0) + bow(-below, 0, back=True) + "Z"
    ink = mix(t.deep, "#0c0605", 0.65)
    s.open(f'transform="translate({number(side * EYE_X)} 0) scale({side} 1)"')
    # The lid above the eye, round and lit, and the fold over it.
    s.path(
        bow(above, 8 * size) + bow(above, 0, back=True) + "Z",
        mix(t.base, t.shade, 0.35),
        opacity=0.6,
        blur=1.6,
    )
    s.path(bow(above, 5 * size), opacity=0.4, blur=1.6, line=t.light, width=2.6)
    s.path(bow(above, 8.4 * size), opacity=0.62, blur=0.8, line=mix(t.shade, t.deep, 0.7), width=1.7)
    s.path(bow(above, 10 * size), opacity=0.3, blur=2.5, line=t.deep, width=4)
    s.path(bow(-below, -5 * size), opacity=0.3, blur=2, line=t.shade, width=4)
    s.path(bow(-below, -2 * size), opacity=0.5, blur=1, line=mix(t.light, t.blush, 0.25), width=2.4)
    s.path(
        almond,
        s.linear(
            (0, -above),
            (0, below),
            (0, "#a1948f", 1),
            (0.4, "#ece4de", 1),
            (0.8, "#f8f2ec", 1),
            (1, "#d9c6bd", 1),
        ),
    )
    s.open(s.clip(almond))
    s.ellipse((half + 1, -1), 8, 9, t.shade, opacity=0.4, blur=3.5)
    s.ellipse((-half + 2, 4), 6.5 * size, 5 * size, mix(t.blush, "#e8a79c", 0.5), opacity=0.85, blur=1.4)
    s.open(f'transform="scale({side} 1)"')
    _paint_iris(s, look)
    s.close()
    s.path(bow(above, -1.5 * size), opacity=0.55, blur=1.8, line="#1a0d08", width=6 * size)
    s.close()
    s.open(f'transform="scale({side} 1)"')
    s.ellipse((-4.6 * size, -4.6 * size), 3 * size, 3.5 * size, "#ffffff", opacity=0.96, blur=0.35)
    s.ellipse((4.8 * size, 4.2 * size), 1.7 * size, 1.4 * size, "#ffffff", opacity=0.5, blur=0.4)
    s.close()
    s.path(bow(-below, 0), opacity=0.55, blur=0.5, line=mix(t.deep, t.shade, 0.3), width=1.1)
    # The lash line swells towards the outer corner.
    wing = 0.4 + 5.0 * look.lash
    s.path(
        bow(above, 0) + f"l{pair(wing, -1.2 - look.lash)}" + bow(above, 1.5 * size + look.lash * 2.0, back=True) + "Z",
        ink,
        opacity=0.95,
        blur=0.35,
        line=ink,
        width=0.7,
    )
    _paint_lashes(s, look, ink)
    s.close()


def _paint_iris(s: Sketch, look: Look) -> None:
    size, colour = look.eye, look.iris
    r, centre = 12.4 * size, (0.0, -0.8 * size)
    dark, bright = mix(colour, "#0b0503", 0.72), mix(colour, "#ffdf9e", 0.34)
    s.ellipse(
        centre,
        r,
        r,
        s.radial(
            (0, 4 * size),
            15 * size,
            (0, bright, 1),
            (0.45, colour, 1),
            (0.85, mix(colour, dark, 0.55), 1),
            (1, dark, 1),
        ),
        blur=0.35,
    )
    rng, rays = Random(look.seed + 9), []
    for _ in range(46):
        x, y = rng.gauss(0, 1), rng.gauss(0, 1)
        norm = max((x * x + y * y) ** 0.5, 1e-6)
        x, y = x / norm, y / norm
        near, far = rng.uniform(0.46, 0.55) * r, rng.uniform(0.7, 0.92) * r
        rays.append(f"M{pair(x * near, y * near - 0.8)}L{pair(x * far, y * far - 0.8)}")
    s.path("".join(rays[:28]), opacity=0.4, line=mix(bright, "#ffffff", 0.2), width=0.5)
    s.path("".join(rays[28:]), opacity=0.45, line=dark, width=0.6)
    s.raw(
        f'<circle cx="0" cy="{number(centre[1])}" r="{number(r - 0.7)}" fill="none" stroke="{dark}" '
        f'stroke-width="1.9" opacity=".75" {s.blur(0.5)}/>'
    )
    s.ellipse(centre, 5.5 * size, 5.5 * size, "#080403", blur=0.3)
    s.ellipse((1.5, 7 * size), 6 * size, 3 * size, mix(bright, "#ffffff", 0.15), opacity=0.4, blur=1.6)


def _paint_lashes(s: Sketch, look: Look, ink: str) -> None:
    half, above, below = look.eye_edges()
    count, length = 22, 2.5 + 9.0 * look.lash
    upper: list[str] = []
    for i in range(count):
        u = (i + 0.7) / count
        x = -half * 0.62 + u * half * 1.62
        y = -above * max(0.0, 1 - (abs(x) / half) ** 2.6) * 0.97 - 1.4 * u - 2.2
        reach = length * (0.4 + 0.7 * u**1.2)
        dx, dy = (u - 0.22) * reach * 1.15, -reach * (0.8 - 0.35 * u)
        base = 0.6 + 0.4 * u
        tip = f"{pair(x + dx, y + dy)}"
        bend = f"{pair(x + dx * 0.75, y + dy * 0.25)}"
        upper.append(f"M{pair(x - base, y + 1)}Q{bend} {tip}Q{bend} {pair(x + base, y + 1)}Z")
    s.path("".join(upper), ink, opacity=0.85, blur=0.25)
    lower: list[str] = []
    for i in range(10):
        u = i / 9
        x = -half * 0.35 + u * half * 1.15
        y = below * (1 - (abs(x) / half) ** 2.2) * 0.98
        dip = 1.2 + 1.6 * look.lash
        lower.append(f"M{pair(x, y)}q{pair(0.8 + u, dip * 0.6)} {pair(0.8 + 2 * u, dip)}")
    s.path("".join(lower), opacity=0.15 + 0.25 * look.lash, line=ink, width=0.55)
