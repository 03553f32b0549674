"""The sound of a video that is being written: encoded from memory, or copied from another file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from .audio import AAC_RATES, Sound
from .container import (
    AHEAD,
    BACK,
    Resampler,
    clip_start,
    decoded,
    has_own_times,
    may_jump,
    opened,
    packets,
    sound_stream,
)

_COPIED = frozenset(("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"))  # what MP4 carries and players know
_COARSE = Fraction(1, 10)  # seconds by which a container's times may be wrong


@dataclass(frozen=True, slots=True)
class SoundFrom:
    """The sound of another clip from `start` seconds on: packets as they are where MP4 carries them, else as AAC."""

    path: Path
    start: Fraction = Fraction(0)


class SoundTrack:
    """Feeds a sound to the container as far as the video has come."""

    def __init__(self, container: Any, sound: Sound) -> None:
        self._sound, self._position = sound, 0
        channels = sound.samples.shape[0]
        self._layout = "mono" if channels == 1 else "stereo"
        rate = sound.sample_rate if sound.sample_rate in AAC_RATES else 48000
        self._encoder = _Encoder(container, rate, self._layout, channels)

    def advance(self, seconds: Fraction) -> None:
        """Write the sound up to `seconds` from its beginning."""
        end = min(int(seconds * self._sound.sample_rate), self._sound.samples.shape[1])
        if end <= self._position:
            return
        block = np.ascontiguousarray(self._sound.samples[:, self._position : end])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts = self._sound.sample_rate, self._position
        frame.time_base = Fraction(1, self._sound.sample_rate)
        self._position = end
        self._encoder.encode(frame)

    def finish(self) -> None:
        self._encoder.finish()

    def close(self) -> None:
        """Nothing is open."""


class CopiedTrack:
    """Feeds another file's sound to the container as far as the video has come; without one, nothing."""

    def __init__(self, container: Any, source: SoundFrom) -> None:
        self._container: Any = container
        self._source: Any = opened(source.path)
        try:
            self._begin(source.start)
        except BaseException:
            self.close()
            raise

    def _begin(self, start: Fraction) -> None:
        began = clip_start(self._source)
        found = sound_stream(self._source)
        self._stream: Any = None
        self._encoder: _Encoder | None = None
        self._rest: Iterator[Any] = iter(())
        self._start = began + start
        context = found.codec_context if found else None
        if context is not None and context.codec.canonical_name in _COPIED and has_own_times(self._source):
            self._stream = self._container.add_stream_from_template(found)
            self._rest = _rising(packets(self._source, found))
        elif context is not None:
            channels = min(context.layout.nb_channels, 2)  # the layout's own name may be none that encoders know
            layout = ("mono", "stereo")[channels - 1]
            rate = context.sample_rate if context.sample_rate in AAC_RATES else 48000
            self._encoder = _Encoder(self._container, rate, layout, channels)
            self._rest = counted(decoded(self._source, found), layout, rate, began, jumps=may_jump(self._source))
            self._start = start
        self._waiting: Any = next((piece for piece in self._rest if self._time(piece) >= 0 or not start), None)

    def advance(self, seconds: Fraction) -> None:
        """Write the sound up to `seconds` from the source's beginning."""
        while self._waiting is not None and self._time(self._waiting) < seconds:
            self._write(self._waiting)
            self._waiting = next(self._rest, None)

    def finish(self) -> None:
        if self._encoder:
            self._encoder.finish()

    def close(self) -> None:
        self._source.close()

    def _time(self, piece: Any) -> Fraction:
        return piece.pts * piece.time_base - self._start

    def _write(self, piece: Any) -> None:
        shift = int(self._start / piece.time_base)
        piece.pts -= shift
        if self._encoder:
            self._encoder.encode(piece)
            return
        piece.dts -= shift
        piece.stream = self._stream
        self._container.mux(piece)


def _rising(found: Iterator[Any]) -> Iterator[Any]:
    """Packets with times; one that is no later than the one before, which MP4 can't hold, is left out."""
    last = None
    for packet in found:
        if None not in (packet.pts, packet.dts) and (last is None or packet.dts > last):
            last = packet.dts
            yield packet


def counted(frames: Iterator[Any], layout: str, rate: int, began: Fraction, *, jumps: bool) -> Iterator[Any]:
    """A sound without gaps, whose times are counted in samples, as a container's own are too coarse for an encoder.

    Where something is missing there is silence, so that what follows is heard when it should be; where the clock
    starts again, the sound goes on.

    Args:
        frames: pieces as they are decoded.
        layout: of what is wanted.
        rate: in Hz.
        began: when the clip starts by the clock of the pieces, in seconds.
        jumps: whether the clock may start again, so that a long gap is none.

    Yields:
        Pieces of 32-bit floats, whose `pts` is the number of their first sample from the clip's start.
    """
    resampler = Resampler(layout, rate)
    position: int | None = None  # in samples of what was given
    heard = shift = Fraction(0)  # in seconds of what was decoded

    def numbered(pieces: Iterable[Any]) -> Iterator[Any]:
        nonlocal position
        for piece in pieces:
            piece.time_base, piece.pts = Fraction(1, rate), position
            position += piece.samples
            yield piece

    for frame in frames:
        time = heard if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base - began + shift
        if position is None:
            position, heard = round(time * rate), time
        gap = time - heard
        if gap < -BACK or (jumps and gap > AHEAD):
            shift -= gap
        elif gap > _COARSE:
            yield from numbered(resampler.convert(None))
            yield from numbered(_silence(round(gap * rate), layout, rate))
            heard = time
        heard += Fraction(frame.samples, frame.sample_rate)
        yield from numbered(resampler.convert(frame))
    if position is not None:
        yield from numbered(resampler.convert(None))


def _silence(samples: int, layout: str, rate: int) -> Iterator[Any]:
    """A second at a time, as hours of it may be missing."""
    for begin in range(0, samples, rate):
        missing = np.zeros((1 if layout == "mono" else 2, min(rate, samples - begin)), np.float32)
        piece = av.AudioFrame.from_ndarray(missing, format="fltp", layout=layout)
        piece.sample_rate = rate
        yield piece


class _Encoder:
    """AAC of any sound in one layout, at a rate that AAC knows."""

    def __init__(self, container: Any, rate: int, layout: str, channels: int) -> None:
        self._container = container
        self._stream = container.add_stream("aac", rate=rate, layout=layout)
        self._stream.bit_rate = 96_000 * channels
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)

    def encode(self, frame: Any) -> None:
        for piece in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(piece))

    def finish(self) -> None:
        self.encode(None)
        self._container.mux(self._stream.encode(None))
