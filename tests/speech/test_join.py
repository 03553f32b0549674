"""Pieces put together, and their loudness: measured on real speech."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from myspinbot.engines.speech.f5.join import audible_range, join_speech
from myspinbot.media.loudness import CEILING, levelled, limited, loudness

RATE = 24000


def tone(seconds: float, frequency: float = 220.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


def test_a_pause_is_as_long_as_asked_whatever_silence_was_there():
    one = np.concatenate((silence(0.4), tone(0.5), silence(0.7)))
    two = np.concatenate((tone(0.4), silence(0.05)))
    whole, placed = join_speech([one, two, one], [0.3, 0.1, 0.6], RATE)
    assert [round(b.start - a.end, 2) for a, b in pairwise(placed)] == [0.3, 0.1]
    for place in placed:
        heard = whole[int((place.start + 0.05) * RATE) : int((place.end - 0.05) * RATE)]
        assert np.sqrt(np.mean(heard**2)) > 0.15
    gap = whole[int((placed[0].end + 0.02) * RATE) : int((placed[1].start - 0.02) * RATE)]
    assert np.abs(gap).max() < 0.01
    assert placed[0].start < 0.2
    assert len(whole) / RATE < placed[-1].end + 0.2


def test_nothing_that_is_heard_is_lost(spoken):
    speech = spoken[0]
    start, end = audible_range(speech, RATE)
    whole, (place, _) = join_speech([speech, speech], [0.3, 0.3], RATE)
    at = round(place.start * RATE)
    inner = slice(200, end - start - 200)
    assert np.allclose(whole[at : at + end - start][inner], speech[start:end][inner], atol=2e-3)
    assert np.sum(speech[start:end] ** 2) > 0.999 * np.sum(speech**2)


@pytest.mark.parametrize("cross_fade", [0.0, 0.02, 0.15, 1.0])
def test_no_click_where_pieces_meet(cross_fade):
    low = tone(0.5, 60)[: -RATE // 240]  # ends at its highest
    whole, placed = join_speech([low, low, low], [0.05, 0.03, 0.3], RATE, cross_fade)
    steepest = 0.3 * 2 * np.pi * 60 / RATE
    assert np.abs(np.diff(whole)).max() < 0.3 / (0.004 * RATE) + 2 * steepest
    assert abs(whole[0]) < 1e-3
    assert abs(whole[-1]) < 0.01
    assert len(placed) == 3


def test_noise_in_the_pauses_is_faded_across_them():
    hiss = np.random.default_rng(1).normal(0, 0.0008, int(0.3 * RATE)).astype(np.float32)
    piece = np.concatenate((hiss, tone(0.5), hiss))
    whole, placed = join_speech([piece, piece], [0.2, 0.2], RATE, 0.15)
    gap = whole[int((placed[0].end + 0.04) * RATE) : int((placed[1].start - 0.04) * RATE)]
    assert 1e-4 < np.sqrt(np.mean(gap**2)) < 1.2e-3


@pytest.mark.parametrize("piece", [silence(0.5), silence(0.001), np.zeros(0, np.float32)])
def test_silent_and_empty_pieces(piece):
    whole, placed = join_speech([piece, tone(0.2)], [0.1, 0.1], RATE)
    assert len(placed) == 2
    assert np.abs(whole).max() > 0.2
    assert audible_range(piece, RATE) == (0, len(piece))


def test_no_pieces():
    whole, placed = join_speech([], [], RATE)
    assert len(whole) == 0
    assert placed == []


def test_full_scale_sine_has_the_loudness_of_the_standard():
    """EBU Tech 3341: 1 kHz at -23 dBFS in both channels is -23 LUFS, in one alone 3 dB less."""
    level = 10 ** (-23 / 20)
    assert loudness(tone(20, 1000, level), RATE) == pytest.approx(-26.0, abs=0.1)


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0, -12.0])
@pytest.mark.parametrize("level", [0.01, 1.0, 4.0])
def test_real_speech_reaches_the_target_without_a_clipped_sample(spoken, target, level):
    made = levelled(spoken[0] * np.float32(level), RATE, target)
    assert loudness(made, RATE) == pytest.approx(target, abs=0.5)
    assert np.abs(made).max() <= CEILING + 1e-6
    assert made.dtype == np.float32


def test_the_limiter_leaves_what_is_low_and_bends_what_is_high_smoothly():
    low = tone(0.3, level=0.5)
    assert limited(low, RATE) is low
    high = tone(1, 100, 2.0)
    held = limited(high, RATE)
    assert np.abs(held).max() <= CEILING + 1e-6
    assert np.corrcoef(held, high)[0, 1] > 0.99


def test_short_and_silent_sounds():
    assert loudness(silence(1), RATE) == -np.inf
    assert loudness(np.zeros(0, np.float32), RATE) == -np.inf
    assert np.array_equal(levelled(silence(1), RATE, -16), silence(1))
    short = levelled(tone(0.1), RATE, -20)
    assert loudness(short, RATE) == pytest.approx(-20, abs=0.5)
