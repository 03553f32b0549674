"""Whisper transcribes and Wav2Vec2 aligns: models in miniature, through the real loaders."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from myspinbot.engines.speech import espeak
from myspinbot.engines.speech.f5.sentences import Piece
from myspinbot.engines.speech.f5.word_timings import word_timings
from myspinbot.engines.timings import Interval, Span
from myspinbot.engines.voice.align import AlignError, align_frames, align_words, emissions, load_aligner
from myspinbot.engines.voice.build import build
from myspinbot.engines.voice.choose import best_interval
from myspinbot.engines.voice.profile import ProfileError
from myspinbot.engines.voice.transcribe import TranscriptionError, load_whisper, transcribe
from tests.miniatures import recognition

TEXT = "Each of them gets a small roll, and they go home."
LONG = (
    "Every morning the baker opens his shop at six. He likes the smell of fresh bread. "
    "The first customers are always the same three women. They talk about the weather, and about their dogs. "
    "Later the children come on their way to school. Each of them gets a small roll."
)
RATE = 22050


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return recognition.write_whisper(tmp_path_factory.mktemp("models") / "whisper-mini", TEXT)


@pytest.fixture(scope="module")
def listener(whisper):
    return load_whisper(whisper)


@pytest.fixture(scope="module")
def aligner(tmp_path_factory):
    return load_aligner(recognition.write_wav2vec2(tmp_path_factory.mktemp("models") / "wav2vec2-mini"))


def test_what_is_heard_is_written(listener):
    speech = espeak.speak(TEXT)
    assert transcribe(listener, speech.samples, RATE) == TEXT


def test_what_can_not_be_heard_is_said(listener, tmp_path):
    with pytest.raises(TranscriptionError, match="at most 30 s"):
        transcribe(listener, np.zeros(31 * RATE, np.float32), RATE)
    silent = load_whisper(recognition.write_whisper(tmp_path / "silent", "..."))
    with pytest.raises(TranscriptionError, match="understood no word"):
        transcribe(silent, np.zeros(RATE, np.float32), RATE)


@pytest.mark.parametrize("lost", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_folder_that_is_not_whole(tmp_path, lost):
    folder = recognition.write_whisper(tmp_path / "broken", TEXT)
    (folder / lost).write_bytes(b"nothing")
    with pytest.raises(TranscriptionError, match="broken is not a whole Whisper model"):
        load_whisper(folder)


def test_a_profile_without_words_has_those_that_are_heard_in_its_own_seconds():
    """Only the seconds that are kept are listened to, so that no word is from anywhere else."""
    speech = espeak.speak(LONG)
    given: list[float] = []

    def transcribe_words(samples: np.ndarray, rate: int) -> str:
        given.append(len(samples) / rate)
        return "They talk about the weather, and about their dogs. Later the children come on their way to school."

    profile = build(speech.samples, RATE, " ", name="me", consent=True, transcribe=transcribe_words)
    assert given == [pytest.approx(profile.seconds)]
    assert 5 <= given[0] <= 12.2
    assert profile.transcript.startswith("They talk")
    interval = best_interval(speech.samples, RATE)
    assert profile.seconds == pytest.approx(interval.duration + 0.1, abs=0.06)
    words = [word for word in speech.timings.words if word.start + 0.05 < interval.start < word.end]
    assert words == [], "it begins in a pause"


def test_words_that_are_given_are_not_listened_for():
    speech = espeak.speak(TEXT + " " + TEXT)

    def transcribe_words(samples: np.ndarray, rate: int) -> str:
        raise AssertionError("it was listened to")

    assert (
        build(speech.samples, RATE, TEXT * 2, name="me", consent=True, transcribe=transcribe_words).transcript
        == TEXT * 2
    )
    with pytest.raises(ProfileError, match="consent"):
        build(speech.samples, RATE, "", name="me", consent=False, transcribe=transcribe_words)
    with pytest.raises(ProfileError, match="transcript is empty"):
        build(speech.samples, RATE, "", name="me", consent=True)


def emission(path: str) -> torch.Tensor:
    """Log probabilities (N, V) of a model that is nearly sure: one letter a frame, `-` for nothing."""
    numbers = [0 if letter == "-" else recognition.LETTERS[letter] for letter in path]
    sure = torch.full((len(path), len(recognition.LETTERS)), -8.0)
    sure[torch.arange(len(path)), numbers] = 0
    return sure.log_softmax(dim=-1)


@pytest.mark.parametrize(
    ("path", "words", "expected"),
    [
        ("--HI---|-YOU--", ["Hi", "you!"], [(2, 4), (9, 12)]),
        ("HHII|YYOOUU", ["hi,", "you"], [(0, 4), (5, 11)]),
        ("-A-L-L--|--T-O-O-", ["all", "too"], [(1, 6), (11, 16)]),  # a letter twice
        ("-H-I-|-Y-", ["hi", "42", "你好", "y"], [(1, 4), None, None, (7, 8)]),
        ("-42-|-HI-".replace("42", "--"), ["42", "hi"], [None, (6, 8)]),
        ("--U-B-E-R--", ["Über"], [(2, 9)]),
        ("-H-", ["hello", "there"], [None, None]),  # too quick for so many letters
        ("-A-A-", ["aa"], [(1, 4)]),
        ("AA", ["aa"], [None]),  # a letter twice needs a frame between
        ("----", ["你好"], [None]),
    ],
)
def test_words_are_found_where_they_are(path, words, expected):
    assert align_frames(emission(path), words, recognition.LETTERS, 0) == expected


def test_one_unsure_frame_does_not_move_a_word():
    sure = emission("--HI---|-YOU--")
    sure[5] = sure[8].flip(0)
    sure[0] = torch.full_like(sure[0], 1 / len(recognition.LETTERS)).log()
    assert align_frames(sure, ["Hi", "you"], recognition.LETTERS, 0) == [(2, 4), (9, 12)]


def test_a_model_from_disk_finds_all_words_in_their_order(aligner):
    speech = espeak.speak(TEXT)
    words = TEXT.split()
    seconds = len(speech.samples) / RATE
    assert len(emissions(aligner, speech.samples, RATE)) == pytest.approx(seconds * 50, abs=2)
    found = align_words(aligner, speech.samples, RATE, words)
    assert [span.text for span in found] == words
    assert all(0 <= a.start < a.end <= b.start <= seconds for a, b in pairwise(found))
    assert found[-1].end <= seconds + 0.1
    assert align_words(aligner, speech.samples[:400], RATE, words) == [None] * len(words)


def test_a_folder_that_is_no_model_of_letters(tmp_path):
    folder = recognition.write_wav2vec2(tmp_path / "phonemes")
    (folder / "vocab.json").write_text('{"ə": 1}', encoding="utf-8")
    with pytest.raises(AlignError, match="not one of letters"):
        load_aligner(folder)
    (folder / "vocab.json").unlink()
    with pytest.raises(AlignError, match="not a whole Wav2Vec2"):
        load_aligner(folder)


def test_sounds_move_with_the_words_that_were_found():
    """Three words, the middle one not found: it lies between its neighbours."""
    pieces, placed = [Piece("One two three", "paragraph")], [Interval(1.0, 4.0)]
    reckoned = word_timings(pieces, placed, 5.0, "en")
    asked: list[list[str]] = []

    def measure(words, place):
        asked.append(list(words))
        return [Span("One", 1.5, 2.0), None, Span("three", 3.0, 3.5)]

    found = word_timings(pieces, placed, 5.0, "en", measure)
    assert asked == [["One", "two", "three"]]
    one, two, three = found.words
    assert (one.start, one.end) == pytest.approx((1.5, 2.0), abs=1e-4)
    assert (three.start, three.end) == pytest.approx((3.0, 3.5), abs=1e-4)
    assert 2.0 <= two.start < two.end <= 3.0
    assert [sound.text for sound in found.phonemes] == [sound.text for sound in reckoned.phonemes]
    assert all(a.end <= b.start + 1e-4 for a, b in pairwise(found.phonemes))
    inside = [sound for sound in reckoned.phonemes if sound.end <= reckoned.words[0].end + 1e-6]
    moved = found.phonemes[: len(inside)]
    assert len(inside) >= 2
    stretch = 0.5 / (reckoned.words[0].end - reckoned.words[0].start)
    for before, after in zip(inside, moved, strict=True):
        assert after.start == pytest.approx(1.5 + (before.start - reckoned.words[0].start) * stretch, abs=1e-3)
        assert after.end == pytest.approx(1.5 + (before.end - reckoned.words[0].start) * stretch, abs=1e-3)


def test_where_no_word_is_found_the_times_are_those_that_were_reckoned():
    pieces, placed = [Piece("One two three", "paragraph")], [Interval(1.0, 4.0)]
    reckoned = word_timings(pieces, placed, 5.0, "en")
    found = word_timings(pieces, placed, 5.0, "en", lambda words, place: [None] * len(words))
    for before, after in zip(reckoned.words + reckoned.phonemes, found.words + found.phonemes, strict=True):
        assert (after.start, after.end) == pytest.approx((before.start, before.end), abs=1e-4)
