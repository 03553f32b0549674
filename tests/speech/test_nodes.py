"""The speech nodes on a real server, through the runner, with models in miniature."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors import safe_open

from myspinbot_runner import Client
from myspinbot_runner.errors import NodeFailed, RunnerError
from myspinbot_runner.workflow.inputs import slug
from tests.miniatures import f5 as miniature
from tests.runner.helpers import forget, tag, until

WORDS = "The quick brown fox jumps over the lazy dog, and goes home. It was a fine day for it."


@pytest.fixture(scope="module")
def base(server) -> Path:
    folder = Path(server.base_directory) / "models" / "TTS" / "F5-TTS"
    miniature.write_model(folder / "mini")
    miniature.write_vocoder(folder / "vocos")
    return Path(server.base_directory)


@pytest.fixture(scope="module")
def recording(base) -> str:
    return record(base, "voice.wav", WORDS)


def record(base: Path, name: str, words: str, *, rate: int = 24000, channels: int = 1, **options) -> str:
    """A recording in the server's input folder, spoken by espeak-ng."""
    import torch
    from torchaudio.functional import resample

    from myspinbot.engines.speech import espeak

    speech = espeak.speak(words, **options)
    sound = resample(torch.from_numpy(speech.samples), speech.sample_rate, rate).numpy()
    with av.open(str(base / "input" / name), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="stereo" if channels == 2 else "mono")
        packed = (np.repeat(sound, channels) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo" if channels == 2 else "mono")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return name


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def graph(recording: str | None, text: str = "Hello there, my friend.", **changes) -> dict:
    speak = {
        "f5": ["1", 0], "text": text, "speed": 1.0, "seed": 1, "steps": 5, "cfg_strength": 2.0, "loudness": -16.0,
        "language": "auto", "cross_fade_duration": 0.15, "target_rms": 0.1,
    }  # fmt: skip
    load = {
        "model": "F5-TTS/mini/model_1250000.safetensors",
        "device": "cpu",
        "precision": "fp32",
        "generation": "auto",
    }
    work = {
        "1": node("MySpinBotLoadF5", **(load | {k: changes.pop(k) for k in list(changes) if k in load})),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix=f"speech-{tag()}"),
        "4": node("PreviewAny", source=["2", 1]),
    }
    if recording:
        work["5"] = node("LoadAudio", audio=recording)
        speak |= {"reference_audio": ["5", 0], "transcript": WORDS}
    work["2"] = node("MySpinBotSpeakF5", **(speak | changes))
    return work


def speech(server, work: dict, out: Path) -> tuple[np.ndarray, dict, list[str]]:
    """The samples that were saved, the timings, and what the user is told."""
    job = Client(server.url).submit(work)
    result = job.result()
    (path,) = [path for path in job.save(out) if path.suffix == ".flac"]
    with av.open(str(path)) as container:
        assert container.streams.audio[0].sample_rate == 24000
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)[0]
    timings = json.loads(next(text for texts in result.texts.values() for text in texts if text.startswith("{")))
    return samples / 32768 if samples.dtype.kind == "i" else samples, timings, [n.text for n in result.notices]


def failure(server, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(server.url).submit(work).result()
    return str(caught.value)


def test_text_and_a_recording_become_speech(server, base, recording, tmp_path):
    samples, timings, notices = speech(server, graph(recording), tmp_path)
    assert 0.8 < len(samples) / 24000 < 6
    assert np.abs(samples).max() > 0.05
    assert timings["duration"] == pytest.approx(len(samples) / 24000, abs=0.01)
    assert [word["text"] for word in timings["words"]] == ["Hello", "there", "my", "friend"]
    assert len(timings["phonemes"]) > 8
    assert notices == []


def test_the_same_seed_gives_the_same_speech_after_everything_was_unloaded(server, base, recording, tmp_path):
    one, *_ = speech(server, graph(recording), tmp_path / "a")
    forget(server)
    two, *_ = speech(server, graph(recording), tmp_path / "b")
    other, *_ = speech(server, graph(recording, seed=2), tmp_path / "c")
    assert np.array_equal(one, two)
    assert len(one) != len(other) or not np.array_equal(one, other)


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_precisions(server, base, recording, tmp_path, precision):
    samples, *_ = speech(server, graph(recording, precision=precision), tmp_path)
    assert np.isfinite(samples).all()


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (48000, 2)])
def test_recordings_of_any_kind(server, base, tmp_path, rate, channels):
    name = record(base, f"voice-{rate}.wav", WORDS, rate=rate, channels=channels)
    samples, *_ = speech(server, graph(name), tmp_path)
    assert np.abs(samples).max() > 0.05


def test_a_model_that_is_not_there_is_named_with_the_command_that_fetches_it(server, base, recording):
    said = failure(server, graph(recording, model="F5-TTS/OpenF5/model.pt"))
    assert "OpenF5" in said
    assert "Apache-2.0" in said
    assert "myspinbot models get openf5" in said
    said = failure(server, graph(recording, model="F5-TTS/F5TTS_v1_Base/model_1250000.safetensors"))
    assert "CC-BY-NC-4.0" in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"text": "  "}, "no text to speak"),
        ({"text": "..."}, "can be spoken"),
        ({"transcript": ""}, "transcript of the reference is empty"),
        ({"transcript": "word " * 400}, "can't be what is said"),
    ],
)
def test_bad_inputs_fail_with_a_sentence(server, base, recording, changes, why):
    assert why in failure(server, graph(recording, **changes))


