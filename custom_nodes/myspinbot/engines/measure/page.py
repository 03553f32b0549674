"""A report as a picture: values, curves over time, and the frames that stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...media.clip import read
from ...media.faces import Pixels
from .measure import MISSING, VALUES, Report
from .picture import Curve

_WIDTH, _MARGIN = 1200, 24
_ROW, _STRIP, _THUMB = 26, 130, 184  # pixels of height
_INK, _SOFT, _GRID, _PAPER = (40, 40, 44), (120, 120, 126), (226, 226, 230), (255, 255, 255)
_BLUE, _RED, _GREEN = (52, 104, 192), (200, 62, 52), (60, 140, 84)
_BEHIND = (206, 220, 242)
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class _Strip:
    """A curve over time, with another behind it and marks at some frames."""

    title: str
    curve: Curve
    behind: Curve | None = None
    marks: Sequence[int] = ()


def page(report: Report, clip: Path) -> Pixels:
    """(H, 1200, 3): what a person would rather look at than read.

    Args:
        report: of the clip.
        clip: its file, for the frames that are shown.
    """
    strips = _strips(report)
    values = [value for value in VALUES if report.values[value.key] is not None]
    rows = -(-len(values) // 3)
    shown = report.worst
    foot = [f"Not measured: {', '.join(MISSING)}.", *report.remarks]
    height = 2 * _MARGIN + 40 + rows * _ROW + 16 + len(strips) * (_STRIP + 28) + len(foot) * 22 + 20
    height += (_THUMB + 44) if shown else 0
    image = Image.new("RGB", (_WIDTH, height), _PAPER)
    draw = ImageDraw.Draw(image)
    large, font = ImageFont.load_default(22), ImageFont.load_default(15)
    about = report.about
    title = f"{about['name']}   {about['width']}x{about['height']}, {about['fps']:.4g} fps, {about['seconds']:.2f} s"
    draw.text((_MARGIN, _MARGIN), title, _INK, large)
    top = _MARGIN + 40
    for place, value in enumerate(values):
        x = _MARGIN + place // rows * (_WIDTH - 2 * _MARGIN) // 3
        y = top + place % rows * _ROW
        draw.text((x, y), value.title, _SOFT, font)
        draw.text((x + 372, y), told(report.values[value.key], value.digits, value.unit), _INK, font, anchor="ra")
    top += rows * _ROW + 16
    for strip in strips:
        _draw_strip(draw, strip, top, about["fps"], font)
        top += _STRIP + 28
    if shown:
        top = _thumbnails(image, draw, report, clip, top, font)
    for line in foot:
        draw.text((_MARGIN, top), line, _SOFT, font)
        top += 22
    return np.array(image)


def told(value: float | None, digits: int, unit: str) -> str:
    """A value for people; a dash for none."""
    if value is None:
        return "–"
    short = unit.split(" of ")[0]
    return f"{value:.{digits}f} {short}".strip()


def _strips(report: Report) -> list[_Strip]:
    curves, events = report.curves, report.events
    strips: list[_Strip] = []
    if "opening" in curves:
        strips.append(_Strip("mouth, open (behind: loudness of the sound)", curves["opening"], curves.get("loudness")))
    elif np.isfinite(curves["mouth"]).any():
        strips.append(_Strip("mouth, movement (behind: loudness)", curves["mouth"], curves.get("loudness")))
    if np.isfinite(curves["eyes"]).any():
        strips.append(_Strip("eyes, change (marks: blinks)", curves["eyes"], marks=events["blinks"]))
    strips.append(_Strip("flicker, levels", curves["flicker"]))
    strips.append(_Strip("step from frame to frame, levels (marks: jumps)", curves["step"], marks=events["jumps"]))
    if "ssim" in curves:
        strips.append(_Strip("SSIM to the reference", curves["ssim"]))
    return strips


def _draw_strip(draw: ImageDraw.ImageDraw, strip: _Strip, top: int, fps: float, font: Font) -> None:
    left, right, bottom = _MARGIN + 48, _WIDTH - _MARGIN, top + 20 + _STRIP - 24
    draw.text((left, top), strip.title, _INK, font)
    low, high = _range(strip.curve)
    span = bottom - top - 24

    def x(index: float) -> float:
        return left + (right - left) * index / max(len(strip.curve) - 1, 1)

    if strip.behind is not None:
        peak = max(float(np.nanmax(strip.behind)), 1e-6)
        tops = [(x(i), bottom - span * float(v) / peak) for i, v in enumerate(strip.behind)]
        draw.polygon([(left, bottom), *tops, (right, bottom)], _BEHIND)
    for frame in strip.marks:
        draw.line([(x(frame), top + 24), (x(frame), bottom)], _RED, 1)
    draw.line([(left, bottom), (right, bottom)], _GRID)
    for level, y in ((high, top + 24), (low, bottom)):
        draw.text((left - 6, y), f"{level:.3g}", _SOFT, font, anchor="rm")
    for second in _seconds(len(strip.curve) / fps):
        draw.text((x(second * fps), bottom + 3), f"{second:g} s", _SOFT, font, anchor="mt")
    run: list[tuple[float, float]] = []
    for index, value in enumerate([*strip.curve.tolist(), float("nan")]):
        if np.isfinite(value):
            run.append((x(index), bottom - span * (value - low) / (high - low)))
        elif run:
            draw.line(run if len(run) > 1 else run * 2, _BLUE, 2)
            run = []


def _range(curve: Curve) -> tuple[float, float]:
    known = curve[np.isfinite(curve)]
    if not len(known):
        return 0.0, 1.0
    low, high = min(float(known.min()), 0.0), float(known.max())
    return (low, high) if high > low else (low, low + 1.0)


def _seconds(length: float) -> list[float]:
    step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60, 300) if length / s <= 12), 600)
    return [step * i for i in range(int(length / step) + 1)]


def _thumbnails(image: Image.Image, draw: ImageDraw.ImageDraw, report: Report, clip: Path, top: int, font: Font) -> int:
    """The frames that stand out, side by side; returns where they end."""
    fps, wide = report.about["fps"], (_WIDTH - 2 * _MARGIN) // 6
    for place, (frame, why) in enumerate(report.worst):
        found = next(read(clip, start=Fraction(frame / fps + 0.25 / fps)), None)
        if found is None:
            continue
        small = Image.fromarray(found.pixels)
        small.thumbnail((wide - 10, _THUMB - 40))
        x = _MARGIN + place * wide
        image.paste(small, (x, top + 42))
        draw.text((x, top), f"{frame / fps:.2f} s", _INK, font)
        draw.text((x, top + 20), _shortened(draw, why, wide - 10, font), _SOFT, font)
    return top + _THUMB + 24


def _shortened(draw: ImageDraw.ImageDraw, text: str, width: int, font: Font) -> str:
    kept = text
    while kept and draw.textlength(kept if kept == text else f"{kept}…", font) > width:
        kept = kept[:-1]
    return kept if kept == text else f"{kept}…"
