"""Paints hair: sheets of locks and strands that follow a few guide curves from root to tip, curls, stubble, beards."""

from __future__ import annotations

from math import cos, hypot, pi, sin
from random import Random

from tests.media.features import outline
from tests.media.look import Look
from tests.media.sketch import Point, Sketch, blend, mix, number, smooth

Guide = list[Point]
Sheet = list[Guide]


def _mirror(sheet: Sheet) -> Sheet:
    return [[(-x, y) for x, y in guide] for guide in sheet]


_LONG_RIGHT: Sheet = [
    [(-26, -122), (2, -116), (38, -95), (70, -60), (88, -16), (98, 40), (88, 100), (98, 156), (86, 206)],
    [(-26, -136), (16, -138), (66, -115), (98, -70), (107, -12), (118, 50), (106, 112), (116, 166), (104, 220)],
    [(-26, -152), (22, -158), (82, -132), (116, -78), (124, -12), (135, 52), (124, 114), (136, 168), (122, 222)],
    [(-26, -161), (22, -172), (92, -148), (130, -86), (140, -12), (151, 54), (140, 116), (152, 166), (140, 212)],
]
_LONG_LEFT: Sheet = [
    [(-24, -122), (-41, -111), (-62, -86), (-81, -52), (-91, -10), (-101, 44), (-90, 102), (-100, 156), (-88, 204)],
    [(-25, -138), (-54, -132), (-86, -104), (-104, -60), (-111, -8), (-120, 50), (-108, 112), (-118, 166), (-106, 218)],
    [(-26, -152), (-60, -148), (-99, -116), (-120, -68), (-128, -8), (-138, 52), (-127, 114), (-138, 168), (-125, 220)],
    [(-26, -161), (-62, -161), (-109, -128), (-134, -76), (-143, -8), (-153, 54), (-143, 116), (-154, 166), (-142, 210)],
]
_BOB: Sheet = [
    [(0, -124), (24, -116), (56, -92), (81, -54), (92, -6), (98, 46), (90, 92)],
    [(0, -142), (34, -138), (76, -110), (102, -60), (110, -4), (112, 54), (96, 106)],
    [(0, -153), (38, -154), (88, -124), (114, -68), (123, -4), (125, 58), (106, 114)],
    [(0, -162), (40, -166), (96, -134), (125, -74), (135, -4), (136, 58), (116, 116)],
]
_SHORT_RIGHT: Sheet = [
    [(-44, -110), (-46, -140), (-34, -162), (-4, -172)],
    [(-20, -115), (-14, -146), (14, -168), (50, -164)],
    [(18, -116), (32, -143), (58, -158), (84, -142)],
    [(52, -109), (70, -128), (94, -126), (108, -98)],
    [(76, -90), (92, -94), (106, -82), (112, -52)],
    [(86, -54), (97, -54), (107, -34), (108, -10)],
    [(93, -18), (99, -14), (104, 2), (103, 20)],
]
_SHORT_LEFT: Sheet = [
    [(-44, -110), (-48, -140), (-40, -162), (-4, -172)],
    [(-46, -111), (-62, -140), (-74, -150), (-66, -154)],
    [(-64, -101), (-82, -118), (-96, -118), (-100, -106)],
    [(-79, -84), (-94, -88), (-106, -76), (-111, -50)],
    [(-87, -54), (-97, -54), (-107, -34), (-108, -10)],
    [(-93, -18), (-99, -14), (-104, 2), (-103, 20)],
]
_FRINGE: Sheet = [
    [(12, -168), (-50, -160), (-98, -114), (-104, -58), (-92, -30)],
    [(12, -168), (-40, -154), (-78, -112), (-82, -76), (-70, -58)],
    [(12, -168), (-24, -148), (-50, -110), (-52, -80), (-40, -62)],
    [(12, -168), (-6, -146), (-20, -112), (-20, -84), (-6, -66)],
    [(12, -168), (14, -146), (14, -114), (18, -86), (32, -64)],
    [(12, -168), (34, -150), (50, -116), (54, -84), (64, -58)],
    [(12, -168), (56, -156), (84, -116), (90, -72), (88, -36)],
    [(12, -168), (66, -160), (104, -116), (110, -58), (98, -28)],
]
_FRINGE_SIDE: Sheet = [
    [(84, -86), (92, -52), (93, -14), (92, 22)],
    [(98, -98), (108, -54), (109, -6), (101, 40)],
    [(104, -110), (122, -60), (124, 0), (110, 50)],
]
_THIN_SIDE: Sheet = [
    [(84, -92), (90, -64), (93, -34), (94, -4)],
    [(84, -104), (100, -80), (106, -42), (104, 8)],
    [(78, -118), (106, -96), (116, -46), (110, 16)],
]
_THIN_TOP: Sheet = [
    [(-78, -112), (-50, -134), (-14, -142), (30, -136), (74, -114)],
    [(-82, -116), (-54, -148), (-10, -158), (36, -152), (82, -116)],
]

