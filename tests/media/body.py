"""Paints what is not the face: neck, shoulders and clothes, ears, glasses, backgrounds."""

from __future__ import annotations

from random import Random

from tests.media.look import CHEEK, EYE_X, Look
from tests.media.sketch import Point, Sketch, mix, number, pair, smooth


def _both(right: list[Point]) -> str:
    """Path text of a shape from its right side, top to bottom, and the mirror of it."""
    return smooth([(-x, y) for x, y in reversed(right)] + right) + "Z"


def _across(right: list[Point]) -> list[Point]:
    """A curve from left to right, given its right half from the middle outwards."""
    return [(-x, y) for x, y in reversed(right[1:])] + right


def paint_body(s: Sketch, look: Look) -> None:
    """Neck, shoulders and clothes, upright whatever the tilt of the head."""
    t, wide = look.tones, 45.0 * look.neck
    neck: list[Point] = [
        (wide, 70),
        (wide - 1, 130),
        (wide + 4, 175),
        (wide + 12, 208),
        (wide + 14, 240),
        (wide + 14, 330),
    ]
    neck_path = _both(neck)
    s.path(
        neck_path,
        s.linear(
            (-70, 0),
            (80, 0),
            (0, mix(t.base, t.shade, 0.25), 1),
            (0.3, t.base, 1),
            (0.65, mix(t.base, t.shade, 0.6), 1),
            (1, t.shade, 1),
        ),
    )
    s.open(s.clip(neck_path))
    dark = mix(t.shade, t.deep, 0.42)
    jaw = 160.0  # the body hangs from the chin, so that small heads sit as deep as large ones
    shade = (
        smooth(
            [
                (-80, jaw * 0.5),
                (-60, jaw + 8),
                (-20, jaw + 30),
                (30, jaw + 34),
                (66, jaw + 16),
                (90, jaw * 0.5),
            ]
        )
        + "Z"
    )
    s.path(shade, dark, opacity=0.92, blur=7)
    for side in (-1, 1):
        s.path(
            smooth([(side * wide * 0.86, 150), (side * wide * 0.5, 192), (side * 12, 224)]),
            opacity=0.26,
            blur=4,
            line=dark,
            width=6,
        )
    s.ellipse((0, 226), 7, 9, dark, opacity=0.4, blur=4)
    s.ellipse((-26, 214), 20, 7, t.light, opacity=0.4, blur=6, turn=22)
    s.close()
    _paint_clothes(s, look)


def _paint_clothes(s: Sketch, look: Look) -> None:
    colour = look.clothes
    dark, light, wide = mix(colour, "#0a0a12", 0.45), mix(colour, "#fff2dc", 0.28), 45.0 * look.neck
    dip = 236 if look.collar == "crew" else 262
    reach = 0.72 + 0.26 * look.neck
    top: list[Point] = [(0, dip), (wide * 0.45, dip - 5), (wide * 0.86, dip - 19), (wide + 13, 203)]
    arm: list[Point] = [
        (wide + 56, 224),
        (162 * reach, 246),
        (212 * reach, 276),
        (240 * reach, 340),
        (256 * reach, 520),
        (262 * reach, 990),
    ]
    shape = smooth([*[(-x, y) for x, y in reversed(arm)], *_across(top), *arm]) + "Z"
    s.path(shape, s.linear((-200, 200), (220, 520), (0, light, 1), (0.4, colour, 1), (1, dark, 1)), blur=0.5)
    s.open(s.clip(shape))
    s.path(
        smooth([(60, 225), (150, 262), (190, 340), (200, 520), (330, 520), (280, 260)]) + "Z",
        dark,
        opacity=0.45,
        blur=18,
    )
    s.ellipse((-128, 262), 66, 15, light, opacity=0.6, blur=12, turn=-17)
    for fold in (
        [(-150, 520), (-138, 400), (-100, 318)],
        [(150, 520), (140, 410), (104, 330)],
        [(-20, 430), (20, 340), (44, 300)],
    ):
        s.path(smooth([(float(x), float(y)) for x, y in fold]), opacity=0.4, blur=6, line=dark, width=11)
        s.path(smooth([(x - 13.0, float(y)) for x, y in fold]), opacity=0.28, blur=6, line=light, width=8)
    for side in (-1, 1):
        seam = [
            (side * (wide + 10), 214),
            (side * (wide + 46), 290),
            (side * (wide + 66), 400),
            (side * (wide + 62), 520),
        ]
        s.path(smooth(seam), opacity=0.45, blur=1.2, line=dark, width=2)
        s.path(smooth([(x - 3, y) for x, y in seam]), opacity=0.3, blur=1.5, line=light, width=2)
    if look.collar == "crew":
        band = smooth(_across(top))
        s.path(smooth([(x * 1.06, y + 17) for x, y in _across(top)]), opacity=0.5, blur=4, line=dark, width=9)
        s.path(band, line=mix(colour, light, 0.25), width=22)
        s.path(band, opacity=0.6, blur=2, line=dark, width=4)
        ribs = []
        for i in range(-26, 27):
            x = i * (wide + 14) / 26
            y = dip - 29 * (abs(x) / (wide + 12)) ** 2.1
            ribs.append(f"M{pair(x, y + 1)}l{number(-x * 0.03)},8.5")
        s.path("".join(ribs), opacity=0.3, line=dark, width=1.2)
    s.close()
    if look.collar == "shirt":
        for side in (-1, 1):
            flap = smooth(
                [
                    (side * (wide + 4), 192),
                    (side * (wide + 26), 214),
                    (side * (wide + 6), 262),
                    (side * 22, 300),
                ]
            )
            flap += (
                "L" + smooth([(side * 22, 300), (side * 2, dip), (side * 24, 236), (side * (wide + 4), 192)])[1:] + "Z"
            )
            s.path(flap, dark, opacity=0.5, blur=5)
            s.path(
                flap,
                s.linear(
                    (side * 10, 200),
                    (side * 60, 290),
                    (0, light, 1),
                    (1, mix(colour, dark, 0.1 if side < 0 else 0.4), 1),
                ),
                line=mix(colour, dark, 0.5),
                width=0.8,
                blur=0.4,
            )
        s.path("M0,268L-2,700", opacity=0.4, blur=1.5, line=dark, width=2.5)


