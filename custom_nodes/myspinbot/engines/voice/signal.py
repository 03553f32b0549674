"""What can be measured of a recording of speech: where it is quiet, how noisy, how clipped, how high the voice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

FRAME = 0.02
"""Seconds over which a level is measured."""
_LEAST_PAUSE = 0.16  # seconds; the closure of a stop consonant is shorter
_BELOW_SPEECH = 25.0  # dB below the loud parts: quiet enough to be a pause


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


def levels(samples: Samples, sample_rate: int) -> npt.NDArray[np.float64]:
    """The level of each 20 ms in dB of full scale, at least -100."""
    frame = max(round(FRAME * sample_rate), 1)
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % frame)).reshape(-1, frame)
    return 10 * np.log10(np.maximum(np.mean(padded**2, axis=1), 1e-10))


def phrases(samples: Samples, sample_rate: int) -> list[Stretch]:
    """The stretches of speech between pauses; none in silence."""
    level = levels(samples, sample_rate)
    loud = float(np.percentile(level, 95)) if len(level) else -100.0
    if loud < -70:
        return []
    floor = float(np.percentile(level, 5))
    # In a noisy recording a pause is no quieter than its noise.
    threshold = max(loud - _BELOW_SPEECH, min(floor + 6, loud - 6))
    heard = np.flatnonzero(level > threshold)
    if len(heard) == 0:
        return []
    breaks = np.flatnonzero(np.diff(heard) * FRAME > _LEAST_PAUSE)
    firsts = heard[np.concatenate(([0], breaks + 1))]
    lasts = heard[np.concatenate((breaks, [len(heard) - 1]))]
    end = len(samples) / sample_rate
    return [Stretch(a * FRAME, min((b + 1) * FRAME, end)) for a, b in zip(firsts, lasts, strict=True)]


def signal_to_noise(samples: Samples, sample_rate: int) -> float:
    """How far speech is above what is heard between words, in dB, at most 60."""
    level = levels(samples, sample_rate)
    if len(level) < 10:
        return 0.0
    quiet = float(np.percentile(level, 5))
    loud = level[level > np.percentile(level, 50)]
    return float(np.clip(10 * np.log10(np.mean(10 ** (loud / 10))) - quiet, 0, 60))


def clipped(samples: Samples) -> float:
    """The share of samples that lie in a row at the highest level, as they do where a microphone gave up."""
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
