"""A font of blocks: every character is a filled rectangle of a known width, what it lacks is an empty frame."""

from collections.abc import Mapping
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

EM = 1000


def write_font(path: Path, widths: Mapping[str, int]) -> Path:
    """A TrueType font with the characters of `widths`, each a block as wide as that many thousandths of its size."""
    names = {ord(letter): f"block{number}" for number, letter in enumerate(widths)}
    glyphs = {".notdef": _frame(), "space": TTGlyphPen(None).glyph()}
    advances = {".notdef": (700, 50), "space": (300, 0)}
    for letter, width in widths.items():
        glyphs[names[ord(letter)]] = _block(width)
        advances[names[ord(letter)]] = (width + 100, 50)
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names | {0x20: "space"})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(advances)
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path


def _block(width: int):
    pen = TTGlyphPen(None)
    _rectangle(pen, 50, 0, 50 + width, 700)
    return pen.glyph()


def _frame():
    pen = TTGlyphPen(None)
    _rectangle(pen, 50, 0, 650, 700)
    _rectangle(pen, 100, 650, 600, 50)
    return pen.glyph()


def _rectangle(pen: TTGlyphPen, left: int, low: int, right: int, high: int) -> None:
    pen.moveTo((left, low))
    for point in ((left, high), (right, high), (right, low)):
        pen.lineTo(point)
    pen.closePath()
