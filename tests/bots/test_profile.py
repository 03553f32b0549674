"""Bot profiles: written, read, refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from safetensors.torch import save_file

from myspinbot.engines.bots.consent import consent_in
from myspinbot.engines.voice.profile import CONSENT
from myspinbot.shared.bots import Bot, BotError, Part, folder_of, parse, read, save, schema

from .made import AGREED, picture, write_bot

HASH = "0" * 64
BOT = Bot("Ada", "2026-01-02", {"voice": Part("voice", "ada.safetensors", HASH, 5)}, "ohwx", "a teacher", "a room")


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schema())
    assert [folder_of(kind) for kind in ("lora", "voice", "portrait")] == ["loras", "voices", "bots"]


def test_a_round_trip_changes_nothing(models):
    path = models / "bots" / "Ada.json"
    bot = read(path)
    assert (bot.trigger, bot.persona, bot.scene) == ("ohwx person", "a patient teacher", "a bright room")
    assert bot.consent == {"lora": AGREED, "voice": CONSENT}
    assert set(bot.files) == {"lora", "voice", "portrait"}
    assert bot.to_json() == path.read_text("utf-8")
    assert parse(path.read_bytes(), "it") == bot


def test_the_same_bot_again_changes_nothing_and_another_is_refused(models):
    folder = models / "bots"
    bot = read(folder / "Ada.json")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    save(replace(bot, created="2027-01-01"), picture(), folder)
    with pytest.raises(BotError, match="never replaced"):
        save(replace(bot, persona="somebody else"), picture(), folder)
    with pytest.raises(BotError, match="never replaced"):
        save(bot, picture(1), folder)
    (folder / "Ada.json").unlink()
    with pytest.raises(BotError, match="another picture"):
        save(bot, picture(1), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"Ada.png": before["Ada.png"]}


@pytest.mark.parametrize("name", ["", "a/b", "..", "con:", "x" * 81, " a", "a\n"])
def test_names_that_no_file_can_have(tmp_path, name):
    with pytest.raises(BotError, match="name"):
        save(replace(BOT, name=name), b"", tmp_path)
    assert list(tmp_path.iterdir()) == []


def broken(**changes) -> bytes:
    data = json.loads(BOT.to_json()) | changes
    return json.dumps({key: value for key, value in data.items() if value is not None}).encode()


def part(**changes) -> dict:
    return {"voice": {"file": "ada.safetensors", "sha256": HASH, "bytes": 5} | changes}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"{", "JSON"),
        (b"[]", "no bot profile"),
        (b"[" * 60_000, "JSON"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "too large"),
        (broken(name=None), "name"),
        (broken(files={}), "files"),
        (broken(more=1), "more"),
        (broken(persona=["a"]), "persona"),
        (broken(created="today"), "created"),
        (broken(files=part(file="../ada.safetensors")), "file"),
        (broken(files=part(file="/etc/ada.safetensors")), "file"),
        (broken(files=part(file="a\\..\\ada.safetensors")), "file"),
        (broken(files=part(file="a/../../ada.safetensors")), "file"),
        (broken(files=part(file="C:/ada.safetensors")), "file"),
        (broken(files=part(file="ada.pt")), "file"),
        (broken(files=part(file="aux/ada.safetensors")), "Windows"),
        (broken(name="lpt1.old"), "Windows"),
        (broken(files=part(file="ada.safetensors\n")), "file"),
        (broken(files=part(sha256=HASH + "\n")), "sha256"),
        (broken(files=part(sha256="xyz")), "sha256"),
        (broken(files=part(bytes=-1)), "bytes"),
        (broken(files=part(bytes=True)), "bytes"),
        (broken(files=part(extra=1)), "extra"),
        (broken(files={"program": part()["voice"]}), "program"),
        (broken(files={"portrait": part()["voice"]}), "portrait"),
    ],
)
def test_what_is_no_profile_is_refused_and_the_field_named(tmp_path, content, where):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(BotError, match=where) as caught:
        read(path)
    assert str(caught.value).startswith("x.json ")
    assert str(caught.value).endswith(".")


def test_a_later_version_is_told_as_such(tmp_path):
    (tmp_path / "x.json").write_bytes(broken(version=2))
    with pytest.raises(BotError, match="later version"):
        read(tmp_path / "x.json")


def test_consent_is_read_from_the_files(tmp_path, models):
    import torch

    save_file({"a": torch.zeros(1)}, tmp_path / "none.safetensors", metadata={"note": "[1]", "other": "text"})
    assert consent_in(tmp_path / "none.safetensors") == ""
    (tmp_path / "no.safetensors").write_bytes(b"\x80\x04no")
    with pytest.raises(BotError, match="no whole safetensors"):
        consent_in(tmp_path / "no.safetensors")


def test_two_bots_share_nothing(tmp_path):
    one, two = (read(write_bot(tmp_path, name, seed=seed)) for seed, name in enumerate(("Ada", "Bob")))
    for kind in ("lora", "voice", "portrait"):
        assert one.files[kind] != two.files[kind]
