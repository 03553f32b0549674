"""Whether a recording is fit to be a voice: each check with a rating and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..timings import Interval
from .signal import Samples, clipped, phrases, pitch, signal_to_noise

Rating = Literal["good", "doubtful", "bad"]
SHORTEST, WISHED, LONGEST = 3.0, 5.0, 12.0
"""Seconds of speech: below the first refused, below the second doubtful, at most the third used."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked (`name`), the rating, and a sentence for the user."""

    name: str
    rating: Rating
    text: str


def length(seconds: float) -> Check:
    """Whether there are enough seconds of speech."""
    if seconds < SHORTEST:
        return Check("length", "bad", f"There are only {seconds:.1f} s of speech; record 5 to 12 s.")
    if seconds < WISHED:
        return Check("length", "doubtful", f"{seconds:.1f} s of speech are little; 5 to 12 s give a closer likeness.")
    return Check("length", "good", f"{seconds:.1f} s of speech.")


def noise(samples: Samples, sample_rate: int) -> Check:
    """Whether speech in mono `samples` (T,) at `sample_rate` Hz is well above noise and music."""
    ratio = signal_to_noise(samples, sample_rate)
    said = f"Speech is {ratio:.0f} dB above noise and music"
    if ratio < 12:
        return Check("noise", "bad", f"{said}; they would become part of the voice. Record in a quiet room.")
    if ratio < 22:
        return Check("noise", "doubtful", f"{said}; a quieter room or a vocal separator would help.")
    return Check("noise", "good", f"{said}.")


def clipping(samples: Samples) -> Check:
    """Whether `samples` (T,) were recorded too loud."""
    share = clipped(samples)
    if share > 2e-3:
        return Check("clipping", "bad", f"{share:.1%} of the sound is clipped: recorded too loud, it sounds harsh.")
    if share > 1e-4:
        return Check("clipping", "doubtful", "A few loud moments are clipped; record a little lower.")
    return Check("clipping", "good", "Nothing is clipped.")


def speakers(samples: Samples, sample_rate: int) -> Check:
    """Suspects a second speaker where the pitch of phrases lies far apart; it can't tell two like voices."""
    heights: list[float] = []
    for phrase in _parts(phrases(samples, sample_rate)):
        found = pitch(samples[int(phrase.start * sample_rate) : int(phrase.end * sample_rate)], sample_rate)
        if len(found) >= 10:
            heights.append(float(np.median(found)))
    if len(heights) > 1 and max(heights) > 1.5 * min(heights):
        low, high = min(heights), max(heights)
        return Check(
            "speakers",
            "doubtful",
            f"The voice is at {low:.0f} Hz in one place and at {high:.0f} Hz in another: do several people speak?",
        )
    return Check("speakers", "good", "One voice, as far as its pitch tells.")


def words(transcript: str, seconds: float) -> Check:
    """Whether so many letters can be said in so many seconds."""
    rate = len(transcript.encode()) / max(seconds, 0.01)
    if 6 <= rate <= 28:
        return Check("transcript", "good", f"{rate:.0f} letters a second, as people speak.")
    much = "many" if rate > 28 else "few"
    rating: Rating = "bad" if not 3 <= rate <= 45 else "doubtful"
    return Check(
        "transcript", rating, f"{rate:.0f} letters a second are very {much}: is the transcript exactly what is said?"
    )


def report(checks: Sequence[Check]) -> str:
    """One line per check, the worst first."""
    order = ("bad", "doubtful", "good")
    return "\n".join(
        f"{check.rating}: {check.text}" for check in sorted(checks, key=lambda check: order.index(check.rating))
    )


def _parts(intervals: list[Interval]) -> list[Interval]:
    """Long phrases in parts of about a second, as people need not pause for each other."""
    parts: list[Interval] = []
    for interval in intervals:
        count = max(int(interval.duration // 1.0), 1)
        step = interval.duration / count
        parts += [Interval(interval.start + i * step, interval.start + (i + 1) * step) for i in range(count)]
    return parts
