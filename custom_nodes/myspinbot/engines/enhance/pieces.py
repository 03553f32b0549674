"""A long video written in pieces that stay on disk, so that an interrupted run goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from ...media.faces import Pixels
from ...media.remux import join
from ...media.sound_tracks import SoundFrom
from ...media.video import CRF, VideoWriter
from ...shared.work_store import Job


@dataclass(frozen=True, slots=True)
class Step:
    """A step on the way of frames through a stage: something done, or a finished frame.

    Attributes:
        pixels: how much was done, as pixels that a model was given.
        frame: (H, W, 3) uint8; the same object as the one before where nothing changed.
        source: the frame that it was made from.
        state: what a run that goes on after this frame needs to know.
    """

    pixels: int = 0
    frame: Pixels | None = None
    source: Pixels | None = None
    state: Any = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of a video of `frames` frames, `length` in each but the last, in a job's folder."""

    job: Job
    frames: int
    length: int
    width: int
    height: int
    fps: Fraction
    crf: int = CRF

    @property
    def done(self) -> int:
        """Frames that are written already, from the first one on."""
        written = next(number for number in count() if not self.job.has(_name(number)))
        return min(written * self.length, self.frames)

    def write(self, frames: Iterator[Pixels | None], save_state: Callable[[Path], None] | None = None) -> None:
        """Write what isn't `done` yet.

        Args:
            frames: (H, W, 3) uint8 each, from frame `done` on; a None among them is passed over.
            save_state: writes what is needed to go on after the last frame that was written; see `state`.

        Raises:
            OSError: the disk is full.
        """
        while (begin := self.done) < self.frames:
            end = min(begin + self.length, self.frames)
            with self.job.atomic_write(_name(begin // self.length)) as aside, self._writer(aside) as video:
                while video.frames < end - begin:
                    frame = next(frames)
                    if frame is not None:
                        video.write(frame)
                if save_state:  # before the piece is there, so that no piece is without its state
                    with self.job.atomic_write(_state(end)) as state:
                        save_state(state)
            self.job.remove(_state(begin))

    @property
    def state(self) -> Path | None:
        """What was saved with the last piece, if there is one."""
        name = _state(self.done)
        return self.job.path(name) if self.job.has(name) else None

    def join(self, path: Path, *, sound: SoundFrom | None, whole_sound: bool) -> None:
        """All of the pieces as one MP4 at `path`, see `media.remux.join`."""
        names = [_name(number) for number in range(-(-self.frames // self.length))]
        join([self.job.path(name) for name in names], path, sound=sound, whole_sound=whole_sound)

    def _writer(self, path: Path) -> VideoWriter:
        return VideoWriter(path, width=self.width, height=self.height, fps=self.fps, crf=self.crf)


def _name(number: int) -> str:
    return f"{number:06}.mp4"


def _state(frame: int) -> str:
    return f"after-{frame:06}.npz"
