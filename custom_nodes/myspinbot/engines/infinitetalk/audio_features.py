"""Features of the speech per frame of the video, from the audio encoder.

InfiniteTalk takes all layers of a wav2vec 2.0. It was trained on an encoder whose transformer runs at the rate of the
video (`upstream`); ComfyUI's own nodes run it at 50 Hz, and change the rate of its layers (`core`).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...media.audio import Sound, resampled
from ...media.loudness import levelled
from ..progress import OnStep
from ..wav2vec2 import FEATURES, ONE_PASS, RATE, Network, at_rate, encode
from .settings import AudioFeatures

LOUDNESS = -23.0  # LUFS, as in EBU R 128 and in InfiniteTalk's own code
SHORTEST = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Encoder:
    """An audio encoder.

    Attributes:
        network: its parts.
        core: as ComfyUI's node runs it: from sound (1, 1, T) at 16 kHz to the layers, (1, features, channels) each,
            the transformer's input first.
    """

    network: Network
    core: Callable[[Tensor], Sequence[Tensor]]


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


def waveforms(tracks: Sequence[Track], kind: AudioFeatures, *, normalize: bool) -> list[Tensor]:
    """Each track as the encoder takes it.

    Args:
        tracks: a track for each speaker.
        kind: of features; for `core` the sample rate is changed as ComfyUI does, with a shorter filter.
        normalize: whether speech is brought to `LOUDNESS`.

    Returns:
        For each track (T,) mono at 16 kHz, all as long as the whole, silent where it is silent.
    """
    from torchaudio.functional import resample

    made: list[Tensor] = []
    for track in tracks:
        mono, rate = track.sound.samples.mean(axis=0), track.sound.sample_rate
        if normalize:
            mono = levelled(mono, rate, LOUDNESS)
        whole = torch.from_numpy(mono)
        made.append(resample(whole, rate, RATE) if kind == "core" else torch.from_numpy(resampled(mono, rate, RATE)))
    starts = [round(track.start * RATE) for track in tracks]
    total = max(start + len(wave) for start, wave in zip(starts, made, strict=True))
    return [
        torch.nn.functional.pad(wave, (start, total - start - len(wave)))
        for start, wave in zip(starts, made, strict=True)
    ]


def extract_features(
    wave: Tensor, encoder: Encoder, kind: AudioFeatures, fps: int, on_step: OnStep, folder: Path | None = None
) -> Iterator[Iterator[Tensor]]:
    """The encoder's features of a speech, at the rate of the video.

    Args:
        wave: (T,) mono at 16 kHz.
        encoder: the audio encoder.
        kind: `upstream` as InfiniteTalk was trained: the rate is changed before the transformer, and the number of
            frames is that of the sound. `core` as ComfyUI's nodes: it is changed after it, and the number comes from
            the encoder's features, of which the sound has one fewer than its length would give.
        fps: frames a second of the video.
        on_step: called with parts done and parts in all; may raise to cancel.
        folder: where nameless files lie while more than a minute is encoded.

    Yields:
        Layer after layer, in blocks that follow one another, (frames, channels) each; a layer must be used up before
        the next.
    """
    if kind == "upstream":
        frames = max(int(len(wave) / RATE * fps), 1)
        yield from encode(encoder.network, wave, frames, on_step, folder)
        return
    count = encoder.network.count(len(wave))
    frames = max(int(count / FEATURES * fps), 1)
    if count > ONE_PASS:
        yield from encode(encoder.network, wave, frames, on_step, folder, late=True)
        return
    on_step(0, 1)
    layers = encoder.core(wave[None, None])
    on_step(1, 1)
    for layer in layers[1:]:
        yield iter([at_rate(layer.detach(), frames)[0].cpu()])


def silence_features(encoder: Encoder, kind: AudioFeatures, fps: int) -> Tensor:
    """The encoder's features of one frame of silence, (layers, channels)."""
    layers = extract_features(torch.zeros(RATE), encoder, kind, fps, lambda _done, _total: None)
    whole = (torch.cat(list(layer)) for layer in layers)
    return torch.stack([layer[len(layer) // 2] for layer in whole])


def extended(features: Iterable[Tensor], frames: int, end: int, silence: Tensor) -> Iterator[Tensor]:
    """Features for all frames that the windows make, as the last one reaches beyond the end of the video.

    Args:
        features: blocks that follow one another, (N, ...), a frame each.
        frames: of the video; the last feature is held up to there.
        end: frames that the windows make.
        silence: (...), what follows after the video's end.

    Yields:
        Blocks that follow one another, `end` frames in all.
    """
    count, last = 0, silence
    for block in features:
        block = block[: end - count]
        count += len(block)
        last = block[-1] if len(block) else last
        yield block
    yield last.expand(max(min(frames, end) - count, 0), *last.shape)
    yield silence.to(last).expand(end - max(min(frames, end), count), *silence.shape)


def _exact(track: Track, fps: int) -> float:
    return track.sound.samples.shape[1] * fps / track.sound.sample_rate


def mix(tracks: Sequence[Track]) -> Sound:
    """The tracks as they sound together, at the first one's rate, in stereo if any of them is.

    A single track that starts at once stays as it is.
    """
    if len(tracks) == 1 and not tracks[0].start:
        return tracks[0].sound
    rate = tracks[0].sound.sample_rate
    channels = max(track.sound.samples.shape[0] for track in tracks)
    total = math.ceil(max(track.end for track in tracks) * rate)
    whole: npt.NDArray[np.float32] = np.zeros((channels, total), np.float32)
    for track in tracks:
        samples = resampled(track.sound.samples, track.sound.sample_rate, rate)
        start = round(track.start * rate)
        samples = samples[:, : total - start]
        whole[:, start : start + samples.shape[1]] += samples
    return Sound(whole.clip(-1, 1), rate)
