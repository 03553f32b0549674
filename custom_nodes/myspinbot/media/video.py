"""Frames and sound into an MP4, a few frames at a time.

The file is the project's mezzanine: H.264 4:2:0 at a visually lossless quality with AAC, BT.709
tagged, `faststart`, so that browsers play it and ComfyUI's Save Video passes it through untouched.
"""

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace

from ..shared.files import atomic_write
from .audio import Sound
from .sound_tracks import CopiedTrack, SoundFrom, SoundTrack

CRF = 16  # visually lossless
# With AVX-512, x264's macroblock tree reads memory that nothing was written to, at widths such as 192, 496 and 720:
# the same frames gave other bytes from run to run, so that work that begins with their file wasn't found again.
_SAME_BYTES = "mbtree=0"
_THREADS = 4  # x264 would take as many as there are cores, and their number changes the bytes
_BT709 = 1  # ISO/IEC 23091-2: the same number for primaries, transfer and matrix


class VideoWriter:
    """A context manager that encodes an MP4 beside `path` and puts it there when all went well.

        with VideoWriter(path, width=512, height=512, fps=Fraction(25), sound=sound) as video:
            video.write(frames)  # (H, W, 3) uint8, RGB, one by one

    The sound, one in memory or another file's (`SoundFrom`), is muxed in step with the frames and cut where the
    last frame ends. `crf` is x264's constant rate factor: lower is better and larger.

    Raises:
        ValueError: a size that is not even, or a frame of another size.
        FileExistsError: `path` exists; nothing is ever overwritten.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: Fraction,
        sound: Sound | SoundFrom | None = None,
        crf: int = CRF,
    ) -> None:
        if width % 2 or height % 2 or width < 2 or height < 2:
            raise ValueError(f"H.264 needs an even width and height, not {width}x{height}.")
        self.frames = 0
        self._fps = fps
        self._sound: SoundTrack | CopiedTrack | None = None
        with contextlib.ExitStack() as stack:
            aside = stack.enter_context(atomic_write(path))
            self._container: Any = av.open(str(aside), "w", format="mp4", options={"movflags": "+faststart"})
            stack.callback(self._close)
            self._video = _video_stream(self._container, width, height, fps, crf)
            self._sound = _track(self._container, sound) if sound else None
            self._open = stack.pop_all()

    def write(self, frame: npt.NDArray[np.uint8]) -> None:
        """Append one frame (H, W, 3), RGB."""
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if (picture.width, picture.height) != (self._video.width, self._video.height):
            raise ValueError(
                f"A frame of {picture.width}x{picture.height} in a video of {self._video.width}x{self._video.height}."
            )
        picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        picture.pts = self.frames
        picture.time_base = 1 / self._fps
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        if self._sound:
            self._sound.advance(self.frames / self._fps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if error is not None:
                raise error
            self._finish()

    def _close(self) -> None:
        """Close what is still open."""
        with contextlib.suppress(OSError, FFmpegError):  # after a failure there is nothing left to save
            self._container.close()
        if self._sound:
            self._sound.close()

    def _finish(self) -> None:
        if not self.frames:
            raise ValueError("No frame was written: a video needs one at least.")
        self._container.mux(self._video.encode(None))
        if self._sound:
            self._sound.finish()
        self._container.close()


def _track(container: Any, sound: Sound | SoundFrom) -> SoundTrack | CopiedTrack:
    return CopiedTrack(container, sound) if isinstance(sound, SoundFrom) else SoundTrack(container, sound)


def _video_stream(container: Any, width: int, height: int, fps: Fraction, crf: int) -> Any:
    options = {"crf": str(crf), "preset": "veryfast", "x264-params": _SAME_BYTES}
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.thread_count = _THREADS
    context.color_range = ColorRange.MPEG
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    return stream
