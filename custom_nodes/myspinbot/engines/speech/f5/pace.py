"""When each word and sound of a speech is heard, from the length of its pieces.

espeak-ng says how long the sounds of a text are in proportion to each other; that is laid over the time which a
piece of speech takes. Where it doesn't know the language, words share the time by their letters. Where the words were
measured in the speech itself, their sounds keep those proportions within each word.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...timings import Span, Timings
from ..espeak import EspeakError, speak
from .join import Placed
from .sentences import Piece, size

Measure = Callable[[Sequence[str], Placed], Sequence[Span | None]]
"""When the words of a piece are heard, in seconds of the whole speech; None for one that isn't known."""
_INSTANT = 1e-6  # seconds, by which a word ends before the next begins
_VOICES = {"en": "en-us", "zh": "cmn", "fr": "fr-fr", "no": "nb"}


def timings(
    pieces: Sequence[Piece],
    placed: Sequence[Placed],
    duration: float,
    language: str,
    measure: Measure | None = None,
) -> Timings:
    """Words and phonemes of all pieces in a speech of `duration` seconds, by `measure` where there is such."""
    words: list[Span] = []
    phonemes: list[Span] = []
    for piece, place in zip(pieces, placed, strict=True):
        shape = _shape(piece.text, language)
        said, sounds = _laid(shape.words, place), _laid(shape.phonemes, place)
        if measure is not None:
            found = measure([word.text for word in said], place)
            said, sounds = (_moved(spans, said, found, place) for spans in (said, sounds))
        words += said
        phonemes += sounds
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


def _moved(spans: Sequence[Span], words: Sequence[Span], found: Sequence[Span | None], place: Placed) -> list[Span]:
    """`spans` where they are once each of `words` is where it was found; what lies between moves along."""
    before, after = [place.start], [place.start]
    for word, where in zip(words, found, strict=True):
        if where is not None:
            before += [word.start, max(word.end - _INSTANT, word.start)]
            after += [where.start, where.end]
    before, after = np.array([*before, place.end]), np.maximum.accumulate([*after, place.end])

    def at(time: float) -> float:
        return float(np.interp(time, before, after))

    return [replace(span, start=at(span.start), end=at(max(span.end - _INSTANT, span.start))) for span in spans]
