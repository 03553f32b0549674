"""Paints the skin of the face with its light and shade, and the nose."""

from __future__ import annotations

from random import Random

from tests.media.look import Look
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
    s.path(
        face,
        s.radial(
            (-26, -30),
            205,
            (0, mix(t.base, t.light, 0.75), 1),
            (0.45, t.base, 1),
            (0.78, mix(t.base, t.shade, 0.55), 1),
            (1, t.shade, 1),
        ),
    )
    s.open(s.clip(face))
    edge = smooth(
        [
            (104, -120),
            (96, -50),
            (84, 0),
            (82, 40),
            (68, chin * 0.7),
            (36, chin * 0.9),
            (0, chin + 1),
            (60, chin + 24),
            (130, 60),
        ]
    )
    s.path(edge + "Z", t.shade, opacity=0.75, blur=13)
    s.path(
        smooth([(98, -20), (96, 30), (80, chin * 0.64), (44, chin * 0.94), (80, chin), (130, 40)]) + "Z",
        mix(t.shade, t.deep, 0.35),
        opacity=0.6,
        blur=7,
    )
    s.path(
        smooth([(-101, -90), (-93, -10), (-92, 40), (-78, chin * 0.68), (-50, chin * 0.9), (-110, chin)]) + "Z",
        t.shade,
        opacity=0.45,
        blur=8,
    )
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
        fold = smooth(
            [
                (side * 23 * look.nose, look.nose_y - 8),
                (side * 35, look.nose_y + 8),
                (side * (look.mouth_half + 9), look.mouth_y - 4),
            ]
        )
        grin = 0.22 if look.mouth == "smile" else 0.0
        s.path(
            fold,
            opacity=strength + grin + look.age * 0.35,
            blur=2.6,
            line=mix(t.shade, t.deep, 0.3),
            width=4.5,
        )
    rng = Random(look.seed + 70)
    for _ in range(round(110 * look.freckles)):
        at = (rng.gauss(0, 44), rng.gauss(chin * 0.28, 11) + 4)
        s.ellipse(
            at,
            rng.uniform(0.5, 1.3),
            rng.uniform(0.5, 1.1),
            mix(t.shade, t.deep, 0.25),
            opacity=rng.uniform(0.1, 0.32),
            blur=0.4,
        )
    s.path(
        smooth([(97, -50), (99, 8), (94, chin * 0.36), (84.5 * jaw, chin * 0.63), (63 * jaw, chin * 0.84)]),
        opacity=0.3,
        blur=2.2,
        line=mix(t.light, "#c8d6ff", 0.5),
        width=3,
    )
    if look.age > 0:
        _paint_lines(s, look)
    s.close()


def _paint_lines(s: Sketch, look: Look) -> None:
    """The lines of age: forehead, outer corners of the eyes, below the eyes, cheeks."""
    dark = mix(look.tones.shade, look.tones.deep, 0.5)
    for y, reach in ((-92, 46), (-79, 52), (-67, 44)):
        s.path(
            smooth([(-reach, y + 3), (-20, y - 1), (14, y), (reach, y + 4)]),
            opacity=0.4 * look.age,
            blur=1.2,
            line=dark,
            width=2.2,
        )
    for side in (-1, 1):
        for drop in (-7, 0, 8):
            s.path(
                smooth([(side * 72, drop * 0.5), (side * 81, drop), (side * 88, drop * 1.8)]),
                opacity=0.5 * look.age,
                blur=0.8,
                line=dark,
                width=1.8,
            )
        s.path(
            smooth([(side * 22, 14), (side * 36, 25), (side * 58, 22)]),
            opacity=0.55 * look.age,
            blur=2,
            line=dark,
            width=4,
        )
        s.path(
            smooth([(side * 58, 58), (side * 62, 82), (side * 52, 104)]),
            opacity=0.35 * look.age,
            blur=3,
            line=dark,
            width=4,
        )


def paint_nose(s: Sketch, look: Look) -> None:
    """A nose made of soft planes: lit bridge, shaded right side, ball, wings, nostrils, shadow below."""
    t, base, wide = look.tones, look.nose_y, look.nose
    dark = mix(t.shade, t.deep, 0.45)
    s.path(
        smooth(
            [
                (8, -16),
                (10, 14),
                (13 * wide, base - 24),
                (24 * wide, base - 9),
                (17 * wide, base),
                (9, base - 14),
                (6, 14),
            ]
        )
        + "Z",
        dark,
        opacity=0.5,
        blur=4.5,
    )
    s.path(
        smooth([(-10, -14), (-11, 16), (-15 * wide, base - 20), (-23 * wide, base - 8)]),
        opacity=0.28,
        blur=4,
        line=dark,
        width=6,
    )
    s.path(f"M-3,-16 C-4,10 -4,26 -4,{number(base - 20)}", opacity=0.75, blur=3.6, line=t.light, width=9)
    s.ellipse((3, base + 5), 21 * wide, 5, dark, opacity=0.5, blur=4)
    s.ellipse(
        (0, base - 11),
        15 * wide,
        13,
        s.radial((-4, base - 16), 17, (0, t.light, 0.95), (0.5, t.base, 0.5), (1, t.shade, 0)),
        blur=1.5,
    )
    for side in (-1, 1):
        wing = smooth(
            [
                (side * 15 * wide, base - 17),
                (side * 22 * wide, base - 12),
                (side * 22.5 * wide, base - 4),
                (side * 16 * wide, base),
            ]
        )
        s.path(wing, opacity=0.62, blur=1.5, line=dark, width=3)
        s.ellipse((side * 17 * wide, base - 9), 4.5, 5, t.light if side < 0 else t.base, opacity=0.35, blur=2.2)
        nostril = (
            smooth(
                [
                    (side * 15.5 * wide, base - 1),
                    (side * 11 * wide, base - 4.2),
                    (side * 5.5 * wide, base - 1),
                    (side * 9.5 * wide, base + 1),
                ]
            )
            + "Z"
        )
        s.path(nostril, t.deep, opacity=0.85, blur=0.9)
    s.path(
        smooth([(-16 * wide, base), (-6, base + 0.5), (0, base + 3), (6, base + 0.5), (16 * wide, base)]),
        opacity=0.5,
        blur=1.2,
        line=dark,
        width=2.4,
    )
    s.ellipse((-5, base - 16), 3.4, 2.6, "#ffffff", opacity=0.55, blur=1.6)
    middle = (base + look.mouth_y - 9) / 2
    s.ellipse((0, middle + 2), 4, 7, t.shade, opacity=0.4, blur=2.4)
    for side in (-1, 1):
        s.ellipse((side * 6.5, middle + 3), 2, 6, t.light, opacity=0.3 if side > 0 else 0.5, blur=1.8)
