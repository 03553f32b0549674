"""What is on the disk: have, missing, broken; and the record of what was fetched."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest
import torch

from myspinbot_manage.models.formats import flaw
from myspinbot_manage.models.places import Places
from myspinbot_manage.models.store import NAME, LockFile, Store, file_hash
from myspinbot_runner.errors import BadInput, Cancelled
from tests.manage.conftest import make_model
from tests.manage.host import safetensors

GOOD = safetensors(100_000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "vae").mkdir()
    return Store(Places(tmp_path))


def put(store: Store, content: bytes, name: str = "m.safetensors") -> Path:
    path = store.places.models / "vae" / name
    path.write_bytes(content)
    return path


def test_have_missing_and_broken(store: Store) -> None:
    model = make_model(GOOD)
    assert store.status(model).state == "missing"
    put(store, GOOD)
    assert store.status(model).state == "have"
    put(store, GOOD[:-1])
    status = store.status(model)
    assert (status.state, status.why) == ("broken", f"it has {len(GOOD) - 1} bytes and should have {len(GOOD)}")


def test_only_verifying_sees_changed_numbers(store: Store) -> None:
    model = make_model(GOOD)
    put(store, GOOD[:-1] + b"!")
    assert store.status(model).state == "have"
    status, found = store.verify(model)
    assert status.state == "broken"
    assert found in status.why
    assert str(model.sha256) in status.why


@pytest.mark.parametrize("cut", [0, 4, 8, 60, len(GOOD) - 1])
def test_a_cut_file_of_unknown_size_is_noticed(store: Store, cut: int) -> None:
    put(store, GOOD[:cut])
    assert store.status(make_model(None)).state == "broken"


def test_a_longer_file_of_unknown_size_is_noticed(store: Store) -> None:
    put(store, GOOD + b"more")
    assert store.status(make_model(None)).state == "broken"


def test_what_was_recorded_verifies_from_then_on(store: Store) -> None:
    model = make_model(None)
    path = put(store, GOOD)
    assert store.verify(model)[0].state == "have"
    store.lock.put(model.id, sha256=hashlib.sha256(GOOD).hexdigest(), size=len(GOOD), url="https://x/y", path=path)
    store.refresh()
    assert store.verify(model)[0].state == "have"
    put(store, GOOD[:-1] + b"!")
    assert store.verify(model)[0].state == "broken"


def test_the_manifest_beats_the_record(store: Store) -> None:
    path = put(store, GOOD)
    store.lock.put("m", sha256="0" * 64, size=1, url="https://x/y", path=path)
    assert store.expected(make_model(GOOD)) == (hashlib.sha256(GOOD).hexdigest(), len(GOOD))
    # A record of another file says nothing about this one.
    assert store.expected(make_model(GOOD, bytes=None)) == (hashlib.sha256(GOOD).hexdigest(), None)


def test_records_of_many_programs_are_all_kept(tmp_path: Path) -> None:
    jobs = [
        threading.Thread(
            target=LockFile(tmp_path).put,
            args=(f"m{i}",),
            kwargs={"sha256": "0" * 64, "size": i, "url": "u", "path": tmp_path},
        )
        for i in range(12)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert set(LockFile(tmp_path).read()) == {f"m{i}" for i in range(12)}
    LockFile(tmp_path).drop("m3")
    LockFile(tmp_path).drop("nobody")
    assert len(LockFile(tmp_path).read()) == 11
    assert json.loads((tmp_path / NAME).read_text())["version"] == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {"a": 5}}', '{"files": {"a": {"x": 1}}}', "{}"])
def test_a_broken_record_is_kept_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(BadInput, match=NAME):
        LockFile(tmp_path).read()
    with pytest.raises(BadInput):
        LockFile(tmp_path).put("m", sha256="0" * 64, size=1, url="u", path=tmp_path)
    assert (tmp_path / NAME).read_text() == text


def test_hashing_tells_how_far_it_is_and_stops(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(GOOD)
    told: list[tuple[int, int]] = []
    assert file_hash(path, lambda done, total: told.append((done, total))) == hashlib.sha256(GOOD).hexdigest()
    assert told[-1] == (len(GOOD), len(GOOD))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        file_hash(path, stop=stop)


@pytest.mark.parametrize("new", [True, False], ids=["zip", "before 1.6"])
def test_pytorch_files_are_known_by_their_bytes(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "m.pth"
    torch.save({"a": torch.zeros(5000)}, path, _use_new_zipfile_serialization=new)
    assert flaw(path, "pickle") is None
    if new:
        path.write_bytes(path.read_bytes()[:-100])
        assert flaw(path, "pickle") == "its end is missing"
    path.write_text("<html>")
    assert flaw(path, "pickle") == "it is not a PyTorch file"


def test_texts(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("a\nb\n")
    assert flaw(path, "text") is None
    path.write_text("\n<!DOCTYPE html><html>")
    assert flaw(path, "text") == "it is a web page"
    path.write_bytes(b"a\0b")
    assert flaw(path, "text") == "it is not a text file"
