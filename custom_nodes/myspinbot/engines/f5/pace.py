"""When each word and sound of a speech is heard, from the length of its pieces.

espeak-ng says how long the sounds of a text are in proportion to each other; that is laid over the time which a
piece of speech takes. Where it doesn't know the language, words share the time by their letters.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..espeak import EspeakError, speak
from ..timings import Span, Timings
from .join import Placed
from .sentences import Piece, size

_VOICES = {"en": "en-us", "zh": "cmn", "fr": "fr-fr", "no": "nb"}


def timings(pieces: Sequence[Piece], placed: Sequence[Placed], duration: float, language: str) -> Timings:
    """Words and phonemes of all pieces in a speech of `duration` seconds."""
    words: list[Span] = []
    phonemes: list[Span] = []
    for piece, place in zip(pieces, placed, strict=True):
        shape = _shape(piece.text, language)
        words += _laid(shape.words, place)
        phonemes += _laid(shape.phonemes, place)
    return Timings(duration, tuple(words), tuple(phonemes))


def _shape(text: str, language: str) -> Timings:
    try:
        return speak(text, language=_VOICES.get(language, language)).timings
    except (EspeakError, ValueError):
        words: list[Span] = []
        at = 0
        for word in text.split():
            words.append(Span(word, at, at + size(word)))
            at += size(word) + 1
        return Timings(float(at), tuple(words))


def _laid(spans: Sequence[Span], place: Placed) -> list[Span]:
    """`spans` moved and stretched to begin and end with `place`."""
    if not spans:
        return []
    first, last = spans[0].start, max(span.end for span in spans)
    stretch = (place.end - place.start) / max(last - first, 1e-9)

    def at(time: float) -> float:
        return place.start + (time - first) * stretch

    return [replace(span, start=at(span.start), end=at(span.end)) for span in spans]
