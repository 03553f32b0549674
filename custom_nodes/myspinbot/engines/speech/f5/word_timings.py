"""When each word and phoneme of a speech begins and ends.

espeak-ng says how long the phonemes of a text are in proportion to each other; that is stretched over the time which a
piece of speech takes. Where it doesn't know the language, words share the time by their letters. Where a forced aligner
found the words in the speech itself, their phonemes keep those proportions within each word.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...timings import Interval, Span, Timings
from ..espeak import EspeakError, speak
from .sentences import Piece, size

Align = Callable[[Sequence[str], Interval], Sequence[Span | None]]
"""Words of a piece and when it is spoken -> when each word is, in seconds of the whole speech; None where not found."""
_INSTANT = 1e-6  # seconds, by which a word ends before the next begins
_VOICES = {"en": "en-us", "zh": "cmn", "fr": "fr-fr", "no": "nb"}


def word_timings(
    pieces: Sequence[Piece],
    places: Sequence[Interval],
    duration: float,
    language: str,
    align: Align | None = None,
) -> Timings:
    """Words and phonemes of all pieces in a speech.

    Args:
        pieces: The text, as it was spoken.
        places: When each piece is spoken, in seconds.
        duration: Seconds of the whole speech.
        language: The text's, as a code; espeak-ng's proportions are those of this language.
        align: Finds the words in the speech; without it their times are estimated.
    """
    words: list[Span] = []
    phonemes: list[Span] = []
    for piece, place in zip(pieces, places, strict=True):
        estimate = _estimated(piece.text, language)
        piece_words, piece_phonemes = _stretched(estimate.words, place), _stretched(estimate.phonemes, place)
        if align is not None:
            found = align([word.text for word in piece_words], place)
            piece_words, piece_phonemes = (
                _warped(spans, piece_words, found, place) for spans in (piece_words, piece_phonemes)
            )
        words += piece_words
        phonemes += piece_phonemes
    return Timings(duration, tuple(words), tuple(phonemes))


def _estimated(text: str, language: str) -> Timings:
    try:
        return speak(text, language=_VOICES.get(language, language)).timings
    except (EspeakError, ValueError):
        words: list[Span] = []
        at = 0
        for word in text.split():
            words.append(Span(word, at, at + size(word)))
            at += size(word) + 1
        return Timings(float(at), tuple(words))


def _stretched(spans: Sequence[Span], place: Interval) -> list[Span]:
    """`spans` moved and stretched to begin and end with `place`."""
    if not spans:
        return []
    first, last = spans[0].start, max(span.end for span in spans)
    stretch = (place.end - place.start) / max(last - first, 1e-9)

    def at(time: float) -> float:
        return place.start + (time - first) * stretch

    return [replace(span, start=at(span.start), end=at(span.end)) for span in spans]


def _warped(spans: Sequence[Span], words: Sequence[Span], found: Sequence[Span | None], place: Interval) -> list[Span]:
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
