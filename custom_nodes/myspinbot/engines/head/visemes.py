"""Mouth shapes of speech sounds.

A viseme is the mouth's shape for a group of sounds that look alike. The groups follow the fifteen of
MPEG-4 Face and Body Animation (ISO/IEC 14496-2, Annex C) with vowels split a little finer.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ..timings import Span


@dataclass(frozen=True, slots=True)
class Pose:
    """What a mouth does; 0 everywhere is the mouth as the portrait shows it.

    Attributes:
        open: how far the jaw drops, 0 to 1.
        wide: corners apart (to +0.3) or pursed (to -0.4), as a share of the mouth's width.
        lift: upper lip raised off the teeth, 0 to 1.
        tuck: lower lip drawn in under the upper teeth, 0 to 1.
        tongue: tip of the tongue seen behind or between the teeth, 0 to 1.
        press: lips pressed together, 0 to 1.
    """

    open: float = 0.0
    wide: float = 0.0
    lift: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    press: float = 0.0


@dataclass(frozen=True, slots=True)
class Viseme:
    """A pose, and how strongly it holds its own against its neighbours, 0 to 1."""

    pose: Pose
    strength: float


VISEMES = {
    "rest": Viseme(Pose(), 0.7),
    "closed": Viseme(Pose(press=1.0, wide=-0.03), 1.0),
    "teeth_on_lip": Viseme(Pose(open=0.10, lift=0.35, tuck=1.0), 0.95),
    "tongue_between": Viseme(Pose(open=0.26, wide=0.04, tongue=1.0, lift=0.15), 0.7),
    "tongue_up": Viseme(Pose(open=0.34, wide=0.03, tongue=0.8), 0.5),
    "alveolar": Viseme(Pose(open=0.24, wide=0.06, tongue=0.45, lift=0.1), 0.4),
    "hiss": Viseme(Pose(open=0.13, wide=0.15, lift=0.35), 0.7),
    "pursed": Viseme(Pose(open=0.22, wide=-0.24, lift=0.4), 0.85),
    "back": Viseme(Pose(open=0.32, wide=0.0), 0.3),
    "rhotic": Viseme(Pose(open=0.26, wide=-0.18, lift=0.15), 0.5),
    "wide_open": Viseme(Pose(open=1.0, wide=0.0, lift=0.1), 0.8),
    "spread_open": Viseme(Pose(open=0.80, wide=0.12, lift=0.2), 0.8),
    "mid": Viseme(Pose(open=0.55, wide=0.15, lift=0.15), 0.7),
    "neutral": Viseme(Pose(open=0.42, wide=0.0), 0.45),
    "spread": Viseme(Pose(open=0.30, wide=0.24, lift=0.3), 0.75),
    "round_open": Viseme(Pose(open=0.68, wide=-0.20), 0.85),
    "round": Viseme(Pose(open=0.26, wide=-0.34), 0.9),
}

_SOUNDS = {
    "closed": "pbmɓʙ",
    "teeth_on_lip": "fvɱʋɸβ",
    "tongue_between": "θð",
    "tongue_up": "lɫɭʎɬɮɾ",
    "alveolar": "tdnɗʈɖɳɲɟcʔ",
    "hiss": "szɕʑç",
    "pursed": "ʃʒʂʐ",
    "back": "kgɡŋxɣχqɢhɦʕħɴʁʀ",
    "rhotic": "ɹrɻɚɝɽ",
    "wide_open": "aɑɐɒʌ",
    "spread_open": "æ",
    "mid": "eɛɜε",
    "neutral": "əɘɵɤɨ",
    "spread": "iɪj",
    "round_open": "oɔœɶ",
    "round": "uʊwyʏøʉɯɥʍ",
}
_SILENCES = {"", "_", "sil", "sp", "spn", "pau", "<eps>"}  # as aligners write them
_LETTERS = {"Ll", "Lu", "Lo"}
_VISEME_OF = {sound: name for name, sounds in _SOUNDS.items() for sound in sounds}


def of_phoneme(symbol: str) -> list[str]:
    """Names of the visemes of an IPA symbol, in order: a diphthong or an affricate has two.

    Stress, length and tone marks are ignored, and a symbol of marks alone has no viseme; silence is rest;
    a letter that is not known is a neutral vowel.
    """
    if symbol.strip().lower() in _SILENCES:
        return ["rest"]
    signs = unicodedata.normalize("NFD", symbol)
    known = [_VISEME_OF[sign] for sign in signs if sign in _VISEME_OF]
    return known or (["neutral"] if any(unicodedata.category(sign) in _LETTERS for sign in signs) else [])


def of_spans(phonemes: tuple[Span, ...]) -> Iterator[tuple[str, float, float]]:
    """(viseme, start, end) of each mouth shape in `phonemes`, in seconds."""
    for span in phonemes:
        names = of_phoneme(span.text)
        if not names:
            continue
        part = (span.end - span.start) / len(names)
        for index, name in enumerate(names):
            yield name, span.start + index * part, span.start + (index + 1) * part
