"""Build Voice with a Whisper, and Speak with an aligner, on a real server of their own models."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path

import pytest

from myspinbot_runner import Client
from tests.miniatures import recognition
from tests.runner.helpers import tag, until

from .test_nodes import WORDS, base, failure, graph, recording, speech, voice_graph  # noqa: F401

HEARD = "Nobody minded the wind at all, and the dog goes home."


@pytest.fixture
def whisper(base):  # noqa: F811
    """Only while a test needs it: others rely on there being none."""
    yield recognition.write_whisper(base / "models" / "whisper" / "whisper-mini", HEARD)
    shutil.rmtree(base / "models" / "whisper")


@pytest.fixture
def wav2vec2(base):  # noqa: F811
    yield recognition.write_wav2vec2(base / "models" / "audio_encoders" / "wav2vec2-mini")
    shutil.rmtree(base / "models" / "audio_encoders" / "wav2vec2-mini")


def words_of(base: Path, name: str) -> str:  # noqa: F811
    data = (base / "models" / "voices" / f"{name}.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["myspinbot-voice"])["transcript"]


def test_without_a_transcript_whisper_writes_it(server, base, recording, whisper):  # noqa: F811
    name = f"heard {tag()}"
    result = Client(server.url).submit(voice_graph(recording, name, transcript="")).result()
    assert words_of(base, name) == HEARD
    assert f"These words were transcribed, check them: {HEARD}" in [notice.text for notice in result.notices]
    given = f"given {tag()}"
    Client(server.url).submit(voice_graph(recording, given)).result()
    assert words_of(base, given) == WORDS


def test_without_a_transcript_and_without_whisper_both_ways_out_are_named(server, base, recording):  # noqa: F811
    said = failure(server, voice_graph(recording, f"never {tag()}", transcript=" "))
    assert "Write exactly what is said" in said
    assert "myspinbot models get whisper-small" in said
    assert "MIT" in said


def test_the_aligner_moves_words_within_the_speech_and_nothing_else(server, base, recording, wav2vec2, tmp_path):  # noqa: F811
    def offered() -> list[str]:
        info = json.loads(urllib.request.urlopen(f"{server.url}/object_info/MySpinBotSpeakF5").read())
        return info["MySpinBotSpeakF5"]["input"]["optional"]["aligner"][1]["options"]

    assert until(lambda: offered() == ["auto", "none", "wav2vec2-mini"])
    plain, reckoned, _ = speech(server, graph(recording, aligner="none"), tmp_path / "a")
    for aligner in ("auto", "wav2vec2-mini"):
        samples, measured, _ = speech(server, graph(recording, aligner=aligner), tmp_path / aligner)
        assert (samples == plain).all()
        assert [word["text"] for word in measured["words"]] == [word["text"] for word in reckoned["words"]]
        assert measured["words"] != reckoned["words"]
        assert measured["phonemes"] != reckoned["phonemes"]
        assert all(0 <= word["start"] <= word["end"] <= measured["duration"] + 0.01 for word in measured["words"])


def test_an_aligner_that_is_gone_is_named(server, base, recording):  # noqa: F811
    assert "aligner" in failure(server, graph(recording, aligner="gone"))


def test_a_whisper_that_is_not_whole_is_named(server, base, recording, whisper):  # noqa: F811
    (whisper / "model.safetensors").write_bytes(b"nothing")
    assert "whisper-mini is not a whole Whisper model" in failure(
        server, voice_graph(recording, f"never {tag()}", transcript="")
    )


def test_a_text_of_many_pieces_keeps_its_words_in_order(server, base, recording, wav2vec2, tmp_path):  # noqa: F811
    _, timings, _ = speech(server, graph(recording, text="One two three. " * 30), tmp_path)
    starts = [word["start"] for word in timings["words"]]
    assert len(starts) == 90
    assert starts == sorted(starts)
