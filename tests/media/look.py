"""What one drawn person looks like, and where the features then lie.

Faces are laid out in units: half the width from cheek to cheek is 100, the origin is the midpoint between the
eyes, x grows to the picture's right and y downwards. Proportions follow the usual drawing canon: the eyes at
half the height of the head, their distance 0.42 of the width of the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Literal

from tests.media.sketch import Point, mix

EYE_X = 42.0
BROW_TOP = -47.0
CHEEK = 98.0
NECK_TURN: Point = (0.0, 170.0)

HairStyle = Literal["long", "bob", "short", "curls", "fringe", "thin", "cropped"]


@dataclass(frozen=True)
class Palette:
    """The tones of one skin, from the lightest to the darkest, and the two reds in it."""

    light: str
    base: str
    shade: str
    deep: str
    blush: str
    lip: str


SKINS = {
    "fair": Palette("#ffe6d3", "#f3c7a9", "#cf8f71", "#84452f", "#ea8a78", "#c4656a"),
    "light": Palette("#fddcc2", "#ecb391", "#c27a5a", "#743a27", "#e07260", "#bb5259"),
    "brown": Palette("#e3ac82", "#c28558", "#8c5535", "#4a2616", "#b9593f", "#a04f4a"),
    "dark": Palette("#b67b57", "#84523a", "#54301f", "#28130b", "#8c3f2b", "#83403d"),
}


@dataclass(frozen=True)
class Look:
    """One person: colours are ``#rrggbb``, lengths are in units unless said otherwise.

    at: where in the picture, in pixels, the midpoint between the eyes lies before the tilt.
    scale: pixels per unit.
    tilt: degrees, clockwise as seen, about the base of the neck.
    jaw: width of the jaw, 1 for the average; chin: how far below the eyes the chin ends, 130 to 155.
    eye: size of the eyes, 1 for the average adult; age: 0 for smooth skin to 1 for deep lines.
    lash: 0 for short lashes and bare lips to 1 for long ones and red lips.
    freckles: 0 for none to 1; brow: thickness of the brows, 1 for the average.
    """

    at: Point
    scale: float = 0.9
    tilt: float = 0.0
    skin: Literal["fair", "light", "brown", "dark"] = "light"
    hair: str = "#4a2d1c"
    style: HairStyle = "short"
    iris: str = "#6b4423"
    mouth: Literal["closed", "smile", "open"] = "closed"
    glasses: bool = False
    beard: bool = False
    jaw: float = 1.0
    chin: float = 146.0
    eye: float = 1.0
    age: float = 0.0
    freckles: float = 0.0
    lash: float = 0.3
    brow: float = 1.0
    lips: float = 1.0
    nose: float = 1.0
    neck: float = 1.0
    clothes: str = "#3d7a80"
    collar: Literal["crew", "shirt"] = "crew"
    seed: int = 1

    @property
    def tones(self) -> Palette:
        """The tones of the skin."""
        return SKINS[self.skin]

    @property
    def hair_tones(self) -> tuple[str, str, str]:
        """The hair in shade, as it is, and where the light slides over it."""
        return mix(self.hair, "#0d0605", 0.6), self.hair, mix(self.hair, "#ffe2b8", 0.42)

    @property
    def lip(self) -> str:
        """The colour of the lips: the redder, the longer the lashes, and paler with age."""
        return mix(self.tones.lip, self.tones.base, 0.34 * (1 - self.lash) + 0.2 * self.age)

    @property
    def brows(self) -> str:
        """The colour of the brows: dark enough to be seen whatever the hair."""
        return mix(self.hair, self.tones.deep, 0.45)

    @property
    def mouth_y(self) -> float:
        """Height of the line between the lips."""
        return 94.0 * self.chin / 146.0

    @property
    def nose_y(self) -> float:
        """Height of the base of the nose."""
        return 65.0 * self.chin / 146.0

    @property
    def mouth_half(self) -> float:
        """Half the width of the mouth."""
        return {"closed": 35.5, "smile": 41.0, "open": 31.0}[self.mouth] * min(1.0, self.chin / 146.0 + 0.02)

    @property
    def mouth_corner_y(self) -> float:
        """Height of the corners of the mouth."""
        return self.mouth_y + {"closed": -6.5, "smile": -8.0, "open": -1.0}[self.mouth]

    @property
    def mouth_gap(self) -> tuple[float, float]:
        """The lower edge of the upper lip and the upper edge of the lower lip, in the middle of the mouth."""
        above, below = {"closed": (0.6, 0.6), "smile": (-1.0, 15.0), "open": (-2.5, 5.5)}[self.mouth]
        return self.mouth_y + above, self.mouth_y + below

    def eye_edges(self) -> tuple[float, float, float]:
        """Half the width of an eye, and how far its opening reaches above and below its centre."""
        squint = 0.82 if self.mouth == "smile" else 1.0
        return 24.0 * self.eye, 12.0 * self.eye * squint, 9.0 * self.eye * squint

    def to_picture(self, point: Point) -> Point:
        """Where ``point`` (units) lies in the picture (pixels), the tilt included."""
        turn = radians(self.tilt)
        dx, dy = point[0] - NECK_TURN[0], point[1] - NECK_TURN[1]
        x = NECK_TURN[0] + dx * cos(turn) - dy * sin(turn)
        y = NECK_TURN[1] + dx * sin(turn) + dy * cos(turn)
        return self.at[0] + x * self.scale, self.at[1] + y * self.scale

    def truth(self) -> dict[str, object]:
        """The true geometry in pixels; left and right are the picture's."""
        half, above, below = self.eye_edges()
        corners = [self.to_picture((side * CHEEK, y)) for side in (-1, 1) for y in (BROW_TOP * 0.6, self.nose_y)]
        # Cheek to cheek where the face is widest, brow to chin along its own axis, then upright.
        corners += [self.to_picture((side * EYE_X, BROW_TOP)) for side in (-1, 1)]
        corners.append(self.to_picture((0.0, self.chin)))
        left, right = min(x for x, _ in corners), max(x for x, _ in corners)
        top, bottom = min(y for _, y in corners), max(y for _, y in corners)
        middle = sum(self.mouth_gap) / 2
        return {
            "box": [round(left), round(top), round(right - left), round(bottom - top)],
            "left_eye": _rounded(self.to_picture((-EYE_X, 0.0))),
            "right_eye": _rounded(self.to_picture((EYE_X, 0.0))),
            "eye_width": round(2 * half * self.scale, 1),
            "eye_height": round((above + below) * self.scale, 1),
            "mouth_left": _rounded(self.to_picture((-self.mouth_half, self.mouth_corner_y))),
            "mouth_right": _rounded(self.to_picture((self.mouth_half, self.mouth_corner_y))),
            "mouth_centre": _rounded(self.to_picture((0.0, middle))),
            "chin": _rounded(self.to_picture((0.0, self.chin))),
        }


def _rounded(point: Point) -> list[float]:
    return [round(point[0], 1), round(point[1], 1)]
