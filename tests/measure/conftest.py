"""A clip of the draft stage in which it is known when the mouth opens and the eyes shut."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engines import one_thread  # noqa: F401

MEDIA = Path(__file__).resolve().parents[1] / "media"
FPS = Fraction(25)
TEXT = ("Air scatters the blue part of the sunlight most.", "Many people wander along the winding road.")


@dataclass(frozen=True)
class Talk:
    """`frames` (H, W, 3) each, the `samples` (T,) of the speech, and when both lids are shut most."""

    frames: list[np.ndarray]
    samples: np.ndarray
    rate: int
    blinks: list[int]

    def write(self, path: Path, frames=None, samples=None) -> Path:
        """As the draft stage writes it, with other pictures or another sound if they are given."""
        from myspinbot.media.audio import Sound
        from myspinbot.media.video import VideoWriter

        frames = self.frames if frames is None else frames
        sound = Sound((self.samples if samples is None else samples)[None].astype(np.float32), self.rate)
        height, width = frames[0].shape[:2]
        with VideoWriter(path, width=width, height=height, fps=FPS, sound=sound) as video:
            for frame in frames:
                video.write(frame)
        return path

    def late(self, seconds: float) -> np.ndarray:
        """The sound that much later, or earlier, and as long."""
        return np.roll(self.samples, round(seconds * self.rate))


@pytest.fixture(scope="session")
def talk() -> Talk:
    from myspinbot.engines.head.motion import analyze, plan_motion
    from myspinbot.engines.head.render import render_frames
    from myspinbot.engines.speech import espeak
    from myspinbot.media.audio import Sound
    from myspinbot.media.faces.portrait import find_points

    parts = [espeak.speak(text) for text in TEXT]
    rate = parts[0].sample_rate
    pause = np.zeros(rate, np.float32)
    samples = np.concatenate([parts[0].samples, pause, parts[1].samples, pause])
    sound = Sound(samples[None], rate)
    pixels = np.asarray(Image.open(MEDIA / "bearded_man.jpg").convert("RGB").resize((320, 320), Image.Resampling.BOX))
    count = int(sound.duration * 25)
    motion = plan_motion(analyze(sound, count, 25.0), None, fps=25.0, seed=3, motion_scale=1.0)
    frames = [frame.copy() for frame in render_frames(pixels, find_points(pixels).points, motion)]
    shut = motion.blink > 0.9
    begins = np.flatnonzero(shut & ~np.concatenate([[False], shut[:-1]]))
    return Talk(frames, samples, rate, [int(frame) for frame in begins])
