"""What a person would check of a talking video: its codecs and length, its sound, and its mouth."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np


@dataclass
class Clip:
    """A decoded MP4: `frames` (N, H, W) grey, `sound` (T,) at `rate`."""

    codecs: tuple[str, str]
    fps: float
    frames: np.ndarray
    sound: np.ndarray
    rate: int
    video_seconds: float
    sound_seconds: float

    @classmethod
    def read(cls, path: Path) -> "Clip":
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            frames = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
            container.seek(0)
            sound = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)])
            return cls(
                (video.codec_context.name, audio.codec_context.name),
                float(video.average_rate),
                frames,
                sound,
                audio.sample_rate,
                len(frames) / float(video.average_rate),
                float(audio.duration * audio.time_base),
            )

    def loudness(self) -> np.ndarray:
        """Root-mean-square level of the sound during each frame, smoothed over three."""
        edges = (np.arange(len(self.frames) + 1) / self.fps * self.rate).astype(int)
        levels = [
            float(np.sqrt(np.mean(np.square(self.sound[a:b]))) if b > a and a < len(self.sound) else 0.0)
            for a, b in pairwise(edges)
        ]
        return np.convolve(levels, np.ones(3) / 3, "same")

    def mouth(self, box: tuple[int, int, int, int]) -> np.ndarray:
        """How far `box` (x0, y0, x1, y1) of each frame is from that of the calmest moment."""
        x0, y0, x1, y1 = box
        part = self.frames[:, y0:y1, x0:x1].astype(np.float32)
        calm = part[int(np.argmin(self.loudness()))]
        return np.abs(part - calm).mean(axis=(1, 2))


def follows(opening: np.ndarray, loudness: np.ndarray) -> tuple[float, float]:
    """Correlation of the two, and the best that shifting one by a second or more ever gives."""
    real = float(np.corrcoef(opening, loudness)[0, 1])
    shifts = range(25, len(opening) - 25, 5)
    control = max(float(np.corrcoef(np.roll(opening, shift), loudness)[0, 1]) for shift in shifts)
    return real, control
