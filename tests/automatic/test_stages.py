"""The automatic stages on real servers: one that has miniatures of the models, and one that has none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import av
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from myspinbot_runner import Client
from myspinbot_runner.errors import BadInput, MissingModel, NodeFailed
from myspinbot_shared.bots import Bot, save
from tests.miniatures import wav2lip

from .pipelines import GUIDED

WORDS = (
    "This is a voice to begin with. It comes from a small program, so it sounds like one. "
    "Put ten seconds of your own in its place."
)


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def run(server: Any, graph: dict[str, Any]) -> Any:
    return Client(server.url).submit(graph).result()


def levels(result: Any) -> list[tuple[str, str]]:
    """What the user was told, each with its level."""
    return [(notice.level, notice.text) for notice in result.notices]


def notices(result: Any) -> list[str]:
    return [notice.text for notice in result.notices]


def text(result: Any, node: str) -> str:
    return result.texts[node][0]


def voice() -> dict[str, Any]:
    """The example recording as a voice, under node ids of their own."""
    return {
        "v1": node("LoadAudio", audio="myspinbot_voice.flac"),
        "v2": node("MySpinBotBuildVoice", **built("automatic")),
    }


def speak(**inputs: Any) -> dict[str, Any]:
    given = {"text": "Good morning to you.", "language": "en-us", "speed": 1.0, "steps": 5, "seed": 1}
    return {
        "1": node("MySpinBotSpeak", **(given | inputs)),
        "2": node("PreviewAny", source=["1", 2]),
        "3": node("PreviewAny", source=["1", 1]),
        "4": node("PreviewAudio", audio=["1", 0]),
    }


def test_with_voice_and_model_the_voice_speaks(furnished: Any) -> None:
    result = run(furnished, speak(voice=["v2", 0]) | voice())
    (taken,) = json.loads(text(result, "2"))
    assert taken["used"] == "Speak (F5-TTS)"
    assert taken["models"] == ["openf5", "openf5-vocab", "openf5-config", "vocos", "vocos-config"]
    words = [word["text"] for word in json.loads(text(result, "3"))["words"]]
    assert words == ["Good", "morning", "to", "you"]
    assert "Takes Speak (F5-TTS)." in notices(result)


@pytest.mark.parametrize("said", [{"script_language": "German"}, {"language": "de"}, {"text": "Доброе утро."}])
def test_a_language_that_the_model_does_not_speak_is_a_robots(furnished: Any, said: dict[str, str]) -> None:
    german = "script_language" in said or "language" in said
    work = speak(**({"language": "auto", "voice": ["v2", 0]} | said)) | voice()
    if "script_language" in said:  # it comes from a node
        work["s"] = node("PrimitiveString", value="German")
        work["1"]["inputs"]["script_language"] = ["s", 0]
    (taken,) = json.loads(text(run(furnished, work), "2"))
    name = "German" if german else "Russian"
    assert (taken["stage"], taken["used"]) == ("Speech", "Speak (Draft)")
    assert f"a voice of one's own speak English and Chinese, not {name}. Kokoro speaks English" in taken["why"]
    assert taken["why"].endswith(f"and not {name}. A robot speaks {name}.")


def test_a_trained_voice_takes_the_model_that_it_was_trained_for(furnished: Any) -> None:
    models = Path(furnished.base_directory) / "models"
    own = models / "TTS" / "F5-TTS" / "Own"
    shutil.copytree(own.with_name("OpenF5"), own)
    profile = models / "voices" / "trained.safetensors"
    try:
        run(furnished, speak(voice=["v2", 0]) | voice() | {"v2": node("MySpinBotBuildVoice", **built("to be trained"))})
        train(next(profile.parent.glob("to be trained*")), profile, "F5-TTS/Own/model.pt")
        result = run(furnished, speak(voice=["l", 0]) | {"l": node("MySpinBotLoadVoice", voice=profile.stem)})
        assert json.loads(text(result, "2")) == [{"stage": "Speech", "used": "Speak (F5-TTS)"}]
        result = run(furnished, speak(voice=["v2", 0]) | voice())
        assert json.loads(text(result, "2"))[0]["models"][0] == "openf5"
    finally:
        shutil.rmtree(own)


def built(name: str) -> dict[str, Any]:
    return {"audio": ["v1", 0], "transcript": WORDS, "name": name, "consent": True}


def train(untrained: Path, path: Path, base: str) -> None:
    """Write a profile with an adapter that adds nothing."""
    with safe_open(untrained, "pt") as file:
        facts = json.loads(file.metadata()["myspinbot-voice"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    facts |= {"base_model": base, "adapter": {"base": "", "source": "", "settings": {}, "history": []}}
    save_file(tensors, path, {"myspinbot-voice": json.dumps(facts)})


def test_without_a_voice_of_ones_own_a_ready_one_speaks(furnished: Any) -> None:
    result = run(furnished, speak())
    (taken,) = json.loads(text(result, "2"))
    assert taken == {"stage": "Speech", "used": "Speak (Kokoro)", "models": ["kokoro", "kokoro-af-heart"]}
    words = [word["text"] for word in json.loads(text(result, "3"))["words"]]
    assert words == ["Good", "morning", "to", "you"]
    assert {"Takes Speak (Kokoro).", "The voice is af_heart."} <= set(notices(result))


def test_a_ready_voice_is_chosen_by_hand_or_by_the_bot_and_follows_the_language(furnished: Any) -> None:
    models = Path(furnished.base_directory) / "models"
    bot = Bot("reader", "2026-01-02", {}, draft_voice="am_michael")
    save(bot, (models.parent / "input" / "myspinbot_portrait.jpg").read_bytes(), models / "bots")
    load = {"b": node("MySpinBotLoadBot", bot="reader")}
    try:
        asked = [
            speak(draft_voice="am_michael"),
            speak(bot=["b", 0]) | load,
            speak(bot=["b", 0], language="it", text="Buongiorno.") | load,
        ]
        taken = [json.loads(text(run(furnished, graph), "2"))[0]["models"][1] for graph in asked]
    finally:
        for file in (models / "bots").glob("reader*"):
            file.unlink()
    assert taken == ["kokoro-am-michael", "kokoro-am-michael", "kokoro-im-nicola"]


def test_the_draft_preset_takes_no_voice_of_ones_own(furnished: Any) -> None:
    work = speak(voice=["v2", 0], preset=["p", 0]) | voice()
    work["p"] = node("MySpinBotPreset", preset="draft", shape="square")
    result = run(furnished, work)
    (taken,) = json.loads(text(result, "2"))
    why = "The draft preset takes no speech model for a voice of one's own."
    assert (taken["used"], taken["why"]) == ("Speak (Kokoro)", why)
    assert ("info", f"Takes Speak (Kokoro). {why}") in [(notice.level, notice.text) for notice in result.notices]


@pytest.mark.parametrize(("typed", "longest"), [(0, 640), (256, 384)])
def test_a_number_that_is_typed_comes_before_the_presets(bare: Any, tmp_path: Path, typed: int, longest: int) -> None:
    work = talk(width=typed, height=0, preset=["d", 0])
    work |= {
        "d": node("MySpinBotPreset", preset="draft", shape="landscape"),
        "v2": node("MySpinBotLoadBot", bot="none"),
    }
    del work["v1"], work["1"]["inputs"]["voice"]
    work["1"]["inputs"]["bot"] = ["v2", 0]
    path, _, _ = made(bare, work, tmp_path)
    with av.open(str(path)) as clip:
        assert max(clip.streams.video[0].width, clip.streams.video[0].height) == longest


def test_without_the_model_what_fetches_it_is_said(bare: Any) -> None:
    result = run(bare, speak(voice=["v2", 0]) | voice())
    (taken,) = json.loads(text(result, "2"))
    assert taken["used"] == "Speak (Draft)"
    assert "`myspinbot models get openf5 " in taken["why"]
    assert "vocos" in taken["why"]
    assert "`myspinbot models get kokoro-af-heart`" in taken["why"]
    assert ("warning", f"Takes Speak (Draft). {taken['why']}") in levels(result), "a voice was chosen, and isn't heard"


def test_less_than_a_preset_promises_is_a_warning(bare: Any) -> None:
    why = "Z-Image-Turbo needs a graphics card, and there is none."
    for name, level in (("speed", "warning"), ("auto", "info")):
        work = portrait(preset=["q", 0]) | {"q": node("MySpinBotPreset", preset=name, shape="square")}
        assert (level, f"Takes the given portrait. {why}") in levels(run(bare, work))


def preset(server: Any, name: str, shape: str) -> tuple[list[str], list[str]]:
    work = {"p": node("MySpinBotPreset", preset=name, shape=shape)}
    work |= {str(index): node("PreviewAny", source=["p", index]) for index in range(1, 7)}
    result = run(server, work)
    return [text(result, str(index)) for index in (6, 1, 2, 3, 4, 5)], notices(result)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("draft", "square", ["draft", "512", "512", "4", "7", "0"]),
        ("speed", "landscape", ["speed", "832", "480", "6", "16", "720"]),
        ("quality", "portrait", ["quality", "480", "832", "8", "32", "1080"]),
        ("low-vram", "square", ["low-vram", "496", "496", "4", "16", "720"]),
    ],
)
def test_a_preset_turns_every_knob(furnished: Any, name: str, shape: str, expected: list[str]) -> None:
    assert preset(furnished, name, shape) == (expected, [])


def test_auto_goes_by_the_machine_and_says_so(furnished: Any) -> None:
    values, said = preset(furnished, "auto", "square")
    assert values == ["auto", "512", "512", "4", "7", "0"]
    assert said == ["Sizes and steps are those of draft: this machine has no graphics card."]


def portrait(**inputs: Any) -> dict[str, Any]:
    given = {"scene": "a library", "source": "auto", "width": 640, "height": 480, "seed": 1, "portrait": ["p", 0]}
    return {
        "p": node("LoadImage", image="myspinbot_portrait.jpg"),
        "1": node("MySpinBotPortrait", **(given | inputs)),
        "2": node("PreviewAny", source=["1", 1]),
        "3": node("PreviewImage", images=["1", 0]),
    }


def test_without_an_image_model_the_given_portrait_is_taken(bare: Any) -> None:
    result = run(bare, portrait())
    (taken,) = json.loads(text(result, "2"))
    assert taken["used"] == "the given portrait"
    assert taken["why"] == "Z-Image-Turbo needs a graphics card, and there is none."


def test_a_scene_that_cannot_be_drawn_is_an_error_when_it_is_asked_for(bare: Any) -> None:
    with pytest.raises(NodeFailed, match=r"no picture to speak.*needs a graphics card, and there is none"):
        run(bare, portrait(source="scene"))


def test_without_an_image_model_none_is_loaded_and_it_is_said_as_of_any_missing_model(bare: Any) -> None:
    work = {"1": node("MySpinBotLoadImageModel", family="auto"), "2": node("PreviewAny", source=["1", 0])}
    with pytest.raises(MissingModel, match=r"There is no image model.*models get z-image-turbo"):
        run(bare, work)


def test_a_portrait_that_is_asked_for_is_taken_without_a_word(furnished: Any) -> None:
    (taken,) = json.loads(text(run(furnished, portrait(source="portrait")), "2"))
    assert taken == {"stage": "Portrait", "used": "the given portrait"}


def talk(**inputs: Any) -> dict[str, Any]:
    """Speech, head and finish, saved."""
    head = {"portrait": ["p", 0], "audio": ["1", 0], "timings": ["1", 1], "seed": 1}
    head |= {"prompt": "A person talks.", "width": 256, "height": 256, "steps": 1}
    finish = {"video": ["h", 0], "speech_provenance": ["1", 2], "upscale_height": 0, "captions": False}
    given = {name: inputs.pop(name) for name in list(inputs) if name in finish}
    return (
        speak(voice=["v2", 0], text="Good morning.")
        | voice()
        | {
            "p": node("LoadImage", image="myspinbot_portrait.jpg"),
            "h": node("MySpinBotTalkingHead", **(head | inputs)),
            "f": node("MySpinBotFinish", **(finish | given)),
            "s": node("SaveVideo", video=["f", 0], filename_prefix="automatic", format="auto", codec="auto"),
        }
    )


def made(server: Any, work: dict[str, Any], out: Path) -> tuple[Path, list[dict[str, Any]], list[str]]:
    """The saved video, what its file says made it, and what the user was told."""
    job = Client(server.url).submit(work)
    told = notices(job.result())
    (path,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    with av.open(str(path)) as clip:
        return path, json.loads(clip.metadata["provenance"]), told


def test_without_models_the_draft_speaks_and_says_what_it_would_need(bare: Any, tmp_path: Path) -> None:
    path, stages, told = made(bare, talk(), tmp_path)
    assert [(entry["stage"], entry["used"]) for entry in stages] == [
        ("Speech", "Speak (Draft)"),
        ("Talking head", "Talking Head (Draft)"),
    ]
    why = stages[1]["why"]
    assert "InfiniteTalk needs a graphics card with 8 GB or more, and there is none." in why
    assert "Wav2Lip can't run: Wav2Lip GAN is missing" in why
    assert [text for text in told if why in text] == [f"Takes Talking Head (Draft). {why}"], "said once"
    beside = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    assert beside == {"video": path.name, "provenance": stages}


def test_a_model_that_was_fetched_meanwhile_is_taken_at_the_next_run(bare: Any, tmp_path: Path) -> None:
    work = talk(seed=3)
    _, before, _ = made(bare, work, tmp_path / "before")
    assert before[1]["used"] == "Talking Head (Draft)"
    fetched = wav2lip.write(Path(bare.base_directory) / "models" / "wav2lip" / "wav2lip_gan.pth")
    try:
        _, after, _ = made(bare, work, tmp_path / "after")
    finally:
        fetched.unlink()
    assert after[1]["used"] == "Wav2Lip"


def test_an_upscaler_that_is_missing_leaves_the_clip_as_it_is(bare: Any, tmp_path: Path) -> None:
    path, stages, _ = made(bare, talk(upscale_height=512), tmp_path)
    assert stages[2]["used"] == "none"
    assert "`myspinbot models get realesr-general-x4v3`" in stages[2]["why"]
    with av.open(str(path)) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (256, 256)


def test_provenance_is_in_the_saved_video_and_beside_it(furnished: Any, tmp_path: Path) -> None:
    work = talk(captions=True, preset=["d", 0]) | {"d": node("MySpinBotPreset", preset="draft", shape="square")}
    path, stages, _ = made(furnished, work, tmp_path)
    assert [entry["used"] for entry in stages] == ["Speak (F5-TTS)", "Talking Head (Draft)"]
    with av.open(str(path)) as clip:
        models = json.loads(clip.metadata["models"])
        assert (len(clip.streams.video), len(clip.streams.audio)) == (1, 1)
    assert [model["id"] for model in models] == stages[0]["models"]
    beside = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    assert beside == {"video": path.name, "provenance": stages, "models": models}
    assert models[0]["licence"] == "Apache-2.0"


def test_a_text_that_is_no_report_is_refused(bare: Any) -> None:
    with pytest.raises(NodeFailed, match="doesn't hold what the automatic stages say"):
        run(bare, talk(speech_provenance=["t", 0]) | {"t": node("PrimitiveString", value="hello")})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_all_models_infinitetalk_speaks_and_the_clip_is_enlarged(furnished: Any, tmp_path: Path) -> None:
    work = talk(width=128, height=128, upscale_height=256)
    work["1"]["inputs"]["text"] = "Hi."
    path, stages, _ = made(furnished, work, tmp_path)
    assert [entry["used"] for entry in stages] == ["Speak (F5-TTS)", "InfiniteTalk", "Upscale Video"]
    assert "why" not in stages[1]
    with av.open(str(path)) as clip:
        video, sound = clip.streams.video[0], clip.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (256, 256, 25)
        assert float(video.duration * video.time_base) == pytest.approx(
            float(sound.duration * sound.time_base), abs=0.05
        )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_when_infinitetalk_runs_out_of_memory_wav2lip_has_its_turn(furnished: Any, tmp_path: Path) -> None:
    flag = Path(furnished.base_directory) / "input" / "out-of-memory"
    flag.touch()
    try:
        path, stages, told = made(furnished, talk(seed=2), tmp_path)
    finally:
        flag.unlink()
    assert stages[1]["used"] == "Wav2Lip"
    assert stages[1]["why"] == "InfiniteTalk ran out of memory."
    assert any("Its authors forbid" in text or "research" in text for text in told), "the licence is said"
    with av.open(str(path)) as clip:
        models = json.loads(clip.metadata["models"])
        assert sum(1 for _ in clip.decode(video=0)) > 10
    assert next(model for model in models if model["id"] == "wav2lip-gan")["open"] is False


def test_where_there_is_no_bot_it_is_said_where_they_come_from(bare: Any) -> None:
    client = Client(bare.url)
    workflow = client.open(GUIDED)
    with pytest.raises(BadInput, match=r"Choose one of: none\. Bots come from the workflow train_bot"):
        client.set_inputs(workflow, {"bot": "anna"})


def test_a_text_may_end_like_a_folder(bare: Any) -> None:
    client = Client(bare.url)
    workflow = client.open(GUIDED)
    client.set_inputs(workflow, {"topic": "What is meant by and/or/"})
    (script,) = (node for node in workflow.api().values() if node["class_type"] == "MySpinBotScript")
    assert script["inputs"]["topic"] == "What is meant by and/or/"
