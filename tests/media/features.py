"""Paints the face itself: skin and its shading, eyes, brows, nose, mouth."""

from __future__ import annotations

from math import cos, sin
from random import Random

from tests.media.look import EYE_X, Look
from tests.media.sketch import Point, Sketch, mix, number, smooth


def outline(look: Look) -> str:
    """Path text of the face from the forehead to the chin."""
    jaw, chin = look.jaw, look.chin
    right: list[Point] = [
        (0, -140),
        (52, -126),
        (86, -88),
        (97, -40),
        (99, 8),
        (95 * (0.75 + 0.25 * jaw), chin * 0.36),
        (85.5 * jaw, chin * 0.62),
        (65 * jaw, chin * 0.84),
        (39 * jaw, chin * 0.965),
        (14 * jaw, chin),
    ]
    left = [(-x, y) for x, y in reversed(right[1:])]
    return smooth([*right, *left, (0, -140)]) + "Z"


def paint_skin(s: Sketch, look: Look) -> None:
    """The ground of the face and the large soft shapes of light and shade, light from the upper left."""
    t, face, chin, jaw = look.tones, outline(look), look.chin, look.jaw
    s.path(face, s.radial((-26, -30), 205, (0, mix(t.base, t.light, 0.75), 1), (0.45, t.base, 1),
                          (0.78, mix(t.base, t.shade, 0.55), 1), (1, t.shade, 1)))
    s.open(s.clip(face))
    edge = smooth([(104, -120), (96, -50), (84, 0), (82, 40), (68, chin * 0.7), (36, chin * 0.9), (0, chin + 1),
                   (60, chin + 24), (130, 60)])
    s.path(edge + "Z", t.shade, opacity=0.75, blur=13)
    s.path(smooth([(98, -20), (96, 30), (80, chin * 0.64), (44, chin * 0.94), (80, chin), (130, 40)]) + "Z",
           mix(t.shade, t.deep, 0.35), opacity=0.6, blur=7)
    s.path(smooth([(-101, -90), (-93, -10), (-92, 40), (-78, chin * 0.68), (-50, chin * 0.9), (-110, chin)]) + "Z",
           t.shade, opacity=0.45, blur=8)
    s.ellipse((-22, -84), 48, 30, t.light, opacity=0.55, blur=17)
    for side in (-1, 1):
        s.ellipse((side * 44, -12), 33, 17, t.shade, opacity=0.42, blur=9)
        s.ellipse((side * 20, -8), 8, 17, mix(t.shade, t.deep, 0.2), opacity=0.45, blur=6)
        s.ellipse((side * 84, -34), 14, 34, t.shade, opacity=0.35, blur=11)
        s.ellipse((side * 60, chin * 0.33), 28, 21, t.blush, opacity=0.46, blur=13)
        s.ellipse((side * 56, chin * 0.55), 14, 26, t.shade, opacity=0.16, blur=10)
    s.ellipse((-60, chin * 0.2), 23, 12, t.light, opacity=0.7, blur=8, turn=14)
    s.ellipse((57, chin * 0.2), 19, 10, t.light, opacity=0.34, blur=8, turn=-14)
    s.ellipse((-3, chin * 0.89), 17, 9, t.light, opacity=0.45, blur=6)
    s.ellipse((2, chin * 0.795), 21, 5, mix(t.shade, t.deep, 0.3), opacity=0.55, blur=4.5)
    for side, strength in ((-1, 0.2), (1, 0.3)):
        fold = smooth([(side * 23 * look.nose, look.nose_y - 8), (side * 35, look.nose_y + 8),
                       (side * (look.mouth_half + 9), look.mouth_y - 4)])
        grin = 0.22 if look.mouth == "smile" else 0.0
        s.path(fold, opacity=strength + grin + look.age * 0.35, blur=2.6, line=mix(t.shade, t.deep, 0.3), width=4.5)
    s.path(smooth([(97, -50), (99, 8), (94, chin * 0.36), (84.5 * jaw, chin * 0.63), (63 * jaw, chin * 0.84)]),
           opacity=0.3, blur=2.2, line=mix(t.light, "#c8d6ff", 0.5), width=3)
    if look.age > 0:
        _paint_lines(s, look)
    s.close()


def _paint_lines(s: Sketch, look: Look) -> None:
    """The lines of age: forehead, outer corners of the eyes, below the eyes, cheeks."""
    dark = mix(look.tones.shade, look.tones.deep, 0.5)
    for y, reach in ((-92, 46), (-79, 52), (-67, 44)):
        s.path(smooth([(-reach, y + 3), (-20, y - 1), (14, y), (reach, y + 4)]), opacity=0.4 * look.age, blur=1.2,
               line=dark, width=2.2)
    for side in (-1, 1):
        for drop in (-7, 0, 8):
            s.path(smooth([(side * 72, drop * 0.5), (side * 81, drop), (side * 88, drop * 1.8)]), opacity=0.5 * look.age,
                   blur=0.8, line=dark, width=1.8)
        s.path(smooth([(side * 22, 14), (side * 36, 25), (side * 58, 22)]), opacity=0.55 * look.age, blur=2,
               line=dark, width=4)
        s.path(smooth([(side * 58, 58), (side * 62, 82), (side * 52, 104)]), opacity=0.35 * look.age, blur=3,
               line=dark, width=4)


