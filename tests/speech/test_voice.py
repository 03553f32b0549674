"""Voice profiles from real speech: clean, noisy, clipped, of two people, silent, and too long."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from myspinbot.engines.speech import espeak
from myspinbot.engines.speech.f5.reference import prepare_reference
from myspinbot.engines.voice.build import build
from myspinbot.engines.voice.checks import report
from myspinbot.engines.voice.choose import NoCutError, choose_segment
from myspinbot.engines.voice.profile import ProfileError, load_profile
from myspinbot.engines.voice.signal import clipped, phrases, pitch, signal_to_noise
from myspinbot.media.loudness import loudness

WORDS = "The quick brown fox jumps over the lazy dog. It was a fine day, and nobody minded the wind at all."
SENTENCES = (
    "Every morning the baker opens his shop at six. He likes the smell of fresh bread. "
    "The first customers are always the same three women. They talk about the weather, and about their dogs. "
    "Later the children come on their way to school. Each of them gets a small roll. "
    "In the afternoon it is quiet, and the baker reads his newspaper. At seven he closes the door and goes home."
)
RATE = 22050


def said(text: str, **options) -> np.ndarray:
    return espeak.speak(text, **options).samples


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return said(WORDS)


def made(samples: np.ndarray, words: str = WORDS, **options):
    return build(samples, RATE, words, **({"name": "me", "consent": True, "today": date(2026, 1, 2)} | options))


def ratings(profile) -> dict[str, str]:
    return {check.name: check.rating for check in profile.checks}


def noisy(samples: np.ndarray, decibels: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1, len(samples))
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    return (samples + level * noise).astype(np.float32)


def test_clean_speech_is_good_in_every_way(clean):
    profile = made(clean)
    assert set(ratings(profile).values()) == {"good"}
    assert profile.sample_rate == 24000
    assert profile.samples.dtype == np.float32
    assert loudness(profile.samples, 24000) == pytest.approx(-20, abs=0.5)
    assert profile.seconds == pytest.approx(len(clean) / RATE, abs=0.8)
    assert 10 < profile.rate < 25
    assert "2026-01-02" in profile.created


@pytest.mark.parametrize(
    ("change", "name", "rating"),
    [
        (lambda s: noisy(s, 5), "noise", "bad"),
        (lambda s: noisy(s, 18), "noise", "doubtful"),
        (lambda s: noisy(s, 40), "noise", "good"),
        (lambda s: np.clip(s * 8, -0.9, 0.9), "clipping", "bad"),
        (lambda s: np.clip(s, -0.7 * abs(s).max(), 0.7 * abs(s).max()), "clipping", "doubtful"),
        (lambda s: s * 0.05, "clipping", "good"),
    ],
)
def test_what_is_wrong_is_said(clean, change, name, rating):
    assert ratings(made(change(clean)))[name] == rating


def test_music_below_the_speech_is_noticed(clean):
    time = np.arange(len(clean)) / RATE
    chord = sum(np.sin(2 * np.pi * f * time) for f in (262, 330, 392)) * 0.05
    assert ratings(made((clean + chord).astype(np.float32)))["noise"] != "good"


def test_two_voices_are_suspected_and_one_is_not(clean):
    other = said("No, it was not. I was there and I saw it.", voice="f2", pitch=80)
    both = np.concatenate((clean[: RATE * 4], other))
    assert ratings(made(both, WORDS[:60] + " No, it was not. I was there."))["speakers"] == "doubtful"
    for voice in ("f3", "m3"):
        assert ratings(made(said(WORDS, voice=voice)))["speakers"] == "good"


@pytest.mark.parametrize(("words", "why"), [(WORDS * 4, "very many"), ("Yes.", "very few")])
def test_words_that_can_not_be_all_that_is_said(clean, words, why):
    with pytest.raises(ProfileError, match=why):
        made(clean, words)


def test_a_doubtful_transcript_is_kept_with_a_word(clean):
    profile = made(clean, WORDS + " " + WORDS[:80])
    assert ratings(profile)["transcript"] == "doubtful"
    assert report(profile.checks).startswith("doubtful: ")


@pytest.mark.parametrize(
    ("change", "options", "why"),
    [
        (lambda s: s, {"consent": False}, "consent"),
        (lambda s: s, {"name": "../me"}, "can't be called"),
        (lambda s: s, {"words": " \n"}, "transcript is empty"),
        (lambda s: s * 0, {}, "silent"),
        (lambda s: s[: RATE * 2], {"words": "The quick brown fox jumps over"}, "record 5 to 12 s"),
    ],
)
def test_what_is_refused(clean, change, options, why):
    with pytest.raises(ValueError, match=why):
        made(change(clean), **options)


def test_silence_around_speech_is_cut_off(clean):
    quiet = np.zeros(RATE * 2, np.float32)
    profile = made(np.concatenate((quiet, clean, quiet)))
    assert profile.seconds == pytest.approx(made(clean).seconds, abs=0.15)


def test_a_long_recording_gives_whole_sentences_with_their_own_words():
    """espeak-ng says when each word is heard, so that the words of the stretch can be checked one by one."""
    speech = espeak.speak(SENTENCES)
    assert speech.timings.duration > 18
    choice = choose_segment(speech.samples, RATE, SENTENCES)
    assert 5 <= choice.interval.duration <= 12
    inside = [
        word.text for word in speech.timings.words
        if choice.interval.start - 0.05 <= (word.start + word.end) / 2 <= choice.interval.end + 0.05
    ]  # fmt: skip
    words = "".join(c for c in choice.transcript if c.isalpha() or c == " ").split()
    assert len(words) > 15
    assert (words[0], words[-1]) == (inside[0], inside[-1])
    rest = iter(words)
    assert all(word in rest for word in inside)  # in this order; espeak-ng names only one of some pairs of words


def test_the_best_part_is_taken_not_the_first():
    speech = espeak.speak(SENTENCES)
    half = len(speech.samples) // 2
    spoiled = np.concatenate((noisy(speech.samples[:half], 3), speech.samples[half:]))
    choice = choose_segment(spoiled, RATE, SENTENCES)
    assert choice.interval.start > half / RATE - 1
    assert "baker opens" not in choice.transcript


def test_words_that_fit_nowhere_are_not_guessed_at():
    long = np.concatenate([said("a long long word", speed=0.5)] * 8)
    with pytest.raises(NoCutError, match="Cut the recording"):
        choose_segment(long, RATE, "word " * 60)


def test_measures(clean):
    assert signal_to_noise(clean, RATE) > 35
    assert 12 < signal_to_noise(noisy(clean, 20), RATE) < 28
    assert clipped(clean) < 1e-4
    assert len(phrases(clean, RATE)) >= 2
    assert phrases(np.zeros(RATE, np.float32), RATE) == []
    tone = np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.median(pitch(tone, RATE)) == pytest.approx(150, rel=0.02)
    assert len(pitch(np.zeros(100, np.float32), RATE)) == 0


def test_a_profile_comes_back_as_it_was(clean, tmp_path):
    profile = replace(made(clean), base_model="F5TTS_v1_Base")
    profile.save(tmp_path / "voices" / "me.safetensors")
    back = load_profile(tmp_path / "voices" / "me.safetensors")
    assert np.array_equal(back.samples, profile.samples)
    assert replace(back, samples=None, loudness=0) == replace(profile, samples=None, loudness=0)
    assert back.same_as(profile)
    assert [path.name for path in (tmp_path / "voices").iterdir()] == ["me.safetensors"]


def test_the_facts_can_be_read_by_anything_that_reads_safetensors(clean, tmp_path):
    made(clean).save(tmp_path / "me.safetensors")
    data = (tmp_path / "me.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    facts = json.loads(header["__metadata__"]["myspinbot-voice"])
    assert facts["transcript"] == WORDS
    assert facts["created"] == "2026-01-02"
    assert "may use this voice" in facts["consent"]
    assert len(facts["source_sha256"]) == 64
    assert {check["rating"] for check in facts["checks"]} == {"good"}


def test_a_profile_never_replaces_another(clean, tmp_path):
    (tmp_path / "me.safetensors").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="nothing was changed"):
        made(clean).save(tmp_path / "me.safetensors")
    assert (tmp_path / "me.safetensors").read_bytes() == b"mine"


def test_files_that_are_no_profiles(clean, tmp_path):
    path = tmp_path / "me.safetensors"
    made(clean).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProfileError, match="damaged"):
        load_profile(path)
    path.write_bytes(b"")
    with pytest.raises(ProfileError, match="damaged"):
        load_profile(path)
    save_file({"voice.samples": torch.zeros(3)}, path)
    with pytest.raises(ProfileError, match="no voice profile"):
        load_profile(path)
    for facts, why in (({"version": 2}, "later version"), ({"version": 1, "name": "x"}, "no whole")):
        save_file({"voice.samples": torch.zeros(3)}, path, metadata={"myspinbot-voice": json.dumps(facts)})
        with pytest.raises(ProfileError, match=why):
            load_profile(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        load_profile(path)


def test_a_profile_is_a_reference_to_speak_with(clean):
    profile = made(clean)
    reference = prepare_reference(profile.samples, profile.sample_rate, profile.transcript)
    assert reference.remarks == []
    assert reference.seconds == pytest.approx(profile.seconds, abs=0.2)