_SHEETS: dict[str, list[Sheet]] = {
    "long": [_LONG_LEFT, _LONG_RIGHT],
    "bob": [_mirror(_BOB), _BOB],
    "short": [_SHORT_LEFT, _SHORT_RIGHT],
    "fringe": [_mirror(_FRINGE_SIDE), _FRINGE_SIDE, _FRINGE],
    "thin": [_mirror(_THIN_SIDE), _THIN_SIDE],
}
_BACK: dict[str, list[Point]] = {
    "long": [(0, -160), (90, -138), (126, -70), (134, 40), (136, 130), (118, 206), (70, 196), (0, 186)],
    "bob": [(0, -158), (86, -134), (118, -60), (124, 40), (108, 100), (70, 112), (30, 116), (0, 118)],
    "fringe": [(0, -160), (80, -138), (110, -60), (114, 10), (98, 54), (70, 70), (30, 70), (0, 70)],
    "short": [(0, -172), (76, -148), (108, -80), (107, 0), (90, 40), (50, 30), (20, 20), (0, 20)],
    "thin": [(0, -150), (74, -128), (104, -80), (110, 0), (92, 30), (50, 20), (20, 10), (0, 10)],
    "cropped": [(0, -158), (66, -142), (99, -86), (103, -10), (90, 10), (50, 10), (20, 10), (0, 10)],
}


def _tones(look: Look) -> tuple[str, str, str]:
    """The hair in shade, as it is, and where the light slides over it."""
    return mix(look.hair, "#0d0605", 0.6), look.hair, mix(look.hair, "#ffe2b8", 0.42)


def paint_back_hair(s: Sketch, look: Look) -> None:
    """The hair behind the face, the neck and the shoulders."""
    dark, base, _ = _tones(look)
    if look.style == "curls":
        _paint_curls(s, look, front=False)
        return
    right = _BACK[look.style]
    shape = smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"
    s.path(shape, s.linear((0, -170), (0, 190), (0, mix(dark, base, 0.6), 1), (0.5, dark, 1), (1, mix(dark, base, 0.35), 1)), blur=1.2)


def paint_front_hair(s: Sketch, look: Look) -> None:
    """The hair in front of the forehead and the temples."""
    if look.style == "curls":
        _paint_curls(s, look, front=True)
    elif look.style == "cropped":
        _paint_cropped(s, look)
    else:
        rng = Random(look.seed)
        if look.style == "thin":
            s.open('opacity=".5"')
            _paint_sheet(s, look, _THIN_TOP, rng, ground=False)
            s.close()
        for sheet in _SHEETS[look.style]:
            _paint_sheet(s, look, sheet, rng)


