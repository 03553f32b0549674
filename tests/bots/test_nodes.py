"""The bot nodes on a real server, through the runner."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myspinbot_manage.cli import call
from myspinbot_runner import Client
from myspinbot_runner.errors import RunnerError
from tests.runner.helpers import tag, until

from .made import AGREED, write_bot, write_lora, write_voice


@pytest.fixture(scope="module")
def base(server) -> Path:
    return Path(server.base_directory)


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


def saving(name: str, voice: str | None, **changes) -> dict:
    """A voice, a LoRA's name and a picture become a bot."""
    inputs = {"name": name, "persona": "a patient teacher", "scene": "a bright room"} | changes
    work = {"3": node("MySpinBotSaveBot", **inputs), "4": node("PreviewAny", source=["3", 0])}
    if voice:
        work["1"] = node("MySpinBotLoadVoice", voice=voice)
        work["3"]["inputs"]["voice"] = ["1", 0]
    return work


def loading(name: str) -> dict:
    """All that a bot gives, as texts and a picture."""
    work = {"1": node("MySpinBotLoadBot", bot=name)}
    for number, output in enumerate((2, 3, 4, 5), 2):
        work[str(number)] = node("PreviewAny", source=["1", output])
    work["6"] = node("SaveImage", images=["1", 6], filename_prefix=f"bot-{tag()}")
    return work


def known(server, node: str, name: str, choice: str) -> bool:
    info = json.loads(urllib.request.urlopen(f"{server.url}/object_info/{node}").read())[node]
    return choice in info["input"]["required"][name][1]["options"]


def run(server, work: dict) -> tuple[dict[str, str], list[str]]:
    result = Client(server.url).submit(work).result()
    return {key: texts[0] for key, texts in result.texts.items()}, [notice.text for notice in result.notices]


def failure(server, work: dict) -> str:
    with pytest.raises(RunnerError) as caught:
        Client(server.url).submit(work).result()
    return str(caught.value)


@pytest.fixture
def parts(server, base) -> str:
    """A voice and a LoRA of one name, and that name."""
    name = f"person {tag()}"
    write_voice(base / "models" / "voices" / f"{name}.safetensors", name, seed=3)
    write_lora(base / "models" / "loras" / "myspinbot" / f"{name}.safetensors", seed=3)
    assert until(lambda: known(server, "MySpinBotLoadVoice", "voice", name))
    return name


def test_a_bot_is_saved_listed_and_loaded(server, base, parts, tmp_path):
    portrait = np.random.default_rng(1).integers(0, 255, (40, 30, 3), np.uint8)
    Image.fromarray(portrait).save(base / "input" / f"{parts}.png")
    work = saving(parts, parts, lora_name=f"myspinbot/{parts}.safetensors", trigger="ohwx person", portrait=["2", 0])
    work["2"] = node("LoadImage", image=f"{parts}.png")
    texts, notices = run(server, work)
    assert texts["4"] == parts
    assert notices == []
    data = json.loads((base / "models" / "bots" / f"{parts}.json").read_text("utf-8"))
    assert data["consent"]["lora"] == AGREED
    assert data["files"]["voice"]["file"] == f"{parts}.safetensors"
    assert until(lambda: known(server, "MySpinBotLoadBot", "bot", parts))
    job = Client(server.url).submit(loading(parts))
    result = job.result()
    assert [result.texts[key][0] for key in "2345"] == [
        f"myspinbot/{parts}.safetensors", "ohwx person", "a patient teacher", "a bright room",
    ]  # fmt: skip
    (path,) = job.save(tmp_path)
    assert np.array_equal(np.asarray(Image.open(path).convert("RGB")), portrait)


