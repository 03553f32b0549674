"""How Chinese is pronounced, in Kokoro's letters: pinyin with its tones, which espeak-ng's events leave out.

Numbers are read out in Chinese. Initials, finals and tones are written as in the transcription that Kokoro's front end
misaki uses.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Sequence

from ...languages import IDEOGRAPHS
from ..espeak import Pronounced
from ..espeak import pronounce as by_espeak
from ..normalize_text import CURRENCIES, normalize_text

_NUMBER = rf"(?:(?<!\w)-)?(?:[{''.join(CURRENCIES)}] ?)?\d+(?:[.,:/-]\d+)*(?: ?(?:[%℃℉]|°[CF]))?"
_CHINESE = rf"(?:{_NUMBER}|[{IDEOGRAPHS}])+"
_LETTER = rf"[^\W\d_{IDEOGRAPHS}]"
_PART = re.compile(rf"(?P<chinese>{_CHINESE})|{_LETTER}+(?:[^\w\s]?{_LETTER}+)*")
_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip
_FINALS = {
    "a": "a0", "o": "wo0", "e": "ɤ0", "ê": "ɛ0", "i": "i0", "u": "u0", "v": "y0", "er": "ɚ0", "ai": "ai0", "ei": "ei0",
    "ao": "au0", "ou": "ou0", "an": "a0 n", "en": "ə0 n", "ang": "a0 ŋ", "eng": "ə0 ŋ", "ong": "ʊ0 ŋ", "ia": "j a0",
    "ie": "j e0", "io": "j o0", "iao": "j au0", "iou": "j ou0", "ian": "j ɛ0 n", "in": "i0 n", "iang": "j a0 ŋ",
    "ing": "i0 ŋ", "iong": "j ʊ0 ŋ", "ua": "w a0", "uo": "w o0", "uai": "w ai0", "uei": "w ei0", "uan": "w a0 n",
    "uen": "w ə0 n", "uang": "w a0 ŋ", "ueng": "w ə0 ŋ", "ve": "ɥ e0", "van": "ɥ ɛ0 n", "vn": "y0 n",
}  # fmt: skip
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_BUZZED = ("zh", "ch", "sh", "r", "z", "c", "s")  # before which i is no i


def pronounce(text: str) -> list[Pronounced]:
    """As espeak-ng's, of Chinese characters and numbers by their pinyin and of anything else by espeak-ng.

    What neither knows is left out.

    Raises:
        ValueError: Nothing in the text can be spoken.
    """
    import rjieba

    found: list[Pronounced] = []
    for match in _PART.finditer(text):
        pause = not text[match.end() : match.end() + 1].strip().isalnum()
        if not match["chinese"]:
            with contextlib.suppress(ValueError):  # a sign that isn't spoken, such as ①
                found += [
                    Pronounced(match.start() + one.start, one.symbols, one.pause and pause)
                    for one in by_espeak(match[0], language="cmn")
                ]
            continue
        said, starts = _read_out(match[0])
        at = 0
        for word in rjieba.cut(said):
            start, at = match.start() + starts[at], at + len(word)
            found.append(Pronounced(start, tuple(_syllables(word)), pause and at == len(said)))
    said = [one for one in found if one.symbols]
    if not said:
        raise ValueError(f"Nothing in the text can be spoken in Chinese: {text[:60]!r}.")
    return said


def _read_out(text: str) -> tuple[str, Sequence[int]]:
    """Chinese with its numbers in words, and where in `text` each of its characters is written."""
    parts = re.split(f"({_NUMBER})", unicodedata.normalize("NFC", text))  # every other one is a number
    if len(parts) == 1:
        return parts[0], range(len(text))
    said = normalize_text(text, "zh")
    # What is around a number says how it is read, as a year is by its digits.
    kept = "".join("(.*?)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    read = re.fullmatch(kept, said)
    numbers = iter(read.groups() if read else [normalize_text(part, "zh") for part in parts[1::2]])
    letters, starts, at = "", list[int](), 0
    for index, part in enumerate(parts):
        written = next(numbers) if index % 2 else part
        starts += [at] * len(written) if index % 2 else range(at, at + len(part))
        letters, at = letters + written, at + len(part)
    return letters, starts


def _syllables(word: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    initials = lazy_pinyin(word, style=Style.INITIALS, strict=True)
    finals = lazy_pinyin(word, style=Style.FINALS_TONE3, strict=True, neutral_tone_with_five=True, tone_sandhi=True)
    found: list[str] = []
    for initial, toned in zip(initials, finals, strict=True):
        final, tone = toned.rstrip("12345"), _TONES.get(toned[-1:], "")
        written = "ɨ0" if final == "i" and initial in _BUZZED else _FINALS.get(final, "")
        if initial and final == "o":
            written = "wo0" if initial in "bpmf" else "o0"
        if written:
            found += [_INITIALS[initial]] if initial in _INITIALS else []
            found += written.replace("0", tone).split()
    return found
