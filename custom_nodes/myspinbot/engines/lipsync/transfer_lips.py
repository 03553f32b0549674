"""The lips of one video in another: of one that any model made from a clip, laid onto that clip's face.

The face of each frame of the lips video is laid onto the face of the target's frame by the similarity that brings its
five points closest, so it may have moved, or be of another size. Nothing outside the region changes.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from ...media.faces import Pixels
from ...media.faces.geometry import similarity
from ...media.faces.tracks import TrackedFace, Tracks
from ...media.prefetch import prefetch
from ...media.sound_tracks import SoundFrom
from ...media.video import VideoWriter
from ...media.warp import rounded, sampled, within
from ..progress import OnStep
from .blend import Blending, Crop, Plane, blend, crop_of, cut_out, region_mask
from .source import Clip, LoopMode, playback

_LARGEST = 640  # pixels of a face's side at which it is laid over; larger ones are soft in any video
_FADE = 0.04  # of the side, over which a face that its frame cuts off fades out
_TRUST = np.array([1.0, 1.0, 0.5, 0.1, 0.1])  # in eyes, nose and mouth, which moves within the face as it speaks


@dataclass(frozen=True, slots=True)
class LipTransfer:
    """Which lips go where.

    Attributes:
        target: the clip that stays as it is, but for the lips.
        lips: the video whose lips and sound it gets, at the same rate.
        target_tracks, lips_tracks: the face that is meant in each.
    """

    target: Clip
    target_tracks: Tracks
    lips: Clip
    lips_tracks: Tracks
    fps: Fraction
    loop_mode: LoopMode = "hold"
    blending: Blending = field(default_factory=lambda: Blending(sharpness=0.0, padding=(0, 0, 0, 0)))

    @property
    def frames(self) -> int:
        """How many frames the result has: those of the lips video, or of the target if that is to cut it."""
        count = self.lips_tracks.frames
        return min(count, self.target_tracks.frames) if self.loop_mode == "cut" else count


def transfer_lips(work: LipTransfer, path: Path, on_step: OnStep | None = None) -> int:
    """Write an MP4 of the target with the other video's lips and sound.

    Args:
        work: which lips go where.
        path: of the new file.
        on_step: called with the frames done and the frames in all; may raise to cancel, then no file is left.

    Returns:
        How many frames stayed as they were.
    """
    unchanged = 0
    size = {"width": work.target.width, "height": work.target.height}
    with (
        VideoWriter(path, **size, fps=work.fps, sound=SoundFrom(work.lips.path)) as video,
        closing(prefetch(transferred_frames(work))) as frames,
    ):
        for pixels, changed in frames:
            video.write(pixels)
            unchanged += not changed
            if on_step:
                on_step(video.frames, work.frames)
    return unchanged


def transferred_frames(work: LipTransfer) -> Iterator[tuple[Pixels, bool]]:
    """The frames of the result, and whether each has new lips; one without is the target's own, bit for bit."""
    targets = playback(work.target, work.target_tracks.frames, work.frames, work.loop_mode)
    with closing(prefetch(targets)) as below, closing(prefetch(work.lips.frames())) as above:
        for index, ((number, pixels), lips) in enumerate(zip(below, above, strict=False)):
            face = next(iter(work.target_tracks.at(number)), None)
            other = next(iter(work.lips_tracks.at(index)), None)
            crop = face and crop_of(face, work.blending.padding, work.target.width, work.target.height)
            if face is None or other is None or not crop:
                yield pixels, False
                continue
            side = int(min(max(crop[2] - crop[0], crop[3] - crop[1]), _LARGEST))
            laid, shown = _laid_over(lips, other, face, crop, side)
            mask = region_mask(face, crop, work.blending, side)
            mask = mask if shown is None else mask * shown
            yield blend(pixels, laid, cut_out(pixels, crop, side), mask, crop, work.blending), True


def _laid_over(
    lips: Pixels, other: TrackedFace, face: TrackedFace, crop: Crop, side: int
) -> tuple[Pixels, Plane | None]:
    """The lips video's face where the target's is, (side, side, 3) over `crop`, and where it is in its frame at all."""
    back = similarity(face.points, other.points, _TRUST)  # from the target to the lips video, as sampling needs it
    wide, high = (crop[2] - crop[0]) / side, (crop[3] - crop[1]) / side
    columns = back[:, :2] * (wide, high)
    shift = back[:, :2] @ np.array(crop[:2]) + back[:, 2]
    (a, b), (d, e) = columns.tolist()
    c, f = shift.tolist()
    soft = _FADE * side * float(np.hypot(a, d))
    shown = within(lips.shape, (side, side), (a, b, c, d, e, f), soft)
    return rounded(sampled(lips, (side, side), (a, b, c, d, e, f), cubic=True)), shown
