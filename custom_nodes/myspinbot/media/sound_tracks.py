"""The sound of a video that is being written: encoded from memory, or copied from another file."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from .audio import AAC_RATES, Sound
from .clip import clip_start, decoded, packets

_COPIED = frozenset(("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"))  # what MP4 carries and players know


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
        self._encoder = _Encoder(container, sound.sample_rate, self._layout, channels)

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
        self._source: Any = av.open(str(source.path))
        try:
            self._begin(source.start)
        except BaseException:
            self.close()
            raise

    def _begin(self, start: Fraction) -> None:
        self._start = clip_start(self._source) + start
        found: Any = next((s for s in self._source.streams.audio if s.codec_context is not None), None)
        self._stream: Any = None
        self._encoder: _Encoder | None = None
        self._rest: Iterator[Any] = iter(())
        context = found.codec_context if found else None
        if context is not None and context.name in _COPIED:
            self._stream = self._container.add_stream_from_template(found)
            self._rest = (packet for packet in packets(self._source, found) if None not in (packet.pts, packet.dts))
        elif context is not None:
            channels = min(context.layout.nb_channels, 2)  # the layout's own name may be none that encoders know
            self._encoder = _Encoder(self._container, context.sample_rate, ("mono", "stereo")[channels - 1], channels)
            self._rest = _timed(decoded(self._source, found), clip_start(self._source))
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


def _timed(frames: Iterator[Any], time: Fraction) -> Iterator[Any]:
    """Pieces of sound; one that doesn't say when it is heard follows the one before, the first at `time`."""
    for frame in frames:
        if frame.pts is None or frame.time_base is None:
            frame.time_base = Fraction(1, frame.sample_rate)
            frame.pts = round(time * frame.sample_rate)
        time = frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate)
        yield frame


class _Encoder:
    """AAC of any sound; rates that AAC doesn't know become 48 kHz."""

    def __init__(self, container: Any, sample_rate: int, layout: str, channels: int) -> None:
        rate = sample_rate if sample_rate in AAC_RATES else 48000
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
