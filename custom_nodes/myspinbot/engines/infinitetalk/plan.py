"""How a speech of any length is cut into windows that the model makes one after another.

Each window but the first begins with frames that the one before it ended with, its motion frames; what it adds is
the rest. Frames, and the sound that goes with them, are counted from the beginning of the whole video. A prompt may be
that of one window, or hold from a time on.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

_ROUNDING = 1e-6  # frames
_TIMED = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)\s+(.+)")


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

    @classmethod
    def covering(cls, duration: float, length: int, motion: int) -> Self:
        """The plan for sound that lasts `duration` frames.

        A frame that it only begins is made too, unless that took another window: then the sound ends within it.
        """
        plan = cls(max(math.ceil(duration - _ROUNDING), 1), length, motion)
        whole = cls(max(math.floor(duration + _ROUNDING), 1), length, motion)
        return whole if whole.count < plan.count else plan

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


def prompts_per_window(text: str, windows: Iterable[Window], fps: int) -> list[str | None]:
    """Each window's prompt; None where the node's own stands.

    Args:
        text: a line for each window, the last one for all after it too. Where lines begin with a time, as `0:12` or
            `1:02:30`, each is for the windows whose new frames begin there or later.
        windows: all windows of the video, in order.
        fps: frames a second of the video.

    Raises:
        ValueError: some lines have a time and others have none, or the times don't rise.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    timed = [_TIMED.fullmatch(line) for line in lines]
    if not any(timed):
        return [lines[min(window.index, len(lines) - 1)] if lines else None for window in windows]
    starts: list[tuple[float, str]] = []
    for line, match in zip(lines, timed, strict=True):
        if match is None:
            raise ValueError(f"Begin either every prompt with a time such as 0:12, or none. This one has none: {line}")
        hours, minutes, seconds, prompt = match.groups()
        starts.append((int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds), prompt))
    if [time for time, _ in starts] != sorted(time for time, _ in starts):
        raise ValueError("The times of the prompts must rise from line to line.")
    return [_last([prompt for time, prompt in starts if time * fps <= window.first]) for window in windows]


def _last(prompts: list[str]) -> str | None:
    return prompts[-1] if prompts else None
