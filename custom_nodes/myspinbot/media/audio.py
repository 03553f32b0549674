"""Sound as ComfyUI's AUDIO carries it, checked and brought into one shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# What AAC-LC can carry (ISO/IEC 14496-3, sampling frequency index), in Hz.
AAC_RATES = frozenset((8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000))


@dataclass(frozen=True, slots=True)
class Sound:
    """`samples`: float32 (C, T), C 1 or 2, within [-1, 1], at `sample_rate` Hz."""

    samples: npt.NDArray[np.float32]
    sample_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples.shape[1] / self.sample_rate

    def mono(self) -> npt.NDArray[np.float32]:
        """(T,): the mean of the channels; a sound of one channel is not copied."""
        return self.samples[0] if len(self.samples) == 1 else self.samples.mean(axis=0, dtype=np.float32)


def from_audio(audio: Any) -> Sound:
    """The first item of an AUDIO ({"waveform": (B, C, T), "sample_rate": Hz}).

    More than two channels are mixed down to one; samples that aren't numbers become silence.

    Raises:
        ValueError: not an AUDIO, or one without any sample.
    """
    try:
        waveform, sample_rate = audio["waveform"], int(audio["sample_rate"])
        samples = np.asarray(waveform[0].detach().cpu().float().numpy(), np.float32)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"The audio input does not hold a sound ({error!r}). Connect an AUDIO output.") from error
    if samples.ndim == 1:
        samples = samples[None]
    if samples.size == 0 or sample_rate <= 0:
        raise ValueError("The audio is empty: it holds no samples. Connect a sound of some length.")
    if samples.shape[0] > 2:
        samples = samples.mean(axis=0, keepdims=True)
    if not abs(samples.min()) <= 1 or not abs(samples.max()) <= 1:  # a copy only where there is something to mend
        samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    return Sound(samples, sample_rate)
