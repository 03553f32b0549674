"""What Wav2Lip hears, against librosa."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myspinbot.engines.lipsync.mel import Mel, first_column, spectrogram
from myspinbot.engines.speech import espeak
from myspinbot.media.audio import Sound


def reference(samples: np.ndarray) -> np.ndarray:
    """(80, n) as the original computes it with librosa, its padding as in librosa 0.7."""
    import librosa  # seconds

    samples = samples.astype(np.float64)
    emphasised = np.append(samples[:1], samples[1:] - 0.97 * samples[:-1])
    spectrum = np.abs(
        librosa.stft(y=emphasised, n_fft=800, hop_length=200, win_length=800, window="hann", pad_mode="reflect")
    )
    bands = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600) @ spectrum
    loudness = 20 * np.log10(np.maximum(1e-5, bands)) - 20
    return np.clip(8 * ((loudness + 100) / 100) - 4, -4, 4)


def speech() -> np.ndarray:
    import librosa

    spoken = espeak.speak("The quick brown fox jumps over the lazy dog, and goes home.")
    return librosa.resample(spoken.samples, orig_sr=spoken.sample_rate, target_sr=16000)


def noise(seconds: float, rate: int = 16000) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize(
    "samples", [speech, lambda: noise(3.3), lambda: np.zeros(20000, np.float32)], ids=["speech", "noise", "0"]
)
def test_it_is_librosas_to_a_hundred_thousandth(samples):
    samples = samples()
    ours = spectrogram(Sound(samples[None].astype(np.float32), 16000)).numpy()
    theirs = reference(samples)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-5


def test_a_long_sound_is_heard_in_pieces_without_seams():
    samples = noise(65.4)
    ours = spectrogram(Sound(samples[None], 16000)).numpy()
    assert np.abs(ours - reference(samples)).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_other_rates_and_stereo_are_heard_the_same(rate):
    seconds = 45
    time = np.arange(seconds * rate) / rate
    tone = (0.3 * np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)
    stereo = spectrogram(Sound(np.stack([tone, tone]), rate)).numpy()
    truth = np.arange(seconds * 16000) / 16000
    expected = reference(
        (0.3 * np.sin(2 * np.pi * 440 * truth) * (1 + np.sin(2 * np.pi * 3 * truth))).astype(np.float32)
    )
    assert stereo.shape == expected.shape
    loud = expected > -1
    assert loud.any()
    assert np.abs(stereo - expected)[loud].max() < 0.05


def test_the_rate_is_changed_with_the_long_filter():
    """As librosa does when it loads a file; torchaudio's default of 12 zero crossings is 0.0074 away on average."""
    import librosa

    samples = noise(3, 44100)
    ours = spectrogram(Sound(samples[None], 44100)).numpy()
    theirs = reference(librosa.resample(samples, orig_sr=44100, target_sr=16000))
    assert np.abs(ours - theirs).mean() < 0.001
    assert np.abs(ours - theirs).max() < 0.1


@pytest.mark.parametrize("count", [1, 100, 1599, 3199])
def test_the_shortest_sounds_still_fill_a_frame(count):
    mel = Mel(Sound(np.full((1, count), 0.1, np.float32), 16000))
    assert mel.windows([0, 500]).shape == (2, 1, 80, 16)


def test_past_the_end_the_last_of_the_sound_is_heard():
    mel = Mel(Sound(noise(2)[None], 16000))
    one, two = mel.windows([mel.columns.shape[1] - 16, 9000])
    assert np.array_equal(one, two)


@given(st.sampled_from([(24000, 1001), (25, 1), (30000, 1001), (30, 1), (60, 1)]), st.integers(0, 60 * 60 * 60))
@settings(max_examples=300, deadline=None)
def test_sound_and_picture_never_drift(rate, index):
    fps = Fraction(*rate)
    heard, seen = Fraction(first_column(index, fps), 80), index / fps
    assert 0 <= seen - heard < Fraction(1, 80)
