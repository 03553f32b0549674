"""Window plans as properties, prompts along them, and the audio features of each."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from myspinbot.engines.infinitetalk.audio_features import Track, duration_in_frames, extended, mix, waveforms
from myspinbot.engines.infinitetalk.plan import Plan, prompts_per_window
from myspinbot.engines.infinitetalk.settings import AUDIO_FEATURES, Settings
from myspinbot.engines.wav2vec2 import RATE
from myspinbot.media.audio import Sound
from myspinbot.media.loudness import loudness

plans = st.builds(
    lambda frames, quarter, part: Plan(frames, 4 * quarter + 1, 4 * int(part * quarter / 2) + 1),
    st.integers(1, 20_000),
    st.integers(1, 60),
    st.floats(0, 0.95),
)


@given(plans)
def test_every_frame_is_made_once_and_none_too_many(plan):
    made = [frame for window in plan.windows() for frame in range(window.first, window.first + window.fresh)]
    assert made == list(range(plan.frames))
    assert all(window.fresh > 0 for window in plan.windows())


@given(plans)
def test_each_window_begins_with_the_last_frames_of_the_one_before(plan):
    windows = list(plan.windows())
    assert windows[0].motion == windows[0].start == 0
    for before, window in pairwise(windows):
        assert window.start + window.motion == before.start + plan.length
        assert plan.motion <= plan.length - before.motion, "all of them new in it, so that colours are matched once"
    assert windows[-1].start + plan.length == plan.end >= plan.frames


@given(plans, st.integers(0, 100), st.integers(1, 5))
def test_sound_is_counted_from_the_start_of_the_whole(plan, missing, blocks):
    """The features of window i are those of its frames, silence after the end, and nothing else."""
    known = max(plan.frames - min(missing, 2), 1)
    found = torch.arange(known, dtype=torch.float32).reshape(-1, 1, 1)
    whole = torch.cat(list(extended(found.chunk(blocks), plan.frames, plan.end, torch.full((1, 1), -1.0)))).flatten()
    assert len(whole) == plan.end
    for window in plan.windows():
        seen = whole[window.start : window.start + plan.length]
        expected = np.arange(window.start, window.start + plan.length)
        expected = np.where(expected < plan.frames, np.minimum(expected, known - 1), -1)
        assert np.array_equal(seen.numpy(), expected)


@pytest.mark.parametrize(
    ("length", "motion", "said"),
    [(80, 9, "Use 77 or 81"), (81, 10, "Use 9 or 13"), (17, 9, "at most half"), (0, 1, "Use 1 or 5")],
)
def test_sizes_that_the_model_can_not_take(length, motion, said):
    with pytest.raises(ValueError, match=said):
        Plan(100, length, motion)


def settings(**changes):
    given = {
        "width": 512, "height": 512, "fps": 25, "steps": 6, "cfg": 1.0, "shift": 11.0,
        "sampler_name": "dpm++_sde", "scheduler": "simple", "seed": 1, "frame_window_size": 81,
        "motion_frame": 25, "audio_scale": 1.6, "color_match": "lab", "vae_tiling": "auto",
        "audio_features": "upstream",
    }  # fmt: skip
    return Settings(**(given | changes))


def test_sizes_of_pictures_and_tiling():
    with pytest.raises(ValueError, match="width must be a multiple of 16, not 500"):
        settings(width=500)
    assert not settings(width=832, height=480).tiled
    assert settings(width=1280, height=720).tiled
    assert not settings(width=1280, height=720, vae_tiling="off").tiled


def test_prompts_by_window_and_by_time():
    windows = list(Plan(300, 81, 25).windows())
    assert len(windows) == 5
    assert prompts_per_window("", windows, 25) == [None] * 5
    assert prompts_per_window("a\n\nb\n", windows, 25) == ["a", "b", "b", "b", "b"]
    assert [window.first / 25 for window in windows] == [0, 3.24, 5.48, 7.72, 9.96]
    assert prompts_per_window("0:03 smiles\n00:09.5 nods", windows, 25) == [None, "smiles", "smiles", "smiles", "nods"]
    assert prompts_per_window("0:00 a\n0:00:05 b", windows, 25) == ["a", "a", "b", "b", "b"]
    with pytest.raises(ValueError, match="either every prompt"):
        prompts_per_window("0:03 smiles\nnods", windows, 25)
    with pytest.raises(ValueError, match="must rise"):
        prompts_per_window("0:09 smiles\n0:03 nods", windows, 25)


def sound(seconds, rate=16000, channels=1, level=0.3, pitch=200):
    wave = level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    return Sound(np.repeat(wave[None].astype(np.float32), channels, 0), rate)


def test_two_speakers_share_one_time():
    tracks = [Track(sound(2.0, 44100, 2)), Track(sound(1.0), 2.5)]
    assert Plan.covering(duration_in_frames(tracks, 25), 81, 9).frames == 88
    first, second = waveforms(tracks, "upstream", normalize=False)
    assert len(first) == len(second) == 3.5 * RATE
    assert not first[2 * RATE :].any()
    assert not second[: int(2.5 * RATE)].any()
    whole = mix(tracks)
    assert whole.sample_rate == 44100
    assert whole.samples.shape == (2, round(3.5 * 44100))
    assert not whole.samples[:, int(2.1 * 44100) : int(2.4 * 44100)].any()
    assert mix(tracks[:1]) is tracks[0].sound


@pytest.mark.parametrize("kind", AUDIO_FEATURES)
@pytest.mark.parametrize("level", [0.01, 0.3, 0.9])
def test_the_encoder_gets_speech_at_one_loudness(kind, level):
    (wave,) = waveforms([Track(sound(3.0, level=level, pitch=1000))], kind, normalize=True)
    assert loudness(wave.numpy(), RATE) == pytest.approx(-23, abs=0.3)


def test_a_sound_too_short_to_be_encoded():
    with pytest.raises(ValueError, match="too short"):
        Track(sound(0.05))


@given(st.integers(6_000, 400_000), st.sampled_from([8000, 16000, 22050, 24000, 44100, 48000]), st.integers(8, 60))
def test_the_video_covers_the_sound_by_less_than_a_frame(samples, rate, fps):
    track = Track(Sound(np.zeros((1, samples), np.float32), rate))
    frames = Plan.covering(duration_in_frames([track], fps), 10_001, 1).frames
    assert frames == max(-(-samples * fps // rate), 1)


def test_no_window_is_made_for_a_part_of_a_frame():
    ends = [81, 153, 225]
    for samples in range(70 * 640, 230 * 640, 160):  # quarters of a frame, at 25 frames a second
        track = Track(Sound(np.zeros((1, samples), np.float32), 16000))
        plan = Plan.covering(duration_in_frames([track], 25), 81, 9)
        begun = -(-samples // 640)
        assert plan.frames == (begun - 1 if begun - 1 in ends and samples % 640 else begun)
        assert plan.count == 1 + sum(samples // 640 > end for end in ends)