def paint_nose(s: Sketch, look: Look) -> None:
    """A nose made of soft planes: lit bridge, shaded right side, ball, wings, nostrils, shadow below."""
    t, base, wide = look.tones, look.nose_y, look.nose
    dark = mix(t.shade, t.deep, 0.45)
    s.path(smooth([(8, -16), (10, 14), (13 * wide, base - 24), (24 * wide, base - 9), (17 * wide, base),
                   (9, base - 14), (6, 14)]) + "Z", dark, opacity=0.5, blur=4.5)
    s.path(smooth([(-10, -14), (-11, 16), (-15 * wide, base - 20), (-23 * wide, base - 8)]), opacity=0.28, blur=4,
           line=dark, width=6)
    s.path(f"M-3,-16 C-4,10 -4,26 -4,{number(base - 20)}", opacity=0.75, blur=3.6, line=t.light, width=9)
    s.ellipse((3, base + 5), 21 * wide, 5, dark, opacity=0.5, blur=4)
    s.ellipse((0, base - 11), 15 * wide, 13, s.radial((-4, base - 16), 17, (0, t.light, 0.95), (0.5, t.base, 0.5),
                                                    (1, t.shade, 0)), blur=1.5)
    for side in (-1, 1):
        wing = smooth([(side * 15 * wide, base - 17), (side * 22 * wide, base - 12), (side * 22.5 * wide, base - 4),
                       (side * 16 * wide, base)])
        s.path(wing, opacity=0.62, blur=1.5, line=dark, width=3)
        s.ellipse((side * 17 * wide, base - 9), 4.5, 5, t.light if side < 0 else t.base, opacity=0.35, blur=2.2)
        nostril = smooth([(side * 15.5 * wide, base - 1), (side * 11 * wide, base - 4.2), (side * 5.5 * wide, base - 1),
                          (side * 9.5 * wide, base + 1)]) + "Z"
        s.path(nostril, t.deep, opacity=0.85, blur=0.9)
    s.path(smooth([(-16 * wide, base), (-6, base + 0.5), (0, base + 3), (6, base + 0.5), (16 * wide, base)]),
           opacity=0.5, blur=1.2, line=dark, width=2.4)
    s.ellipse((-5, base - 16), 3.4, 2.6, "#ffffff", opacity=0.55, blur=1.6)
    middle = (base + look.mouth_y - 9) / 2
    s.ellipse((0, middle + 2), 4, 7, t.shade, opacity=0.4, blur=2.4)
    for side in (-1, 1):
        s.ellipse((side * 6.5, middle + 3), 2, 6, t.light, opacity=0.3 if side > 0 else 0.5, blur=1.8)


