"""A clip or a photo that speaks a sound: from file to file, with flat memory, and resumable."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from ...media.audio import Sound
from ...media.faces import Pixels
from ...media.faces.tracks import TrackedFace, Tracks
from ...media.lossless import LosslessWriter, read_lossless
from ...media.prefetch import prefetch
from ...media.video import VideoWriter
from ...shared.work_store import Job
from ..progress import OnStep
from .blend import Crop, Look, Plane, blended, crop_of, cut_out, region_mask, window_of
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
class _Aim:
    """Where in a frame something is drawn: the part that the network sees, how it looks, and what of it is replaced."""

    crop: Crop
    seen: Pixels
    mask: Plane


@dataclass(slots=True, eq=False)
class _Shot:
    """A frame on its way, with a face to draw if it has one."""

    index: int
    pixels: Pixels
    aim: _Aim | None = None
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
        for pixels, has_face in stack.enter_context(closing(prefetch(dubbed(work, lips, job)))):
            video.write(pixels)
            without += not has_face
            if on_step:
                on_step(video.frames, work.frames)
    return without


def dubbed(work: Dubbing, lips: Lips, job: Job | None = None) -> Iterator[tuple[Pixels, bool]]:
    """The frames of the result, and whether each has a face; one without is the source's own, bit for bit."""
    with closing(prefetch(_all_drawn(work, lips, job), depth=BATCH)) as shots:  # so that blending holds up no drawing
        for shot in shots:
            if shot.aim is None or shot.drawn is None:
                yield shot.pixels, False
            else:
                aim = shot.aim
                yield blended(shot.pixels, shot.drawn, aim.seen, aim.mask, aim.crop, work.look), True


def _all_drawn(work: Dubbing, lips: Lips, job: Job | None) -> Iterator[_Shot]:
    with closing(prefetch(_shots(work), depth=BATCH)) as shots:
        for number in range(-(-work.frames // CHUNK)):
            yield from _drawn(islice(shots, CHUNK), lips, job, f"lips-{number:05d}.mkv")


def _shots(work: Dubbing) -> Iterator[_Shot]:
    last: _Shot | None = None
    for index, (number, pixels) in enumerate(shown(work.source, work.tracks.frames, work.frames, work.longer)):
        if last is not None and last.pixels is pixels:  # a photo, or a frame that is held
            last = _Shot(index, pixels, last.aim)
        else:
            face = next(iter(work.tracks.at(number)), None)
            last = _Shot(index, pixels, None if face is None else _aim(pixels, face, work))
        yield last


def _aim(pixels: Pixels, face: TrackedFace, work: Dubbing) -> _Aim | None:
    crop = crop_of(face, work.look.padding, work.source.width, work.source.height)
    return crop and _Aim(crop, cut_out(pixels, crop), region_mask(face, crop, work.look))


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
            keep = stack.enter_context(
                LosslessWriter(stack.enter_context(job.atomic_write(name)), width=SIDE, height=SIDE)
            )
        while batch := list(islice(shots, BATCH)):
            _draw(batch, lips)
            for shot in batch:
                if keep:
                    keep.write(_NOTHING if shot.drawn is None else shot.drawn)
                yield shot


def _draw(batch: list[_Shot], lips: Lips) -> None:
    aims = [(shot, shot.aim) for shot in batch if shot.aim is not None]
    if aims:
        window = window_of([aim.mask for _, aim in aims])
        drawn = lips.draw([aim.seen for _, aim in aims], [shot.index for shot, _ in aims], window)
        for (shot, _), picture in zip(aims, drawn, strict=True):
            shot.drawn = picture


_NOTHING = np.zeros((SIDE, SIDE, 3), np.uint8)
