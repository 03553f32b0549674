"""Paints hair without length to follow: curls, a close crop, a beard."""

from __future__ import annotations

from math import cos, pi, sin
from random import Random

from tests.media.look import Look
from tests.media.sketch import Point, Sketch, mix, pair, smooth
from tests.media.skin import outline


def paint_curls(s: Sketch, look: Look, *, front: bool) -> None:
    """A round head of small curls; the part in front ends in a soft hairline."""
    dark, base, bright = look.hair_tones
    rng = Random(look.seed + (1 if front else 2))
    spots: list[tuple[float, float, float]] = []
    for _ in range(1000):
        angle, far = rng.uniform(0, 2 * pi), rng.random() ** 0.5
        x, y = far * 139 * cos(angle), -52 + far * 121 * sin(angle)
        on_face = (x / 95) ** 2 + ((y + 8) / 110) ** 2 < 1
        low = y > (28 if front else 62) - abs(x) * 0.12
        if low or (front and (on_face or (abs(x) < 95 and y > -20))):
            continue
        spots.append((x, y, rng.uniform(6, 11)))
    if not front:
        s.path(
            smooth(
                [
                    (0, -180),
                    (80, -164),
                    (134, -108),
                    (146, -40),
                    (128, 30),
                    (80, 56),
                    (0, 60),
                    (-80, 56),
                    (-128, 30),
                    (-146, -40),
                    (-134, -108),
                    (-80, -164),
                    (0, -180),
                ]
            )
            + "Z",
            dark,
            blur=3,
        )
    else:
        rim = (
            smooth(
                [
                    (-96, 4),
                    (-92, -60),
                    (-66, -98),
                    (-24, -115),
                    (24, -115),
                    (66, -98),
                    (92, -60),
                    (96, 4),
                    (124, 0),
                    (132, -80),
                    (80, -150),
                    (0, -168),
                    (-80, -150),
                    (-132, -80),
                    (-124, 0),
                ]
            )
            + "Z"
        )
        s.path(rim, mix(dark, base, 0.3), blur=3.5)
    for tone, share, width, opacity in (
        (dark, 1.0, 4, 0.8),
        (base, 1.0, 3.4, 0.75),
        (bright, 0.55, 1.5, 0.5),
    ):
        arcs: list[str] = []
        for x, y, r in spots:
            rim = (x / 146) ** 2 + ((y + 52) / 128) ** 2 > 0.86
            if rng.random() > share or (tone == bright and rng.random() < (x + 150) / 420) or (rim and tone != dark):
                continue
            turn, sweep = rng.uniform(0, 2 * pi), rng.choice((0, 1))
            if tone == bright:
                turn = rng.gauss(3.6, 0.5)
            end = turn + (2.2 if tone == bright else rng.uniform(3, 4.6)) * 1
            ax, ay = x + r * cos(turn), y + r * sin(turn)
            large = 1 if end - turn > pi else 0
            arcs.append(
                f"M{pair(ax, ay)}a{pair(r, r)} 0 {large} {1 if tone == bright else sweep} "
                f"{pair(x + r * cos(end) - ax, y + r * sin(end) - ay)}"
            )
        s.path("".join(arcs), dark if tone == dark else "none", opacity=opacity, line=tone, width=width, blur=0.5)


def paint_cropped(s: Sketch, look: Look) -> None:
    dark, base, bright = look.hair_tones
    cap = (
        smooth(
            [
                (-94, -4),
                (-91, -54),
                (-78, -94),
                (-52, -112),
                (-16, -117),
                (20, -116),
                (54, -110),
                (78, -94),
                (91, -54),
                (94, -4),
                (102, -10),
                (105, -60),
                (98, -100),
                (64, -145),
                (0, -161),
                (-64, -145),
                (-98, -100),
                (-105, -60),
                (-102, -10),
            ]
        )
        + "Z"
    )
    s.path(
        cap,
        s.radial((-30, -150), 150, (0, mix(base, bright, 0.35), 1), (0.5, mix(base, dark, 0.3), 1), (1, dark, 1)),
        blur=2.2,
    )
    rng = Random(look.seed)
    s.open(s.clip(cap))
    for tone in (dark, bright):
        dots = []
        for _ in range(420):
            x, y = rng.uniform(-104, 104), rng.uniform(-160, -4)
            dots.append(f"M{pair(x, y)}l{pair(x * 0.02 + rng.uniform(-1, 1), -rng.uniform(1.5, 3.5))}")
        s.path("".join(dots), opacity=0.4 if tone == dark else 0.22, line=tone, width=1.2)
    s.close()


