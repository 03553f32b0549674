"""Sound as Wav2Lip takes it: 80 mel bands at 16 kHz, 80 columns a second, -4 for silence to 4."""

import functools
import math
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...media.audio import Sound, resampled
from .generator import BANDS, COLUMNS

SAMPLE_RATE, HOP, WINDOW = 16000, 200, 800
PER_SECOND = SAMPLE_RATE // HOP
_LOWEST, _HIGHEST = 55.0, 7600.0  # Hz
_EMPHASIS = 0.97
_LEAST = 1e-5  # amplitude, -100 dB
_BLOCK, _AROUND = 20, 1  # seconds computed at once, and before and after that


class Mel:
    """The spectrogram of a whole sound, and the part of it that a frame of video depends on.

    `columns` (80, n), n = 1 + T // 200 for T samples at 16 kHz.
    """

    def __init__(self, sound: Sound) -> None:
        self.columns = spectrogram(sound)

    def windows(self, starts: list[int]) -> Tensor:
        """(B, 1, 80, 16): the 16 columns from each of `starts`; past the end, the last 16."""
        last = self.columns.shape[1] - COLUMNS
        return torch.stack([self.columns[None, :, min(start, last) :][..., :COLUMNS] for start in starts])


def first_column(index: int, fps: Fraction) -> int:
    """The first of the columns that frame `index` depends on."""
    return int(index * PER_SECOND / fps)


def spectrogram(sound: Sound) -> Tensor:
    """(80, n) for a sound of any rate and length, computed piece by piece; 16 columns at least."""
    rate = sound.sample_rate
    count = -(-sound.samples.shape[1] * SAMPLE_RATE // rate)  # as resampling rounds
    seconds = max(-(-sound.samples.shape[1] // rate), 1)
    whole = torch.full((BANDS, max(1 + count // HOP, COLUMNS)), -4.0)
    for start in range(0, seconds, _BLOCK):
        begin, end = max(start - _AROUND, 0), min(start + _BLOCK + _AROUND, seconds)
        part = sound.samples[:, begin * rate : end * rate].mean(axis=0, dtype=np.float32)
        part = torch.from_numpy(resampled(part, rate, SAMPLE_RATE))[: count - begin * SAMPLE_RATE]
        columns = _columns(part)[:, (start - begin) * PER_SECOND :]
        room = whole[:, start * PER_SECOND :]
        if start + _BLOCK < seconds:
            room = room[:, : _BLOCK * PER_SECOND]
        width = min(columns.shape[1], room.shape[1])
        room[:, :width] = columns[:, :width]
    return whole


def _columns(samples: Tensor) -> Tensor:
    """(80, 1 + T // 200) of `samples` (T,) at 16 kHz; in double precision, as quiet bands are small differences."""
    samples = samples.double()
    emphasised = torch.cat([samples[:1], samples[1:] - _EMPHASIS * samples[:-1]])
    lacking = WINDOW // 2 + 1 - len(emphasised)  # what the reflection at the ends needs
    emphasised = functional.pad(emphasised, (0, max(lacking, 0)))
    window = torch.hann_window(WINDOW, dtype=torch.float64)
    spectrum = torch.stft(emphasised, WINDOW, HOP, WINDOW, window, center=True, pad_mode="reflect", return_complex=True)
    loudness = 20 * (_filters() @ spectrum.abs()).clamp(min=_LEAST).log10() - 20
    return (8 * (loudness + 100) / 100 - 4).clamp(-4, 4).float()


@functools.cache
def _filters() -> Tensor:
    """(80, 401): triangles of equal area, evenly apart on the mel scale of Slaney's Auditory Toolbox (1998).

    torchaudio's are in single precision, which quiet bands show by more than a hundred thousandth.
    """
    linear, knee, step = 200 / 3, 1000.0, math.log(6.4) / 27  # Hz per mel below the knee; log of the ratio above

    def mels(hertz: float) -> float:
        return hertz / linear if hertz < knee else knee / linear + math.log(hertz / knee) / step

    points = torch.linspace(mels(_LOWEST), mels(_HIGHEST), BANDS + 2, dtype=torch.float64)
    edges = torch.where(points < knee / linear, points * linear, knee * ((points - knee / linear) * step).exp())
    lines = torch.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1, dtype=torch.float64)
    low, middle, high = (edges[i : i + BANDS, None] for i in range(3))
    triangles = torch.minimum((lines - low) / (middle - low), (high - lines) / (high - middle)).clamp(min=0)
    return triangles * 2 / (high - low)
