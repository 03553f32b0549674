"""A sound from a file, for stages that read folders themselves."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from .audio import Sound

SUFFIXES = frozenset((".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac"))


def read_sound(path: Path) -> Sound:
    """The first sound in a file, mixed down to one channel, at its own rate.

    Raises:
        ValueError: It holds none, or is damaged.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ValueError(f"{path.name} holds no sound.")
            rate = container.streams.audio[0].codec_context.sample_rate
            resampler: Any = av.AudioResampler("fltp", "mono", rate)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
            frames += resampler.resample(None)
    except FFmpegError as error:
        raise ValueError(f"{path.name} can't be read as sound: {error.strerror}.") from error
    if not frames:
        raise ValueError(f"{path.name} holds no sound.")
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)  # (1, T)
    return Sound(np.nan_to_num(samples).clip(-1, 1), rate)
