"""What can be measured of a recording of speech: its pauses, noise, clipping and pitch."""

import numpy as np
import numpy.typing as npt

from ..timings import Interval

Samples = npt.NDArray[np.float32]

FRAME = 0.02
"""Seconds over which a level is measured."""
_LEAST_PAUSE = 0.16  # seconds; the closure of a stop consonant is shorter
_BELOW_SPEECH = 25.0  # dB below the loud parts: quiet enough to be a pause


def levels(samples: Samples, sample_rate: int) -> npt.NDArray[np.float64]:
    """The level (T / 20 ms,) of each 20 ms of mono `samples` (T,), in dB of full scale, at least -100."""
    frame = max(round(FRAME * sample_rate), 1)
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % frame)).reshape(-1, frame)
    return 10 * np.log10(np.maximum(np.mean(padded**2, axis=1), 1e-10))


def phrases(samples: Samples, sample_rate: int) -> list[Interval]:
    """Where in mono `samples` (T,) speech lies between pauses; empty in silence."""
    level = levels(samples, sample_rate)
    loud = float(np.percentile(level, 95)) if len(level) else -100.0
    if loud < -70:
        return []
    floor = float(np.percentile(level, 5))
    # In a noisy recording a pause is no quieter than its noise.
    threshold = max(loud - _BELOW_SPEECH, min(floor + 6, loud - 6))
    loud_frames = np.flatnonzero(level > threshold)
    if len(loud_frames) == 0:
        return []
    breaks = np.flatnonzero(np.diff(loud_frames) * FRAME > _LEAST_PAUSE)
    firsts = loud_frames[np.concatenate(([0], breaks + 1))]
    lasts = loud_frames[np.concatenate((breaks, [len(loud_frames) - 1]))]
    end = len(samples) / sample_rate
    return [Interval(a * FRAME, min((b + 1) * FRAME, end)) for a, b in zip(firsts, lasts, strict=True)]


def signal_to_noise(samples: Samples, sample_rate: int) -> float:
    """How far speech is above the sound between words, in dB, from 0 to 60."""
    level = levels(samples, sample_rate)
    if len(level) < 10:
        return 0.0
    quiet = float(np.percentile(level, 5))
    loud = level[level > np.percentile(level, 50)]
    return float(np.clip(10 * np.log10(np.mean(10 ** (loud / 10))) - quiet, 0, 60))


def clipped(samples: Samples) -> float:
    """The share of samples, 0 to 1, that lie in a row at the highest level, as they do where a microphone clips."""
    high = float(np.abs(samples).max(initial=0.0))
    if high < 1e-3:
        return 0.0
    flat = (np.abs(samples) > 0.998 * high).astype(np.int8)
    edges = np.diff(np.concatenate(([0], flat, [0])))
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return float(runs[runs >= 4].sum()) / len(samples)


def pitch(samples: Samples, sample_rate: int) -> npt.NDArray[np.float64]:
    """The fundamentals of the voiced 40 ms windows in Hz, by autocorrelation, 60 to 400 Hz."""
    size, hop = int(0.04 * sample_rate), int(0.02 * sample_rate)
    if len(samples) < size:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), size)[::hop]
    windows = windows - windows.mean(axis=1, keepdims=True)
    energy = np.mean(windows**2, axis=1)
    windows = windows[energy > 0.1 * np.percentile(energy, 90)]
    spectrum = np.fft.rfft(windows * np.hanning(size), 2 * size, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    shape = np.correlate(np.hanning(size), np.hanning(size), "full")[size - 1 :]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12) / np.maximum(shape / shape[0], 1e-3)
    shortest, longest = sample_rate // 400, sample_rate // 60
    lags = shortest + np.argmax(correlation[:, shortest:longest], axis=1)
    strong = correlation[np.arange(len(lags)), lags] > 0.6
    return sample_rate / lags[strong]
