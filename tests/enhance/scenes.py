"""Small clips with motion that is known."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from myspinbot.media.audio import Sound
from myspinbot.media.clip import read
from myspinbot.media.video import VideoWriter


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture (H, W, 3) uint8 with detail in all sizes."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for grain in (1, 4, 16):
        noise = random.random((-(-height // grain), -(-width // grain), 3))
        picture += np.kron(noise, np.ones((grain, grain, 1)))[:height, :width]
    return (picture * 85).astype(np.uint8)


def talking(count: int, height: int = 96, width: int = 128, seed: int = 0) -> list[np.ndarray]:
    """A still picture with a patch that changes in every frame but the 4th, 8th, ..."""
    still, patches = texture(height, width, seed), texture(count * 12, 20, seed + 1)
    frames = []
    for index in range(count):
        frame, shown = still.copy(), index - (index % 4 == 3)
        frame[60:72, 50:70] = patches[shown * 12 : shown * 12 + 12]
        frames.append(frame)
    return frames


def moving(count: int, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """A picture that slides, so that every pixel changes."""
    wide = texture(height, width + 3 * count)
    return [wide[:, 3 * index : 3 * index + width].copy() for index in range(count)]


def write(path: Path, frames: list[np.ndarray], *, fps: Fraction = Fraction(25), sound: object = None) -> Path:
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width=width, height=height, fps=fps, sound=sound) as video:
        for frame in frames:
            video.write(frame)
    return path


def decoded(path: Path) -> list[np.ndarray]:
    return [frame.pixels for frame in read(path)]


def packets(path: Path, kind: str) -> Iterator[bytes]:
    with av.open(str(path)) as clip:
        for packet in clip.demux(getattr(clip.streams, kind)[0]):
            if packet.size:
                yield bytes(packet)


def tone(seconds: float) -> Sound:
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 22050)) / 22050)
    return Sound(wave[None].astype(np.float32), 22050)
