"""Clips in: frame by frame, upright, in RGB, with their exact times."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError, InvalidDataError
from av.video.reformatter import ColorRange, Colorspace

from .faces import Pixels

_UNSPECIFIED = 2  # ISO/IEC 23091-2
_HD = 720  # rows from which an untagged clip is taken for BT.709, as players do; below it is BT.601
_USUAL_RATE = Fraction(25)  # for a file that states none


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip's file says of it.

    Attributes:
        width, height: in pixels as it is shown, a rotation applied.
        fps: the average rate.
        frames: how many there are, if the file says so.
        duration: seconds from the first frame to the end of the last.
        has_audio: whether there is a sound that can be decoded.
    """

    width: int
    height: int
    fps: Fraction
    frames: int | None
    duration: Fraction
    has_audio: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """`pixels` (H, W, 3) uint8 RGB, shown from `time` on for `duration`, in seconds from the clip's start."""

    time: Fraction
    duration: Fraction
    pixels: Pixels


def probe(source: Path) -> ClipInfo:
    """What `source` is, without decoding more than its first frame.

    Raises:
        ValueError: it is no video that can be read.
    """
    with _opened(source) as container:
        stream = container.streams.video[0]
        first = next(decoded(container, stream), None)
        if first is None:
            raise ValueError(f"{source.name} holds no picture that can be decoded. It may be damaged or cut short.")
        sideways = first.rotation % 180 != 0
        size = (first.height, first.width) if sideways else (first.width, first.height)
        audio = any(sound.codec_context is not None for sound in container.streams.audio)
        return ClipInfo(*size, _rate(stream), stream.frames or None, _duration(container, stream), audio)


def read(source: Path, *, start: Fraction = Fraction(0)) -> Iterator[Frame]:
    """The frames of a clip, decoded one at a time. Damaged parts are left out.

    Args:
        source: the clip's file; one of variable frame rate is given as it is, see `at_rate`.
        start: seconds from which on frames are shown.

    Yields:
        Each frame upright in RGB, with its exact time.

    Raises:
        ValueError: it is no video that can be read.
    """
    with _opened(source) as container:
        stream = container.streams.video[0]
        began, usual = clip_start(container), 1 / _rate(stream)
        if start > 0:
            container.seek(int((start + began) / stream.time_base), stream=stream)
        time, count = Fraction(0), 0
        for picture in decoded(container, stream):
            time = time if picture.pts is None else picture.pts * stream.time_base - began
            duration = picture.duration * stream.time_base if picture.duration else usual
            if time + duration > start:
                yield Frame(time, duration, _upright(picture))
                count += 1
            time += duration
        if not count and not start:
            raise ValueError(f"{source.name} holds no picture that can be decoded. It may be damaged or cut short.")


def at_rate(frames: Iterable[Frame], fps: Fraction, count: int | None = None) -> Iterator[Pixels]:
    """A clip at a constant rate: picture i is what is shown in the middle of its time, (i + 1/2) / fps.

    The timing is exact for any length.

    Args:
        frames: from `read`.
        fps: pictures a second.
        count: how many pictures, the last one held if need be; without it the clip ends where its last frame does.

    Yields:
        (H, W, 3) uint8 RGB.
    """
    index, shown = 0, None
    for frame in frames:
        while shown is not None and (index + Fraction(1, 2)) / fps < frame.time and index != count:
            yield shown.pixels
            index += 1
        if index == count:
            return
        shown = frame
    if shown is None:
        return
    end = shown.time + shown.duration
    while index < count if count is not None else (index + Fraction(1, 2)) / fps < end:
        yield shown.pixels
        index += 1


def clip_start(container: Any) -> Fraction:
    """When the earliest of a container's streams starts, in seconds; times of a clip count from here."""
    starts = [s.start_time * s.time_base for s in (*container.streams.video, *container.streams.audio) if s.start_time]
    return min(starts) if len(starts) == len(container.streams.video) + len(container.streams.audio) else Fraction(0)


def _opened(source: Path) -> Any:
    try:
        container: Any = av.open(str(source))
    except InvalidDataError as error:
        raise ValueError(f"{source.name} is no video that can be read; it may be damaged or cut short.") from error
    except FFmpegError as error:
        raise ValueError(f"{source.name} can't be opened: {error.strerror}.") from error
    if not container.streams.video or container.streams.video[0].codec_context is None:
        container.close()
        raise ValueError(f"{source.name} holds no video, or one whose coding is unknown.")
    container.streams.video[0].thread_type = "AUTO"
    return container


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets, up to a place past which the file can't be read."""
    with contextlib.suppress(InvalidDataError):
        yield from container.demux(stream)


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's pictures, or pieces of sound; a packet that can't be decoded is left out, as players do."""
    for packet in packets(container, stream):
        try:
            pieces = packet.decode()
        except InvalidDataError:
            continue
        yield from pieces


def _upright(picture: Any) -> Pixels:
    space = Colorspace.ITU709 if picture.height >= _HD else Colorspace.ITU601
    tagged = picture.colorspace != _UNSPECIFIED
    rgb = picture.format.name.startswith(("rgb", "bgr", "gbr", "gray", "pal"))
    if not rgb:
        picture = picture.reformat(
            format="rgb24",
            src_colorspace=None if tagged else space,
            dst_color_range=ColorRange.JPEG,
        )
    pixels = picture.to_ndarray(format="rgb24")
    turns = round(picture.rotation / 90)
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _rate(stream: Any) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
    return Fraction(rate) if rate > 0 else _USUAL_RATE


def _duration(container: Any, stream: Any) -> Fraction:
    if stream.duration:
        return stream.duration * stream.time_base
    if stream.frames:
        return stream.frames / _rate(stream)
    if container.duration:
        return Fraction(container.duration, av.time_base)
    container.seek(0)
    ends = [p.pts + (p.duration or 0) for p in container.demux(stream) if p.pts is not None]
    return max(ends, default=0) * stream.time_base - clip_start(container)
