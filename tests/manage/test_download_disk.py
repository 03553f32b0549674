"""One file and this machine's disk: what is there already, two at once, a full disk, other programs' files."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from myspinbot_manage.models.download import Got
from myspinbot_runner.errors import BrokenModel, Cancelled, CannotSave, DiskFull, DownloadFailed
from tests.manage.conftest import make_model
from tests.manage.host import Host, body, drop, slow
from tests.manage.test_download import GOOD, WRONG, assert_nothing_taken_for_whole, assert_whole, fetch


def test_a_part_that_is_all_of_it_is_only_checked(tmp_path: Path, host: Host) -> None:
    url = host.put("/m", GOOD)
    (tmp_path / ".m.safetensors.part").write_bytes(GOOD)
    fetch(tmp_path, make_model(GOOD, url))
    assert not host.seen
    assert_whole(tmp_path)


def test_a_whole_part_of_unknown_size_is_recognised_by_its_hash(tmp_path: Path, host: Host) -> None:
    (tmp_path / ".m.safetensors.part").write_bytes(GOOD)
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD), bytes=None), bytes=None)
    assert len(host.seen) == 1
    assert_whole(tmp_path)


@pytest.mark.parametrize("junk", [b"", b"junk", b"j" * 1_000_000])
def test_a_part_of_junk_does_no_harm(tmp_path: Path, host: Host, junk: bytes) -> None:
    (tmp_path / ".m.safetensors.part").write_bytes(junk)
    (tmp_path / ".m.safetensors.part.json").write_bytes(junk)
    fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD)))
    assert_whole(tmp_path)


def test_what_is_there_and_whole_is_not_fetched(tmp_path: Path, host: Host) -> None:
    (tmp_path / "m.safetensors").write_bytes(GOOD)
    got = fetch(tmp_path, make_model(GOOD, host.put("/m", GOOD)))
    assert got.url == ""
    assert not host.seen


@pytest.mark.parametrize("there", [WRONG, GOOD[:100]], ids=["other bytes", "cut"])
def test_a_wrong_file_is_kept_unless_told(tmp_path: Path, host: Host, there: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(there)
    model = make_model(GOOD, host.put("/m", GOOD))
    with pytest.raises(BrokenModel, match="--replace"):
        fetch(tmp_path, model)
    assert (tmp_path / "m.safetensors").read_bytes() == there
    fetch(tmp_path, model, replace=True)
    assert_whole(tmp_path)


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path, host: Host) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"mine")
    with pytest.raises(DownloadFailed):
        fetch(tmp_path, make_model(GOOD, host.put("/m", WRONG)), replace=True)
    assert (tmp_path / "m.safetensors").read_bytes() == b"mine"


def test_two_at_once_fetch_it_once(tmp_path: Path, host: Host) -> None:
    model = make_model(GOOD, host.put("/m", GOOD, slow))
    notes: list[str] = []
    got: list[Got] = []
    jobs = [threading.Thread(target=lambda: got.append(fetch(tmp_path, model, on_note=notes.append))) for _ in "ab"]
    for job in jobs:
        job.start()
    while not notes:
        jobs[1].join(0.05)
    host.gate.set()
    for job in jobs:
        job.join()
    assert sorted(bool(one.url) for one in got) == [False, True]
    assert len(host.seen) == 1
    assert "waiting" in notes[0]
    assert_whole(tmp_path)


def test_it_can_be_stopped(tmp_path: Path, host: Host) -> None:
    stop = threading.Event()
    model = make_model(GOOD, host.put("/m", GOOD, drop(100_000)))
    with pytest.raises(Cancelled, match="goes on"):
        fetch(tmp_path, model, stop=stop, on_bytes=lambda done, total: stop.set())
    assert_nothing_taken_for_whole(tmp_path)
    fetch(tmp_path, model)
    assert_whole(tmp_path)


def test_a_file_larger_than_the_disk_is_refused_before_it_is_fetched(tmp_path: Path, host: Host) -> None:
    url = host.put("/m", GOOD, body(b"", length=1 << 60))
    with pytest.raises(DiskFull, match="free"):
        fetch(tmp_path, make_model(None, url))
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_disk_that_runs_full_keeps_what_came(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(GOOD, host.put("/m", GOOD, drop(100_000)))
    real = Path.open

    def full(path: Path, *args: Any, **options: Any) -> Any:
        # The kernel's own full disk, once the first part has come.
        opened = real(path, *args, **options)
        if path.suffix == ".part" and args[0] == "ab":
            opened.close()
            return real(Path("/dev/full"), "wb", buffering=0)
        return opened

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(DiskFull, match="goes on where this stopped"):
            fetch(tmp_path, model)
    assert_nothing_taken_for_whole(tmp_path)
    assert (tmp_path / ".m.safetensors.part").stat().st_size == 100_000
    fetch(tmp_path, model)
    assert host.asked("Range")[-1] == "bytes=100000-"
    assert_whole(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, host: Host) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotSave, match="can't be written"):
        fetch(tmp_path / "file", make_model(GOOD, host.put("/m", GOOD)))


@pytest.mark.parametrize("right", [True, False])
def test_the_cache_of_hugging_faces_programs_is_used_when_it_is_right(
    tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    cache = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    repo = cache / "models--owner--name"
    blob = repo / "snapshots" / "0123abcd" / "split files" / "m.safetensors"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(GOOD if right else WRONG)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0123abcd")
    host.put("/owner/name/resolve/main/split%20files/m.safetensors", GOOD)
    url = "https://huggingface.co/owner/name/resolve/main/split%20files/m.safetensors"
    models = tmp_path / "models"
    got = fetch(models, make_model(GOOD, url))
    assert got.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert len(host.seen) == (0 if right else 1)
    assert_whole(models)
    (models / "m.safetensors").unlink()
    assert blob.exists()
