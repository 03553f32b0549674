"""How loud a speech is, and bringing it to a loudness (ITU-R BS.1770-4) without a clipped sample."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

CEILING = 10 ** (-1 / 20)
"""The highest sample: 1 dB below full scale, as EBU R 128 asks."""
_SHORTEST = 0.4  # seconds: one gating block
_TRIES, _CLOSE = 12, 0.1  # LU
_LOOK = 0.005  # seconds over which the limiter closes and opens


def loudness(samples: Samples, sample_rate: int) -> float:
    """LUFS of `samples`, mono (T,) or of one or two channels (C, T), whose energies are added.

    -inf for silence. Shorter than 0.4 s, it is that of its repetition.
    """
    import torch
    import torchaudio

    if not np.any(samples):
        return -np.inf
    times = int(np.ceil(_SHORTEST * sample_rate / samples.shape[-1]))
    whole = np.tile(samples, times + 1) if times > 1 else samples
    level = float(torchaudio.functional.loudness(torch.from_numpy(np.atleast_2d(whole)), sample_rate))
    return level if np.isfinite(level) else -np.inf


def levelled(samples: Samples, sample_rate: int, target: float) -> Samples:
    """A speech at a loudness; peaks that would pass the ceiling are held down for a moment.

    Args:
        samples: mono (T,) in [-1, 1]; silence stays as it is.
        sample_rate: in Hz.
        target: in LUFS.
    """
    gap = target - loudness(samples, sample_rate)
    gain, made = 0.0, None
    for _ in range(_TRIES):
        if not np.isfinite(gap) or (made is not None and abs(gap) < _CLOSE):
            break
        gain += gap
        made = limited(samples * np.float32(10 ** (gain / 20)), sample_rate)
        gap = target - loudness(made, sample_rate)  # what the limiter took, which the next try gives back
    return samples if made is None else made


def limited(samples: Samples, sample_rate: int) -> Samples:
    """No sample beyond the ceiling; the gain falls and rises over 5 ms around each peak."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    peaks = np.maximum(np.abs(samples), 1e-9)
    if peaks.max() <= CEILING:
        return samples
    needed = np.minimum(1, CEILING / peaks)
    reach = int(_LOOK * sample_rate)
    gain = uniform_filter1d(minimum_filter1d(needed, 2 * reach + 1), 2 * reach + 1)
    return (samples * gain).clip(-CEILING, CEILING).astype(np.float32)