def shadow_edges(look: Look) -> list[str]:
    """Path texts along which the hair casts its shadow on the face."""
    if look.style in ("curls", "cropped"):
        return [smooth([(-94, -8), (-88, -66), (-60, -104), (0, -118), (60, -104), (88, -66), (94, -8)])]
    if look.style == "fringe":
        tips = [guide[-1] for guide in _FRINGE]
        return [smooth(tips), smooth(_FRINGE_SIDE[0]), smooth(_mirror(_FRINGE_SIDE)[0])]
    if look.style in ("short", "thin"):
        return [smooth([guide[0] for guide in sheet]) for sheet in _SHEETS[look.style]]
    return [smooth(sheet[0]) for sheet in _SHEETS[look.style]]


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
    """``guide`` moved a little, the tip more than the root, its last piece cut or stretched to a share within ``ends``."""
    last = len(guide) - 1
    dx, dy = rng.gauss(0, amount), rng.gauss(0, amount)
    moved = [(x + dx * (0.2 + i / last), y + dy * (0.2 + i / last)) for i, (x, y) in enumerate(guide)]
    moved[-1] = blend([moved[-2]], [moved[-1]], rng.uniform(*ends))[0]
    return moved


def _paint_sheet(s: Sketch, look: Look, sheet: Sheet, rng: Random, *, ground: bool = True) -> None:
    dark, base, bright = _tones(look)
    half = len(sheet[0]) // 2
    span = sum(hypot(a[half][0] - b[half][0], a[half][1] - b[half][1]) for a, b in zip(sheet, sheet[1:], strict=False))
    length = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in zip(sheet[1], sheet[1][1:], strict=False))
    lit_side = sheet[-1][half][0] < 20
    short = [[*guide[:-1], blend([guide[-2]], [guide[-1]], 0.6)[0]] for guide in sheet]
    tips, roots = [g[-1] for g in short], [g[0] for g in short]
    edge = smooth(short[0]) + "".join("L" + smooth(c)[1:] for c in (tips, short[-1][::-1], roots[::-1])) + "Z"
    if ground:
        s.path(edge, mix(base, dark, 0.5), blur=0.6)
    big = max(7, round(span / 5))
    order = [0.02 + 0.95 * (i + rng.random()) / big for i in range(big)]
    rng.shuffle(order)
    for at in order:
        tone = mix(dark, base, min(1.0, max(0.0, rng.gauss(0.6, 0.3))))
        s.path(_lock(_waver(_along(sheet, at), rng, 2.4, (0.5, 1.05)), span / big * 2.3), tone, opacity=0.6, blur=0.7)
    # Volume: the edge at the face lies in shade, the round of the sheet catches the light.
    s.open(s.clip(edge))
    s.path(smooth(_along(sheet, 0.04)), opacity=0.5, blur=5, line=dark, width=span * 0.2)
    s.path(smooth(_cut(_along(sheet, 0.97), 0.15, 0.95)), opacity=0.35, blur=5, line=dark, width=span * 0.16)
    crown = _cut(_along(sheet, 0.55), 0.1, 0.62)
    s.path(smooth(crown), opacity=0.3 if lit_side else 0.16, blur=8, line=bright, width=span * 0.34)
    s.close()
    fine = max(30, round(span / 1.2))
    batches: dict[str, list[str]] = {dark: [], base: [], mix(base, bright, 0.35): []}
    for _ in range(fine):
        colour = rng.choice(list(batches))
        batches[colour].append(smooth(_waver(_along(sheet, rng.random()), rng, 2.0)))
    for colour, paths in batches.items():
        s.path("".join(paths), opacity=0.5, line=colour, width=0.9)
    loose = [smooth(_waver(_along(sheet, rng.choice((0.0, 0.02, 0.97, 1.0))), rng, 5.0)) for _ in range(9 if length > 100 else 3)]
    s.path("".join(loose), opacity=0.6, line=mix(dark, base, 0.6), width=0.7)
    for band, width in ((0.33, 1.0), (0.74, 0.5)) if length > 250 else ((0.4, 1.0),):
        _paint_shine(s, sheet, rng, bright, (band, min(0.26, 30 / length), (0.62 if lit_side else 0.42) * width, round(fine * 0.9)))


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
    s.path("".join(lit), opacity=strength, blur=0.45, line=bright, width=0.8)


