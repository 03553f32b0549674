"""From a recording to a voice profile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import torch

from ...media.loudness import levelled, loudness
from ...shared.file_names import checked_name
from ..speech.f5.mel import SAMPLE_RATE, resampled
from . import checks
from .choose import Choice, best, choose
from .profile import ProfileError, VoiceProfile, fingerprint
from .signal import Samples

LOUDNESS = -20.0
"""LUFS of every profile: that of speech at an RMS of about 0.1, which F5-TTS expects."""
_AROUND = 0.05  # seconds kept before and after, so that no sound is cut off

Hear = Callable[[Samples, int], str]
"""Mono samples (T,) and their rate in Hz -> the words they say."""


def build(
    samples: Samples,
    sample_rate: int,
    transcript: str,
    *,
    name: str,
    consent: bool,
    today: date | None = None,
    hear: Hear | None = None,
) -> VoiceProfile:
    """The profile of the voice in mono `samples` (T,), which say `transcript`, or what `hear` hears where it is empty.

    Raises:
        ProfileError: Without consent, a usable name or transcript, or where a check says that it can't work.
        ValueError: Nobody speaks, or words and sound can't be brought together.
    """
    if not consent:
        raise ProfileError(
            "A voice belongs to the person who speaks. Switch `consent` on to state that you may use this one."
        )
    name = checked_name(name, "A voice")
    if not transcript.strip() and hear is None:
        raise ProfileError("The transcript is empty. Write exactly what is said in the recording.")
    words = " ".join(transcript.split())
    source = fingerprint(samples, sample_rate)
    sound = resampled(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate).numpy()
    choice = choose(sound, SAMPLE_RATE, words) if words else Choice(best(sound, SAMPLE_RATE), "")
    start = max(int((choice.stretch.start - _AROUND) * SAMPLE_RATE), 0)
    end = min(int((choice.stretch.end + _AROUND) * SAMPLE_RATE), len(sound))
    part = sound[start:end]
    if hear is not None and not words:
        choice = replace(choice, transcript=hear(part, SAMPLE_RATE))
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
    )