def _beard_rim(look: Look) -> str:
    """Path text of the beard that stands out below the jaw."""
    chin, jaw = look.chin, look.jaw
    right: list[Point] = [
        (0, chin - 40),
        (97, 0),
        (100, 20),
        (97, chin * 0.4),
        (86 * jaw, chin * 0.68),
        (64 * jaw, chin * 0.92),
        (36, chin + 6),
        (0, chin + 11),
    ]
    return smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"


def paint_beard(s: Sketch, look: Look) -> None:
    """A full short beard with a moustache, open around the lips."""
    dark, base, bright = look.hair_tones
    rng, chin, lips = Random(look.seed + 3), look.chin, look.mouth_y
    half, low = look.mouth_half + 6, look.mouth_gap[1] + 17
    right: list[Point] = [
        (0, lips - 21),
        (20, lips - 19),
        (half, lips - 5),
        (half + 4, lips + 6),
        (58, chin * 0.56),
        (80, chin * 0.3),
        (95, 4),
        (101, 10),
        (98, 52),
        (85 * look.jaw, chin * 0.7),
        (60 * look.jaw, chin * 0.95),
        (28, chin + 9),
        (0, chin + 12),
    ]
    whole = smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"
    hole: list[Point] = [
        (0, lips - 11),
        (20, lips - 9),
        (look.mouth_half + 1, look.mouth_corner_y + 1),
        (20, low - 3),
        (0, low),
    ]
    gap = smooth([*hole, *[(-x, y) for x, y in hole[-2:0:-1]], hole[0]]) + "Z"
    s.open(s.clip(outline(look) + _beard_rim(look)))
    ground = f'fill-rule="evenodd" fill="{mix(base, dark, 0.4)}" opacity=".88" {s.blur(3)}'
    s.raw(f'<path d="{whole + gap}" {ground}/>')
    s.close()

    def inside(x: float, y: float) -> bool:
        ax = abs(x)
        if y > chin + 10 - (ax / 70) ** 2 * 16 or ax > 101 - max(0.0, y - 30) * 0.33:
            return False
        cheek = 4 + (95 - ax) * 1.35 if ax > 40 else lips - 20
        in_gap = (x / (look.mouth_half + 2)) ** 2 + ((y - (lips + low) / 2 + 5) / ((low - lips) / 2 + 8)) ** 2 < 1
        # Thin at the border, dense below.
        return y > cheek + rng.random() ** 2 * 14 + 1 and not in_gap

    hairs: dict[str, list[str]] = {dark: [], base: [], bright: []}
    for _ in range(2100):
        x, y = rng.uniform(-101, 101), rng.uniform(0, chin + 10)
        if not inside(x, y):
            continue
        moustache = y < lips - 4 and abs(x) < 40
        dx, dy = (x * 0.12, 4.5) if moustache else (-x * 0.02, 6.5)
        tone = rng.choices(list(hairs), weights=(3, 3, 1.6 if x < 20 else 0.7))[0]
        hairs[tone].append(
            f"M{pair(x, y)}q{pair(dx * 0.5 + rng.uniform(-1.5, 1.5), dy * 0.5)} {pair(dx + rng.uniform(-1.6, 1.6), dy)}"
        )
    for tone, paths in hairs.items():
        s.path("".join(paths), opacity=0.55 if tone != bright else 0.45, line=tone, width=1.0)
    s.ellipse((-22, chin * 0.93), 26, 12, bright, opacity=0.2, blur=7)
