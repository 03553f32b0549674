"""From a portrait and a speech to a file: the draft talking head."""

import math
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from ...media.audio import Sound
from ...media.faces import FacePoints, Pixels
from ...media.prefetch import prefetch
from ...media.video import VideoWriter
from ..progress import OnStep
from ..timings import Timings
from .listening import listen
from .motion import plan
from .render import render

FPS = Fraction(25)


def talk(
    portrait: Pixels,
    points: FacePoints,
    sound: Sound,
    path: Path,
    *,
    timings: Timings | None = None,
    seed: int = 0,
    motion_scale: float = 1.0,
    on_step: OnStep | None = None,
) -> int:
    """Write `path`, an MP4 of `portrait` (H, W, 3; even sides) speaking `sound` at 25 fps.

    Frames go to the encoder one by one: memory doesn't grow with the length. The video is as long as the
    sound, rounded up to a whole frame. `on_step(frames done, frames in all)` may raise to cancel; then
    no file is left.

    Returns the number of frames.
    """
    frames = max(math.ceil(Fraction(sound.samples.shape[1], sound.sample_rate) * FPS), 1)
    hearing = listen(sound, frames, float(FPS))
    motion = plan(hearing, timings, fps=float(FPS), seed=seed, motion_scale=motion_scale)
    height, width = portrait.shape[:2]
    with (
        VideoWriter(path, width=width, height=height, fps=FPS, sound=sound) as video,
        closing(prefetch(render(portrait, points, motion))) as drawn,
    ):
        for frame in drawn:
            video.write(frame)
            if on_step:
                on_step(video.frames, frames)
    return frames
