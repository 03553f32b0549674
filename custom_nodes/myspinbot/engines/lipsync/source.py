"""Where frames come from: a clip, a photo or pictures in memory, at one constant rate, and in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

from ...media.clip import at_rate, read
from ...media.faces import Pixels

Longer = Literal["ping-pong", "hold", "cut"]
"""What a clip does where the sound goes on: run back and forth, hold its last frame, or end the sound."""

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


def length(sound: Fraction, fps: Fraction, frames: int, longer: Longer) -> int:
    """How many frames the result has for `sound` seconds over a clip of `frames`."""
    wanted = max(-(-sound * fps // 1), 1)
    return int(min(wanted, frames) if longer == "cut" else wanted)


def shown(source: Source, frames: int, count: int, longer: Longer) -> Iterator[tuple[int, Pixels]]:
    """`count` frames in the order in which they are shown, each with its number in the clip of `frames`."""
    index, forward = 0, True
    while index < count:
        if frames == 1 or (longer != "ping-pong" and index):
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
