"""How long the result is and which frame is playback when, exactly, for clips of any rate and frame_count."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myspinbot.engines.lipsync import source as sources
from myspinbot.engines.lipsync.source import Clip, Pictures, exact_rate, frame_count, playback
from myspinbot.media.clip import Frame, at_rate

from .scenes import record

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]


class Numbered:
    """A source whose frames are their numbers."""

    width = height = 2

    def __init__(self, count: int) -> None:
        self.count = count

    def frames(self, start: int = 0) -> Iterator[np.ndarray]:
        for number in range(start, self.count):
            yield np.full((2, 2, 3), number % 251, np.uint8)


def numbers(frames: int, count: int, loop_mode: str) -> list[int]:
    found = list(playback(Numbered(frames), frames, count, loop_mode))
    assert all(pixels[0, 0, 0] == number % 251 for number, pixels in found)
    return [number for number, _ in found]


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_ten_minutes_end_with_the_sound_to_the_frame(fps):
    sound = Fraction(600)
    count = frame_count(sound, fps, 10**6, "hold")
    assert 0 <= count / fps - sound < 1 / fps
    assert frame_count(sound + Fraction(1, 48000), fps, 10**6, "hold") in (count, count + 1)


@given(st.sampled_from(RATES), st.integers(1, 48000 * 600), st.sampled_from([8000, 16000, 24000, 44100, 48000]))
@settings(max_examples=300, deadline=None)
def test_the_result_is_as_long_as_the_sound(fps, samples, rate):
    sound = Fraction(samples, rate)
    count = frame_count(sound, fps, 10, "ping-pong")
    assert count >= 1
    assert (count - 1) / fps < sound <= count / fps or count == 1


def test_cut_never_outlasts_the_clip():
    assert frame_count(Fraction(10), Fraction(25), 100, "cut") == 100
    assert frame_count(Fraction(2), Fraction(25), 100, "cut") == 50


@given(st.integers(1, 40), st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_back_and_forth(frames, count):
    there_and_back = [*range(frames), *range(frames - 2, 0, -1)]
    expected = [there_and_back[i % len(there_and_back)] for i in range(count)]
    assert numbers(frames, count, "ping-pong") == expected


@pytest.mark.parametrize(("frames", "count"), [(1, 5), (3, 3), (3, 8), (5, 2)])
def test_held(frames, count):
    assert numbers(frames, count, "hold") == [min(i, frames - 1) for i in range(count)]


def test_backwards_takes_a_few_frames_at_a_time(monkeypatch):
    monkeypatch.setattr(sources, "_BACKWARD_BYTES", 7 * 2 * 2 * 3)
    assert numbers(40, 79, "ping-pong") == [*range(40), *range(38, -1, -1)]


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_a_clip_of_varying_rate_is_shown_when_it_says_for_ten_minutes(fps):
    """Frames of 20 to 90 ms: picture i is what the clip shows in the middle of its time."""
    generator = np.random.default_rng(1)
    times = [Fraction(0)]
    while times[-1] < 600:
        times.append(times[-1] + Fraction(int(generator.integers(20, 90)), 1000))
    pixels = [np.full((1, 1, 3), i % 256, np.uint8) for i in range(len(times))]
    clip = (Frame(t, Fraction(1, 20), p) for t, p in zip(times, pixels, strict=True))
    index, marks = 0, np.array([float(t) for t in times])
    for index, picture in enumerate(at_rate(clip, fps)):
        if index % 97 == 0:
            middle = float((index + Fraction(1, 2)) / fps)
            assert picture[0, 0, 0] == (int(np.searchsorted(marks, middle, side="right")) - 1) % 256
    assert abs((index + 1) / fps - times[-1]) < Fraction(1, 10)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(12)], ids=str)
def test_a_real_clip_can_be_entered_at_any_frame(tmp_path, fps):
    frames = [np.full((48, 64, 3), 3 * i, np.uint8) for i in range(60)]
    path = record(tmp_path / "grey.mp4", frames, fps=Fraction(25), crf=1)
    clip = Clip(path, fps, 64, 48)
    whole = [int(pixels.mean()) for pixels in clip.frames()]
    assert len(whole) == pytest.approx(60 / 25 * float(fps), abs=1)
    for start in (0, 1, 13, len(whole) - 1):
        assert [int(pixels.mean()) for pixels in clip.frames(start)] == whole[start:]


def test_odd_sizes_lose_a_row_or_column():
    pictures = Pictures([np.zeros((33, 47, 3), np.uint8)])
    assert (pictures.width, pictures.height) == (46, 32)
    assert next(pictures.frames()).shape == (32, 46, 3)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(2398, 100)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (25, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (60.0, Fraction(60)),
    ],
)
def test_what_is_written_is_what_is_meant(written, meant):
    assert exact_rate(written) == meant


@pytest.mark.parametrize("wrong", [0.5, 0, 300, -25, float("nan")])
def test_what_no_clip_has_is_refused(wrong):
    with pytest.raises(ValueError, match="between 1 and 240"):
        exact_rate(wrong)
