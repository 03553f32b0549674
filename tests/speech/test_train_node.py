"""Train Voice on a real server: from a folder of clips to speech that is another, and only in that voice."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from myspinbot.nodes.voice.training_clips import NO_FOLDER, clips_of
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.miniatures import f5 as miniature
from tests.runner.helpers import held_after, tag

from .test_nodes import WORDS, base, failure, forget, graph, node, record, recording, speech  # noqa: F401

TEXTS = ["It was a fine day for all of us.", "Nobody minded the wind at all.", "We go home now, my friend."]


@pytest.fixture(scope="module")
def folder(base) -> str:  # noqa: F811
    return clips(base, "clips", TEXTS)


@pytest.fixture(scope="module")
def voice(server, base, recording) -> str:  # noqa: F811
    """A profile that isn't trained."""
    name = f"plain {tag()}"
    build = node("MySpinBotBuildVoice", audio=["5", 0], transcript=WORDS, name=name, consent=True)
    Client(server.url).submit({"5": node("LoadAudio", audio=recording), "7": build}).result()
    return name


def clips(base: Path, name: str, texts: list[str]) -> str:  # noqa: F811
    path = base / "input" / name
    path.mkdir(parents=True)
    for number, text in enumerate(texts):
        record(base, f"{name}/{number}.wav", text or "Something is said here.")
        (path / f"{number}.txt").write_text(text, encoding="utf-8")
    return name


def train(voice: str, folder: str, name: str, **changes) -> dict:
    settings = {
        "f5": ["1", 0], "voice": ["6", 0], "name": name, "folder": folder, "steps": 20, "learning_rate": 0.01,
        "rank": 4, "alpha": 8.0, "batch_size": 2, "seed": 1,
    }  # fmt: skip
    return {
        "1": graph(None)["1"],
        "6": node("MySpinBotLoadVoice", voice=voice),
        "9": node("MySpinBotTrainVoice", **(settings | changes)),
        "10": node("PreviewAny", source=["9", 2]),
        "11": node("SaveImage", images=["9", 1], filename_prefix=f"loss-{tag()}"),
    }


def adapter(base: Path, name: str) -> dict[str, torch.Tensor]:  # noqa: F811
    return load_file(base / "models" / "voices" / f"{name}.safetensors")


def said(server, voice: str, out: Path, **changes) -> tuple[np.ndarray, list[str]]:
    """Speech in a voice that is kept, and the notices."""
    work = graph(None, voice=["6", 0], **changes) | {"6": node("MySpinBotLoadVoice", voice=voice)}
    samples, _, notices = speech(server, work, out)
    return samples, notices


def drop_work(base: Path) -> None:  # noqa: F811
    for job in (base / "user" / "myspinbot" / "work").glob("train-voice-*"):
        shutil.rmtree(job)


def test_a_voice_is_trained_kept_and_heard_and_no_other_changes(server, base, folder, voice, tmp_path):  # noqa: F811
    before, _ = said(server, voice, tmp_path / "a")
    name = f"trained {tag()}"
    job = Client(server.url).submit(train(voice, folder, name))
    result = job.result()
    (report,) = [text for texts in result.texts.values() for text in texts]
    assert "Loss on what was held out" in report
    (plot,) = [path for path in job.save(tmp_path) if path.suffix == ".png"]
    assert plot.stat().st_size > 5000
    path = base / "models" / "voices" / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["myspinbot-voice"])
    assert facts["base_model"] == "F5-TTS/mini/model_1250000.safetensors"
    assert facts["adapter"]["settings"]["rank"] == 4
    assert "may use this voice" in facts["consent"]

    forget(server)  # so that nothing comes from a cache
    trained, notices = said(server, name, tmp_path / "b")
    assert notices == []
    assert len(trained) != len(before) or not np.allclose(trained, before, atol=1e-3)
    forget(server)
    after, _ = said(server, voice, tmp_path / "c")
    assert np.array_equal(after, before)
    again, _ = said(server, name, tmp_path / "d")  # with the model that has just spoken in another voice
    assert np.array_equal(again, trained)

    content = path.read_bytes()
    drop_work(base)
    forget(server)
    Client(server.url).submit(train(voice, folder, name)).result()  # what is there is not trained again
    assert path.read_bytes() == content
    assert not list((base / "user" / "myspinbot" / "work").glob("train-voice-*"))
    assert "never replaced" in failure(server, train(voice, folder, name, steps=21))
    assert path.read_bytes() == content


