"""Paints hair as sheets of locks and strands that follow a few guide curves from root to tip."""

from __future__ import annotations

from itertools import pairwise
from math import hypot, pi, sin
from random import Random

from tests.media.hairstyles import BACK, FRINGE, FRINGE_SIDE, SHEETS, THIN_TOP, Guide, Sheet, mirror
from tests.media.look import Look
from tests.media.shorthair import paint_cropped, paint_curls
from tests.media.sketch import Sketch, blend, mix, smooth


def paint_back_hair(s: Sketch, look: Look) -> None:
    """The hair behind the face, the neck and the shoulders."""
    dark, base, _ = look.hair_tones
    if look.style == "curls":
        paint_curls(s, look, front=False)
        return
    right = BACK[look.style]
    shape = smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"
    s.path(
        shape,
        s.linear((0, -170), (0, 190), (0, mix(dark, base, 0.6), 1), (0.5, dark, 1), (1, mix(dark, base, 0.35), 1)),
        blur=1.2,
    )


def paint_front_hair(s: Sketch, look: Look) -> None:
    """The hair in front of the forehead and the temples."""
    if look.style == "curls":
        paint_curls(s, look, front=True)
    elif look.style == "cropped":
        paint_cropped(s, look)
    else:
        rng = Random(look.seed)
        if look.style == "thin":
            s.open('opacity=".5"')
            _paint_sheet(s, look, THIN_TOP, rng, ground=False)
            s.close()
        for sheet in SHEETS[look.style]:
            if look.style == "long":
                hang = smooth([(x + 5, y + 4) for x, y in _along(sheet, 0.5)[-3:]])
                s.path(hang, opacity=0.35, blur=6, line="#1c1012", width=26)
            _paint_sheet(s, look, sheet, rng)
        if look.style in ("long", "bob"):
            (x, low), (_, high) = SHEETS[look.style][1][0][0], SHEETS[look.style][1][-1][0]
            half = (low + high) / 2
            part = f"M{x},{low}Q{x - 3},{half} {x + 1},{high + 4}Q{x + 3},{half} {x},{low}Z"
            s.path(part, look.hair_tones[0], opacity=0.7, blur=1.6, line=look.hair_tones[0], width=2)


def shadow_edges(look: Look) -> list[str]:
    """Path texts along which the hair casts its shadow on the face."""
    if look.style in ("curls", "cropped"):
        return [smooth([(-94, -8), (-88, -66), (-60, -104), (0, -118), (60, -104), (88, -66), (94, -8)])]
    if look.style == "fringe":
        tips = [guide[-1] for guide in FRINGE]
        return [smooth(tips), smooth(FRINGE_SIDE[0]), smooth(mirror(FRINGE_SIDE)[0])]
    if look.style in ("short", "thin"):
        return [smooth([guide[0] for guide in sheet]) for sheet in SHEETS[look.style]]
    return [smooth(sheet[0]) for sheet in SHEETS[look.style]]


def _along(sheet: Sheet, at: float) -> Guide:
    """The guide at ``at``, from 0 (the first of the sheet) to 1 (its last)."""
    place = min(max(at, 0.0), 0.9999) * (len(sheet) - 1)
    return blend(sheet[int(place)], sheet[int(place) + 1], place - int(place))


def _cut(guide: Guide, start: float, end: float) -> Guide:
    """The part of ``guide`` between two shares of its points, as five points."""
    last = len(guide) - 1
    out: Guide = []
    for i in range(5):
        place = min((start + (end - start) * i / 4) * last, last - 1e-6)
        out.append(blend([guide[int(place)]], [guide[int(place) + 1]], place - int(place))[0])
    return out


def _lock(guide: Guide, width: float) -> str:
    """Path text of a lock: broad in the middle, pointed at the tip."""
    left: Guide = []
    right: Guide = []
    last = len(guide) - 1
    for i, (x, y) in enumerate(guide):
        (ax, ay), (bx, by) = guide[max(i - 1, 0)], guide[min(i + 1, last)]
        length = hypot(bx - ax, by - ay) or 1.0
        swell = width / 2 * (0.35 + 0.65 * sin(pi * min(i / last, 0.75) / 1.1)) * (1 if i < last else 0)
        nx, ny = -(by - ay) / length * swell, (bx - ax) / length * swell
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return smooth(left) + "L" + smooth(right[::-1])[1:] + "Z"


def _waver(guide: Guide, rng: Random, amount: float, ends: tuple[float, float] = (0.4, 1.0)) -> Guide:
    """``guide`` moved a little, the tip more than the root, its last piece cut to a share in ``ends``."""
    last = len(guide) - 1
    dx, dy = rng.gauss(0, amount), rng.gauss(0, amount)
    moved = [(x + dx * (0.2 + i / last), y + dy * (0.2 + i / last)) for i, (x, y) in enumerate(guide)]
    moved[-1] = blend([moved[-2]], [moved[-1]], rng.uniform(*ends))[0]
    return moved


