"""Media files as people have them: one way to open and decode them, and which of their streams is meant."""

import contextlib
import logging
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError, InvalidDataError
from av.format import Flags
from av.stream import Disposition

_LOG = logging.getLogger(__name__)
_NO_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_FOR_SOME = Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.comment | Disposition.descriptions
_SEEKABLE = ("mov", "matroska")
"""Formats with an index: what is decoded after a jump is what would have been decoded there anyway."""
BACK = Fraction(1)
"""Second by which a clock that goes back has started again."""
AHEAD = Fraction(10)
"""Seconds by which one that may jump has."""


class MediaError(ValueError):
    """A file can't be read as what it should be; the message names it and says why."""


def opened(path: Path) -> Any:
    """The container of a file, whatever the encoding of its tags.

    Raises:
        MediaError: It is no file that FFmpeg can read, or may not be read.
    """
    try:
        return av.open(str(path), metadata_errors="replace")
    except InvalidDataError as error:
        raise MediaError(f"{path.name} can't be read: it is no video or sound, or damaged or cut short.") from error
    except FFmpegError as error:
        raise MediaError(f"{path.name} can't be opened: {error.strerror}.") from error


@contextlib.contextmanager
def naming(path: Path) -> Generator[None]:
    """Within, FFmpeg's errors of any kind are one of ours that names the file."""
    try:
        yield
    except FFmpegError as error:
        raise MediaError(f"{path.name} can't be decoded: {error.strerror}. It may be damaged.") from error


def picture_stream(container: Any) -> Any:
    """The video that the file marks as its default, else the first; never a cover or thumbnails. None without one."""
    return _meant(s for s in container.streams.video if not s.disposition & _NO_PICTURES)


def sound_stream(container: Any) -> Any:
    """The sound that the file marks as its default, else the first that is for everybody. None without one."""
    return _meant(container.streams.audio)


def _meant(streams: Any) -> Any:
    known = [stream for stream in streams if stream.codec_context is not None]
    return max(known, key=_rank, default=None)


def _rank(stream: Any) -> tuple[bool, bool, int]:
    return bool(stream.disposition & Disposition.default), not stream.disposition & _FOR_SOME, -stream.index


def is_seekable(container: Any) -> bool:
    """Whether a jump into the middle can be trusted; else one reads from the start."""
    return container.format.name.split(",")[0] in _SEEKABLE


def may_jump(container: Any) -> bool:
    """Whether the clock of the format may start again on the way, as that of a recording that was interrupted."""
    return bool(container.format.flags & Flags.ts_discont.value)


def has_own_times(container: Any) -> bool:
    """Whether packets have times that can be kept: those of AVI are counted, and those of recordings may jump."""
    return container.format.name != "avi" and not may_jump(container)


def clip_start(container: Any) -> Fraction:
    """When the earliest of what is seen and heard starts, in seconds; times of a clip count from here."""
    streams = [stream for stream in (picture_stream(container), sound_stream(container)) if stream is not None]
    starts = [stream.start_time * stream.time_base for stream in streams if stream.start_time]
    return min(starts) if starts and len(starts) == len(streams) else Fraction(0)


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets, up to a place past which the file can't be read.

    Raises:
        MediaError: The system doesn't give the file's content.
    """
    name = Path(container.name).name
    try:
        yield from container.demux(stream)
    except InvalidDataError:
        _LOG.warning("%s can't be read to its end: it is damaged or cut short.", name)
    except FFmpegError as error:
        raise MediaError(f"{name} can't be read: {error.strerror}.") from error


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's pictures, or pieces of sound; a packet that can't be decoded is left out, as players do."""
    lost = 0
    for packet in packets(container, stream):
        try:
            pieces = packet.decode()
        except FFmpegError:
            lost += 1
            continue
        yield from pieces
    if lost:
        _LOG.warning("%s: %d damaged packets were left out.", Path(container.name).name, lost)


class Resampler:
    """Pieces of sound as 32-bit floats of one layout and rate, whatever they are, even if that changes on the way."""

    def __init__(self, layout: str, rate: int) -> None:
        self._layout, self._rate = layout, rate
        self._source: tuple[Any, ...] | None = None
        self._resampler: Any = None

    def convert(self, piece: Any) -> list[Any]:
        """What there is of the sound with a further piece, or with None at its end; without times."""
        found: list[Any] = []
        source = (piece.format.name, piece.layout.name, piece.layout.nb_channels, piece.sample_rate) if piece else None
        if source != self._source:
            if self._resampler is not None:
                found += self._resampler.resample(None)
            self._source = source
            self._resampler = av.AudioResampler("fltp", self._layout, self._rate) if source else None
        if piece is not None:
            piece.pts = None
            found += self._resampler.resample(piece)
        return found
