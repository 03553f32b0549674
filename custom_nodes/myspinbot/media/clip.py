"""Clips in: frame by frame, as they are meant to be shown, in RGB, with their exact times."""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from .container import (
    AHEAD,
    BACK,
    MediaError,
    clip_start,
    decoded,
    is_seekable,
    may_jump,
    naming,
    opened,
    packets,
    picture_stream,
    sound_stream,
)
from .display import is_hdr, shown, whole_frames
from .faces import Pixels

_LOG = logging.getLogger(__name__)
_USUAL_RATE = Fraction(25)  # for a file that states none
_FASTEST = 240  # pictures a second; more is a container's clock, no rate
_USUAL_RATES = [Fraction(rate) for rate in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60)] + [
    Fraction(rate * 1000, 1001) for rate in (24, 30, 60)
]
_MEASURED = 2000  # packets, from which a rate is measured
_SHORTEST, _LONGEST = Fraction(1, 60), Fraction(1, 10)  # seconds between pictures of what moves
_TICK = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is.

    Attributes:
        width, height: in pixels as it is shown: turned, in square pixels.
        fps: its own rate; where that isn't constant, the one at which it moves.
        frames: how many the file holds, if it says so; where its rate isn't constant, more or fewer are read.
        duration: seconds from the first frame to the end of the last.
        has_audio: whether there is a sound that can be decoded.
        remarks: what its user should know of how it is read.
    """

    width: int
    height: int
    fps: Fraction
    frames: int | None
    duration: Fraction
    has_audio: bool
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """`pixels` (H, W, 3) uint8 RGB, shown from `time` on for `duration`, in seconds from the clip's start."""

    time: Fraction
    duration: Fraction
    pixels: Pixels


class _Timed(NamedTuple):
    """A decoded picture with its time and duration in seconds."""

    time: Fraction
    duration: Fraction
    picture: Any


def probe(source: Path) -> ClipInfo:
    """What `source` is, without decoding more than its first frame.

    Raises:
        ValueError: it is no video that can be read.
    """
    with opened(source) as container, naming(source):
        stream = _pictures(container, source)
        first = next(decoded(container, stream), None)
        if first is None:
            raise _empty(source)
        height, width = shown(first, _aspect(stream)).shape[:2]
        fps, measured = _rate(source, stream)
        audio = sound_stream(container)
        remarks = _remarks(container, stream, audio, first)
        if measured:
            remarks.append(f"Its rate isn't constant; it is read at {float(fps):.5g} pictures a second, as it moves.")
        duration = _duration(source, container, stream, fps)
        return ClipInfo(width, height, fps, stream.frames or None, duration, audio is not None, tuple(remarks))


def _remarks(container: Any, stream: Any, audio: Any, first: Any) -> list[str]:
    found: list[str] = []
    if audio is not None and audio is not container.streams.audio[0]:
        number = [*container.streams.audio].index(audio) + 1
        found.append(f"Of its {len(container.streams.audio)} sounds number {number} is taken, as the file says.")
    if first.interlaced_frame:
        found.append("It is interlaced; each picture is made whole of its two fields.")
    if is_hdr(first):
        found.append("It has a wide dynamic range (HDR), which becomes BT.709; what is brighter than white is cut off.")
    if _aspect(stream) != 1:
        found.append("Its pixels aren't square; it is made as wide as it is shown.")
    return found


def read(source: Path, *, start: Fraction = Fraction(0)) -> Iterator[Frame]:
    """The frames of a clip, decoded one at a time. Damaged parts are left out.

    Args:
        source: the clip's file; one of variable frame rate is given as it is, see `at_rate`.
        start: seconds from which on frames are shown.

    Yields:
        Each frame as it is meant to be shown, see `display`, in the first one's size, with its exact time; times rise.

    Raises:
        ValueError: it is no video that can be read.
    """
    with opened(source) as container, naming(source):
        stream = _pictures(container, source)
        pictures = _timed(source, container, stream)
        first = next(pictures, None)
        if first is None:
            raise _empty(source)
        aspect = _aspect(stream)
        height, width = shown(first.picture, aspect).shape[:2]
        pictures = _entered(source, container, stream, start, first) or chain([first], pictures)
        resized = False
        for time, duration, picture in pictures:
            if time + duration <= start:
                continue
            pixels = shown(picture, aspect)
            if pixels.shape[:2] != (height, width):
                if not resized:
                    was = f"{pixels.shape[1]}x{pixels.shape[0]}"
                    _LOG.warning("%s has frames of %s from %.2f s on; they are scaled.", source.name, was, float(time))
                resized = True
                pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
            yield Frame(time, duration, pixels)


