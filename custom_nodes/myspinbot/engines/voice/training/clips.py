"""Clips and their words: looked through before any work starts, and as the model reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....media.loudness import levelled
from ...languages import language_of
from ...speech.f5.checkpoint import Vocabulary
from ...speech.f5.join import audible
from ...speech.f5.mel import SAMPLE_RATE, mel, resampled
from ...speech.f5.normalize_text import spoken
from ...speech.f5.tokens import symbols
from .. import checks
from ..profile import ProfileError
from ..signal import Samples
from .exercise import Example

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of a clip; F5-TTS learnt from up to 30."""
LOUDNESS = -20.0
"""LUFS, as voice profiles have."""
_SILENT = 1e-3
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Clip:
    """Mono `samples` (T,) at `sample_rate` Hz say `transcript`; `name` is what the user knows it by."""

    name: str
    samples: Samples
    sample_rate: int
    transcript: str


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is trained with, its seconds, and what the user should know of it."""

    examples: list[Example]
    seconds: float
    remarks: list[str]


def lessons(clips: Sequence[Clip], vocabulary: Vocabulary, language: str = "auto") -> Lessons:
    """Bring `clips` to 24 kHz and one loudness, without the silence around them, and read their words.

    Raises:
        ProfileError: There is none, or one can't be used; all such are named.
    """
    if not clips:
        raise ProfileError("There is nothing to train with. Give clips of 1 to 30 s with their words.")
    heard = [_sound(clip) for clip in clips]
    wrong = [f"{clip.name}: {said}" for clip, sound in zip(clips, heard, strict=True) if (said := _fault(clip, sound))]
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise ProfileError("\n".join(["These clips can't be trained with.", *wrong[:_SHOWN], *more]))
    examples: list[Example] = []
    strange: dict[str, None] = {}
    for clip, sound in zip(clips, heard, strict=True):
        tongue = language_of(clip.transcript) if language == "auto" else language
        read = symbols(" ".join(spoken(clip.transcript, tongue).split()))
        strange |= dict.fromkeys(vocabulary.unknown(read))
        bands = mel(torch.from_numpy(levelled(sound, SAMPLE_RATE, LOUDNESS)))
        examples.append(Example(bands, vocabulary.encode(read), len(bands)))
    remarks: list[str] = []
    if strange:
        remarks.append(f"The model doesn't know these characters and learns without them: {' '.join(strange)}")
    return Lessons(examples, sum(len(sound) for sound in heard) / SAMPLE_RATE, remarks)


def _sound(clip: Clip) -> Samples:
    samples = np.ascontiguousarray(clip.samples, np.float32)
    if np.abs(samples).max(initial=0.0) < _SILENT:
        return samples[:0]
    sound = resampled(torch.from_numpy(samples), clip.sample_rate).numpy()
    start, end = audible(sound, SAMPLE_RATE)
    return sound[start:end]


def _fault(clip: Clip, sound: Samples) -> str:
    """Why a clip can't be used; empty where it can."""
    seconds = len(sound) / SAMPLE_RATE
    if len(sound) == 0:
        return "it is silent."
    if not clip.transcript.strip():
        return "its transcript is empty. Write exactly what is said in it."
    if seconds < SHORTEST:
        return f"it has {seconds:.1f} s of speech; clips of 2 to 15 s are best, at least 1 s."
    if seconds > LONGEST:
        return f"it has {seconds:.0f} s of speech; cut it into clips of at most 30 s, each with its own words."
    rate = checks.words(clip.transcript, seconds)
    return rate.text if rate.verdict == "bad" else ""
