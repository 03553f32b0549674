"""`myspinbot bot`: the real command on models folders of the tests' own."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from myspinbot_manage.cli import call

from .made import AGREED, write_bot, write_lora

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys) -> Run:
    def run(models: Path, *args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = call(["bot", *args, "--models-dir", str(models)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def exported(run, models, tmp_path) -> Path:
    status, out, err = run(models, "export", "Ada", str(tmp_path / "ada.zip"))
    assert status == 0, err
    assert AGREED in out
    return tmp_path / "ada.zip"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def altered(source: Path, target: Path, change: Callable[[dict[str, bytes]], None], **options) -> Path:
    """The zip with its contents changed; those of bot.json as an object."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def profile(members: dict[str, bytes], change: Callable[[dict], None]) -> None:
    data = json.loads(members["bot.json"])
    change(data)
    members["bot.json"] = json.dumps(data).encode()


def test_a_bot_travels_to_another_machine_whole(run, models, exported, tmp_path):
    status, out, err = run(tmp_path / "there", "import", str(exported))
    assert status == 0, err
    assert f"Consent, lora: {AGREED}" in out
    assert contents(tmp_path / "there") == contents(models)
    assert zipfile.ZipFile(exported).testzip() is None
    status, out, _ = run(tmp_path / "there", "list", "--json")
    (line,) = [json.loads(line) for line in out.splitlines()]
    assert line["bot"] == "Ada"
    assert [part["state"] for part in line["parts"]] == ["here", "here", "here"]


def test_the_same_bot_is_the_same_archive_whenever_its_files_were_written(run, models, exported, tmp_path):
    for moment in (0, 2_000_000_000):  # also one that no zip can tell
        for path in models.rglob("*"):
            os.utime(path, (moment, moment))
        status, _, err = run(models, "export", "Ada", str(tmp_path / f"{moment}.zip"))
        assert status == 0, err
        assert (tmp_path / f"{moment}.zip").read_bytes() == exported.read_bytes()


def test_what_is_there_already_is_used_or_refused_but_never_replaced(run, models, exported, tmp_path):
    there = tmp_path / "there"
    write_bot(there, "Ada", seed=7)
    before = contents(there)
    status, _, err = run(there, "import", str(exported))
    assert status == 4
    assert "never replaced" in err
    (there / "bots" / "Ada.json").unlink()
    before.pop("bots/Ada.json")
    status, _, err = run(there, "import", str(exported))
    assert status == 4
    assert "--name" in err
    assert contents(there) == before
    status, _, err = run(there, "import", str(exported), "--name", "Ada 2")
    assert status == 0, err
    after = contents(there)
    assert {name: after[name] for name in before} == before
    assert after["loras/myspinbot/Ada 2.safetensors"] == contents(models)["loras/myspinbot/Ada.safetensors"]
    assert json.loads(after["bots/Ada 2.json"])["files"]["voice"]["file"] == "Ada 2.safetensors"
    again, *_ = run(there, "export", "Ada 2", str(tmp_path / "again.zip"))
    assert again == 0
    (models / "bots" / "Ada.json").unlink()
    status, *_ = run(models, "import", str(exported))
    assert status == 0, "the files are the same, so only the profile is written"


def bomb(members: dict[str, bytes]) -> None:
    zeros = bytes(30_000_000)
    members["loras/myspinbot/Ada.safetensors"] = zeros
    size = {"sha256": hashlib.sha256(zeros).hexdigest(), "bytes": len(zeros)}
    profile(members, lambda data: data["files"]["lora"].update(size))


def pickled(members: dict[str, bytes]) -> None:
    content = b"\x80\x04cos\nsystem\n(S'true'\ntR."
    members["voices/Ada.safetensors"] = content
    size = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    profile(members, lambda data: data["files"]["voice"].update(size))


def pickle_by_name(members: dict[str, bytes]) -> None:
    profile(members, lambda data: data["files"]["voice"].update(file="Ada.pt"))


def escaping(members: dict[str, bytes]) -> None:
    members["loras/../../evil.safetensors"] = members.pop("loras/myspinbot/Ada.safetensors")
    profile(members, lambda data: data["files"]["lora"].update(file="../../evil.safetensors"))


def flipped(members: dict[str, bytes]) -> None:
    content = members["voices/Ada.safetensors"]
    members["voices/Ada.safetensors"] = content[:-1] + bytes([content[-1] ^ 1])


def web_page(members: dict[str, bytes]) -> None:
    content = b"<html>"
    members["bots/Ada.png"] = content
    size = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    profile(members, lambda data: data["files"]["portrait"].update(size))


def shorter(members: dict[str, bytes]) -> None:
    members["voices/Ada.safetensors"] = members["voices/Ada.safetensors"][:-8]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda members: members.update({"../evil.txt": b"x"}), "isn't one of the bot's files"),
        (lambda members: members.update({"/etc/evil": b"x"}), "isn't one of the bot's files"),
        (lambda members: members.update({"custom_nodes/evil.py": b"x"}), "isn't one of the bot's files"),
        (lambda members: members.update({f"{i}.txt": b"x" for i in range(20)}), "more files"),
        (lambda members: members.pop("bot.json"), "no bot.json"),
        (lambda members: members.pop("voices/Ada.safetensors"), "lacks voices/Ada.safetensors"),
        (lambda members: members.update({"bot.json": b"{" * 100_000}), "too large"),
        (lambda members: profile(members, lambda data: data.update(name="../evil")), "name"),
        (lambda members: profile(members, lambda data: data.update(name="con")), "Windows"),
        (lambda members: profile(members, lambda data: data.update(version=2)), "later version"),
        (escaping, "file"),
        (pickled, "not a safetensors file"),
        (pickle_by_name, "file"),
        (flipped, "isn't the file"),
        (shorter, "the bot says"),
        (web_page, "no PNG"),
        (bomb, "no real file"),
    ],
)
def test_a_bad_archive_is_refused_and_leaves_nothing(run, exported, tmp_path, change, why):
    bad = altered(exported, tmp_path / "bad.zip", change, compression=zipfile.ZIP_DEFLATED)
    status, _, err = run(tmp_path / "there", "import", str(bad))
    assert status == 4
    assert why in err
    assert contents(tmp_path / "there") == {}
    assert not list(tmp_path.rglob("*evil*"))


