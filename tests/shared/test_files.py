"""Files that are there whole or not at all, and the disk's words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from myspinbot.shared.disk import explain_full_disk, format_size, free_room, nearest_folder
from myspinbot.shared.files import atomic_write, atomic_writes


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
        assert aside.suffix == ".part"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_write(path, replace=True) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_may_be_replaced_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileExistsError, match="never replaced"), atomic_write(path):
        raise AssertionError("never begun")
    with atomic_write(path, replace=True) as aside:
        aside.write_text("new")
    assert path.read_text() == "new"
    other = tmp_path / "b.txt"
    with pytest.raises(FileExistsError, match="never replaced"), atomic_write(other) as aside:
        aside.write_text("mine")
        other.write_text("made meanwhile")
    assert other.read_text() == "made meanwhile"
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_what_another_program_puts_there_at_the_last_moment_stays(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.txt"
    link = os.link

    def late(source: Path, target: Path) -> None:
        path.write_text("another program's")
        link(source, target)

    monkeypatch.setattr("myspinbot.shared.files.os.link", late)
    with pytest.raises(FileExistsError, match="never replaced"), atomic_write(path) as aside:
        aside.write_text("mine")
    assert path.read_text() == "another program's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("myspinbot.shared.files.os.link", refused)
    with atomic_write(tmp_path / "a.txt") as aside:
        aside.write_text("mine")
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_whose_name_is_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    with atomic_write(tmp_path / ("ä" * 125 + ".json")) as aside:
        aside.write_text("")
    assert [len(path.name.encode()) for path in tmp_path.iterdir()] == [255]


@pytest.mark.parametrize("fault", ["in the block", "one made meanwhile", "none"])
def test_several_files_are_all_there_or_none(tmp_path: Path, fault: str) -> None:
    paths = [tmp_path / name for name in ("a", "b", "c")]

    def write() -> None:
        with atomic_writes() as aside_of:
            for path in paths:
                aside_of(path).write_text("new")
            if fault == "in the block":
                raise FileExistsError
            if fault == "one made meanwhile":
                paths[1].write_text("other")

    if fault == "none":
        write()
        assert sorted(tmp_path.iterdir()) == paths
        return
    with pytest.raises(FileExistsError):
        write()
    assert [path.name for path in tmp_path.iterdir()] == (["b"] if fault == "one made meanwhile" else [])


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "size unknown"),
        (0, "0 bytes"),
        (461, "461 bytes"),
        (1000, "1.0 kB"),
        (5423900, "5.4 MB"),
        (10**9, "1.0 GB"),
    ],
)
def test_sizes_in_words(count: int | None, said: str) -> None:
    assert format_size(count) == said


def test_room_at_a_place_that_is_not_there_yet(tmp_path: Path) -> None:
    assert nearest_folder(tmp_path / "a" / "b") == tmp_path
    assert free_room(tmp_path / "a" / "b") > 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_what_to_do(tmp_path: Path, number: int) -> None:
    said = pytest.raises(OSError, match=f"disk is full.*{tmp_path}.*Make room")
    with said as caught, explain_full_disk(tmp_path, "Make room"):
        raise OSError(number, "no space")
    assert caught.value.errno == errno.ENOSPC


def test_other_errors_of_the_disk_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), explain_full_disk(tmp_path, "Make room"):
        raise PermissionError(errno.EACCES, "no")
