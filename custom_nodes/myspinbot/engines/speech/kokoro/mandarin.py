"""How Chinese is pronounced, in Kokoro's letters: pinyin with its tones, which espeak-ng's events leave out.

Initials, finals and tones are written as in the transcription that Kokoro's front end misaki uses.
"""

from __future__ import annotations

import re

from ..espeak import Pronounced
from ..espeak import pronounce as by_espeak

_HAN = re.compile("[〇\u3400-\u9fff]+")
_OTHER = re.compile(r"[^\W_〇\u3400-\u9fff]+(?:[^\w\s]?[^\W_〇\u3400-\u9fff]+)*")
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
    """As espeak-ng's, of Chinese characters by their pinyin and of anything else by espeak-ng.

    Raises:
        ValueError: Nothing in the text can be spoken.
    """
    import rjieba

    found: list[Pronounced] = []
    for match in re.finditer(f"{_HAN.pattern}|{_OTHER.pattern}", text):
        pause = not text[match.end() : match.end() + 1].strip().isalnum()
        if not _HAN.fullmatch(match[0]):
            found += [
                Pronounced(match.start() + one.start, one.symbols, one.pause and pause)
                for one in by_espeak(match[0], language="cmn")
            ]
            continue
        at = match.start()
        for word in rjieba.cut(match[0]):
            found.append(Pronounced(at, tuple(_syllables(word)), pause and at + len(word) == match.end()))
            at += len(word)
    said = [one for one in found if one.symbols]
    if not said:
        raise ValueError(f"Nothing in the text can be spoken in Chinese: {text[:60]!r}.")
    return said


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