def test_with_another_model_the_voice_is_spoken_untrained_and_says_so(server, base, folder, voice, tmp_path):  # noqa: F811
    name = f"trained {tag()}"
    Client(server.url).submit(train(voice, folder, name, steps=2)).result()
    other = "F5-TTS/other/model_1250000.safetensors"
    miniature.write_model(base / "models" / "TTS" / "F5-TTS" / "other", seed=9)
    plain, _ = said(server, voice, tmp_path / "a", model=other)
    samples, (notice,) = said(server, name, tmp_path / "b", model=other)
    assert "was trained for F5-TTS/mini" in notice
    assert np.array_equal(samples, plain)


def test_cancelled_and_queued_again_it_is_as_if_it_had_never_stopped(server, base, folder, voice):  # noqa: F811
    names = [f"stopped {tag()}", f"whole {tag()}"]
    settings = {"steps": 24, "seed": 7}
    drop_work(base)
    with held_after(1, "train-voice-*/training.safetensors", base) as stopped:
        job = Client(server.url).submit(train(voice, folder, names[0], **settings))
        stopped()
        assert job.cancel()
    with pytest.raises(RunnerError):
        job.result()
    (kept,) = (base / "user" / "myspinbot" / "work").glob("train-voice-*/training.safetensors")
    with safe_open(kept, "pt") as file:
        step = json.loads(file.metadata()["myspinbot-training"])["step"]
    assert 0 < step < 24
    Client(server.url).submit(train(voice, folder, names[0], **settings)).result()
    drop_work(base)
    Client(server.url).submit(train(voice, folder, names[1], **settings)).result()
    stopped, whole = (adapter(base, name) for name in names)
    assert len(whole) > 10
    assert all(torch.equal(value, stopped[name]) for name, value in whole.items())


def test_a_recording_and_the_profile_itself_train_too(server, base, recording, voice):  # noqa: F811
    work = train(voice, NO_FOLDER, f"own {tag()}", steps=2)
    Client(server.url).submit(work).result()
    name = f"recorded {tag()}"
    work = train(voice, NO_FOLDER, name, steps=2, recording=["5", 0], transcript=WORDS)
    Client(server.url).submit(work | {"5": node("LoadAudio", audio=recording)}).result()
    assert any(key.startswith("adapter.") for key in adapter(base, name))


@pytest.mark.parametrize(
    ("texts", "spoil", "why"),
    [
        ([TEXTS[0], ""], None, "1.wav: its transcript is empty"),
        (TEXTS[:2], lambda path: (path / "1.txt").unlink(), "no text file beside them: 1.wav"),
        (TEXTS[:2], lambda path: (path / "1.txt").write_bytes(b"\xff\xfe\x00"), "no text in UTF-8"),
        (
            TEXTS[:2],
            lambda path: (path / "1.wav").write_bytes(b"nothing"),
            "1.wav can't be read: it is no video or sound",
        ),
        ([], None, "no sounds in"),
    ],
)
def test_folders_that_can_not_be_trained_with(server, base, voice, texts, spoil, why):  # noqa: F811
    name = clips(base, f"bad-{tag()}", texts)
    if spoil:
        spoil(base / "input" / name)
    assert why in failure(server, train(voice, name, f"never {tag()}"))


def test_a_folder_that_changes_is_trained_with_anew(server, base, voice):  # noqa: F811
    name = clips(base, f"changing-{tag()}", TEXTS[:2])
    work = train(voice, name, trained := f"first {tag()}", steps=2)
    Client(server.url).submit(work).result()
    (base / "input" / name / "1.txt").write_text(TEXTS[2], encoding="utf-8")
    assert f"another voice called {trained!r}" in failure(server, work)


def test_the_folders_are_offered(server, folder):
    info = json.loads(urllib.request.urlopen(f"{server.url}/object_info/MySpinBotTrainVoice").read())
    options = info["MySpinBotTrainVoice"]["input"]["required"]["folder"][1]["options"]
    assert options[0] == NO_FOLDER
    assert folder in options


@pytest.mark.parametrize(("lines", "why"), [("one\ntwo", "3 clips but 2 lines"), ("", "3 clips but 0 lines")])
def test_a_batch_needs_a_line_for_each_clip(lines, why):
    batch = {"waveform": torch.rand(3, 1, 24000), "sample_rate": 24000}
    with pytest.raises(ValueError, match=why):
        clips_of(SimpleNamespace(), NO_FOLDER, batch, lines)
    found = clips_of(SimpleNamespace(), NO_FOLDER, batch, "one\n\ntwo\nthree three")
    assert [(clip.name, clip.transcript) for clip in found] == [
        ("clip 1", "one"), ("clip 2", "two"), ("clip 3", "three three"),
    ]  # fmt: skip
    assert np.array_equal(found[2].samples, batch["waveform"][2, 0].numpy())


def test_a_folder_and_a_recording_at_once_are_refused():
    with pytest.raises(ValueError, match="choose one"):
        clips_of(SimpleNamespace(), "clips", {"waveform": torch.rand(1, 1, 9), "sample_rate": 9}, "")
