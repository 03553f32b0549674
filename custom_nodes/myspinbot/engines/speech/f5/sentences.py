"""A text cut into pieces that can be spoken in one go, at the best places there are."""

import re
from dataclasses import dataclass

PAUSES = {"paragraph": 0.6, "sentence": 0.3, "clause": 0.12, "word": 0.03}
"""Seconds of silence after a piece, by what ends it."""

_ABBREVIATED = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|No|e\.g|i\.e|z\.B|d\.h|Nr|bzw|ca)\.)$")
_CUTS = {
    "paragraph": re.compile(r"\s*\n\s*"),
    "sentence": re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])[”’」』）]*\s*"),
    "clause": re.compile(r"(?<=[,;:—–])\s+|(?<=[，；：、])\s*"),
    "word": re.compile(r"\s+"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A text to be spoken at once, and what ends it: a key of `PAUSES`."""

    text: str
    end: str

    @property
    def size(self) -> int:
        """Bytes of UTF-8, by which F5-TTS measures how long a text takes."""
        return size(self.text)


def size(text: str) -> int:
    return len(text.encode())


def split(text: str, limit: int) -> list[Piece]:
    """A text in as few pieces as the limit allows, all about equally long.

    Cut at the ends of sentences where that is possible, else at commas, else between words; a word longer than
    the limit is cut anywhere. Nothing but white space is lost.

    Args:
        text: Any length.
        limit: Bytes of UTF-8 of each piece, at most.
    """
    atoms = _atoms(text.strip(), limit, "paragraph")
    if not atoms:
        return []
    return _packed(atoms, limit)


def _atoms(text: str, limit: int, level: str) -> list[Piece]:
    """Sentences, and smaller parts of those beyond the limit; `level` is how coarse a cut may be."""
    levels = list(_CUTS)
    deeper = levels[levels.index(level) + 1 :]
    parts = _cut(text, level)
    found: list[Piece] = []
    for i, part in enumerate(parts):
        end = level if i + 1 < len(parts) else "paragraph"  # set right by the caller, who knows what follows
        if level == "paragraph" or size(part) > limit:
            inner = _atoms(part, limit, deeper[0]) if deeper else _hacked(part, limit)
        else:
            inner = [Piece(part, end)]
        found += [*inner[:-1], Piece(inner[-1].text, end)] if inner else []
    return found


def _cut(text: str, level: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for gap in _CUTS[level].finditer(text):
        before = text[start : gap.end()].strip()
        if level == "sentence" and _ABBREVIATED.search(before):
            continue
        if before:
            parts.append(before)
            start = gap.end()
    rest = text[start:].strip()
    return [*parts, rest] if rest else parts


def _hacked(word: str, limit: int) -> list[Piece]:
    parts = [""]
    for letter in word:
        if parts[-1] and size(parts[-1] + letter) > limit:
            parts.append("")
        parts[-1] += letter
    return [Piece(part, "word") for part in parts]


def _packed(atoms: list[Piece], limit: int) -> list[Piece]:
    """Neighbours put together: as few pieces as can be, and of those ways the one with the most even sizes."""
    dear = 4 * limit**2 + 1  # one piece more outweighs any unevenness
    best = [(0, 0)]  # for the first i atoms: the cost, and where the last piece begins
    for last in range(len(atoms)):
        ways: list[tuple[int, int]] = []
        bytes_ = 0
        for first in range(last, -1, -1):
            bytes_ += atoms[first].size
            bytes_ += _glue(atoms[first].text, atoms[first + 1].text) if first < last else 0
            if bytes_ > limit and first < last:
                break
            ways.append((best[first][0] + dear + bytes_**2, first))
        best.append(min(ways))
    pieces: list[Piece] = []
    end = len(atoms)
    while end:
        start = best[end][1]
        pieces.append(_together(atoms[start:end]))
        end = start
    return pieces[::-1]


def _together(atoms: list[Piece]) -> Piece:
    text = atoms[0].text
    for atom in atoms[1:]:
        text += " " * _glue(text, atom.text) + atom.text
    return Piece(text, atoms[-1].end)


def _glue(left: str, right: str) -> int:
    """Chinese is written without spaces between sentences."""
    return 0 if left[-1] > "\u2e7f" or right[0] > "\u2e7f" else 1