def test_without_a_voice_and_with_two(server, base, recording):
    assert "no voice to speak with" in failure(server, graph(None))
    work = graph(recording, voice=["7", 0])
    work["7"] = node("MySpinBotBuildVoice", audio=["5", 0], transcript=WORDS, name=f"two {tag()}", consent=True)
    assert "disconnect one" in failure(server, work)


def test_characters_that_the_model_does_not_know_are_a_warning(server, base, recording, tmp_path):
    _, _, notices = speech(server, graph(recording, text="Hello Ωμέγα, my friend."), tmp_path)
    assert any("doesn't know these characters" in notice for notice in notices)


def test_cancel_in_the_middle_and_the_next_speech_is_whole(server, base, recording, tmp_path):
    long = "The quick brown fox jumps over the lazy dog. " * 200
    job = Client(server.url).submit(graph(recording, text=long, steps=64))
    started = []
    for event in job.events():
        started.append(event)
        if "Progress" in type(event).__name__ and len(started) > 3:
            break
    assert job.cancel()
    with pytest.raises(RunnerError):
        job.result()
    samples, *_ = speech(server, graph(recording), tmp_path)
    assert len(samples) > 0


def voice_graph(recording: str, name: str, **changes) -> dict:
    build = {"audio": ["5", 0], "transcript": WORDS, "name": name, "consent": True} | changes
    return {
        "5": node("LoadAudio", audio=recording),
        "7": node("MySpinBotBuildVoice", **build),
        "8": node("PreviewAny", source=["7", 3]),
    }


def test_a_voice_is_built_listed_loaded_and_spoken_with(server, base, recording, tmp_path):
    name = f"my voice {tag()}"
    result = Client(server.url).submit(voice_graph(recording, name)).result()
    assert any(text.startswith("good: ") for texts in result.texts.values() for text in texts)
    path = base / "models" / "voices" / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["myspinbot-voice"])["transcript"] == WORDS
    info = json.loads(urllib.request.urlopen(f"{server.url}/object_info/MySpinBotLoadVoice").read())
    assert name in info["MySpinBotLoadVoice"]["input"]["required"]["voice"][1]["options"]
    work = graph(None, voice=["6", 0]) | {"6": node("MySpinBotLoadVoice", voice=name)}
    samples, timings, _ = speech(server, work, tmp_path)
    assert len(samples) / 24000 == pytest.approx(timings["duration"], abs=0.01)

    before = path.read_bytes()
    forget(server)
    Client(server.url).submit(voice_graph(recording, name)).result()  # the same again is the same
    assert path.read_bytes() == before
    other = record(base, "other.wav", "Somebody else says something else here, and takes some time for it.")
    said = failure(
        server, voice_graph(other, name, transcript="Somebody else says something else here, and takes time.")
    )
    assert "never replaced" in said
    assert path.read_bytes() == before


def test_a_voice_needs_consent_and_leaves_nothing_without_it(server, base, recording):
    name = f"stolen {tag()}"
    assert "consent" in failure(server, voice_graph(recording, name, consent=False))
    assert not (base / "models" / "voices" / f"{name}.safetensors").exists()


def test_a_noisy_recording_is_a_warning(server, base):
    noisy = record(base, "short.wav", "The quick brown fox jumps over the lazy dog, and goes.")
    result = (
        Client(server.url)
        .submit(
            voice_graph(noisy, f"short {tag()}", transcript="The quick brown fox jumps over the lazy dog, and goes.")
        )
        .result()
    )
    assert any("5 to 12 s give a closer likeness" in notice.text for notice in result.notices)


def test_a_damaged_voice_is_refused_by_name(server, base):
    folder = base / "models" / "voices"
    folder.mkdir(exist_ok=True)
    name = f"broken {tag()}"
    (folder / f"{name}.safetensors").write_bytes(b"nothing")

    def listed() -> bool:
        info = json.loads(urllib.request.urlopen(f"{server.url}/object_info/MySpinBotLoadVoice").read())
        return name in info["MySpinBotLoadVoice"]["input"]["required"]["voice"][1]["options"]

    assert until(listed)
    work = {"6": node("MySpinBotLoadVoice", voice=name), "8": node("PreviewAny", source=["6", 2])}
    said = failure(server, work)
    assert name in said
    assert "damaged" in said


def test_the_failed_node_is_named(server, base, recording):
    with pytest.raises(NodeFailed) as caught:
        Client(server.url).submit(graph(recording, text=" ")).result()
    assert "Speak (F5-TTS)" in str(caught.value) or "MySpinBotSpeakF5" in str(caught.value)


def test_labels_are_words_that_give_the_same_flags(server):
    """A form shows an input's label; a workflow saved with it must have the flags that the input's name gives."""
    with urllib.request.urlopen(f"{server.url}/object_info") as answer:
        nodes = json.load(answer)
    rooms = tuple(f"MySpinBot/{room}" for room in ("Script", "Speech", "Voice", "Identity"))
    ours = {name: info for name, info in nodes.items() if info["category"] in rooms}
    assert len(ours) >= 8
    for name, info in ours.items():
        for inputs in (info["input"].get(kind, {}) for kind in ("required", "optional")):
            for socket, (_, *options) in inputs.items():
                label = next((more["display_name"] for more in options if more.get("display_name")), socket)
                assert "_" not in label, f"{name}.{socket}"
                assert slug(label) in (slug(socket), "voice-language"), f"{name}.{socket}"
