"""How a speech of any length is cut into windows that the model makes one after another.

Each window but the first begins with frames that the one before it ended with, its motion frames; what it adds is
the rest. Frames, and the sound that goes with them, are counted from the beginning of the whole video.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """One run of the model.

    Attributes:
        index: from 0.
        start: the frame of the whole video that it begins with.
        motion: how many of its first frames are known from the window before.
        fresh: how many frames after those it adds to the video.
    """

    index: int
    start: int
    motion: int
    fresh: int

    @property
    def first(self) -> int:
        """The first frame of the video that it adds."""
        return self.start + self.motion


@dataclass(frozen=True, slots=True)
class Plan:
    """The windows of a video of `frames` frames: `length` frames each, `motion` of them from the one before.

    Raises:
        ValueError: sizes that the model can't take.
    """

    frames: int
    length: int
    motion: int

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError("A video needs one frame at least.")
        for name, value in (("frame_window_size", self.length), ("motion_frame", self.motion)):
            if value < 1 or value % 4 != 1:
                low = max((value - 1) // 4 * 4 + 1, 1)
                raise ValueError(f"{name} must be 1 more than a multiple of 4, not {value}. Use {low} or {low + 4}.")
        if 2 * self.motion > self.length:
            raise ValueError(
                f"motion_frame ({self.motion}) must be at most half of frame_window_size ({self.length}), so that "
                "each window has enough new frames for the next one to begin with."
            )

    @property
    def count(self) -> int:
        """How many windows there are."""
        return 1 + max(math.ceil((self.frames - self.length) / (self.length - self.motion)), 0)

    @property
    def end(self) -> int:
        """The frame after the last one that the last window makes, at or beyond the end of the video."""
        return self.length + (self.count - 1) * (self.length - self.motion)

    def window(self, index: int) -> Window:
        start = index * (self.length - self.motion)
        motion = self.motion if index else 0
        return Window(index, start, motion, min(self.length - motion, self.frames - start - motion))

    def windows(self) -> Iterator[Window]:
        return (self.window(index) for index in range(self.count))