def _paint_curls(s: Sketch, look: Look, *, front: bool) -> None:
    """A round head of small curls; the part in front ends in a soft hairline."""
    dark, base, bright = _tones(look)
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
        s.path(smooth([(0, -180), (80, -164), (134, -108), (146, -40), (128, 30), (80, 56), (0, 60), (-80, 56),
                       (-128, 30), (-146, -40), (-134, -108), (-80, -164), (0, -180)]) + "Z", dark, blur=3)
    else:
        rim = smooth([(-96, 4), (-92, -60), (-66, -98), (-24, -115), (24, -115), (66, -98), (92, -60), (96, 4), (124, 0),
                      (132, -80), (80, -150), (0, -168), (-80, -150), (-132, -80), (-124, 0)]) + "Z"
        s.path(rim, mix(dark, base, 0.3), blur=3.5)
    for tone, share, width, opacity in ((dark, 1.0, 4, 0.8), (base, 1.0, 3.4, 0.75), (bright, 0.55, 1.5, 0.5)):
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
            arcs.append(f"M{number(ax)},{number(ay)}a{number(r)},{number(r)} 0 {large} {1 if tone == bright else sweep} "
                        f"{number(x + r * cos(end) - ax)},{number(y + r * sin(end) - ay)}")
        s.path("".join(arcs), dark if tone == dark else "none", opacity=opacity, line=tone, width=width, blur=0.5)


def _paint_cropped(s: Sketch, look: Look) -> None:
    dark, base, bright = _tones(look)
    cap = smooth([(-94, -4), (-91, -54), (-78, -94), (-52, -112), (-16, -117), (20, -116), (54, -110), (78, -94), (91, -54),
                  (94, -4), (102, -10), (105, -60), (98, -100), (64, -145), (0, -161), (-64, -145), (-98, -100), (-105, -60),
                  (-102, -10)]) + "Z"
    s.path(cap, s.radial((-30, -150), 150, (0, mix(base, bright, 0.35), 1), (0.5, mix(base, dark, 0.3), 1), (1, dark, 1)), blur=2.2)
    rng = Random(look.seed)
    s.open(s.clip(cap))
    for tone in (dark, bright):
        dots = []
        for _ in range(420):
            x, y = rng.uniform(-104, 104), rng.uniform(-160, -4)
            dots.append(f"M{number(x)},{number(y)}l{number(x * 0.02 + rng.uniform(-1, 1))},{number(-rng.uniform(1.5, 3.5))}")
        s.path("".join(dots), opacity=0.4 if tone == dark else 0.22, line=tone, width=1.2)
    s.close()


def _beard_rim(look: Look) -> str:
    """Path text of the beard that stands out below the jaw."""
    chin, jaw = look.chin, look.jaw
    right: list[Point] = [(0, chin - 40), (97, 0), (100, 20), (97, chin * 0.4), (86 * jaw, chin * 0.68), (64 * jaw, chin * 0.92),
                          (36, chin + 6), (0, chin + 11)]
    return smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"


def paint_beard(s: Sketch, look: Look) -> None:
    """A full short beard with a moustache, open around the lips."""
    dark, base, bright = _tones(look)
    rng, chin, lips = Random(look.seed + 3), look.chin, look.mouth_y
    half, low = look.mouth_half + 6, look.mouth_gap[1] + 17
    right: list[Point] = [(0, lips - 21), (20, lips - 19), (half, lips - 5), (half + 4, lips + 6), (58, chin * 0.56), (80, chin * 0.3),
                          (95, 4), (101, 10), (98, 52), (85 * look.jaw, chin * 0.7), (60 * look.jaw, chin * 0.95),
                          (28, chin + 9), (0, chin + 12)]
    whole = smooth([*right, *[(-x, y) for x, y in right[-2:0:-1]], right[0]]) + "Z"
    hole: list[Point] = [(0, lips - 11), (20, lips - 9), (look.mouth_half + 1, look.mouth_corner_y + 1), (20, low - 3), (0, low)]
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
        hairs[tone].append(f"M{number(x)},{number(y)}q{number(dx * 0.5 + rng.uniform(-1.5, 1.5))},{number(dy * 0.5)} "
                           f"{number(dx + rng.uniform(-1.6, 1.6))},{number(dy)}")
    for tone, paths in hairs.items():
        s.path("".join(paths), opacity=0.55 if tone != bright else 0.45, line=tone, width=1.0)
    s.ellipse((-22, chin * 0.93), 26, 12, bright, opacity=0.2, blur=7)
