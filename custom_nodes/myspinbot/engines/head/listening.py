"""What can be heard in a speech, once per video frame: how loud it is, and which mouth it suggests."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...media.audio import Sound

Track = npt.NDArray[np.float32]

SILENCE_DB = -40.0  # below a speech's own loud passages: quieter than this is a closed mouth
ABSOLUTE_SILENCE = 1e-3  # -60 dBFS: nobody speaks so softly into a microphone
_BLOCK = 256  # frames analysed at a time, so that memory stays flat


@dataclass(frozen=True, slots=True)
class Hearing:
    """Each track has one value in [0, 1] per video frame (N,).

    Attributes:
        loudness: 0 in silence, about 1 in the loudest passages, even steps of decibels between.
        front: share of a spread front vowel (i, e) against a rounded one (u, o) in the spectrum.
        hiss: share of the spectrum above 4 kHz: s, f, sh.
    """

    loudness: Track
    front: Track
    hiss: Track


def listen(sound: Sound, frames: int, fps: float) -> Hearing:
    """Analyse `sound` around the middle of each of `frames` video frames."""
    rate, length = sound.sample_rate, sound.samples.shape[1]
    window = max(int(rate * 0.04), 16)
    middles = ((np.arange(frames) + 0.5) / fps * rate).astype(np.int64)
    offsets = np.arange(window) - window // 2
    frequency = np.fft.rfftfreq(window, 1 / rate)
    taper = np.hanning(window).astype(np.float32)

    def band(power: Track, low: float, high: float) -> Track:
        return power[:, (frequency >= low) & (frequency < high)].sum(axis=1)

    level, front, hiss = (np.zeros(frames, np.float32) for _ in range(3))
    for start in range(0, frames, _BLOCK):
        part = slice(start, start + _BLOCK)
        at = middles[part, None] + offsets  # (n, window)
        mono = sound.samples[:, at.clip(0, length - 1)].mean(axis=0)
        block = np.where((at >= 0) & (at < length), mono, 0)
        power = np.square(np.abs(np.fft.rfft(block * taper, axis=1))).astype(np.float32)
        total = band(power, 80, rate) + 1e-9
        upper, lower = band(power, 1500, 3500), band(power, 500, 1200)
        level[part] = np.sqrt(np.mean(np.square(block), axis=1))
        front[part] = 4 * upper / (4 * upper + lower + 1e-9)
        hiss[part] = band(power, 4000, rate) / total
    return Hearing(_even_steps(level), front, hiss)


def _even_steps(level: Track) -> Track:
    """Root-mean-square levels to loudness: 0 at SILENCE_DB below the loud passages, 1 at their level."""
    heard = level[level > ABSOLUTE_SILENCE]
    if heard.size == 0:
        return np.zeros_like(level)
    # The loud passages are those near the peak, however long the pauses with their noise are.
    loud = float(np.percentile(heard[heard > 0.05 * heard.max()], 85))
    decibels = 20 * np.log10(np.maximum(level, 1e-9) / loud)
    loudness = np.clip(1 - decibels / SILENCE_DB, 0, 1)
    return np.where(level > ABSOLUTE_SILENCE, loudness, 0).astype(np.float32)
