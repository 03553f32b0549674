"""The lips of one clip in another: a new take, made from a clip by any model, confined to the clip's face.

The face of each new frame is laid onto the face of the original frame by the similarity that brings its five points
closest, so it may have moved, or be of another size. Nothing outside the region changes.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ...media.faces import Pixels
from ...media.faces.similarity import similarity
from ...media.faces.tracks import TrackedFace, Tracks
from ...media.prefetch import prefetch
from ...media.tracks import SoundFrom
from ...media.video import VideoWriter
from ..progress import OnStep
from .blend import Crop, Look, blended, crop_of, cut_out, region_mask
from .source import Clip, Longer, shown

_LARGEST = 640  # pixels of a face's side at which it is laid over; larger ones are soft in any take
_TRUST = np.array([1.0, 1.0, 0.5, 0.1, 0.1])  # in eyes, nose and mouth, which moves within the face as it speaks


@dataclass(frozen=True, slots=True)
class LipTransfer:
    """A clip, a new take of it at the same rate, and the face that is meant in each."""

    original: Clip
    original_tracks: Tracks
    take: Clip
    take_tracks: Tracks
    fps: Fraction
    longer: Longer = "hold"
    look: Look = field(default_factory=lambda: Look(sharpness=0.0, padding=(0, 0, 0, 0)))

    @property
    def frames(self) -> int:
        """How many frames the result has: those of the take, or of the clip if that is to cut it."""
        count = self.take_tracks.frames
        return min(count, self.original_tracks.frames) if self.longer == "cut" else count


def transfer_lips(work: LipTransfer, path: Path, on_step: OnStep | None = None) -> int:
    """Write `path`, an MP4 of the clip with the take's lips and sound; returns how many frames stayed as they were.

    `on_step(frames done, frames in all)` may raise to cancel; then no file is left at `path`.
    """
    kept = 0
    size = {"width": work.original.width, "height": work.original.height}
    with (
        VideoWriter(path, **size, fps=work.fps, sound=SoundFrom(work.take.path)) as video,
        closing(prefetch(transferred(work))) as drawn,
    ):
        for pixels, changed in drawn:
            video.write(pixels)
            kept += not changed
            if on_step:
                on_step(video.frames, work.frames)
    return kept


def transferred(work: LipTransfer) -> Iterator[tuple[Pixels, bool]]:
    """The frames of the result, and whether each has the take's lips; one without is the clip's own, bit for bit."""
    originals = shown(work.original, work.original_tracks.frames, work.frames, work.longer)
    with closing(prefetch(originals)) as below, closing(prefetch(work.take.frames())) as above:
        for index, ((number, pixels), take) in enumerate(zip(below, above, strict=False)):
            face = next(iter(work.original_tracks.at(number)), None)
            other = next(iter(work.take_tracks.at(index)), None)
            crop = face and crop_of(face, work.look.padding, work.original.width, work.original.height)
            if face is None or other is None or not crop:
                yield pixels, False
                continue
            side = int(min(max(crop[2] - crop[0], crop[3] - crop[1]), _LARGEST))
            laid = _laid(take, other, face, crop, side)
            mask = region_mask(face, crop, work.look, side)
            yield blended(pixels, laid, cut_out(pixels, crop, side), mask, crop, work.look), True


def _laid(take: Pixels, other: TrackedFace, face: TrackedFace, crop: Crop, side: int) -> Pixels:
    """The take's face where the clip's is, (side, side, 3) over `crop`."""
    back = similarity(face.points, other.points, _TRUST)  # from the clip to the take, as sampling needs it
    wide, high = (crop[2] - crop[0]) / side, (crop[3] - crop[1]) / side
    columns = back[:, :2] * (wide, high)
    shift = back[:, :2] @ np.array(crop[:2]) + back[:, 2]
    way = (columns[0, 0], columns[0, 1], shift[0], columns[1, 0], columns[1, 1], shift[1])
    picture = Image.fromarray(np.ascontiguousarray(take))
    return np.asarray(picture.transform((side, side), Image.Transform.AFFINE, way, Image.Resampling.BICUBIC))
