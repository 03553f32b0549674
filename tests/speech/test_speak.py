"""The whole way from text to sound, with models in miniature."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from myspinbot.engines.speech.f5 import F5Error
from myspinbot.engines.speech.f5.mel import SAMPLE_RATE
from myspinbot.engines.speech.f5.reference import Reference, prepare_reference
from myspinbot.engines.speech.f5.sentences import Piece, split
from myspinbot.engines.speech.f5.speak import Settings, piece_limit, seconds, speak
from myspinbot.engines.speech.f5.vocos import load_vocoder
from myspinbot.media.loudness import CEILING, loudness

FAST = Settings(steps=2, seed=1)
TEXT = "The first sentence is said. " * 12


@pytest.fixture(scope="module")
def vocoder(files):
    return load_vocoder(files.vocoder)


@pytest.fixture(scope="module")
def voice(spoken):
    return prepare_reference(spoken[0], SAMPLE_RATE, spoken[1])


@pytest.fixture(scope="module")
def say(model, vocoder, vocabulary, voice):
    return lambda text, settings=FAST, **options: speak(
        model, vocoder, vocabulary, text, options.pop("voice", voice), settings, **options
    )


def test_a_long_text_is_one_sound_with_its_words_in_order(say, voice):
    made = say(TEXT)
    assert len(split(TEXT, piece_limit(voice, 1))) >= 2
    assert made.samples.dtype == np.float32
    assert np.abs(made.samples).max() <= CEILING + 1e-6
    assert loudness(made.samples, SAMPLE_RATE) == pytest.approx(-16, abs=0.5)
    timings = made.timings
    assert timings.duration == pytest.approx(len(made.samples) / SAMPLE_RATE)
    assert [word.text for word in timings.words] == re.findall(r"\w+", TEXT)
    for spans in (timings.words, timings.phonemes):
        assert len(spans) >= 60
        assert all(0 <= a.start <= a.end <= b.start + 1e-6 for a, b in pairwise(spans))
        assert spans[-1].end <= timings.duration + 1e-6
    pace = len(TEXT) / timings.duration
    assert 0.7 * voice.rate < pace < 1.2 * voice.rate


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(say):
    one, two, three = (say("Say this again.", replace(FAST, seed=seed)).samples for seed in (5, 5, 6))
    assert np.array_equal(one, two)
    assert len(one) != len(three) or not np.array_equal(one, three)


def test_a_piece_does_not_change_when_others_follow(say, voice):
    pieces = split(TEXT, piece_limit(voice, 1))
    whole = say(TEXT).samples
    for number in range(2):
        alone = say(pieces[number].text, replace(FAST, seed=1 + number))
        middle = alone.samples[len(alone.samples) // 4 : len(alone.samples) // 2]
        likeness = _likeness(whole, middle)
        assert likeness > 0.98


def _likeness(whole: np.ndarray, part: np.ndarray) -> float:
    """The correlation of `part` with the place in `whole` where it fits best."""
    from scipy.signal import fftconvolve

    at = int(np.argmax(fftconvolve(whole, part[::-1], "valid")))
    return float(np.corrcoef(whole[at : at + len(part)], part)[0, 1])


def test_greater_speed_is_faster(say):
    slow, plain, fast = (say(TEXT, replace(FAST, speed=speed)).timings.duration for speed in (0.5, 1.0, 2.0))
    assert slow == pytest.approx(2 * plain, rel=0.15)
    assert fast == pytest.approx(plain / 2, rel=0.15)


def test_loudness_is_what_was_asked(say):
    for target in (-30.0, -14.0):
        made = say("A sentence of some length, loud or not.", replace(FAST, loudness=target))
        assert loudness(made.samples, SAMPLE_RATE) == pytest.approx(target, abs=0.5)


def pace(rate: float) -> Reference:
    """A voice of which nothing counts but its pace, in bytes a second."""
    return Reference(np.zeros(0, np.float32), "x" * 100, 100 / rate)


@pytest.mark.parametrize("rate", [8.0, 12.0, 17.5, 30.0])
def test_what_lasts_less_than_a_second_is_said_more_slowly(rate):
    times = [seconds(Piece("x" * n, "sentence"), pace(rate), 1.0) for n in range(1, 200)]
    assert all(b > a for a, b in pairwise(times)), "more text never takes less time"
    assert times[0] > 0.4
    assert times[149] == pytest.approx(150 / rate + 0.1)
    twice = [seconds(Piece("x" * 2 * n, "sentence"), pace(2 * rate), 1.0) for n in range(1, 200)]
    assert twice == pytest.approx(times), "the pace decides, not the number of bytes"


def test_the_shortest_line_lasts_as_long_as_in_the_original():
    assert seconds(Piece("Hi!", "sentence"), pace(17.5), 1.0) == pytest.approx(3 / 17.5 / 0.3, abs=0.005)
    assert seconds(Piece("Hi!", "sentence"), pace(17.5), 2.0) < 0.4


@pytest.mark.parametrize("text", ["Hi.", "5", "你好。", "Ok 👍", "x" * 300, "a\n\nb\n\nc"])
def test_texts_of_every_kind(say, text):
    made = say(text)
    assert len(made.samples) > SAMPLE_RATE * 0.3
    assert np.isfinite(made.samples).all()


@pytest.mark.parametrize("text", ["", "  \n", "...", "😀", "—"])
def test_nothing_to_say_is_refused(say, text):
    with pytest.raises(ValueError, match="text"):
        say(text)


def test_characters_that_the_model_never_saw_are_named(say):
    made = say("Hello Ж and ☃ жук.")
    (remark,) = [remark for remark in made.remarks if "doesn't know" in remark]
    assert "ж" in remark or "Ж" in remark


def test_ten_thousand_letters_are_cut_into_pieces_that_fit(voice):
    pieces = split("The quick brown fox jumps over the lazy dog. " * 230, piece_limit(voice, 1.0))
    longest = max(seconds(piece, voice, 1.0) for piece in pieces)
    assert longest + len(voice.samples) / SAMPLE_RATE < 24


def test_a_language_without_a_voice_still_has_words(say):
    made = say("some words here", replace(FAST, language="tet"))
    assert [word.text for word in made.timings.words] == ["some", "words", "here"]


def test_progress_and_cancel(say):
    seen: list[tuple[int, int]] = []
    say(TEXT, on_step=lambda *at: seen.append(at))
    assert seen[-1][0] == seen[-1][1]

    class Cancelled(BaseException):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        say(TEXT, on_step=cancel)


def test_a_result_that_is_no_number_is_an_error(vocoder, vocabulary, voice, files):
    from myspinbot.engines.speech.f5.checkpoint import load_model

    broken = load_model(files.model, vocabulary)
    broken.proj_out.bias.fill_(float("inf"))
    with pytest.raises(F5Error, match="precision"):
        speak(broken, vocoder, vocabulary, "Hello there.", voice, FAST)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
def test_references_of_any_rate(spoken, rate):
    from torchaudio.functional import resample

    sound = resample(torch.from_numpy(spoken[0]), 24000, rate).numpy()
    reference = prepare_reference(sound, rate, spoken[1])
    assert reference.seconds == pytest.approx(prepare_reference(spoken[0], 24000, spoken[1]).seconds, abs=0.1)
    assert reference.transcript == f"{spoken[1]}  "


def test_the_reference_loses_its_silence_and_keeps_its_level(spoken):
    quiet = np.concatenate((np.zeros(24000, np.float32), spoken[0] * 0.01, np.zeros(48000, np.float32)))
    plain, padded = prepare_reference(spoken[0], 24000, spoken[1]), prepare_reference(quiet, 24000, spoken[1])
    assert padded.seconds == pytest.approx(plain.seconds, abs=0.05)
    spoken_part = padded.samples[: int(padded.seconds * 24000)]
    assert np.sqrt(np.mean(spoken_part**2)) == pytest.approx(0.1, rel=0.01)
    loud = prepare_reference(spoken[0] * 3, 24000, spoken[1])
    assert np.sqrt(np.mean(loud.samples**2)) > 0.1, "a loud reference is left as it is"


@pytest.mark.parametrize(
    ("words", "closed"),
    [("Hello there", "Hello there.  "), ("It is 5!", "It is five!  "), ("你好，再见你好", "你好，再见你好。")],
)
def test_transcripts_are_read_out_and_closed(words, closed):
    from myspinbot.engines.speech import espeak

    language = "cmn" if words[0] > "\u2e7f" else "en-us"
    speech = espeak.speak(words, language=language, speed=0.6)
    assert prepare_reference(speech.samples, speech.sample_rate, words).transcript == closed


@pytest.mark.parametrize(
    ("make", "words", "why"),
    [
        (lambda s: s, "  ", "transcript of the reference is empty"),
        (lambda s: s * 0, "Hello.", "silent"),
        (lambda s: s[:6000], "Hello.", "give 5 to 12 s"),
        (lambda s: np.tile(s, 6), "Hello.", "Build Voice Profile"),
        (lambda s: s, "word " * 300, "can't be what is said"),
        (lambda s: s, "x", "can't be what is said"),
    ],
)
def test_references_that_can_not_be_used(spoken, make, words, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        prepare_reference(make(spoken[0]), 24000, words)


def test_a_doubtful_transcript_is_remarked(spoken, say):
    odd = prepare_reference(
        spoken[0], 24000, spoken[1] + " And a good deal more was said of it by them all in the end, I think."
    )
    assert "looks too long" in odd.remarks[0]
    assert "looks too long" in " ".join(say("Hello there.", voice=odd).remarks)
