"""Fonts of this computer that have the characters of a text. Nothing is ever fetched."""

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_SIZE = 24  # pixels at which glyphs are compared
_VARIATIONS = ("\ufe00", "\ufe0f")  # selectors of a glyph's variant, which may be ignored
_NO_CHARACTER = "\U0010ffff"  # never assigned, so that every font shows its sign for a missing glyph
# Words in a font's file name that make it less fit for a line of plain text, and by how much.
_UNFIT = {
    "lastresort": 99, "emoji": 20, "symbol": 20, "math": 20, "icon": 20, "italic": 8, "oblique": 8, "thin": 6,
    "extralight": 6, "light": 5, "black": 5, "heavy": 5, "condensed": 4, "narrow": 4, "mono": 3, "code": 3,
    "serif": 2, "times": 2, "bold": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """The font file for a text, None for Pillow's own, and which of the text's characters are missing in it."""

    path: Path | None
    missing: frozenset[str]

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        return _opened(self.path, size)


class Fonts:
    """Finds fonts for parts of a text.

    Args:
        text: All that will be written.
        folders: Where to look for font files, the most wanted first; all below them count.
        between: Called before each font is opened; what it raises ends the search.
    """

    def __init__(self, text: str, folders: Sequence[Path], between: Callable[[], None] = lambda: None) -> None:
        letters = frozenset(visible(text))
        self._fits: list[Fit] = []
        for path in [*_files(folders), None]:
            between()
            fit = Fit(path, _missing(path, letters))
            self._fits.append(fit)
            if not any(map(str.isalnum, fit.missing)):  # for a sign alone, every font would be opened
                break

    def of(self, text: str) -> Fit:
        """The first font with the most of the characters of `text`."""
        letters = frozenset(visible(text))
        fits = (Fit(fit.path, fit.missing & letters) for fit in self._fits)
        return min(fits, key=lambda fit: len(fit.missing))


def visible(text: str) -> str:
    """The characters of `text` that need a glyph."""
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf", "Mn"))


def needs_shaping(text: str) -> bool:
    """Whether the characters of `text` (NFC) change their order, form or place beside each other."""
    return any(
        unicodedata.bidirectional(c) in ("R", "AL", "AN")
        or (unicodedata.category(c) in ("Mc", "Mn") and not _VARIATIONS[0] <= c <= _VARIATIONS[1])
        for c in text
    )


def shapes() -> bool:
    """Whether Pillow can lay out such text: its layout engine Raqm needs the library FriBiDi."""
    return features.check("raqm") is True


def script_name(letter: str) -> str:
    """What the writing that a letter belongs to is called, after its name in Unicode."""
    word = unicodedata.name(letter, "unknown").split()[0].split("-")[0]
    return {"CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean"}.get(
        word, word.capitalize()
    )


def system_folders() -> list[Path]:
    """Where this system keeps fonts."""
    home = Path.home()
    if sys.platform == "win32":
        own = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", own / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    shared = [Path(p) / "fonts" for p in os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":") if p]
    return [home / ".local" / "share" / "fonts", home / ".fonts", *shared]


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    """Font files, folder by folder, within each the plainest first."""
    seen: set[Path] = set()
    for folder in folders:
        found = {path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES} - seen
        seen |= found
        yield from sorted(found, key=lambda path: (_unfitness(path.stem.lower()), path.stem, str(path)))


def _unfitness(name: str) -> int:
    plain = name.replace("sansserif", "").replace("sans", "")
    return sum(weight for word, weight in _UNFIT.items() if word in plain) + ("sans" not in name)


def _missing(path: Path | None, letters: frozenset[str]) -> frozenset[str]:
    """Those of `letters` that a font shows as it shows what is no character; all, if it can't be read."""
    try:
        font = _opened(path, _SIZE, ImageFont.Layout.BASIC)
        placeholder = _picture(font, _NO_CHARACTER)
        return frozenset(letter for letter in letters if _picture(font, letter) == placeholder)
    except (OSError, ValueError):
        return letters


def _picture(font: ImageFont.FreeTypeFont, letter: str) -> bytes:
    sheet = Image.new("L", (3 * _SIZE, 3 * _SIZE))
    ImageDraw.Draw(sheet).text((_SIZE, _SIZE), letter, 255, font)
    return sheet.tobytes()


def _opened(path: Path | None, size: int, layout: ImageFont.Layout | None = None) -> ImageFont.FreeTypeFont:
    if path is not None:
        return ImageFont.truetype(str(path), size, layout_engine=layout)
    own = ImageFont.load_default(size)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise ValueError("Pillow was built without FreeType, so that it can't draw text. Install it anew from a wheel.")
    return own
