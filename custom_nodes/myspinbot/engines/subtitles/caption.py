"""Subtitles as pictures that are laid over frames."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .fonts import Fit

Pixels = npt.NDArray[np.uint8]

_WIDEST = 0.92  # of the frame's width
_MARGIN = 0.06  # of the frame's height, above or below
_LINE_HEIGHT = 1.25  # of the font's size
_COLUMN = 0.52  # of the font's size: a usual letter's width


@dataclass(frozen=True, slots=True)
class Style:
    """How subtitles look.

    `size` is the font's height in percent of the frame's shorter side, `color` as Pillow reads it (a name or
    `#rrggbb`), `backing` what sets the text off from the picture.
    """

    size: float = 5.5
    position: Literal["bottom", "middle", "top"] = "bottom"
    color: str = "white"
    backing: Literal["outline", "box", "none"] = "outline"

    def check(self) -> None:
        """Raises ValueError for a colour that isn't one."""
        try:
            ImageColor.getrgb(self.color)
        except ValueError as error:
            raise ValueError(
                f"{self.color!r} is no colour. Write a name such as `white`, or red, green and blue as `#ffcc00`."
            ) from error

    def pixels(self, width: int, height: int) -> int:
        """The font's size in a frame."""
        return max(round(min(width, height) * self.size / 100), 6)

    def columns(self, width: int, height: int) -> int:
        """How many usual letters a line of a frame has room for, 8 at least."""
        return max(int(_WIDEST * width / (_COLUMN * self.pixels(width, height))), 8)


@dataclass(frozen=True, slots=True)
class Caption:
    """`color` (h, w, 3) and `alpha` (h, w, 1), uint8, to be laid over a frame at (`left`, `top`)."""

    left: int
    top: int
    color: Pixels
    alpha: Pixels

    def over(self, frame: Pixels) -> Pixels:
        """`frame` (H, W, 3) with the caption on it; the frame itself stays as it is."""
        height, width = self.alpha.shape[:2]
        result = frame.copy()
        part = result[self.top : self.top + height, self.left : self.left + width]
        alpha = self.alpha.astype(np.uint16)
        part[:] = (self.color * alpha + part * (255 - alpha) + 127) // 255
        return result


def draw_caption(lines: tuple[str, ...], fit: Fit, style: Style, width: int, height: int) -> Caption | None:
    """Subtitles drawn for the frames of a video, smaller where they would be too wide.

    Args:
        lines: One or two.
        fit: Their font; characters missing in it are left out.
        style: How they look.
        width: Of the frames, in pixels.
        height: Of the frames, in pixels.

    Returns:
        The caption; None if nothing can be seen of it.
    """
    texts = [_without(line, fit.missing) for line in lines]
    size = style.pixels(width, height)
    widest = max(fit.at(size).getlength(text) for text in texts)
    if widest > _WIDEST * width:
        size = max(int(size * _WIDEST * width / widest), 4)
    sheet = Image.new("RGBA", (width, height))
    _write(ImageDraw.Draw(sheet), texts, fit.at(size), style, sheet.size)
    box = sheet.getchannel("A").getbbox()
    if box is None:
        return None
    picture = np.asarray(sheet.crop(box))
    return Caption(box[0], box[1], picture[..., :3], picture[..., 3:])


def _write(
    draw: ImageDraw.ImageDraw, texts: list[str], font: ImageFont.FreeTypeFont, style: Style, frame: tuple[int, int]
) -> None:
    width, height = frame
    step = round(font.size * _LINE_HEIGHT)
    block = step * len(texts)
    top = {
        "top": round(_MARGIN * height),
        "middle": (height - block) // 2,
        "bottom": height - round(_MARGIN * height) - block,
    }[style.position]
    if style.backing == "box":
        half = max(font.getlength(text) for text in texts) / 2 + font.size * 0.4
        corners = (width / 2 - half, top - font.size * 0.1, width / 2 + half, top + block + font.size * 0.1)
        draw.rounded_rectangle(corners, font.size * 0.25, (0, 0, 0, 170))
    stroke = max(round(font.size / 12), 1) if style.backing == "outline" else 0
    for number, text in enumerate(texts):
        baseline = top + step * number + round(step * 0.78)
        draw.text(
            (width / 2, baseline),
            text,
            style.color,
            font,
            "ms",
            stroke_width=stroke,
            stroke_fill=_contrasting(style.color),
        )


def _contrasting(color: str) -> str:
    """Black around light text, white around dark."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 96 else "white"


def _without(line: str, missing: frozenset[str]) -> str:
    plain = unicodedata.normalize("NFC", line)
    return " ".join("".join(letter for letter in plain if letter not in missing).split())
