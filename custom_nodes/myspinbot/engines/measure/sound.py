"""What a clip's sound is like: its level at each frame, loudness, peaks, and samples that are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from ...media.audio import Sound
from ...media.clip import clip_start, decoded
from ...media.loudness import loudness
from .picture import Curve

_FULL = 0.9985  # of full scale
_RUN = 3  # so many samples in a row at full scale were cut off


def clip_sound(path: Path) -> Sound | None:
    """The first sound of a clip from its first moment on, mixed to one channel; None if it has none.

    Players begin a sound when its file says, which may be a little after or before the picture.
    """
    with av.open(str(path)) as container:
        sounds: list[Any] = list(container.streams.audio)
        stream = next((sound for sound in sounds if sound.codec_context is not None), None)
        if stream is None:
            return None
        rate, began = stream.codec_context.sample_rate, clip_start(container)
        resampler: Any = av.AudioResampler("fltp", "mono", rate)
        parts: list[Curve] = []
        first: float | None = None
        for frame in decoded(container, stream):
            if first is None:
                first = 0.0 if frame.pts is None else float(frame.pts * frame.time_base - began)
            frame.pts = None  # a gap is no reason to refuse it
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    if not parts:
        return None
    samples = np.nan_to_num(np.concatenate(parts)).clip(-1, 1)
    late = round((first or 0.0) * rate)
    samples = np.concatenate([np.zeros(late, np.float32), samples]) if late > 0 else samples[-late:]
    return Sound(samples[None].astype(np.float32), rate) if len(samples) else None


@dataclass(frozen=True, slots=True)
class SoundMeasures:
    """Attributes:
    lufs: integrated loudness (BS.1770-4); None for silence.
    peak_db: the highest sample against full scale; None for silence.
    clipped: the share of samples that were cut off.
    """

    lufs: float | None
    peak_db: float | None
    clipped: float


def measure_sound(sound: Sound) -> SoundMeasures:
    """Of a sound's first channel, or of both mixed."""
    mono = sound.samples.mean(axis=0)
    level = loudness(mono, sound.sample_rate)
    if not np.isfinite(level):
        return SoundMeasures(None, None, 0.0)
    return SoundMeasures(level, 20 * float(np.log10(max(sound.peak, 1e-9))), clipped(mono))


def clipped(mono: Curve) -> float:
    """The share of samples (T,) in runs at full scale."""
    full = np.abs(mono) >= _FULL
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _RUN].sum() / max(len(mono), 1))


def level_at(sound: Sound, frames: int, fps: float) -> Curve:
    """Root mean square of the sound while each of `frames` is shown, (N,)."""
    ends = np.minimum(
        np.round(np.arange(frames + 1) * sound.sample_rate / fps).astype(np.int64), sound.samples.shape[1]
    )
    squares = np.concatenate([[0.0], np.cumsum(np.square(sound.samples.mean(axis=0), dtype=np.float64))])
    return np.sqrt(np.diff(squares[ends]) / np.maximum(np.diff(ends), 1)).astype(np.float32)
