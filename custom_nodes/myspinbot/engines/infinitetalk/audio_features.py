"""Features of the speech per frame of the video, from the audio encoder.

wav2vec 2.0 (Baevski et al., 2020, arXiv:2006.11477) gives 50 features a second from sound at 16 kHz: feature j
covers the samples [320 j, 320 j + 400). InfiniteTalk takes all of its layers, brought to the rate of the video.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import SEEK_END
from itertools import pairwise
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...media.audio import Sound
from ...media.loudness import levelled
from ..progress import OnStep

RATE, HOP, FIELD, FEATURES = 16_000, 320, 400, 50
LOUDNESS = -23.0  # LUFS, as in EBU R 128 and in InfiniteTalk's own code
SHORTEST = 0.1  # seconds
_PIECE, _CONTEXT = 3000, 200  # features: a minute, and four seconds on each side for attention to see
_IN_MEMORY = 1 << 27  # bytes; a minute is 110 MB in 32 bits
_TOGETHER = 64  # channels whose rate is changed together

Encode = Callable[[Tensor], Sequence[Tensor]]
"""From sound (1, 1, T) at 16 kHz to the encoder's layers, (1, features, channels) each, its input first."""


@dataclass(frozen=True, slots=True)
class Track:
    """One speaker's sound and when it begins, in seconds from the start of the video.

    Raises:
        ValueError: it is shorter than the encoder needs.
    """

    sound: Sound
    start: float = 0.0

    def __post_init__(self) -> None:
        if self.sound.duration < SHORTEST:
            raise ValueError(
                f"The audio is too short: {self.sound.duration:.3f} s, where {SHORTEST} s are needed at least."
            )

    @property
    def end(self) -> float:
        return self.start + self.sound.duration


def duration_in_frames(tracks: Sequence[Track], fps: int) -> float:
    """How many frames of the video the whole sound lasts."""
    return max(track.start * fps + _exact(track, fps) for track in tracks)


def waveforms(tracks: Sequence[Track], *, normalize: bool) -> list[Tensor]:
    """Each track as the encoder takes it.

    Args:
        tracks: a track for each speaker.
        normalize: whether speech is brought to `LOUDNESS`.

    Returns:
        For each track (T,) mono at 16 kHz, all as long as the whole, silent where it is silent.
    """
    from torchaudio.functional import resample

    made: list[Tensor] = []
    for track in tracks:
        mono = track.sound.samples.mean(axis=0)
        if normalize:
            mono = levelled(mono, track.sound.sample_rate, LOUDNESS)
        made.append(resample(torch.from_numpy(mono), track.sound.sample_rate, RATE))
    starts = [round(track.start * RATE) for track in tracks]
    total = max(start + len(wave) for start, wave in zip(starts, made, strict=True))
    return [
        torch.nn.functional.pad(wave, (start, total - start - len(wave)))
        for start, wave in zip(starts, made, strict=True)
    ]


def extract_features(
    wave: Tensor, encode: Encode, fps: int, on_step: OnStep, folder: Path | None = None
) -> Iterator[Tensor]:
    """The encoder's features of a speech, at the rate of the video.

    Up to a minute is encoded at once; more in pieces of a minute with four seconds around them, so that the memory
    needed has a bound. The rate is changed once, over the whole.

    Args:
        wave: (T,) mono at 16 kHz.
        encode: the audio encoder.
        fps: frames a second of the video.
        on_step: called with the pieces done and the pieces in all; may raise to cancel.
        folder: where the features of more than about a minute lie in a nameless file until their rate is changed.

    Yields:
        Layer after layer, (frames, channels) each.
    """
    with SpooledTemporaryFile(_IN_MEMORY, dir=str(folder) if folder else None) as file:
        pieces = list(_pieces(len(wave)))
        stored: list[_StoredPiece] = []
        for number, piece in enumerate(pieces):
            on_step(number, len(pieces))
            layers = encode(wave[None, None, piece.samples])[1:]
            stored.append(_StoredPiece.write(file, [layer[0, piece.own] for layer in layers]))
        on_step(len(pieces), len(pieces))
        for layer in range(stored[0].layers):
            yield _resampled(file, stored, layer, fps)


