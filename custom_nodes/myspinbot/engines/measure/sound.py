"""What a clip's sound is like: its level at each frame, loudness, peaks, and samples that are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...media.audio import Sound
from ...media.container import clip_start, decoded, may_jump, opened, sound_stream
from ...media.loudness import loudness
from ...media.sound_tracks import counted
from .picture import Curve

_FULL = 0.9985  # of full scale
_RUN = 3  # so many samples in a row at full scale were cut off


def clip_sound(path: Path) -> Sound | None:
    """A clip's sound from its first moment on, mixed to one channel; None if it has none.

    It is heard when the file says, which may be a little after or before the picture begins.

    Raises:
        MediaError: the file can't be read.
    """
    parts: list[Curve] = []
    late = 0
    with opened(path) as container:
        stream = sound_stream(container)
        if stream is None:
            return None
        rate, began = stream.codec_context.sample_rate, clip_start(container)
        for piece in counted(decoded(container, stream), "mono", rate, began, jumps=may_jump(container)):
            late = late if parts else piece.pts
            parts.append(piece.to_ndarray()[0])
    if not parts:
        return None
    samples = np.nan_to_num(np.concatenate(parts)).clip(-1, 1)
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
