"""Pieces of speech put one after the other: no click, no lost sound, pauses as people make them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...timings import Interval

Samples = npt.NDArray[np.float32]

_QUIET = 10 ** (-40 / 20)  # of the loudest frame
_SILENT = 10 ** (-60 / 20)
_FRAME = 0.01  # seconds
_AROUND = 0.03  # seconds left around what can be heard: breath, the release of a stop
_CLICK = 0.004  # seconds: the shortest fade without an audible click


def audible_range(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """Where sound can be heard: 40 dB below the loudest part at most.

    Args:
        samples: (T,) mono.
        sample_rate: Hz.

    Returns:
        First sample and end; all of it where nothing can be heard.
    """
    frame = max(int(_FRAME * sample_rate), 1)
    if len(samples) < frame:
        return 0, len(samples)
    padded = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    levels = np.sqrt(np.mean(padded**2, axis=1))
    loud = np.flatnonzero(levels > max(levels.max() * _QUIET, _SILENT))
    if len(loud) == 0:
        return 0, len(samples)
    around = int(_AROUND * sample_rate)
    return max(loud[0] * frame - around, 0), min((loud[-1] + 1) * frame + around, len(samples))


def join_speech(
    pieces: Sequence[Samples], pauses: Sequence[float], sample_rate: int, cross_fade: float = 0.15
) -> tuple[Samples, list[Interval]]:
    """One speech of all pieces, and where each of them lies.

    Args:
        pieces: Mono samples (T,) each.
        pauses: Seconds between what can be heard of each piece and of the next.
        sample_rate: Hz.
        cross_fade: Seconds of the silence around a piece that are left and faded over the pause and the neighbour. What
            can be heard is never faded, but for the 4 ms at an edge without silence.

    Returns:
        Mono samples (T,), and when each piece can be heard in them.
    """
    reach = int(max(cross_fade, 0.0) * sample_rate)
    spans = [audible_range(piece, sample_rate) for piece in pieces]
    cuts: list[tuple[int, Samples]] = []
    places: list[Interval] = []
    at = min(spans[0][0], reach) if spans else 0
    for piece, pause, (start, end) in zip(pieces, pauses, spans, strict=True):
        head, tail = min(start, reach), min(len(piece) - end, reach)
        first = max(at - head, 0)
        cut = piece[start - (at - first) : end + tail]
        cuts.append((first, _fade(cut, at - first, tail, sample_rate)))
        places.append(Interval(at / sample_rate, (at + end - start) / sample_rate))
        at += end - start + round(pause * sample_rate)
    whole = np.zeros(max((first + len(cut) for first, cut in cuts), default=0), np.float32)
    for first, cut in cuts:
        whole[first : first + len(cut)] += cut
    return whole, places


def _fade(cut: Samples, head: int, tail: int, sample_rate: int) -> Samples:
    shortest = min(int(_CLICK * sample_rate), len(cut) // 2)
    gain = np.ones(len(cut), np.float32)
    for length, part in ((max(head, shortest), gain), (max(tail, shortest), gain[::-1])):
        part[:length] *= np.linspace(0, 1, length, endpoint=False, dtype=np.float32)
    return cut * gain