def paint_brows(s: Sketch, look: Look) -> None:
    """Two brows, each a soft ground with hairs that turn from upright at the nose to lying at the temple."""
    rng, colour, thick = Random(look.seed + 50), look.brows, look.brow
    spine: list[Point] = [(17, -31), (28, -34.5), (42, -38.2), (57, -40.5), (70, -37.5), (81, -30.5)]
    for side in (-1, 1):
        above = [(side * x, y - h * thick) for (x, y), h in zip(spine, (1.2, 3.6, 4.2, 3.4, 2.2, 0), strict=True)]
        below = [(side * x, y + h * thick) for (x, y), h in zip(spine, (2.2, 3.6, 3, 2, 1, 0), strict=True)]
        s.path(smooth(above) + "L" + smooth(below[::-1])[1:] + "Z", colour, opacity=0.72, blur=1.5)
        hairs: list[str] = []
        for i in range(150):
            u = (i + rng.random()) / 150
            place = min(u * 5, 4.999)
            (ax, ay), (bx, by) = spine[int(place)], spine[int(place) + 1]
            off = rng.uniform(-1, 1) * (3.6 - 3.0 * u) * min(1.0, 0.45 + 5 * u)
            x, y = ax + (bx - ax) * (place - int(place)), ay + (by - ay) * (place - int(place)) + off * thick
            length, along = rng.uniform(5, 8) * (1 - 0.3 * u) * min(1.0, 0.6 + 3 * u), -0.42 + 0.85 * u**1.4
            turn = along - 0.75 * (1 - u) ** 2 - off * 0.09 - 0.12 + rng.gauss(0, 0.08)
            dx, dy = length * cos(turn), length * sin(turn)
            bend = f"{number(side * dx * 0.45)},{number(dy * 0.45 - 0.7)}"
            hairs.append(f"M{number(side * x)},{number(y)}q{bend} {number(side * dx)},{number(dy)}")
        s.path("".join(hairs), opacity=0.6, line=mix(colour, "#0c0605", 0.25), width=0.9, blur=0.25)


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
        ends = [f"{number(a[0] + 6 * size)},{number(a[1] + (top - a[1]) * 0.55)}", f"{number(-half * 0.42)},{number(top)}",
                f"{number(-half * 0.02)},{number(top)}", f"{number(half * 0.45)},{number(top)}",
                f"{number(b[0] - 4 * size)},{number(b[1] + (top - b[1]) * 0.55)}"]
        start, end = (f"{number(p[0])},{number(p[1])}" for p in (a, b))
        if back:
            return f"L{end} C{ends[4]} {ends[3]} {ends[2]} C{ends[1]} {ends[0]} {start}"
        return f"M{start} C{ends[0]} {ends[1]} {ends[2]} C{ends[3]} {ends[4]} {end}"

    almond = bow(above, 0) + bow(-below, 0, back=True) + "Z"
    ink = mix(t.deep, "#0c0605", 0.65)
    s.open(f'transform="translate({number(side * EYE_X)} 0) scale({side} 1)"')
    # The lid above the eye, round and lit, and the fold over it.
    s.path(bow(above, 8 * size) + bow(above, 0, back=True) + "Z", mix(t.base, t.shade, 0.35), opacity=0.6, blur=1.6)
    s.path(bow(above, 5 * size), opacity=0.4, blur=1.6, line=t.light, width=2.6)
    s.path(bow(above, 8.4 * size), opacity=0.62, blur=0.8, line=mix(t.shade, t.deep, 0.7), width=1.7)
    s.path(bow(above, 10 * size), opacity=0.3, blur=2.5, line=t.deep, width=4)
    s.path(bow(-below, -5 * size), opacity=0.3, blur=2, line=t.shade, width=4)
    s.path(bow(-below, -2 * size), opacity=0.5, blur=1, line=mix(t.light, t.blush, 0.25), width=2.4)
    s.path(almond, s.linear((0, -above), (0, below), (0, "#a1948f", 1), (0.4, "#ece4de", 1), (0.8, "#f8f2ec", 1),
                            (1, "#d9c6bd", 1)))
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
    s.path(bow(above, 0) + f"l{number(wing)},{number(-1.2 - look.lash)}" + bow(above, 1.5 * size + look.lash * 2.0, back=True)
           + "Z", ink, opacity=0.95, blur=0.35, line=ink, width=0.7)
    _paint_lashes(s, look, ink)
    s.close()


def _paint_iris(s: Sketch, look: Look) -> None:
    size, colour = look.eye, look.iris
    r, centre = 12.4 * size, (0.0, -0.8 * size)
    dark, bright = mix(colour, "#0b0503", 0.72), mix(colour, "#ffdf9e", 0.34)
    s.ellipse(centre, r, r, s.radial((0, 4 * size), 15 * size, (0, bright, 1), (0.45, colour, 1), (0.85, mix(colour, dark, 0.55), 1),
                                   (1, dark, 1)), blur=0.35)
    rng, rays = Random(look.seed + 9), []
    for _ in range(46):
        x, y = rng.gauss(0, 1), rng.gauss(0, 1)
        norm = max((x * x + y * y) ** 0.5, 1e-6)
        x, y = x / norm, y / norm
        near, far = rng.uniform(0.46, 0.55) * r, rng.uniform(0.7, 0.92) * r
        rays.append(f"M{number(x * near)},{number(y * near - 0.8)}L{number(x * far)},{number(y * far - 0.8)}")
    s.path("".join(rays[:28]), opacity=0.4, line=mix(bright, "#ffffff", 0.2), width=0.5)
    s.path("".join(rays[28:]), opacity=0.45, line=dark, width=0.6)
    s.raw(f'<circle cx="0" cy="{number(centre[1])}" r="{number(r - 0.7)}" fill="none" stroke="{dark}" '
          f'stroke-width="1.9" opacity=".75" {s.blur(0.5)}/>')
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
        tip = f"{number(x + dx)},{number(y + dy)}"
        bend = f"{number(x + dx * 0.75)},{number(y + dy * 0.25)}"
        upper.append(f"M{number(x - base)},{number(y + 1)}Q{bend} {tip}Q{bend} {number(x + base)},{number(y + 1)}Z")
    s.path("".join(upper), ink, opacity=0.85, blur=0.25)
    lower: list[str] = []
    for i in range(10):
        u = i / 9
        x = -half * 0.35 + u * half * 1.15
        y = below * (1 - (abs(x) / half) ** 2.2) * 0.98
        dip = 1.2 + 1.6 * look.lash
        lower.append(f"M{number(x)},{number(y)}q{number(0.8 + u)},{number(dip * 0.6)} {number(0.8 + 2 * u)},{number(dip)}")
    s.path("".join(lower), opacity=0.15 + 0.25 * look.lash, line=ink, width=0.55)
