"""Sound as ComfyUI's AUDIO carries it or as a file holds it, checked and brought into one shape."""

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .container import MediaError, Resampler, decoded, naming, opened, sound_stream

# What AAC-LC can carry (ISO/IEC 14496-3, sampling frequency index), in Hz.
AAC_RATES = frozenset((8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000))
_LOG = logging.getLogger(__name__)
_SIDE, _BACK = 0.5**0.5, 0.5
_WEIGHTS = {  # in FFmpeg's order of channels; the third of three is taken for the middle
    3: (_SIDE, _SIDE, 1.0),
    4: (_SIDE, _SIDE, 1.0, _BACK),
    5: (_SIDE, _SIDE, 1.0, _BACK, _BACK),
    6: (_SIDE, _SIDE, 1.0, 0.0, _BACK, _BACK),
    7: (_SIDE, _SIDE, 1.0, 0.0, _BACK, _BACK, _BACK),
    8: (_SIDE, _SIDE, 1.0, 0.0, _BACK, _BACK, _BACK, _BACK),
}
_LEFT_OVER = 0.01  # of the energy of two channels, below which they cancel each other
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

    More than two channels are mixed down to one, see `few_channels`; samples that aren't numbers become silence.

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
    sound = Sound(few_channels(samples), sample_rate)
    if sound.peak <= 1:  # false for a NaN too
        return sound
    mended = np.nan_to_num(sound.samples, nan=0.0, posinf=1.0, neginf=-1.0)  # one copy: the input is not ours to change
    np.clip(mended, -1, 1, out=mended)
    return Sound(mended, sample_rate)


def few_channels(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A sound (C, T) of any number of channels as one of one or two.

    More than two are mixed down to one by the weights of ITU-R BS.775, so that speech in the middle channel keeps its
    level; what would be louder than full scale is made softer as a whole. Of two channels in opposite phase, which
    would cancel each other where they are added, the second is turned.
    """
    channels = samples.shape[0]
    if channels > 2:
        weights = np.array(_WEIGHTS.get(channels, (1 / channels,) * channels), np.float32)
        mixed = (weights[:, None] * np.where(np.isfinite(samples), samples, 0)).sum(axis=0, keepdims=True)
        return mixed / max(float(np.abs(mixed).max()), 1.0)
    if channels == 2 and _cancel(samples):
        _LOG.warning("The two channels of the sound are in opposite phase; the second one is turned.")
        return samples * np.array([[1], [-1]], np.float32)
    return samples


def _cancel(samples: npt.NDArray[np.float32]) -> bool:
    """Whether hardly anything is left where two channels are added; as far as they are numbers."""
    left, right = (np.where(np.isfinite(one), one, 0) for one in samples)
    alone = float(np.vdot(left, left) + np.vdot(right, right))
    both = left + right
    return alone > 0 and float(np.vdot(both, both)) < _LEFT_OVER * alone


def read_sound(path: Path) -> Sound:
    """The sound that a file marks as its default, else its first, mixed down to one channel, at its own rate.

    A packet that can't be decoded is left out.

    Raises:
        ValueError: It holds none, or is damaged.
    """
    with opened(path) as container, naming(path):
        stream = sound_stream(container)
        if stream is None:
            raise MediaError(f"{path.name} holds no sound.")
        rate = stream.codec_context.sample_rate
        # FFmpeg mixes more than two by the same weights, and knows which channel is which.
        resampler = Resampler("stereo" if stream.codec_context.layout.nb_channels == 2 else "mono", rate)
        frames = [part for frame in decoded(container, stream) for part in resampler.convert(frame)]
        frames += resampler.convert(None)
    if not frames:
        raise MediaError(f"{path.name} holds no sound that can be decoded. It may be damaged or cut short.")
    samples = np.nan_to_num(np.concatenate([frame.to_ndarray() for frame in frames], axis=1))  # (C, T)
    mono = few_channels(samples).mean(axis=0, keepdims=True)
    return Sound(mono / max(float(np.abs(mono).max()), 1.0), rate)


def resampled(samples: npt.NDArray[np.float32], rate: int, wanted: int) -> npt.NDArray[np.float32]:
    """Samples (..., T) at another rate, (..., ceil(T wanted / rate)).

    The filter is 128 zero crossings long under a Kaiser window, that of resampy's and librosa's `kaiser_best`, which
    passes 95 % of the band; torchaudio's default of 12 lets through a part of what lies beyond it.
    """
    if rate == wanted:
        return samples
    import torch
    import torchaudio

    made = torchaudio.functional.resample(
        torch.from_numpy(np.ascontiguousarray(samples)),
        rate,
        wanted,
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser",
        beta=14.769656459379492,
    )
    return made.numpy()