def test_a_link_is_refused(run, exported, tmp_path):
    def link(members: dict[str, bytes]) -> None:
        members.pop("bots/Ada.png")

    bad = altered(exported, tmp_path / "bad.zip", link)
    with zipfile.ZipFile(bad, "a") as archive:
        info = zipfile.ZipInfo("bots/Ada.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    status, _, err = run(tmp_path / "there", "import", str(bad))
    assert status == 4
    assert "a link" in err
    assert contents(tmp_path / "there") == {}


def test_a_size_that_lies_is_noticed(run, exported, tmp_path):
    """The headers say less than is there: what is unpacked is bounded, and its hash is another."""
    content = bytearray(exported.read_bytes())
    with zipfile.ZipFile(exported) as archive:
        member = archive.getinfo("voices/Ada.safetensors")
    content[member.header_offset + 40] ^= 0xFF
    content[-100] ^= 0xFF
    (tmp_path / "bad.zip").write_bytes(content)
    status, _, err = run(tmp_path / "there", "import", str(tmp_path / "bad.zip"))
    assert status == 4
    assert err.startswith("Error: ")
    assert contents(tmp_path / "there") == {}


@pytest.mark.parametrize("name", ["a/b", "..", ".", "con"])
def test_a_name_that_no_file_can_have_is_refused(run, exported, tmp_path, name):
    status, _, err = run(tmp_path / "there", "import", str(exported), "--name", name)
    assert status == 4
    assert "The name" in err
    assert contents(tmp_path / "there") == {}


def test_damaged_packing_is_told(run, exported, tmp_path):
    packed = altered(exported, tmp_path / "packed.zip", lambda members: None, compression=zipfile.ZIP_DEFLATED)
    content = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        member = archive.getinfo("voices/Ada.safetensors")
    start = member.header_offset + 30 + len(member.filename)
    content[start] |= 0b111  # a kind of block that there is none of
    packed.write_bytes(content)
    status, _, err = run(tmp_path / "there", "import", str(packed))
    assert status == 4
    assert "is damaged" in err
    assert contents(tmp_path / "there") == {}


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip(run, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    status, _, err = run(tmp_path / "there", "import", str(tmp_path / "x.zip"))
    assert status == 4
    assert "no zip" in err
    status, _, err = run(tmp_path / "there", "import", str(tmp_path / "none.zip"))
    assert status == 4
    assert "There is no file" in err


def test_missing_and_changed_files_are_told(run, models, tmp_path):
    lora = models / "loras" / "myspinbot" / "Ada.safetensors"
    lora.unlink()
    _, out, _ = run(models, "list")
    assert "lora loras/myspinbot/Ada.safetensors (missing)" in out
    status, _, err = run(models, "export", "Ada", str(tmp_path / "x.zip"))
    assert (status, "lora" in err) == (6, True)
    write_lora(lora, seed=9)
    status, _, err = run(models, "export", "Ada", str(tmp_path / "x.zip"))
    assert status == 17
    assert "changed" in err
    assert not (tmp_path / "x.zip").exists()


def test_nothing_is_exported_over_a_file_and_unknown_bots_are_named(run, models, exported, tmp_path):
    before = exported.read_bytes()
    status, _, err = run(models, "export", "Ada", str(exported))
    assert status == 4
    assert "never replaced" in err
    assert exported.read_bytes() == before
    status, _, err = run(models, "export", "Eve", str(tmp_path / "eve.zip"))
    assert status == 4
    assert "The bots are: Ada" in err


def test_a_broken_profile_is_listed_with_what_is_wrong(run, models):
    (models / "bots" / "Bad.json").write_text("{}")
    status, out, _ = run(models, "list")
    assert status == 0
    assert "Bad: " in out
    assert "Ada: " in out


def test_rm_takes_no_files_where_another_profile_cannot_be_read(run, models):
    (models / "bots" / "Bad.json").write_text("{")
    before = contents(models)
    status, _, err = run(models, "rm", "Ada", "--files", "--yes")
    assert status == 4
    assert "Bad.json" in err
    assert contents(models) == before
    status, *_ = run(models, "rm", "Ada", "--yes")
    assert status == 0
    assert "loras/myspinbot/Ada.safetensors" in contents(models)


def test_rm_takes_the_bot_and_leaves_what_others_have(run, models):
    write_bot(models, "Bob", seed=1)
    data = json.loads((models / "bots" / "Bob.json").read_text())
    data["files"]["voice"] = json.loads((models / "bots" / "Ada.json").read_text())["files"]["voice"]
    (models / "bots" / "Bob.json").write_text(json.dumps(data))
    status, out, _ = run(models, "rm", "Ada", "--files", "--yes")
    assert status == 0
    left = set(contents(models))
    assert "voices/Ada.safetensors" in left, "Bob speaks with it"
    assert not {"bots/Ada.json", "bots/Ada.png", "loras/myspinbot/Ada.safetensors"} & left
    status, *_ = run(models, "rm", "Bob", "--yes")
    assert status == 0
    assert {"loras/myspinbot/Bob.safetensors", "voices/Bob.safetensors"} <= set(contents(models))
    status, out, _ = run(models, "list")
    assert "no bots yet" in out
