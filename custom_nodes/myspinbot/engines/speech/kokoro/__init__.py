"""Speech by Kokoro-82M (Apache-2.0): a person's voice on any processor, in nine languages.

espeak-ng says how words are pronounced, the network reads them sentence by sentence. It says itself how long each
sound lasts, so that words and phonemes are found in the speech without listening to it.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from ....media.loudness import levelled
from ...progress import OnStep
from ...timings import Span, Timings
from ..espeak import Speech, pronounce
from . import mandarin
from .model import SAMPLE_RATE, SAMPLES_PER_FRAME, Kokoro, KokoroError, load, load_voice
from .sentences import Sentence, cut

__all__ = ["SAMPLE_RATE", "Kokoro", "KokoroError", "load", "load_voice", "speak"]

LATE = 3
"""Frames by which durations tell of sounds too late; the model's own front end takes them off the start too."""


def speak(
    model: Kokoro,
    voice: npt.NDArray[np.float32],
    text: str,
    *,
    language: str = "en-us",
    speed: float = 1.0,
    loudness: float | None = -16.0,
    on_step: OnStep | None = None,
) -> Speech:
    """Read `text` aloud. The same text, voice and settings give the same bytes.

    Args:
        model: Loaded by `load`.
        voice: Loaded by `load_voice`.
        language: espeak-ng's code of the language that the text is read in.
        speed: 1.0 is the voice's own pace; greater is faster.
        loudness: In LUFS; None leaves it as the model gives it.
        on_step: Called with characters read and characters in all, also while a sentence is read; what it raises
            ends the speech.

    Raises:
        ValueError: No text, or a text without anything that can be spoken.
        EspeakError: espeak-ng can't be used or doesn't know the language.
        KokoroError: The model isn't Kokoro's.
    """
    report: OnStep = on_step or (lambda done, total: None)
    spoken = mandarin.pronounce(text) if language == "cmn" and text.strip() else pronounce(text, language=language)
    sentences, words = cut(text, spoken, language)
    if not sentences:
        raise ValueError(f"Nothing in the text can be spoken by Kokoro in {language!r}: {text[:60]!r}.")
    pieces, timings, done, read = list[npt.NDArray[np.float32]](), _Collected(words), 0, 0
    for sentence in sentences:
        style = voice[min(len(sentence.letters), len(voice)) - 1]
        samples, frames = model.read(sentence.numbers, style, speed, lambda read=read: report(read, len(text)))
        timings.note(sentence, frames, done)
        pieces.append(samples)
        done, read = done + len(samples), sentence.end
        report(read, len(text))
    samples = np.concatenate(pieces)
    if loudness is not None:
        samples = levelled(samples, SAMPLE_RATE, loudness)
    return Speech(samples.clip(-1, 1), SAMPLE_RATE, timings.all(done / SAMPLE_RATE))


class _Collected:
    """When words and phonemes are heard, sentence after sentence."""

    def __init__(self, words: list[str]) -> None:
        self._texts = words
        self._words: list[Span] = []
        self._phonemes: list[Span] = []

    def note(self, sentence: Sentence, frames: npt.NDArray[np.int64], start: int) -> None:
        """Add a sentence whose sound begins at the sample `start`."""
        edges = (np.cumsum(frames) - LATE).clip(0) * (SAMPLES_PER_FRAME / SAMPLE_RATE) + start / SAMPLE_RATE
        # edges[i] is where letter i begins; a space between words belongs half to each.
        begins, ends = edges[:-1].copy(), edges[1:].copy()
        for space in re.finditer(r"(?<=\w) (?=[\wˈˌ])", sentence.letters):
            at = space.start()
            begins[at + 1] = ends[at - 1] = (begins[at] + ends[at]) / 2
        spans = [Span(symbol, float(begins[a]), float(ends[b - 1])) for symbol, a, b in sentence.phonemes]
        self._phonemes += spans
        self._words += [
            Span(self._texts[word], float(begins[a]), float(ends[b - 1]))
            for word, a, b in sentence.words
            if self._texts[word]
        ]

    def all(self, duration: float) -> Timings:
        return Timings(duration, tuple(self._words), tuple(self._phonemes))
