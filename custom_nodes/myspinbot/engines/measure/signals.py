"""What curves say: whether lips and sound fit, blinks, jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .picture import Curve, quick

CERTAIN = 0.30  # correlation below which nobody can say how lips and sound lie
_REACH = 0.5  # seconds to each side in which the offset is looked for
_LONGEST_BLINK = 0.5  # seconds
_BLINK, _BLINK_NOISE = 0.30, 5.0  # of the eyes' contrast, and in median deviations
_QUIET = 0.05  # of loudness: nobody speaks
_SETTLED = 0.15  # seconds before and after speech in which a mouth may still be open
_CLOSED = 0.25  # of the way from shut to wide open
_LEAST_OPENING = 0.02  # of the mouth's place: less is no opening that can be seen
_JUMP, _LEAST_JUMP = 4.0, 1.0  # times the usual step, and levels above it
_AROUND = 8  # frames to each side that say what is usual


@dataclass(frozen=True, slots=True)
class Offset:
    """Seconds by which the sound is late against the lips (less than 0: early), and how sure that is, -1 to 1."""

    seconds: float
    correlation: float


def offset(mouth: Curve, level: Curve, fps: float) -> Offset | None:
    """The shift at which what the mouth does and what is heard go together best.

    Both are freed of what changes slowly and correlated; the peak is found between frames by a parabola.

    Args:
        mouth: (N,) how it moves; NaN without a face.
        level: (N,) root mean square of the sound at each frame.
        fps: of both.

    Returns:
        None where either says nothing: no face, no sound, or less than a second.
    """
    known = np.isfinite(mouth)
    if known.sum() < fps or not np.any(level > 0):
        return None
    lips, heard = _speech_alone(_filled(mouth), fps), _speech_alone(np.log1p(1000 * level), fps)
    if lips is None or heard is None:
        return None
    most = min(round(_REACH * fps), len(lips) // 3)
    found = [_correlation(lips, heard, shift) for shift in range(-most, most + 1)]
    peak = int(np.argmax(found))
    between = 0.0
    if 0 < peak < len(found) - 1:
        before, at, after = found[peak - 1 : peak + 2]
        bend = before - 2 * at + after
        between = 0.5 * (before - after) / bend if bend else 0.0
    return Offset((peak - most + between) / fps, found[peak])


def _speech_alone(curve: Curve, fps: float) -> npt.NDArray[np.float64] | None:
    rest = quick(curve, fps)
    spread = float(rest.std())
    return None if spread < 1e-6 else (rest - rest.mean()) / spread


def _correlation(lips: npt.NDArray[np.float64], heard: npt.NDArray[np.float64], shift: int) -> float:
    """Of lips at a time and sound `shift` frames later."""
    count = len(lips)
    one, other = lips[max(-shift, 0) : count - max(shift, 0)], heard[max(shift, 0) : count - max(-shift, 0)]
    return float((one * other).mean())


def _filled(curve: Curve) -> Curve:
    known = np.flatnonzero(np.isfinite(curve))
    return np.interp(np.arange(len(curve)), known, curve[known]).astype(np.float32)


def opened(opening: Curve) -> Curve | None:
    """How far the mouth is open, 0 to 1, as the clip's own shut and widest mouths say; None if it never opens."""
    known = opening[np.isfinite(opening)]
    if not len(known):
        return None
    low, high = np.percentile(known, (10, 97))
    return None if high - low < _LEAST_OPENING else np.clip((opening - low) / (high - low), 0, 1)


def closed_in_silence(open_mouth: Curve, loudness: Curve, fps: float) -> float | None:
    """The share of silent frames in which the mouth is shut; None if there is no silence of some length.

    Args:
        open_mouth: (N,) from `opened`.
        loudness: (N,) 0 in silence to 1.
        fps: of both.
    """
    quiet = loudness < _QUIET
    inner = ndimage.binary_erosion(quiet, iterations=max(round(_SETTLED * fps), 1), border_value=True)
    counted = inner & np.isfinite(open_mouth)
    if counted.sum() < max(3, 0.2 * fps):
        return None
    return float((open_mouth[counted] < _CLOSED).mean())


def blinks(eyes: Curve, fps: float) -> list[int]:
    """The frames at which both eyes are shut most, each blink once."""
    if not np.isfinite(eyes).any():
        return []
    curve = _filled(eyes)
    usual = ndimage.median_filter(curve, 2 * round(0.75 * fps) + 1, mode="nearest")
    above = curve - usual
    noise = float(np.median(np.abs(above)))
    shut = np.concatenate([[False], above > max(_BLINK, _BLINK_NOISE * noise), [False]])
    edges = np.flatnonzero(np.diff(shut.astype(np.int8)))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [begin + int(np.argmax(above[begin:end])) for begin, end in runs if end - begin <= _LONGEST_BLINK * fps]


def jumps(step: Curve) -> list[tuple[int, float]]:
    """Frames that stand out against those around them, and how many times their usual step each is."""
    found: list[tuple[int, float]] = []
    for index in range(1, len(step)):
        around = np.concatenate([step[max(index - _AROUND, 1) : index], step[index + 1 : index + 1 + _AROUND]])
        usual = float(np.median(around)) if len(around) else float(step[index])
        if step[index] > max(_JUMP * usual, usual + _LEAST_JUMP):
            found.append((index, float(step[index] / max(usual, 0.05))))
    return found