def test_another_bot_of_the_name_is_refused_and_the_same_is_not(server, base, parts):
    run(server, saving(parts, parts))
    before = (base / "models" / "bots" / f"{parts}.json").read_bytes()
    assert "never replaced" in failure(server, saving(parts, parts, persona="somebody else"))
    run(server, saving(f" {parts} ", parts))
    assert (base / "models" / "bots" / f"{parts}.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "a/b"}, "can't be called"),
        ({"name": "none"}, "means no bot"),
        ({"lora_name": "none.safetensors"}, "no LoRA 'none.safetensors'"),
        ({"lora_name": "none.pt"}, "models convert"),
        ({"lora_name": "../../x.safetensors"}, "no LoRA"),
        ({"persona": "x" * 3000}, "persona"),
        ({}, "consists of nothing"),
    ],
)
def test_what_can_be_no_bot(server, base, changes, why):
    voice = None
    if "persona" in changes:
        voice = f"voice {tag()}"
        write_voice(base / "models" / "voices" / f"{voice}.safetensors", voice)
        assert until(lambda: known(server, "MySpinBotLoadVoice", "voice", voice))
    name = f"no bot {tag()}"
    assert why in failure(server, saving(changes.pop("name", name), voice, **changes))
    assert not (base / "models" / "bots" / f"{name}.json").exists()


def test_without_consent_there_is_a_warning(server, base, parts):
    lora = f"loose-{tag()}.safetensors"
    write_lora(base / "models" / "loras" / lora, consent="")
    _, notices = run(server, saving(parts, None, lora_name=lora))
    assert len(notices) == 1
    assert "no statement of consent" in notices[0]


def test_without_a_bot_all_is_empty_and_the_pipeline_goes_on(server, base):
    work = loading("none")
    del work["6"]
    work["7"] = node("MySpinBotSpeak", text="Hello.", language="en-us", speed=1.0, steps=16, seed=1, bot=["1", 0])
    work["8"] = node("PreviewAny", source=["7", 1])
    texts, _ = run(server, work)
    assert [texts[key] for key in "2345"] == ["", "", "", ""]
    assert json.loads(texts["8"])["words"][0]["text"] == "Hello"


def test_lost_and_changed_files_are_told(server, base, parts):
    run(server, saving(parts, parts, lora_name=f"myspinbot/{parts}.safetensors"))
    assert until(lambda: known(server, "MySpinBotLoadBot", "bot", parts))
    work = loading(parts)
    del work["6"]
    _, notices = run(server, work)
    assert notices == []
    lora = base / "models" / "loras" / "myspinbot" / f"{parts}.safetensors"
    lora.unlink()
    write_lora(lora, seed=8)
    _, notices = run(server, work)
    assert len(notices) == 1
    assert "identity" in notices[0]
    assert "has changed" in notices[0]
    lora.unlink()
    said = failure(server, work)
    assert "models/loras" in said
    assert "lost its identity" in said


def test_an_imported_bot_is_chosen_and_two_do_not_mix(server, base, tmp_path):
    """Voices, names and words of one bot never show up in the other's."""
    names = [f"{who} {tag()}" for who in ("Ada", "Bob")]
    for seed, name in enumerate(names):
        write_bot(tmp_path / name, name, seed=seed)
        archive = str(tmp_path / f"{name}.zip")
        assert call(["bot", "export", name, archive, "--models-dir", str(tmp_path / name)]) == 0
        assert call(["bot", "import", archive, "--models-dir", str(base / "models")]) == 0
        assert until(lambda name=name: known(server, "MySpinBotLoadBot", "bot", name))
    given = []
    for name in (*names, names[0]):
        work = {
            "1": node("MySpinBotLoadBot", bot=name),
            "2": node("PreviewAny", source=["1", 2]),
            "3": node("MySpinBotSaveBot", name=f"copy {tag()}", persona="", scene="", voice=["1", 1]),
        }
        texts, notices = run(server, work)
        assert notices == []
        copy = json.loads((base / "models" / "bots" / f"{work['3']['inputs']['name']}.json").read_text("utf-8"))
        given.append((texts["2"], copy["files"]["voice"]["file"]))
    expected = [(f"myspinbot/{name}.safetensors", f"{name}.safetensors") for name in (*names, names[0])]
    assert given == expected