def _paint_sheet(s: Sketch, look: Look, sheet: Sheet, rng: Random, *, ground: bool = True) -> None:
    dark, base, bright = look.hair_tones
    half = len(sheet[0]) // 2
    span = sum(hypot(a[half][0] - b[half][0], a[half][1] - b[half][1]) for a, b in pairwise(sheet))
    length = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(sheet[1]))
    lit_side = sheet[-1][half][0] < 20
    short = [[*guide[:-1], blend([guide[-2]], [guide[-1]], 0.86)[0]] for guide in sheet]
    tips, roots = [g[-1] for g in short], [g[0] for g in short]
    edge = smooth(short[0]) + "".join("L" + smooth(c)[1:] for c in (tips, short[-1][::-1], roots[::-1])) + "Z"
    if ground:
        s.path(edge, mix(base, dark, 0.5), blur=0.6)
    big = max(7, round(span / 5))
    order = [0.02 + 0.92 * (i + rng.random()) / big for i in range(big)]
    rng.shuffle(order)
    for at in order:
        tone = mix(dark, base, min(1.0, max(0.0, rng.gauss(0.6, 0.3))))
        s.path(
            _lock(_waver(_along(sheet, at), rng, 1.3, (0.62, 1.0)), span / big * 2.3),
            tone,
            opacity=0.6,
            blur=0.7,
        )
    # Strands gather: a few deep gaps and a few broad gleams.
    for _ in range(max(3, round(span / 7))):
        at, gap = rng.uniform(0.08, 0.92), rng.random() < 0.55
        piece = _cut(_along(sheet, at), rng.uniform(0.05, 0.3), rng.uniform(0.75, 0.98))
        tone, opacity = (dark, 0.5) if gap else (mix(base, bright, 0.5), 0.3)
        s.path(_lock(piece, rng.uniform(3, 6)), tone, opacity=opacity, blur=1.3)
    # Volume: the edge at the face lies in shade, the round of the sheet catches the light.
    s.open(s.clip(edge))
    s.path(smooth(_along(sheet, 0.04)), opacity=0.5, blur=5, line=dark, width=span * 0.2)
    s.path(smooth(_cut(_along(sheet, 0.97), 0.15, 0.95)), opacity=0.35, blur=5, line=dark, width=span * 0.16)
    crown = _cut(_along(sheet, 0.55), 0.1, 0.62)
    s.path(smooth(crown), opacity=0.3 if lit_side else 0.22, blur=8, line=bright, width=span * 0.34)
    rim = mix(bright, "#fff0d8" if lit_side else "#cdd8ff", 0.5)
    s.path(
        smooth(_cut(_along(sheet, 0.98), 0.2, 0.9)),
        opacity=0.5 if lit_side else 0.3,
        blur=1.8,
        line=rim,
        width=3,
    )
    s.close()
    fine = max(34, round(span / 0.95))
    batches: dict[str, list[str]] = {dark: [], base: [], mix(base, bright, 0.35): []}
    for _ in range(fine):
        colour = rng.choice(list(batches))
        batches[colour].append(smooth(_waver(_along(sheet, rng.random()), rng, 2.0)))
    for colour, paths in batches.items():
        s.path("".join(paths), opacity=0.38, line=colour, width=0.75)
    loose = [
        smooth(_waver(_along(sheet, rng.choice((0.02, 0.97, 0.99))), rng, 2.2)) for _ in range(5 if length > 100 else 3)
    ]
    s.path("".join(loose), opacity=0.4, line=mix(dark, base, 0.6), width=0.7)
    for band, width in ((0.33, 1.0), (0.74, 0.5)) if length > 250 else ((0.4, 1.0),):
        _paint_shine(
            s,
            sheet,
            rng,
            bright,
            (band, min(0.26, 30 / length), (0.62 if lit_side else 0.42) * width, round(fine * 0.9)),
        )


def _paint_shine(s: Sketch, sheet: Sheet, rng: Random, bright: str, band: tuple[float, float, float, int]) -> None:
    """Light sliding over the round of the head: short bright pieces around one share of the length."""
    middle, reach, strength, count = band
    lit: list[str] = []
    glow: list[str] = []
    for _ in range(count):
        at = rng.gauss(0.55, 0.22)
        if not 0.05 < at < 0.95:
            continue
        centre, half = rng.gauss(middle, 0.05), reach * rng.uniform(0.35, 1.2)
        piece = _cut(_along(sheet, at), max(0.02, centre - half), min(0.98, centre + half))
        (lit if rng.random() < 0.6 else glow).append(smooth(piece))
    s.path("".join(glow), opacity=strength * 0.6, blur=2.2, line=bright, width=3)
    s.path("".join(lit), opacity=strength, blur=0.65, line=bright, width=0.85)