def paint_ears(s: Sketch, look: Look) -> None:
    """Both ears, at the height from the brows to the base of the nose."""
    t = look.tones
    for side in (-1, 1):
        base = mix(t.base, t.blush, 0.25) if side < 0 else mix(t.base, t.shade, 0.7)
        ear = (
            smooth(
                [
                    (side * (CHEEK - 6), -18),
                    (side * (CHEEK + 8), -24),
                    (side * (CHEEK + 16), -8),
                    (side * (CHEEK + 13), 22),
                    (side * (CHEEK + 5), 46),
                    (side * (CHEEK - 6), 50),
                ]
            )
            + "Z"
        )
        s.path(
            ear,
            s.linear((side * CHEEK, -20), (side * CHEEK, 50), (0, mix(base, t.light, 0.2), 1), (1, base, 1)),
            blur=0.5,
        )
        s.path(
            smooth(
                [
                    (side * (CHEEK + 2), -10),
                    (side * (CHEEK + 9), -13),
                    (side * (CHEEK + 10), 8),
                    (side * (CHEEK + 3), 28),
                ]
            ),
            opacity=0.5,
            blur=1.8,
            line=mix(t.shade, t.deep, 0.4),
            width=4,
        )


def paint_glasses(s: Sketch, look: Look) -> None:
    """Round-cornered glasses with a shadow on the face and a faint reflection."""
    frame, glint = "#2a1a18", "#ffffff"
    s.open(s.clip(_both([(0, -90), (99, -60), (99, 40), (60, 80), (0, 80)])))
    for side in (-1, 1):
        s.raw(
            f'<rect x="{number(side * EYE_X - 32)}" y="-18" width="64" height="52" rx="23" fill="none" '
            f'stroke="{look.tones.deep}" stroke-width="4" opacity=".4" {s.blur(2.5)}/>'
        )
    s.close()
    for side in (-1, 1):
        x = side * EYE_X
        s.raw(
            f'<rect x="{number(x - 32)}" y="-24" width="64" height="52" rx="23" '
            f'fill="#dfeeff" fill-opacity=".07" stroke="{frame}" stroke-width="4"/>'
        )
        s.raw(
            f'<rect x="{number(x - 32.6)}" y="-25" width="64" height="52" rx="23" '
            f'fill="none" stroke="#9a7a70" stroke-width=".9" opacity=".7"/>'
        )
        s.path(
            f"M{number(x - 24)},-6L{number(x - 12)},-20L{number(x - 5)},-20L{number(x - 26)},4Z",
            glint,
            opacity=0.2,
            blur=1,
        )
        s.path(f"M{number(side * (EYE_X + 31))},-8L{number(side * 102)},-11", line=frame, width=4.4)
    s.path("M-11,-4C-6,-10 6,-10 11,-4", line=frame, width=4)


def paint_backdrop(s: Sketch, size: int, colours: tuple[str, str, str], seed: int) -> None:
    """A calm, out-of-focus wall: the light, the middle and the dark tone, with a few soft discs of light."""
    light, middle, dark = colours
    s.raw(
        f'<rect width="{size}" height="{size}" fill="'
        + s.radial((size * 0.36, size * 0.34), size * 0.9, (0, light, 1), (0.5, middle, 1), (1, dark, 1))
        + '"/>'
    )
    glow = mix(light, "#fff4dc", 0.6)
    s.ellipse((size * 0.2, size * 0.3), size * 0.3, size * 0.36, glow, opacity=0.5, blur=round(size * 0.11, 1))
    s.ellipse((size * 0.98, size * 0.75), size * 0.3, size * 0.5, dark, opacity=0.5, blur=round(size * 0.1, 1))
    rng = Random(seed)
    for _ in range(11):
        at = (rng.uniform(0, size), rng.uniform(0, size * 0.8))
        r = rng.uniform(0.02, 0.09) * size
        s.ellipse(at, r, r, glow, opacity=rng.uniform(0.06, 0.24), blur=round(r * 0.14, 1))


def paint_finish(s: Sketch, size: int) -> None:
    """What binds a picture: one light from the upper left, darker corners, the faint grain of canvas."""
    light = s.radial(
        (size * 0.34, size * 0.28),
        size * 0.85,
        (0, "#ffe9d2", 0.4),
        (0.45, "#ffe9d2", 0.08),
        (0.7, "#20182a", 0),
        (1, "#20182a", 0.5),
    )
    s.raw(f'<rect width="{size}" height="{size}" fill="{light}" style="mix-blend-mode:soft-light"/>')
    grain = s.define(
        '<filter id="{id}" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">'
        '<feTurbulence type="fractalNoise" baseFrequency=".55" numOctaves="2" seed="4"/>'
        '<feColorMatrix values=".4 .4 .2 0 .04 .4 .4 .2 0 .04 .4 .4 .2 0 .04 0 0 0 0 1"/></filter>'
    )
    whole = f'width="{size}" height="{size}"'
    s.raw(f'<rect {whole} filter="{grain}" opacity=".1" style="mix-blend-mode:soft-light"/>')
