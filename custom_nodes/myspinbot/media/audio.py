"""Sound as ComfyUI's AUDIO carries it or as a file holds it, checked and brought into one shape."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .container import MediaError, Resampler, decoded, opened, sound_stream

# What AAC-LC can carry (ISO/IEC 14496-3, sampling frequency index), in Hz.
AAC_RATES = frozenset((8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000))
SOUND_SUFFIXES = frozenset((".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"))


@dataclass(frozen=True, slots=True)
class Sound:
    """`samples`: float32 (C, T), C 1 or 2, within [-1, 1], at `sample_rate` Hz."""

    samples: npt.NDArray[np.float32]
    sample_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[1] / self.sample_rate

    @property
    def exact_duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.samples.shape[1], self.sample_rate)

    @property
    def peak(self) -> float:
        """The largest absolute sample."""
        return float(max(self.samples.max(), -self.samples.min()))


def from_audio(audio: Any) -> Sound:
    """The first item of an AUDIO ({"waveform": (B, C, T), "sample_rate": Hz}).

    More than two channels are mixed down to one; samples that aren't numbers become silence.

    Raises:
        ValueError: not an AUDIO, or one without any sample.
    """
    try:
        waveform, sample_rate = audio["waveform"], int(audio["sample_rate"])
        if waveform.ndim != 3 or not waveform.is_floating_point():
            raise TypeError(f"waveform of shape {tuple(waveform.shape)} and type {waveform.dtype}")
        samples = np.asarray(waveform[0].detach().cpu().float().numpy(), np.float32)
    except (TypeError, KeyError, IndexError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"The audio input does not hold a sound ({error}). Connect an AUDIO output.") from error
    if samples.size == 0 or sample_rate <= 0:
        raise ValueError("The audio is empty: it holds no samples. Connect a sound of some length.")
    if samples.shape[0] > 2:
        samples = samples.mean(axis=0, keepdims=True)
    sound = Sound(samples, sample_rate)
    if sound.peak <= 1:  # false for a NaN too
        return sound
    mended = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)  # one copy: the input is not ours to change
    np.clip(mended, -1, 1, out=mended)
    return Sound(mended, sample_rate)


def read_sound(path: Path) -> Sound:
    """The sound that a file marks as its default, else its first, mixed down to one channel, at its own rate.

    A packet that can't be decoded is left out.

    Raises:
        ValueError: It holds none, or is damaged.
    """
    with opened(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise MediaError(f"{path.name} holds no sound.")
        rate = stream.codec_context.sample_rate
        resampler = Resampler("mono", rate)
        frames = [part for frame in decoded(container, stream) for part in resampler.convert(frame)]
        frames += resampler.convert(None)
    if not frames:
        raise MediaError(f"{path.name} holds no sound that can be decoded. It may be damaged or cut short.")
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)  # (1, T)
    return Sound(np.nan_to_num(samples).clip(-1, 1), rate)
