"""Where frames come from: a clip, a photo or pictures in memory, at one constant rate, and in which order they play."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

from ...media.clip import at_rate, read
from ...media.faces import Pixels

LoopMode = Literal["ping-pong", "hold", "cut"]
"""What a clip does where the sound goes on: run back and forth, hold its last frame, or end the sound."""

_NTSC = Fraction(1000, 1001)
_BACKWARD_BYTES = 256 * 2**20  # of frames held to be shown in reverse


class Source(Protocol):
    """Frames (H, W, 3) uint8 RGB of one even size."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def frames(self, start: int = 0) -> Iterator[Pixels]:
        """From frame `start` to the end."""
        ...


@dataclass(frozen=True, slots=True)
class Clip:
    """A file, as it is shown at `fps`; a last odd row or column is left out, as H.264 needs."""

    path: Path
    fps: Fraction
    width: int
    height: int

    def frames(self, start: int = 0) -> Iterator[Pixels]:
        begin = (start + Fraction(1, 2)) / self.fps if start else Fraction(0)
        for pixels in islice(at_rate(read(self.path, start=begin), self.fps), start, None):
            yield pixels[: self.height, : self.width]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures in memory, all of one size; a single one is a photo."""

    pictures: Sequence[Pixels]

    @property
    def width(self) -> int:
        return self.pictures[0].shape[1] // 2 * 2

    @property
    def height(self) -> int:
        return self.pictures[0].shape[0] // 2 * 2

    def frames(self, start: int = 0) -> Iterator[Pixels]:
        for pixels in self.pictures[start:]:
            yield pixels[: self.height, : self.width]


def exact_rate(fps: float) -> Fraction:
    """The rate that is meant: 23.976 is 24000/1001, 29.97 is 30000/1001, 12.5 is itself.

    Raises:
        ValueError: it is not between 1 and 240.
    """
    if not 1 <= fps <= 240:
        raise ValueError(f"A frame rate must be between 1 and 240 frames a second, not {fps:g}.")
    whole = round(fps)
    if abs(fps - whole) < 1e-6:
        return Fraction(whole)
    ntsc = round(fps / float(_NTSC)) * _NTSC
    return ntsc if abs(float(ntsc) - fps) < 2e-3 else Fraction(fps).limit_denominator(1001)


def frame_count(sound: Fraction, fps: Fraction, frames: int, loop_mode: LoopMode) -> int:
    """How many frames the result has.

    Args:
        sound: seconds of speech.
        fps: frames a second.
        frames: of the clip.
        loop_mode: whether the sound or the clip decides.
    """
    wanted = max(-(-sound * fps // 1), 1)
    return int(min(wanted, frames) if loop_mode == "cut" else wanted)


def playback(source: Source, frames: int, count: int, loop_mode: LoopMode) -> Iterator[tuple[int, Pixels]]:
    """Frames in the order in which they are shown.

    Args:
        source: the clip.
        frames: how many it has.
        count: how many are wanted.
        loop_mode: what comes after the clip's last one.

    Yields:
        Each frame's number in the clip, and its pixels (H, W, 3) uint8.
    """
    index, forward = 0, True
    while index < count:
        if frames == 1 or (loop_mode != "ping-pong" and index):
            last = next(source.frames(frames - 1))
            yield from ((frames - 1, last) for _ in range(index, count))
            return
        numbers = range(frames) if forward else range(frames - 2, 0, -1)
        run = numbers[: count - index]
        yield from (zip(run, source.frames(), strict=False) if forward else _backward(source, run))
        index, forward = index + len(run), not forward


def _backward(source: Source, numbers: range) -> Iterator[tuple[int, Pixels]]:
    """A few frames at a time, each few decoded forwards."""
    few = max(_BACKWARD_BYTES // (source.width * source.height * 3), 1)
    for begin in range(0, len(numbers), few):
        part = numbers[begin : begin + few]
        pictures = list(islice(source.frames(part[-1]), len(part)))
        yield from zip(part, reversed(pictures), strict=True)
