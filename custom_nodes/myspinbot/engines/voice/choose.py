"""The best seconds of a long recording, and the words that belong to them."""

from dataclasses import dataclass
from itertools import accumulate

from ..speech.f5.sentences import size, split
from .checks import LONGEST, WISHED
from .signal import Samples, Stretch, clipped, phrases, signal_to_noise

_UNSURE = 0.7
"""Seconds by which words and sound may disagree at an end of the stretch."""


class UnsureError(ValueError):
    """It can't be told which words belong to the best seconds."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`stretch` of the recording, from pause to pause, and its words."""

    stretch: Stretch
    transcript: str


def choose(samples: Samples, sample_rate: int, transcript: str) -> Choice:
    """Where in mono `samples` (T,) the voice is best heard, for at most 12 s.

    A recording that has no more speech than that is taken whole. Of a longer one, words are laid over the speech by
    their letters, and a stretch is taken that begins and ends with a sentence or clause and with a pause at once.

    Raises:
        ValueError: Nobody speaks.
        UnsureError: No pause falls together with the end of a clause.
    """
    parts = _spoken(samples, sample_rate)
    whole = Stretch(parts[0].start, parts[-1].end)
    if whole.length <= LONGEST:
        return Choice(whole, transcript.strip())
    clauses = [piece.text for piece in split(transcript, 60)]
    if not clauses:
        raise ValueError("The transcript is empty. Write what is said in the recording.")
    spoken = [0.0, *accumulate(part.length for part in parts)]
    written = [0, *accumulate(size(clause) for clause in clauses)]
    times = [count / written[-1] * spoken[-1] for count in written]  # when a clause ends, in seconds of speech
    found: tuple[float, int, int, int, int] | None = None
    for i in range(len(parts)):
        for j in range(i, len(parts)):
            length = parts[j].end - parts[i].start
            if length > LONGEST:
                break
            first, wrong = _nearest(times, spoken[i])
            last, wrong_too = _nearest(times, spoken[j + 1])
            if length < WISHED or last <= first or max(wrong, wrong_too) > _UNSURE:
                continue
            merit = _merit(samples, sample_rate, parts[i].start, parts[j].end) - 3 * (wrong + wrong_too)
            if found is None or merit > found[0]:
                found = (merit, i, j, first, last)
    if found is None:
        raise UnsureError(
            "The recording is longer than 12 s, and no pause in it falls together with the end of a sentence of the "
            "transcript. Cut the recording to 5 to 12 s yourself and give the words of that part."
        )
    _, i, j, first, last = found
    return Choice(Stretch(parts[i].start, parts[j].end), " ".join(clauses[first:last]))


def best(samples: Samples, sample_rate: int) -> Stretch:
    """Where in mono `samples` (T,) the voice is best heard, from pause to pause, for at most 12 s.

    Raises:
        ValueError: Nobody speaks.
        UnsureError: Nobody pauses.
    """
    parts = _spoken(samples, sample_rate)
    whole = Stretch(parts[0].start, parts[-1].end)
    if whole.length <= LONGEST:
        return whole
    ways = [Stretch(first.start, last.end) for i, first in enumerate(parts) for last in parts[i:]]
    fit = [way for way in ways if WISHED <= way.length <= LONGEST]
    if not fit:
        raise UnsureError(
            "The recording is longer than 12 s, and no pauses in it lie 5 to 12 s apart. Cut it to 5 to 12 s yourself."
        )
    return max(fit, key=lambda way: _merit(samples, sample_rate, way.start, way.end))


def _spoken(samples: Samples, sample_rate: int) -> list[Stretch]:
    parts = phrases(samples, sample_rate)
    if not parts:
        raise ValueError("The recording is silent. Give one in which somebody speaks.")
    return parts


def _nearest(times: list[float], time: float) -> tuple[int, float]:
    """Which of `times` is nearest, and how far it is."""
    index = min(range(len(times)), key=lambda k: abs(times[k] - time))
    return index, abs(times[index] - time)


def _merit(samples: Samples, sample_rate: int, start: float, end: float) -> float:
    """Longer is better, so is less noise; a clipped moment weighs heavily."""
    part = samples[int(start * sample_rate) : int(end * sample_rate)]
    return (end - start) + signal_to_noise(part, sample_rate) / 5 - 2000 * clipped(part)
