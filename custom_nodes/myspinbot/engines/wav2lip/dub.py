"""A clip or a photo that speaks a sound: from file to file, with flat memory, and resumable."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from ...media.ahead import ahead
from ...media.audio import Sound
from ...media.faces import Pixels
from ...media.faces.tracks import TrackedFace, Tracks
from ...media.lossless import LosslessWriter, read_lossless
from ...media.video import VideoWriter
from ...media.work import Job
from ..progress import OnStep
from .blend import Crop, Look, blended, crop_of, cut_out
from .generator import SIDE
from .lips import BATCH, Lips
from .source import Longer, Source, length, shown

CHUNK = 200  # frames whose drawings are kept together


@dataclass(frozen=True, slots=True)
class Dubbing:
    """All that decides how a clip is dubbed. `tracks` has one face at most in each frame."""

    source: Source
    tracks: Tracks
    sound: Sound
    fps: Fraction
    longer: Longer = "ping-pong"
    look: Look = field(default_factory=Look)

    @property
    def frames(self) -> int:
        """How many frames the result has."""
        return length(self.sound.exact_duration, self.fps, self.tracks.frames, self.longer)


@dataclass(slots=True, eq=False)
class _Shot:
    """A frame on its way: its face, if it has one, and what the network sees of it."""

    index: int
    pixels: Pixels
    face: TrackedFace | None = None
    crop: Crop | None = None
    seen: Pixels | None = None
    drawn: Pixels | None = None


def dub(work: Dubbing, lips: Lips, path: Path, job: Job | None = None, on_step: OnStep | None = None) -> int:
    """Write `path`, an MP4 of the clip speaking the sound; returns how many of its frames have no face.

    What the network draws is kept in `job`, and not drawn again when the same work is begun again.
    `on_step(frames done, frames in all)` may raise to cancel; then no file is left at `path`.
    """
    without = 0
    with ExitStack() as stack:
        video = stack.enter_context(
            VideoWriter(path, width=work.source.width, height=work.source.height, fps=work.fps, sound=work.sound)
        )
        for pixels, has_face in stack.enter_context(closing(ahead(dubbed(work, lips, job)))):
            video.write(pixels)
            without += not has_face
            if on_step:
                on_step(video.frames, work.frames)
    return without


def dubbed(work: Dubbing, lips: Lips, job: Job | None = None) -> Iterator[tuple[Pixels, bool]]:
    """The frames of the result, and whether each has a face; one without is the source's own, bit for bit."""
    with closing(ahead(_shots(work), depth=2 * BATCH)) as shots:
        for number in range(-(-work.frames // CHUNK)):
            for shot in _drawn(islice(shots, CHUNK), lips, job, f"lips-{number:05d}.mkv"):
                if shot.face is None or shot.crop is None or shot.seen is None or shot.drawn is None:
                    yield shot.pixels, False
                else:
                    yield blended(shot.pixels, shot.drawn, shot.seen, shot.face, shot.crop, work.look), True


def _shots(work: Dubbing) -> Iterator[_Shot]:
    one: tuple[Pixels, Pixels] | None = None  # a photo's pixels and what is seen of them, cut out once
    for index, (number, pixels) in enumerate(shown(work.source, work.tracks.frames, work.frames, work.longer)):
        shot = _Shot(index, pixels, next(iter(work.tracks.at(number)), None))
        if shot.face is not None:
            shot.crop = crop_of(shot.face, work.look.padding, work.source.width, work.source.height)
        if shot.crop is not None:
            if one is None or one[0] is not pixels:
                one = pixels, cut_out(pixels, shot.crop)
            shot.seen = one[1]
        yield shot


def _drawn(shots: Iterator[_Shot], lips: Lips, job: Job | None, name: str) -> Iterator[_Shot]:
    """One chunk's shots with what is drawn for them, kept under `name`."""
    if job and job.has(name):
        for drawn, shot in zip(read_lossless(job.path(name)), shots, strict=True):
            shot.drawn = drawn
            yield shot
        return
    with ExitStack() as stack:
        keep: LosslessWriter | None = None
        if job:
            keep = stack.enter_context(LosslessWriter(stack.enter_context(job.writing(name)), width=SIDE, height=SIDE))
        while batch := list(islice(shots, BATCH)):
            _draw(batch, lips)
            for shot in batch:
                if keep:
                    keep.write(_NOTHING if shot.drawn is None else shot.drawn)
                yield shot


def _draw(batch: list[_Shot], lips: Lips) -> None:
    faces = [shot for shot in batch if shot.seen is not None]
    if faces:
        drawn = lips.draw([shot.seen for shot in faces if shot.seen is not None], [shot.index for shot in faces])
        for shot, picture in zip(faces, drawn, strict=True):
            shot.drawn = picture


_NOTHING = np.zeros((SIDE, SIDE, 3), np.uint8)
