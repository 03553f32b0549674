"""Damaged clips and sounds: whatever is wrong with a file, it is read as far as it goes or refused by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from myspinbot.media.audio import read_sound
from myspinbot.media.clip import probe, read
from myspinbot.media.container import MediaError

from .test_container import clip

FILES = {
    "a.mp4": ("libx264", "aac"),
    "a.mkv": ("libx264", "aac"),
    "a.ts": ("libx264", "mp2"),
    "a.avi": ("mpeg4", "libmp3lame"),
    "a.mpg": ("mpeg2video", "mp2"),
}


def cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def flipped(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randrange(1, 200)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def holed(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(len(data))
    end = min(begin + chance.randrange(1, 4000), len(data))
    data[begin:end] = chance.choice([bytes(end - begin), b"\xff" * (end - begin), b""])
    return data


def joined(data: bytearray, chance: random.Random) -> bytearray:
    return data[chance.randrange(len(data)) :] + data[: chance.randrange(len(data))]


def headed(data: bytearray, chance: random.Random) -> bytearray:
    """Nonsense among the sizes and counts at the beginning."""
    for _ in range(chance.randrange(1, 12)):
        data[chance.randrange(min(len(data), 600))] = chance.choice([0, 1, 127, 128, 255])
    return data


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    made = {
        name: clip(folder / name, count=12, video=video, sounds=((440, sound),))
        for name, (video, sound) in FILES.items()
    }
    return {name: path.read_bytes() for name, path in made.items()}


@pytest.mark.parametrize("damage", [cut, flipped, holed, joined, headed])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, whole, name: str, damage: Callable):
    for seed in range(4):
        path: Path = tmp_path / f"{seed}-{name}"
        path.write_bytes(damage(bytearray(whole[name]), random.Random(f"{name} {damage.__name__} {seed}")))
        before = path.read_bytes()
        for use in (probe, read_sound, lambda path: [(frame.time, frame.pixels.shape) for frame in read(path)]):
            try:
                found = use(path)
            except MediaError as error:
                assert path.name in str(error)
                continue
            if isinstance(found, list):
                assert all(a[0] < b[0] and a[1] == b[1] for a, b in pairwise(found))
        assert path.read_bytes() == before
