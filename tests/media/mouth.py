"""Paints the mouth: closed with a faint smile, smiling with teeth, or slightly open."""

from __future__ import annotations

from tests.media.look import Look
from tests.media.sketch import Point, Sketch, mix, pair, smooth


def _mirrored(right: list[Point]) -> list[Point]:
    """A curve from the left corner to the right one, given its right half from the middle outwards."""
    return [(-x, y) for x, y in reversed(right[1:])] + right


def paint_mouth(s: Sketch, look: Look) -> None:
    """The mouth of ``look``; its line runs through the corners and the middle that ``look`` names."""
    t, half, full = look.tones, look.mouth_half, look.lips
    corner, (above, below) = look.mouth_corner_y, look.mouth_gap
    top = above - 9.5 * full
    stretch = 0.86 if look.mouth == "smile" else 1.0
    bottom = below + 13.0 * full * stretch
    sag = (corner * 0.55 + above * 0.45) + 1.2
    upper_edge = _mirrored([(0, top + 2.4), (8, top), (half * 0.52, top * 0.62 + corner * 0.38), (half, corner)])
    upper_line = _mirrored([(0, above + 1.4), (9, above - 0.4), (half * 0.6, sag), (half, corner)])
    lower_line = _mirrored(
        [
            (0, below + 0.4),
            (10, below - 0.2),
            (half * 0.62, below * 0.55 + corner * 0.45 + 0.8),
            (half, corner),
        ]
    )
    lower_edge = _mirrored(
        [
            (0, bottom),
            (half * 0.3, bottom - 0.9),
            (half * 0.62, bottom * 0.68 + corner * 0.32),
            (half * 0.86, bottom * 0.28 + corner * 0.72 + 0.6),
            (half, corner),
        ]
    )
    upper = smooth(upper_edge) + "L" + smooth(upper_line[::-1])[1:] + "Z"
    lower = smooth(lower_line) + "L" + smooth(lower_edge[::-1])[1:] + "Z"
    dark_lip = mix(look.lip, t.deep, 0.55)
    whole = smooth(upper_edge) + "L" + smooth(lower_edge[::-1])[1:] + "Z"
    s.path(whole, t.blush, opacity=0.35, blur=3.5)
    if look.mouth != "closed":
        _paint_inside(s, look, smooth(upper_line) + "L" + smooth(lower_line[::-1])[1:] + "Z")
    s.path(
        upper,
        s.linear(
            (0, top),
            (0, above + 1),
            (0, mix(look.lip, t.base, 0.22), 1),
            (0.55, mix(look.lip, t.deep, 0.14), 1),
            (1, mix(look.lip, t.deep, 0.42), 1),
        ),
        blur=0.7,
    )
    s.path(
        lower,
        s.linear(
            (0, below),
            (0, bottom),
            (0, mix(look.lip, t.deep, 0.32), 1),
            (0.3, look.lip, 1),
            (0.62, mix(look.lip, t.light, 0.22), 1),
            (1, mix(look.lip, t.shade, 0.35), 1),
        ),
        blur=0.7,
    )
    s.open(s.clip(whole))
    s.path(smooth([(half * 0.3, top), (half, corner), (half * 0.35, bottom)]) + "Z", t.deep, opacity=0.3, blur=4)
    s.ellipse(
        (-6, below + (bottom - below) * 0.46),
        half * 0.36,
        2.6 * full,
        mix(t.light, "#ffffff", 0.35),
        opacity=0.62,
        blur=2,
    )
    s.ellipse((-9, below + (bottom - below) * 0.42), half * 0.13, 1.1, "#ffffff", opacity=0.6, blur=0.9)
    for x in range(-24, 25, 4):
        edge = bottom - 3 - abs(x) * 0.16
        s.path(
            f"M{pair(x, below + 2)}Q{pair(x * 1.05, (below + edge) / 2)} {pair(x * 1.12, edge)}",
            opacity=0.14,
            blur=0.4,
            line=t.deep,
            width=0.8,
        )
    s.close()
    s.path(
        smooth([(-10, top - 0.6), (-7, top - 1.6), (0, top + 0.8), (7, top - 1.6), (10, top - 0.6)]),
        opacity=0.5,
        blur=0.9,
        line=t.light,
        width=1.3,
    )
    ink = mix(dark_lip, t.deep, 0.75)
    if look.mouth == "closed":
        inner = smooth([(x * 0.98, y) for x, y in upper_line])
        s.path(inner, opacity=0.45, blur=1.4, line=ink, width=3)
        s.path(inner, opacity=0.9, blur=0.4, line=ink, width=1.5)
    else:
        s.path(smooth(upper_line), opacity=0.5, blur=0.8, line=ink, width=1.6)
    for side in (-1, 1):
        s.ellipse((side * (half + 0.5), corner + 0.3), 3.2, 2.2, ink, opacity=0.6, blur=1.3)
        s.ellipse((side * (half + 5), corner + 3), 4, 6, mix(t.shade, t.deep, 0.3), opacity=0.3, blur=2.6)


def _paint_inside(s: Sketch, look: Look, opening: str) -> None:
    half, corner, (above, below) = look.mouth_half, look.mouth_corner_y, look.mouth_gap
    s.path(opening, "#3b1210", line="#3b1210", width=1)
    s.open(s.clip(opening))
    s.ellipse((0, below + 2), half * 0.5, 6, "#a14a48", opacity=0.8, blur=2.5)
    depth = 12.5 if look.mouth == "smile" else 3.4
    rim = [
        (0.0, above + depth),
        (half * 0.4, above + depth - 1.0),
        (half * 0.7, above + depth * 0.62 - 1),
        (half * 0.95, corner + 1),
    ]
    teeth = smooth(_mirrored([(0, above - 6), (half, corner - 6)])) + "L" + smooth(_mirrored(rim)[::-1])[1:] + "Z"
    s.path(
        teeth,
        s.linear((0, above - 2), (0, above + depth), (0, "#cdbfb2", 1), (0.35, "#f7f1e8", 1), (1, "#efe6da", 1)),
        blur=0.5,
    )
    for x in (0.0, 8.6, 15.6, 22.0, 27.6, 32.0):
        for side in (-1, 1) if x else (1,):
            line = f"M{pair(side * x, above - 5)}L{pair(side * x * 0.98, above + depth)}"
            s.path(line, opacity=0.3, blur=0.4, line="#8d7566", width=0.9)
    for side in (-1, 1):
        s.ellipse((side * half, corner + 3), half * 0.34, 12, "#3b1210", opacity=0.75, blur=4.5)
    s.path(
        smooth(_mirrored([(0, above), (half * 0.5, above - 1), (half, corner)])),
        opacity=0.5,
        blur=1.6,
        line="#2a0d0a",
        width=3.5,
    )
    s.close()