def _entered(source: Path, container: Any, stream: Any, start: Fraction, first: _Timed) -> Iterator[_Timed] | None:
    """The pictures from before `start` on; after a jump if that can be trusted. None where none is needed.

    One that isn't shown any more comes before what is, as fields are made whole with the picture before.

    Raises:
        ValueError: the file can't be read any more.
    """
    if start <= first.time + first.duration:
        return None
    if is_seekable(container):
        goal = max(start - 2 * first.duration, first.time) + clip_start(container)
        with contextlib.suppress(FFmpegError):
            container.seek(int(goal / stream.time_base), stream=stream)
            pictures = _timed(source, container, stream)
            landed = next(pictures, None)
            if landed is not None and landed.time + landed.duration <= start:
                return chain([landed], pictures)
    return _from_the_start(source)


def _from_the_start(source: Path) -> Iterator[_Timed]:
    with opened(source) as container:
        yield from _timed(source, container, _pictures(container, source))


def _timed(source: Path, container: Any, stream: Any) -> Iterator[_Timed]:
    """The pictures that follow, each later than the one before: where the clock starts again, time goes on.

    Each lasts until the next one; of the last, files with pictures out of order tell too much, but say when they end.
    """
    began, jumps, usual = clip_start(container), may_jump(container), None
    shift, end, waiting = Fraction(0), Fraction(0), None
    for picture in whole_frames(decoded(container, stream)):
        if not picture.duration and usual is None:
            usual = 1 / _rate(source, stream)[0]
        duration = picture.duration * picture.time_base if picture.duration else usual or 1 / _USUAL_RATE
        time = end if picture.pts is None else picture.pts * picture.time_base - began + shift
        if waiting is not None:
            if time < waiting.time - BACK or (jumps and time > end + AHEAD):
                shift += end - time
                time = end
            time = max(time, waiting.time + _TICK)
            yield waiting._replace(duration=time - waiting.time)
        waiting, end = _Timed(time, duration, picture), time + duration
    if waiting is not None:
        left = waiting.duration
        if stream.duration and not jumps:
            left = ((stream.start_time or 0) + stream.duration) * stream.time_base - began - waiting.time
        yield waiting._replace(duration=min(left, waiting.duration) if left > 0 else waiting.duration)


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


def _pictures(container: Any, source: Path) -> Any:
    stream = picture_stream(container)
    if stream is None:
        raise MediaError(f"{source.name} holds no video, or one whose coding is unknown.")
    stream.thread_type = "AUTO"
    return stream


def _empty(source: Path) -> MediaError:
    return MediaError(f"{source.name} holds no picture that can be decoded. It may be damaged or cut short.")


def _aspect(stream: Any) -> Fraction:
    """Of a pixel, width to height."""
    return Fraction(stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1)


def _rate(source: Path, stream: Any) -> tuple[Fraction, bool]:
    """The stream's own rate, or one that was measured where its average and its smallest step don't agree."""
    average, base = stream.average_rate, stream.base_rate
    if average and base and 0 < average <= _FASTEST and abs(base / average - 1) < Fraction(1, 1000):
        return Fraction(average), False
    measured = _measured_rate(source)
    if measured is not None:
        same = average and abs(measured / average - 1) < Fraction(1, 1000)
        return (Fraction(average), False) if same else (measured, True)
    stated = average or stream.guessed_rate or _USUAL_RATE
    return (Fraction(stated) if 0 < stated <= _FASTEST else _USUAL_RATE), False


def _measured_rate(source: Path) -> Fraction | None:
    """The rate by the distance that most pictures have, among those of what moves if there are any."""
    with opened(source) as container:
        stream = _pictures(container, source)
        found = islice(packets(container, stream), _MEASURED)
        times = sorted(packet.pts * packet.time_base for packet in found if packet.pts is not None)
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    moving = [gap for gap in gaps if _SHORTEST - _TICK < gap < _LONGEST + _TICK] or gaps
    if not moving:
        return None
    usual = Counter(round(gap / _TICK) for gap in moving).most_common(1)[0][0]
    near = [gap for gap in moving if abs(gap / _TICK - usual) < Fraction(3, 2)]
    rate = len(near) / sum(near, Fraction(0))
    nearest = min(_USUAL_RATES, key=lambda known: abs(known - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(1, 100) else rate.limit_denominator(1001)


def _duration(source: Path, container: Any, stream: Any, fps: Fraction) -> Fraction:
    if not may_jump(container):
        if stream.duration:
            return stream.duration * stream.time_base
        if stream.frames:
            return stream.frames / fps
        if container.duration:
            return Fraction(container.duration, av.time_base)
    return _counted(source, fps)


def _counted(source: Path, fps: Fraction) -> Fraction:
    """The seconds of a clip by its packets; where the clock starts again, time goes on."""
    with opened(source) as container:
        stream = _pictures(container, source)
        jumps, began, shift, last = may_jump(container), clip_start(container), Fraction(0), None
        whole = Fraction(0)
        for packet in packets(container, stream):
            if packet.dts is None or packet.pts is None:
                continue
            step = packet.duration * packet.time_base if packet.duration else 1 / fps
            time = packet.dts * packet.time_base + shift
            if last is not None and (time < last - BACK or (jumps and time > last + step + AHEAD)):
                shift += last + step - time
                time = last + step
            last = time
            whole = max(whole, packet.pts * packet.time_base + shift + step - began)
    return whole
