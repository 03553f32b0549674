"""From a still portrait and a speech to frames and to a file: the draft talking head."""

import math
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import torch

from ...media.audio import Sound
from ...media.faces import FacePoints, Pixels
from ...media.prefetch import prefetch
from ...media.video import VideoWriter
from ..progress import OnStep
from ..timings import Timings
from .contours import eye_shapes
from .drawing import Sway
from .eyes import Lid
from .motion import Motion, analyze, plan_motion
from .mouth import Mouth
from .visemes import Pose

FPS = Fraction(25)


def render_talking_head(
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
    """Write an MP4 of a portrait that speaks, at 25 frames a second.

    Frames go to the encoder one by one: memory doesn't grow with the length.

    Args:
        portrait: (H, W, 3) uint8, with even sides.
        points: where its face is.
        sound: the speech; the video is as long, rounded up to a whole frame.
        path: of the new file.
        timings: when each sound is spoken; without them the mouth follows the sound.
        seed: of blinks and sway.
        motion_scale: how far the head moves; 1 is natural, 0 keeps it still.
        on_step: called with the frames done and the frames in all; may raise to cancel, then no file is left.

    Returns:
        The number of frames.
    """
    frames = max(math.ceil(Fraction(sound.samples.shape[1], sound.sample_rate) * FPS), 1)
    motion = plan_motion(
        analyze(sound, frames, float(FPS)), timings, fps=float(FPS), seed=seed, motion_scale=motion_scale
    )
    height, width = portrait.shape[:2]
    with (
        VideoWriter(path, width=width, height=height, fps=FPS, sound=sound) as video,
        closing(prefetch(render_frames(portrait, points, motion))) as rendered,
    ):
        for frame in rendered:
            video.write(frame)
            if on_step:
                on_step(video.frames, frames)
    return frames


def render_frames(portrait: Pixels, points: FacePoints, motion: Motion) -> Iterator[Pixels]:
    """A portrait in motion.

    The face comes first and the head's sway after it, so that each part is drawn where the portrait has it.

    Args:
        portrait: (H, W, 3) uint8.
        points: where its face is.
        motion: of each frame.

    Yields:
        (H, W, 3) uint8 for each frame.
    """
    picture = torch.from_numpy(portrait.copy()).permute(2, 0, 1).float().unsqueeze(0)
    mouth = Mouth(picture, points)
    lids = [Lid(picture, eye) for eye in eye_shapes(points)]
    sway = Sway(portrait.shape[0], portrait.shape[1], points)
    frame = picture[0].clone()
    for index in range(len(motion)):
        for lid in lids:
            lid.clear(frame)
        mouth.draw(frame, Pose(*motion.poses[index].tolist()))
        for lid in lids:
            lid.draw(frame, float(motion.blink[index]))
        moved = sway.move(
            frame,
            float(motion.shift_x[index]),
            float(motion.shift_y[index]),
            float(motion.roll[index]),
            float(motion.zoom[index]),
        )
        yield moved.add_(0.5).clamp_(0, 255).byte().permute(1, 2, 0).contiguous().numpy()
