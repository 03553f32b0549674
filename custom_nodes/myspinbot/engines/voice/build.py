"""From a recording to a voice profile."""

from datetime import date

import numpy as np
import torch

from ..f5.loudness import levelled, loudness
from ..f5.mel import SAMPLE_RATE, resampled
from . import checks
from .choose import choose
from .profile import ProfileError, VoiceProfile, checked_name, fingerprint
from .signal import Samples

LOUDNESS = -20.0
"""LUFS of every profile: that of speech at an RMS of about 0.1, which F5-TTS expects."""
_AROUND = 0.05  # seconds kept before and after, so that no sound is cut off


def build(
    samples: Samples,
    sample_rate: int,
    transcript: str,
    *,
    name: str,
    consent: bool,
    today: date | None = None,
    base_model: str = "",
) -> VoiceProfile:
    """The profile of the voice in mono `samples` (T,), which say `transcript`.

    Raises:
        ProfileError: Without consent, a usable name or transcript, or where a check says that it can't work.
        ValueError: Nobody speaks, or words and sound can't be brought together.
    """
    if not consent:
        raise ProfileError(
            "A voice belongs to the person who speaks. Switch `consent` on to state that you may use this one."
        )
    name = checked_name(name)
    if not transcript.strip():
        raise ProfileError("The transcript is empty. Write exactly what is said in the recording.")
    words = " ".join(transcript.split())
    source = fingerprint(samples, sample_rate)
    sound = resampled(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate).numpy()
    choice = choose(sound, SAMPLE_RATE, words)
    start = max(int((choice.stretch.start - _AROUND) * SAMPLE_RATE), 0)
    end = min(int((choice.stretch.end + _AROUND) * SAMPLE_RATE), len(sound))
    part = sound[start:end]
    # Clipping is sought in what was recorded: another rate rounds the flat tops.
    ratio = sample_rate / SAMPLE_RATE
    found = (
        checks.length(choice.stretch.length),
        checks.noise(part, SAMPLE_RATE),
        checks.clipping(samples[int(start * ratio) : int(end * ratio)]),
        checks.speakers(part, SAMPLE_RATE),
        checks.words(choice.transcript, choice.stretch.length),
    )
    fatal = [check.text for check in found if check.verdict == "bad" and check.name in ("length", "transcript")]
    if fatal:
        raise ProfileError(" ".join(fatal))
    return VoiceProfile(
        name=name,
        samples=levelled(part, SAMPLE_RATE, LOUDNESS),
        sample_rate=SAMPLE_RATE,
        transcript=choice.transcript,
        created=(today or date.today()).isoformat(),
        source=source,
        loudness=loudness(part, SAMPLE_RATE),
        checks=found,
        base_model=base_model,
    )
