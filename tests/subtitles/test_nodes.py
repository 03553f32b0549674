"""The subtitle nodes on a real server, through the runner."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import srt as srt_reader
import webvtt

from myspinbot.media.clip import probe
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.miniatures.font import write_font
from tests.runner.helpers import call, tag, write

from .test_burn import LATIN, frames, write_clip

TEXT = "Hello there, my friend. It is a blue day; the price is $5.50."
TIMINGS = {
    "version": 1,
    "duration": 4.0,
    "words": [
        {"text": "Then", "start": 0.4, "end": 0.9},
        {"text": "another", "start": 2.5, "end": 3.0},
    ],
}


@pytest.fixture(scope="module")
def base(server) -> Path:
    base = Path(server.base_directory)
    write_font(base / "models" / "fonts" / "LatinSans.ttf", LATIN)
    write_clip(base / "input" / "clip.mp4")
    return base


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def spoken(prefix: str, language: str = "en-us", text: str = TEXT) -> dict:
    """A text, a speech of it, its subtitles."""
    return {
        "1": node("PrimitiveStringMultiline", value=text),
        "2": node("MySpinBotDraftSpeech", text=["1", 0], language=language, voice="default", speed=1.0, pitch=50),
        "3": node("MySpinBotSubtitles", timings=["2", 1], filename_prefix=prefix, text=["1", 0]),
    }


def filmed(prefix: str, timings: str, **style) -> dict:
    """A clip with subtitles in it and beside it."""
    look = {"size": 8.0, "position": "bottom", "color": "white", "backing": "outline"} | style
    return {
        "1": node("LoadVideo", file="clip.mp4"),
        "2": node("PrimitiveStringMultiline", value=timings),
        "3": node("MySpinBotBurnSubtitles", video=["1", 0], timings=["2", 0], **look),
        "4": node("SaveVideo", video=["3", 0], filename_prefix=prefix, format="auto", codec="auto"),
        "5": node("MySpinBotSubtitles", video=["4", 0], timings=["2", 0], filename_prefix=prefix),
        "6": node("PreviewAny", source=["5", 0]),
    }


def run(server, work: dict, out: Path) -> tuple[dict[str, Path], list[str], dict]:
    """The files by suffix, what the user is told, and the texts."""
    job = Client(server.url).submit(work)
    result = job.result()
    return {path.suffix: path for path in job.save(out)}, [n.text for n in result.notices], result.texts


def test_speech_becomes_files_that_players_read(server, base, tmp_path):
    prefix = f"said-{tag()}"
    files, notices, _ = run(server, spoken(prefix), tmp_path)
    assert notices == []
    assert {path.name for path in files.values()} == {f"{prefix}_00001_.srt", f"{prefix}_00001_.vtt"}
    read = list(srt_reader.parse(files[".srt"].read_text("utf-8")))
    assert " ".join(" ".join(s.content.split()) for s in read) == TEXT
    assert [c.text for c in webvtt.read(str(files[".vtt"]))] == [s.content for s in read]
    again, *_ = run(server, spoken(prefix, text=TEXT + " Again."), tmp_path)
    assert again[".srt"].name == f"{prefix}_00002_.srt", "nothing is overwritten"
    assert (base / "output" / f"{prefix}_00001_.srt").read_bytes() == files[".srt"].read_bytes()


@pytest.mark.parametrize(("language", "text"), [("cmn", "你好，世界。今天天气很好！"), ("he", "שלום עולם, מה שלומך?")])
def test_other_scripts(server, base, tmp_path, language, text):
    files, notices, _ = run(server, spoken(f"said-{tag()}", language, text), tmp_path)
    assert notices == []
    read = srt_reader.parse(files[".srt"].read_text("utf-8"))
    assert "".join("".join(s.content.split()) for s in read) == "".join(text.split())


def test_captions_in_the_video_and_files_of_its_number_beside_it(server, base, tmp_path):
    prefix = f"films/film-{tag()}"
    for number in (1, 2):
        timings = json.dumps(TIMINGS | {"duration": 4.0 + number / 100})  # another one, so that nothing is cached
        files, notices, texts = run(server, filmed(prefix, timings), tmp_path / str(number))
        assert notices == []
        stems = {str(path.relative_to(tmp_path / str(number)).with_suffix("")) for path in files.values()}
        assert stems == {f"{prefix}_{number:05}_"}
        assert texts["6"] == [files[".srt"].read_text("utf-8")]
    seen = (frames(files[".mp4"]).min(axis=3) > 180).any(axis=(1, 2))
    (one, two) = srt_reader.parse(texts["6"][0])
    times = (np.arange(100) + 0.5) / 25
    expected = np.zeros(100, bool)
    for cue in (one, two):
        expected |= (times >= cue.start.total_seconds()) & (times < cue.end.total_seconds())
    assert np.array_equal(seen, expected)
    assert probe(files[".mp4"]).has_audio


def test_the_command_line_fetches_the_files(server, base, tmp_path):
    path = write(tmp_path / "work.json", filmed(f"film-{tag()}", json.dumps(TIMINGS)))
    status, said, errors = call("run", path, "--server", server.url, "--out", str(tmp_path / "out"))
    assert status == 0, errors
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".mp4", ".srt", ".vtt"]
    assert ".srt" in said


def test_without_words_the_video_stays_as_it_is(server, base, tmp_path):
    files, notices, _ = run(server, filmed(f"film-{tag()}", '{"duration": 4.0}'), tmp_path)
    assert any("stays as it is" in notice for notice in notices)
    assert any("hold no words" in notice for notice in notices)
    assert files[".srt"].read_text() == ""
    assert files[".vtt"].read_text() == "WEBVTT\n"
    assert not (frames(files[".mp4"]).min(axis=3) > 180).any()


@pytest.mark.parametrize(
    ("timings", "style", "why"),
    [
        ("no json", {}, "not JSON"),
        ('{"words": [{"text": "a", "start": 1}]}', {}, r"words\[0\]"),
        (json.dumps(TIMINGS), {"color": "rainbow"}, "no colour"),
    ],
)
def test_bad_inputs_fail_with_a_sentence(server, base, timings, style, why):
    with pytest.raises(RunnerError, match=why):
        Client(server.url).submit(filmed(f"film-{tag()}", timings, **style)).result()
