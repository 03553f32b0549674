"""Clips and their transcripts: checked before any work starts, and as the model reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....media.loudness import levelled
from ...languages import language_of
from ...speech.f5.checkpoint import Vocabulary
from ...speech.f5.join import audible_range
from ...speech.f5.mel import SAMPLE_RATE, mel, resample
from ...speech.f5.tokens import tokenize
from ...speech.normalize_text import normalize_text
from .. import checks
from ..profile import ProfileError
from ..signal import Samples
from .loss import Example

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of a clip; F5-TTS was trained on up to 30."""
LOUDNESS = -20.0
"""LUFS, as voice profiles have."""
_SILENT = 1e-3
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Clip:
    """Mono `samples` (T,) at `sample_rate` Hz say `transcript`; `name` is for messages."""

    name: str
    samples: Samples
    sample_rate: int
    transcript: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is trained with, its seconds, and remarks for the user."""

    examples: list[Example]
    seconds: float
    remarks: list[str]


def prepare_dataset(clips: Sequence[Clip], vocabulary: Vocabulary, language: str = "auto") -> Dataset:
    """Bring clips to 24 kHz and one loudness, without the silence around them, and tokenize their words.

    Args:
        clips: 1 to 30 s each.
        vocabulary: The model's.
        language: Code of the transcripts' language; "auto" goes by their letters.

    Raises:
        ProfileError: There is none, or one can't be used; all such are named.
    """
    if not clips:
        raise ProfileError("There is nothing to train with. Give clips of 1 to 30 s with their words.")
    sounds = [_sound(clip) for clip in clips]
    faults = [
        f"{clip.name}: {fault}" for clip, sound in zip(clips, sounds, strict=True) if (fault := _fault(clip, sound))
    ]
    if faults:
        more = [f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
        raise ProfileError("\n".join(["These clips can't be trained with.", *faults[:_SHOWN], *more]))
    examples: list[Example] = []
    unknown: dict[str, None] = {}
    for clip, sound in zip(clips, sounds, strict=True):
        spoken_language = language_of(clip.transcript) if language == "auto" else language
        symbols = tokenize(" ".join(normalize_text(clip.transcript, spoken_language).split()))
        unknown |= dict.fromkeys(vocabulary.unknown(symbols))
        bands = mel(torch.from_numpy(levelled(sound, SAMPLE_RATE, LOUDNESS)))
        examples.append(Example(bands, vocabulary.encode(symbols), len(bands)))
    remarks: list[str] = []
    if unknown:
        remarks.append(f"The model doesn't know these characters and learns without them: {' '.join(unknown)}")
    return Dataset(examples, sum(len(sound) for sound in sounds) / SAMPLE_RATE, remarks)


def _sound(clip: Clip) -> Samples:
    samples = np.ascontiguousarray(clip.samples, np.float32)
    if np.abs(samples).max(initial=0.0) < _SILENT:
        return samples[:0]
    sound = resample(torch.from_numpy(samples), clip.sample_rate).numpy()
    start, end = audible_range(sound, SAMPLE_RATE)
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
    return rate.text if rate.rating == "bad" else ""
