"""Draws people who do not exist, as SVG text, and knows where every feature of theirs lies.

A picture is a list of :class:`~tests.media.look.Look` in front of a backdrop. Nothing is random but what the
seed of a look decides, so the same picture always gives the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.media.body import paint_backdrop, paint_body, paint_ears, paint_finish, paint_glasses
from tests.media.eyes import paint_brows, paint_eyes
from tests.media.hair import paint_back_hair, paint_front_hair, shadow_edges
from tests.media.look import NECK_TURN, Look
from tests.media.mouth import paint_mouth
from tests.media.shorthair import paint_beard
from tests.media.sketch import Sketch, mix, number
from tests.media.skin import outline, paint_nose, paint_skin


@dataclass(frozen=True)
class Picture:
    """A square of ``size`` pixels: people in front of a backdrop of three tones (light, middle, dark)."""

    people: list[Look] = field(default_factory=list)
    size: int = 512
    backdrop: tuple[str, str, str] = ("#e9d9c3", "#b79f8b", "#5d5058")
    seed: int = 1

    def svg(self) -> str:
        """The picture as SVG text."""
        s = Sketch()
        paint_backdrop(s, self.size, self.backdrop, self.seed)
        for look in self.people:
            paint_person(s, look)
        paint_finish(s, self.size)
        return s.text(self.size, self.size)

    def truth(self) -> dict[str, object]:
        """The true geometry of every face, in the order of ``people``."""
        return {"faces": [look.truth() for look in self.people]}


def paint_person(s: Sketch, look: Look) -> None:
    """Paint one person, from the hair behind to the hair in front."""
    place = f"translate({number(look.at[0])} {number(look.at[1])}) scale({look.scale})"
    turned = f"{place} rotate({look.tilt} {NECK_TURN[0]} {NECK_TURN[1]})"
    s.open(f'transform="{turned}"')
    paint_back_hair(s, look)
    s.close()
    s.open(f'transform="{place} translate(0 {number(look.chin - 160)})"')
    paint_body(s, look)
    s.close()
    s.open(f'transform="{turned}"')
    if look.style not in ("long", "bob"):
        paint_ears(s, look)
    paint_skin(s, look)
    paint_nose(s, look)
    s.open(s.clip(outline(look)))
    for edge in shadow_edges(look):
        s.path(edge, opacity=0.5, blur=7, line=mix(look.tones.shade, look.tones.deep, 0.5), width=20)
    s.close()
    paint_eyes(s, look)
    paint_brows(s, look)
    if look.beard:
        paint_beard(s, look)
    paint_mouth(s, look)
    if look.glasses:
        paint_glasses(s, look)
    paint_front_hair(s, look)
    s.close()
