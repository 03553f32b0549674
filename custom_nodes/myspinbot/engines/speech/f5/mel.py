"""Sound as F5-TTS and Vocos see it: 100 mel bands at 24 kHz, one frame every 256 samples."""

import functools

import torch
from torch import Tensor

SAMPLE_RATE = 24000
HOP = 256
WINDOW = 1024
BANDS = 100
FRAMES_PER_SECOND = SAMPLE_RATE / HOP


def mel(samples: Tensor) -> Tensor:
    """Log mel bands, on the scale of O'Shaughnessy (HTK).

    Args:
        samples: (T,) mono at 24 kHz.

    Returns:
        (1 + T // 256, 100) natural logarithms of magnitudes.
    """
    window = torch.hann_window(WINDOW, device=samples.device)
    spectrum = torch.stft(samples.float(), WINDOW, HOP, WINDOW, window, center=True, return_complex=True)
    bands = _filters().to(samples.device)  # (513, 100)
    return (spectrum.abs().mT @ bands).clamp(min=1e-5).log()


def resample(samples: Tensor, sample_rate: int) -> Tensor:
    """`samples` (..., T) of any rate in Hz, brought to 24 kHz."""
    import torchaudio

    return torchaudio.functional.resample(samples, sample_rate, SAMPLE_RATE)


@functools.cache
def _filters() -> Tensor:
    import torchaudio

    return torchaudio.functional.melscale_fbanks(WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, BANDS, SAMPLE_RATE)
