"""From a recording to a voice profile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import torch

from ...media.loudness import levelled, loudness
from ...shared.file_names import checked_name
from ..speech.f5.mel import SAMPLE_RATE, resample
from . import checks
from .choose import Segment, best_interval, choose_segment
from .profile import ProfileError, VoiceProfile, fingerprint
from .signal import Samples

LOUDNESS = -20.0
"""LUFS of every profile: that of speech at an RMS of about 0.1, which F5-TTS expects."""
_AROUND = 0.05  # seconds kept before and after, so that no sound is cut off

Transcribe = Callable[[Samples, int], str]
"""Mono samples (T,) and their rate in Hz -> the words they say."""


def build(
    samples: Samples,
    sample_rate: int,
    transcript: str,
    *,
    name: str,
    consent: bool,
    today: date | None = None,
    transcribe: Transcribe | None = None,
) -> VoiceProfile:
    """The profile of the voice in a recording.

    Args:
        samples: (T,) mono.
        sample_rate: Hz.
        transcript: Exactly what is said; it may be empty where `transcribe` is given.
        name: What the voice and its file are called.
        consent: The user's statement that they may use the voice.
        today: The date of the profile.
        transcribe: Writes the words of the chosen seconds where there is no transcript.

    Raises:
        ProfileError: Without consent, a usable name or transcript, or where a check says that it can't work.
        ValueError: Nobody speaks, or words and sound can't be brought together.
    """
    if not consent:
        raise ProfileError(
            "A voice belongs to the person who speaks. Switch `consent` on to state that you may use this one."
        )
    name = checked_name(name, "A voice")
    if not transcript.strip() and transcribe is None:
        raise ProfileError("The transcript is empty. Write exactly what is said in the recording.")
    words = " ".join(transcript.split())
    source = fingerprint(samples, sample_rate)
    sound = resample(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), sample_rate).numpy()
    segment = choose_segment(sound, SAMPLE_RATE, words) if words else Segment(best_interval(sound, SAMPLE_RATE), "")
    start = max(int((segment.interval.start - _AROUND) * SAMPLE_RATE), 0)
    end = min(int((segment.interval.end + _AROUND) * SAMPLE_RATE), len(sound))
    part = sound[start:end]
    if transcribe is not None and not words:
        segment = replace(segment, transcript=transcribe(part, SAMPLE_RATE))
    # Clipping is looked for in what was recorded: another rate rounds the flat tops.
    ratio = sample_rate / SAMPLE_RATE
    found = (
        checks.length(segment.interval.duration),
        checks.noise(part, SAMPLE_RATE),
        checks.clipping(samples[int(start * ratio) : int(end * ratio)]),
        checks.speakers(part, SAMPLE_RATE),
        checks.words(segment.transcript, segment.interval.duration),
    )
    fatal = [check.text for check in found if check.rating == "bad" and check.name in ("length", "transcript")]
    if fatal:
        raise ProfileError(" ".join(fatal))
    return VoiceProfile(
        name=name,
        samples=levelled(part, SAMPLE_RATE, LOUDNESS),
        sample_rate=SAMPLE_RATE,
        transcript=segment.transcript,
        created=(today or date.today()).isoformat(),
        source=source,
        loudness=loudness(part, SAMPLE_RATE),
        checks=found,
    )
