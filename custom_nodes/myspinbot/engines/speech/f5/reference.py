"""The voice to be imitated: a few seconds of speech and its exact words."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...languages import language_of
from ..normalize_text import normalize_text
from .join import audible_range
from .mel import SAMPLE_RATE, resample
from .sentences import size

Samples = npt.NDArray[np.float32]

SHORTEST, LONGEST = 1.0, 15.0
"""Seconds; the models were trained on up to 30 s, of which the new speech needs its part."""
_AFTER = 0.1  # seconds of silence after the reference, so that its last word does not run into the new speech
_LIKELY = (5.0, 30.0)  # bytes of text a second; slow and fast speakers are well within
_POSSIBLE = (1.5, 80.0)


@dataclass(frozen=True, slots=True)
class Reference:
    """`samples` (T,) mono at 24 kHz, ending in a little silence; `seconds` of them are speech."""

    samples: Samples
    transcript: str
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes of text that the voice says in a second."""
        return size(self.transcript) / self.seconds

    @property
    def remarks(self) -> list[str]:
        """What may be wrong with it, for the user."""
        slow, fast = _LIKELY
        if slow <= self.rate <= fast:
            return []
        much = "long" if self.rate > fast else "short"
        return [f"The transcript looks too {much} for {self.seconds:.1f} s of speech; words may be lost or added."]


def prepare_reference(
    samples: Samples, sample_rate: int, transcript: str, *, target_rms: float = 0.1, language: str = "auto"
) -> Reference:
    """A reference from a recording, without the silence around it.

    Args:
        samples: (T,) mono.
        sample_rate: Hz.
        transcript: Exactly what is said.
        target_rms: The level to which a quieter recording is raised.
        language: The code of the transcript's language; "auto" goes by its letters.

    Raises:
        ValueError: It is silent, too short or too long, or the transcript is empty or can't be what is said.
    """
    if not transcript.strip():
        raise ValueError(
            "The transcript of the reference is empty. Write exactly what is said in it, or use a voice profile."
        )
    sound = resample(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate).numpy()
    level = float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0
    if level < 1e-4:
        raise ValueError("The reference is silent. Give a recording in which somebody speaks.")
    start, end = audible_range(sound * np.float32(target_rms / level), SAMPLE_RATE)
    sound = sound[start:end]
    seconds = len(sound) / SAMPLE_RATE
    if seconds < SHORTEST:
        raise ValueError(f"The reference has {seconds:.1f} s of speech; give 5 to 12 s.")
    if seconds > LONGEST:
        raise ValueError(
            f"The reference has {seconds:.1f} s of speech, more than {LONGEST:.0f}. Cut it to 5 to 12 s with the "
            "transcript of that part, or let Build Voice Profile choose the best part."
        )
    language = language_of(transcript) if language == "auto" else language
    words = _closed(" ".join(normalize_text(transcript, language).split()))
    slow, fast = _POSSIBLE
    if not slow <= size(words) / seconds <= fast:
        raise ValueError(
            f"The transcript can't be what is said: {len(words)} letters in {seconds:.1f} s. "
            "Write exactly the words of the reference, all of them and no others."
        )
    level = float(np.sqrt(np.mean(sound**2)))
    if level < target_rms:
        sound = sound * np.float32(target_rms / level)
    silence = np.zeros(int(_AFTER * SAMPLE_RATE), np.float32)
    return Reference(np.concatenate((sound, silence)), words, seconds)


def _closed(words: str) -> str:
    """Ended like a sentence, so that the new text begins one; after two spaces, as F5-TTS itself puts it."""
    if not words:
        return words
    if words[-1].isalnum():
        words += "。" if words[-1] > "\u2e7f" else "."
    return words if words[-1] > "\u2e7f" else f"{words}  "
