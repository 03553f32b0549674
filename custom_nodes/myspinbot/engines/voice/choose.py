"""The best seconds of a long recording, and the words that belong to them."""

from dataclasses import dataclass
from itertools import accumulate

from ..speech.f5.sentences import size, split
from ..timings import Interval
from .checks import LONGEST, WISHED
from .signal import Samples, clipped, phrases, signal_to_noise

_TOLERANCE = 0.7
"""Seconds by which words and sound may disagree at an end of the segment."""


class NoCutError(ValueError):
    """There is no place to cut where words and sound agree."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a recording, from pause to pause, and its words."""

    interval: Interval
    transcript: str


def choose_segment(samples: Samples, sample_rate: int, transcript: str) -> Segment:
    """The best seconds of a recording, at most 12, and their words.

    A recording that has no more speech than that is taken whole. Of a longer one, words are laid over the speech by
    their letters, and an interval is taken that begins and ends with a sentence or clause and with a pause at once.

    Args:
        samples: (T,) mono.
        sample_rate: Hz.
        transcript: All that is said in the recording.

    Raises:
        ValueError: Nobody speaks.
        NoCutError: No pause falls together with the end of a clause.
    """
    parts = _phrases(samples, sample_rate)
    whole = Interval(parts[0].start, parts[-1].end)
    if whole.duration <= LONGEST:
        return Segment(whole, transcript.strip())
    clauses = [piece.text for piece in split(transcript, 60)]
    if not clauses:
        raise ValueError("The transcript is empty. Write what is said in the recording.")
    speech = [0.0, *accumulate(part.duration for part in parts)]
    written = [0, *accumulate(size(clause) for clause in clauses)]
    times = [count / written[-1] * speech[-1] for count in written]  # when a clause ends, in seconds of speech
    found: tuple[float, int, int, int, int] | None = None
    for i in range(len(parts)):
        for j in range(i, len(parts)):
            length = parts[j].end - parts[i].start
            if length > LONGEST:
                break
            first, wrong = _nearest(times, speech[i])
            last, wrong_too = _nearest(times, speech[j + 1])
            if length < WISHED or last <= first or max(wrong, wrong_too) > _TOLERANCE:
                continue
            score = _score(samples, sample_rate, parts[i].start, parts[j].end) - 3 * (wrong + wrong_too)
            if found is None or score > found[0]:
                found = (score, i, j, first, last)
    if found is None:
        raise NoCutError(
            "The recording is longer than 12 s, and no pause in it falls together with the end of a sentence of the "
            "transcript. Cut the recording to 5 to 12 s yourself and give the words of that part."
        )
    _, i, j, first, last = found
    return Segment(Interval(parts[i].start, parts[j].end), " ".join(clauses[first:last]))


def best_interval(samples: Samples, sample_rate: int) -> Interval:
    """The best seconds of a recording without a transcript, from pause to pause, at most 12.

    Args:
        samples: (T,) mono.
        sample_rate: Hz.

    Raises:
        ValueError: Nobody speaks.
        NoCutError: Nobody pauses.
    """
    parts = _phrases(samples, sample_rate)
    whole = Interval(parts[0].start, parts[-1].end)
    if whole.duration <= LONGEST:
        return whole
    ways = [Interval(first.start, last.end) for i, first in enumerate(parts) for last in parts[i:]]
    fit = [way for way in ways if WISHED <= way.duration <= LONGEST]
    if not fit:
        raise NoCutError(
            "The recording is longer than 12 s, and no pauses in it lie 5 to 12 s apart. Cut it to 5 to 12 s yourself."
        )
    return max(fit, key=lambda way: _score(samples, sample_rate, way.start, way.end))


def _phrases(samples: Samples, sample_rate: int) -> list[Interval]:
    parts = phrases(samples, sample_rate)
    if not parts:
        raise ValueError("The recording is silent. Give one in which somebody speaks.")
    return parts


def _nearest(times: list[float], time: float) -> tuple[int, float]:
    """Which of `times` is nearest, and how far it is."""
    index = min(range(len(times)), key=lambda k: abs(times[k] - time))
    return index, abs(times[index] - time)


def _score(samples: Samples, sample_rate: int, start: float, end: float) -> float:
    """Longer is better, so is less noise; a clipped moment weighs heavily."""
    part = samples[int(start * sample_rate) : int(end * sample_rate)]
    return (end - start) + signal_to_noise(part, sample_rate) / 5 - 2000 * clipped(part)
