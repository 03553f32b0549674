"""Kokoro on its trained weights: that it speaks, in every language, and that words are where they are said to be."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myspinbot.engines.speech import kokoro
from myspinbot.engines.speech.kokoro.voices import SPOKEN, voice_for
from myspinbot.media.loudness import loudness
from tests.weights import Weights

TEXT = "It is a blue day. Papa, please remember 12 apples before you go!"
LINES = {
    "en-us": TEXT, "en-gb-x-rp": "It is a blue day, my friend.", "es": "El cielo es azul, amigo mío.",
    "fr-fr": "Le ciel est bleu, mon ami.", "hi": "आसमान नीला है, मेरे दोस्त।", "it": "Il cielo è blu, amico mio.",
    "ja": "そらは あおいです、ともだち。", "pt-br": "O céu é azul, meu amigo.", "cmn": "天空是蓝色的，我的朋友。",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(weights: Weights) -> Path:
    return weights("kokoro", *(f"kokoro-{voice_for(code)}".replace("_", "-") for code in SPOKEN.values()))


@pytest.fixture(scope="module")
def model(folder: Path) -> kokoro.Kokoro:
    return kokoro.load(folder / "TTS" / "Kokoro" / "kokoro-v1.0.int8.onnx")


def voice(folder: Path, language: str) -> Any:
    return kokoro.load_voice(folder / "TTS" / "Kokoro" / "voices" / f"{voice_for(language)}.bin")


@pytest.fixture(scope="module")
def speech(model: kokoro.Kokoro, folder: Path) -> Any:
    return kokoro.speak(model, voice(folder, "en-us"), TEXT)


def test_words_and_phonemes_rise_within_the_sound(speech):
    timings = speech.timings
    said = "It is a blue day Papa please remember 12 apples before you go"
    assert [word.text for word in timings.words] == said.split()
    assert timings.duration == pytest.approx(len(speech.samples) / 24000)
    for spans in (timings.words, timings.phonemes):
        assert all(0 <= a.start < a.end <= b.start + 1e-6 for a, b in pairwise(spans))
        assert spans[-1].end <= timings.duration


def test_sounds_are_heard_when_the_timings_say_so(speech):
    """Stops are quiet and vowels loud, and no longer so where the timings are put 80 ms off."""
    assert contrast(speech, 0) > 6
    assert contrast(speech, 0) > max(contrast(speech, -0.08), contrast(speech, 0.08)) + 4


def contrast(speech: Any, shift: float) -> float:
    """By how many decibels vowels are louder than stops, with the timings put off by `shift` seconds."""
    levels: dict[str, list[float]] = {"stop": [], "vowel": []}
    for one in speech.timings.phonemes:
        sound = one.text.strip("ˈˌ")
        kind = "stop" if sound in "ptkbdɡ" else "vowel" if sound[0] in "aeiouɑæəɛɪɔʊʌɜɚ" else None
        part = speech.samples[max(round((one.start + shift) * 24000), 0) : max(round((one.end + shift) * 24000), 1)]
        if kind:
            levels[kind].append(10 * np.log10(np.mean(part**2) + 1e-8))
    return float(np.mean(levels["vowel"]) - np.mean(levels["stop"]))


def test_before_and_after_the_words_it_is_silent(speech):
    first, last = speech.timings.words[0], speech.timings.words[-1]
    peak = np.abs(speech.samples).max()
    assert np.abs(speech.samples[: int((first.start - 0.03) * 24000)]).max() < 0.05 * peak
    assert np.abs(speech.samples[int((last.end + 0.1) * 24000) :]).max(initial=0) < 0.05 * peak


def test_the_same_text_gives_the_same_bytes_however_many_threads_compute(folder, model):
    styles, path = voice(folder, "en-us"), folder / "TTS" / "Kokoro" / "kokoro-v1.0.int8.onnx"
    spoken = [
        kokoro.speak(one, styles, "Same again.").samples
        for one in (model, model, kokoro.Kokoro(path, threads=1), kokoro.Kokoro(path, threads=2))
    ]
    assert all(np.array_equal(spoken[0], other) for other in spoken)


@pytest.mark.parametrize("language", sorted(SPOKEN.values()))
def test_every_language_speaks_at_the_loudness_that_is_asked(model, folder, language):
    speech = kokoro.speak(model, voice(folder, language), LINES[language], language=language)
    assert 1 < speech.timings.duration < 8
    assert loudness(speech.samples, 24000) == pytest.approx(-16, abs=0.5)
    assert len(speech.timings.words) >= 3


def test_speed_is_heard(model, folder, speech):
    styles = voice(folder, "en-us")
    fast = kokoro.speak(model, styles, TEXT, speed=1.6)
    assert fast.timings.duration < 0.75 * speech.timings.duration


def test_a_long_text_and_odd_characters_are_read_to_the_end(model, folder):
    text = "☃ Ünïcode, naïve 日本 €12,345.67 & 50 % — \u200bwell? " + "and on, " * 40
    speech = kokoro.speak(model, voice(folder, "en-us"), text, speed=2.0)
    assert [word.text for word in speech.timings.words[-2:]] == ["and", "on"]
    assert speech.timings.duration > 8
