"""What a clip's sound is like: its level at each frame, loudness, peaks, and samples that are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...media.audio import Sound, few_channels
from ...media.container import clip_start, decoded, may_jump, opened, sound_stream
from ...media.loudness import loudness
from ...media.sound_tracks import counted
from .picture import Curve

_FULL = 0.9985  # of full scale
_RUN = 3  # so many samples in a row at full scale were cut off


def clip_sound(path: Path) -> Sound | None:
    """A clip's sound from its first moment on, with its one or two channels; None if it has none.

    It is heard when the file says, which may be a little after or before the picture begins. More than two channels are
    mixed down to one, and of two in opposite phase the second is turned, see `few_channels`, so that their mean is what
    is heard.

    Raises:
        MediaError: the file can't be read.
    """
    parts: list[npt.NDArray[np.float32]] = []
    late = 0
    with opened(path) as container:
        stream = sound_stream(container)
        if stream is None:
            return None
        rate, channels = stream.codec_context.sample_rate, stream.codec_context.layout.nb_channels
        began = clip_start(container)
        layout = "stereo" if channels == 2 else "mono"
        for piece in counted(decoded(container, stream), layout, rate, began, jumps=may_jump(container)):
            late = late if parts else piece.pts
            parts.append(piece.to_ndarray())
    if not parts:
        return None
    samples = np.nan_to_num(np.concatenate(parts, axis=1))  # (C, T)
    if channels > 2:  # louder than full scale is only the mix
        samples /= max(float(np.abs(samples).max()), 1.0)
    samples = np.pad(samples, ((0, 0), (late, 0))) if late > 0 else samples[:, -late:]
    return Sound(few_channels(samples.clip(-1, 1)), rate) if samples.size else None


@dataclass(frozen=True, slots=True)
class SoundMeasures:
    """Attributes:
    lufs: integrated loudness (BS.1770-4) of all channels together; None for silence.
    peak_db: the highest sample of any channel against full scale; None for silence.
    clipped: the share of samples that were cut off.
    """

    lufs: float | None
    peak_db: float | None
    clipped: float


def measure_sound(sound: Sound) -> SoundMeasures:
    """Of a sound's channels as they are, not mixed."""
    level = loudness(sound.samples, sound.sample_rate)
    if not np.isfinite(level):
        return SoundMeasures(None, None, 0.0)
    return SoundMeasures(level, 20 * float(np.log10(max(sound.peak, 1e-9))), clipped(sound.samples))


def clipped(samples: npt.NDArray[np.float32]) -> float:
    """The share of samples (C, T) in runs at full scale."""
    full = np.pad(np.abs(samples) >= _FULL, ((0, 0), (1, 1))).ravel()  # a run ends where its channel does
    edges = np.flatnonzero(np.diff(full.astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= _RUN].sum() / max(samples.size, 1))


def level_at(sound: Sound, frames: int, fps: float) -> Curve:
    """Root mean square of the sound while each of `frames` is shown, (N,)."""
    ends = np.minimum(
        np.round(np.arange(frames + 1) * sound.sample_rate / fps).astype(np.int64), sound.samples.shape[1]
    )
    squares = np.concatenate([[0.0], np.cumsum(np.square(sound.samples.mean(axis=0), dtype=np.float64))])
    return np.sqrt(np.diff(squares[ends]) / np.maximum(np.diff(ends), 1)).astype(np.float32)