def silence_features(encode: Encode) -> Tensor:
    """The encoder's features of one frame of silence, (layers, channels)."""
    layers = encode(torch.zeros(1, 1, RATE))[1:]
    return torch.stack([layer[0, layer.shape[1] // 2] for layer in layers]).cpu()


def extended(features: Tensor, frames: int, end: int, silence: Tensor) -> Tensor:
    """Features for all frames that the windows make, as the last one reaches beyond the end of the video.

    Args:
        features: (N, ...), a frame each.
        frames: of the video; the last feature is held up to there.
        end: frames that the windows make.
        silence: (...), what follows after the video's end.

    Returns:
        (end, ...).
    """
    held = features[-1:].expand(max(min(frames, end) - len(features), 0), *features.shape[1:])
    tail = silence[None].expand(max(end - max(frames, len(features)), 0), *features.shape[1:])
    return torch.cat([features[:end], held, tail.to(features)])


@dataclass(frozen=True, slots=True)
class _Piece:
    """Which samples are encoded together, and which of their features are its own, not a neighbour's."""

    samples: slice
    own: slice


def _pieces(samples: int) -> Iterator[_Piece]:
    total = (samples - FIELD) // HOP + 1
    count = math.ceil(total / _PIECE)
    edges = [round(total * i / count) for i in range(count + 1)]
    for first, last in pairwise(edges):
        begin, end = max(first - _CONTEXT, 0), min(last + _CONTEXT, total)
        until = samples if end == total else (end - 1) * HOP + FIELD
        yield _Piece(slice(begin * HOP, until), slice(first - begin, last - begin))


@dataclass(frozen=True, slots=True)
class _StoredPiece:
    """Where a piece's features lie in a file: layer after layer, and in each channel after channel.

    So a few channels of a layer can be read over the whole sound.
    """

    begin: int
    layers: int
    channels: int
    count: int
    dtype: torch.dtype

    @classmethod
    def write(cls, file: IO[bytes], layers: Sequence[Tensor]) -> Self:
        """Put a piece's layers, (count, channels) each, at the file's end."""
        file.seek(0, SEEK_END)
        begin = file.tell()
        for layer in layers:
            file.write(layer.detach().T.cpu().contiguous().view(torch.uint8).numpy().data)
        count, channels = layers[0].shape
        return cls(begin, len(layers), channels, count, layers[0].dtype)

    def read(self, file: IO[bytes], layer: int, first: int, last: int) -> Tensor:
        """The channels [first, last) of a layer, (last - first, count)."""
        line = self.count * self.dtype.itemsize
        file.seek(self.begin + (layer * self.channels + first) * line)
        data = bytearray(file.read((last - first) * line))
        return torch.frombuffer(data, dtype=self.dtype).reshape(last - first, self.count)


def _resampled(file: IO[bytes], stored: Sequence[_StoredPiece], layer: int, fps: int) -> Tensor:
    """A layer, 50 features a second, as (frames, channels), in the way of ComfyUI's InfiniteTalk node."""
    size = max(int(sum(piece.count for piece in stored) / FEATURES * fps), 1)
    channels = stored[0].channels
    made = torch.empty(size, channels, dtype=stored[0].dtype)
    for first in range(0, channels, _TOGETHER):
        last = min(first + _TOGETHER, channels)
        line = torch.cat([piece.read(file, layer, first, last) for piece in stored], dim=1).float()
        there = torch.nn.functional.interpolate(line[None], size=size, mode="linear", align_corners=True)
        made[:, first:last] = there[0].T
    return made


def _exact(track: Track, fps: int) -> float:
    return track.sound.samples.shape[1] * fps / track.sound.sample_rate


def mix(tracks: Sequence[Track]) -> Sound:
    """The tracks as they sound together, at the first one's rate, in stereo if any of them is.

    A single track that starts at once stays as it is.
    """
    if len(tracks) == 1 and not tracks[0].start:
        return tracks[0].sound
    from torchaudio.functional import resample

    rate = tracks[0].sound.sample_rate
    channels = max(track.sound.samples.shape[0] for track in tracks)
    total = math.ceil(max(track.end for track in tracks) * rate)
    whole: npt.NDArray[np.float32] = np.zeros((channels, total), np.float32)
    for track in tracks:
        samples = resample(torch.from_numpy(track.sound.samples), track.sound.sample_rate, rate).numpy()
        start = round(track.start * rate)
        samples = samples[:, : total - start]
        whole[:, start : start + samples.shape[1]] += samples
    return Sound(whole.clip(-1, 1), rate)
