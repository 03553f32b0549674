"""Frames on disk that come back bit for bit: what work that can be resumed keeps between its stages.

H.264 in RGB without quantisation: a third of FFV1's time here, and where little moves a fraction of its size.
Players and browsers don't show it; clips for people are written by `video.VideoWriter`.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.error import FFmpegError

from .faces import Pixels

_OPTIONS = {"qp": "0", "preset": "ultrafast"}


class LosslessWriter:
    """A context manager that writes frames (H, W, 3) uint8 RGB to `path`, a Matroska file.

    It writes to `path` itself: give it the path from `Job.atomic_write`, which puts whole files in place.
    """

    def __init__(self, path: Path, *, width: int, height: int, fps: Fraction = Fraction(25)) -> None:
        self.frames = 0
        self._container: Any = av.open(str(path), "w", format="matroska")
        self._stream = self._container.add_stream("libx264rgb", rate=fps, options=_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "rgb24"

    def write(self, frame: Pixels) -> None:
        """Append one frame.

        Raises:
            ValueError: it is of another size.
        """
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        if (picture.width, picture.height) != (self._stream.width, self._stream.height):
            raise ValueError(
                f"A frame of {picture.width}x{picture.height} in a chunk of {self._stream.width}x{self._stream.height}."
            )
        picture.pts = self.frames
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def read_lossless(path: Path) -> Iterator[Pixels]:
    """The frames of a file that `LosslessWriter` wrote, one at a time.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_type = "AUTO"
            pictures: Iterator[Any] = container.decode(video=0)
            for picture in pictures:
                yield picture.to_ndarray(format="rgb24")
    except (FFmpegError, IndexError) as error:
        raise ValueError(f"{path} is damaged; delete it and queue the work again.") from error
