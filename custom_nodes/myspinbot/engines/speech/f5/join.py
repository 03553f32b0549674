"""Pieces of speech put one after the other: no click, no lost sound, pauses as people make them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_QUIET = 10 ** (-40 / 20)  # of the loudest moment
_SILENT = 10 ** (-60 / 20)
_FRAME = 0.01  # seconds
_AROUND = 0.03  # seconds kept around what is heard: breath, the release of a stop
_CLICK = 0.004  # seconds: the shortest fade that isn't heard as a click


@dataclass(frozen=True, slots=True)
class Placed:
    """Where in the whole a piece is heard, in seconds."""

    start: float
    end: float


def audible(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """First sample and end of what can be heard in `samples` (T,); all of it where nothing can."""
    frame = max(int(_FRAME * sample_rate), 1)
    if len(samples) < frame:
        return 0, len(samples)
    padded = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    levels = np.sqrt(np.mean(padded**2, axis=1))
    heard = np.flatnonzero(levels > max(levels.max() * _QUIET, _SILENT))
    if len(heard) == 0:
        return 0, len(samples)
    around = int(_AROUND * sample_rate)
    return max(heard[0] * frame - around, 0), min((heard[-1] + 1) * frame + around, len(samples))


def joined(
    pieces: Sequence[Samples], pauses: Sequence[float], sample_rate: int, cross_fade: float = 0.15
) -> tuple[Samples, list[Placed]]:
    """One speech of all `pieces` (T,), and where each of them lies.

    `pauses[i]` seconds lie between what is heard of piece i and of the next. Silence around a piece is kept for up
    to `cross_fade` seconds and faded over the pause and the neighbour; what is heard is never faded, but for the
    4 ms at an edge without silence.
    """
    reach = int(max(cross_fade, 0.0) * sample_rate)
    spans = [audible(piece, sample_rate) for piece in pieces]
    cuts: list[tuple[int, Samples]] = []
    placed: list[Placed] = []
    at = min(spans[0][0], reach) if spans else 0
    for piece, pause, (start, end) in zip(pieces, pauses, spans, strict=True):
        head, tail = min(start, reach), min(len(piece) - end, reach)
        first = max(at - head, 0)
        cut = piece[start - (at - first) : end + tail]
        cuts.append((first, _faded(cut, at - first, tail, sample_rate)))
        placed.append(Placed(at / sample_rate, (at + end - start) / sample_rate))
        at += end - start + round(pause * sample_rate)
    whole = np.zeros(max((first + len(cut) for first, cut in cuts), default=0), np.float32)
    for first, cut in cuts:
        whole[first : first + len(cut)] += cut
    return whole, placed


def _faded(cut: Samples, head: int, tail: int, sample_rate: int) -> Samples:
    shortest = min(int(_CLICK * sample_rate), len(cut) // 2)
    gain = np.ones(len(cut), np.float32)
    for length, part in ((max(head, shortest), gain), (max(tail, shortest), gain[::-1])):
        part[:length] *= np.linspace(0, 1, length, endpoint=False, dtype=np.float32)
    return cut * gain
