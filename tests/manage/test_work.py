"""`myspinbot work`, on what the nodes' own store wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from myspinbot.shared.work_store import Store
from myspinbot_manage.cli import call

MB = 10**6


@pytest.fixture
def jobs(tmp_path: Path) -> list[Any]:
    """Three jobs of one, two and three megabytes, the last of them used ten days ago."""
    store = Store(tmp_path / "user" / "myspinbot" / "work", 100 * MB)
    made = [store.job(stage, {}, f"the {stage} of a clip") for stage in ("upscale", "restore", "lipsync")]
    for count, job in enumerate(made, 1):
        for index in range(count):
            with job.atomic_write(f"{index:04}.mkv") as path:
                path.write_bytes(b"x" * MB)
    then = time.time() - 10 * 86400
    os.utime(made[2].folder, (then, then))
    return made


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*args: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = call(["work", *args, "--base-directory", str(tmp_path)])
        return status, *capsys.readouterr()

    return run


def test_an_empty_store_says_where_it_would_be(run: Any, tmp_path: Path) -> None:
    status, out, _ = run("list")
    assert status == 0
    assert out.strip() == f"There is no unfinished work in {tmp_path / 'user' / 'myspinbot' / 'work'}."
    assert run("clear", "--yes")[1].strip() == "There is nothing to remove."


def test_the_list_shows_stage_title_pieces_and_size(run: Any, jobs: list[Any]) -> None:
    rows = [json.loads(line) for line in run("list", "--json")[1].splitlines()]
    found = [(row["stage"], row["chunks"], row["bytes"], row["busy"]) for row in rows]
    assert sorted(found[:2]) == [("restore", 2, 2 * MB, False), ("upscale", 1, MB, False)]
    assert found[2] == ("lipsync", 3, 3 * MB, False), "the one used longest ago comes last"
    _, out, _ = run("list")
    assert "the restore of a clip" in " ".join(out.split())
    assert "6.0 MB in" in out


def test_looking_makes_no_locks(run: Any, jobs: list[Any]) -> None:
    """They would be those of whoever looks, and ComfyUI may run as somebody else."""
    locks = jobs[0].folder.parent.with_name(f"{jobs[0].folder.parent.name}.locks")
    assert not locks.exists()
    assert run("list")[0] == 0
    assert not locks.exists()


def test_clearing_by_name_by_age_and_all(run: Any, jobs: list[Any]) -> None:
    upscale, restore, lipsync = jobs
    short = upscale.folder.name.rsplit("-", 1)[-1][:8]
    assert run("clear", short, "--yes")[1].strip() == "Removed 1.0 MB."
    assert not upscale.folder.exists()
    assert run("clear", "--unused-for", "5", "--yes")[1].strip() == "Removed 3.0 MB."
    assert not lipsync.folder.exists()
    assert restore.has("0001.mkv")
    assert run("clear", "--yes")[1].strip() == "Removed 2.0 MB."
    assert not restore.folder.exists()


def test_what_is_worked_on_stays(run: Any, jobs: list[Any]) -> None:
    with jobs[1].locked():
        assert [json.loads(line)["busy"] for line in run("list", "--json")[1].splitlines()].count(True) == 1
        assert run("clear", "--yes")[1].splitlines() == ["Removed 4.0 MB.", "one job in use, not removed."]
        assert jobs[1].has("0001.mkv")


LIST = """
import sys
from pathlib import Path
from myspinbot_shared.work_store import stored_jobs
print("ready", flush=True)
while True:
    for job in stored_jobs(Path(sys.argv[1])):
        job.busy
"""


def test_listing_never_keeps_a_stage_from_its_work(jobs: list[Any]) -> None:
    command = [sys.executable, "-c", LIST, str(jobs[0].folder.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            for _ in range(300):
                with jobs[0].locked():
                    pass
            assert process.poll() is None
        finally:
            process.kill()


def test_a_removal_that_was_cut_short_is_not_shown_and_is_finished(run: Any, jobs: list[Any]) -> None:
    upscale, *_ = (job.folder for job in jobs)
    left = upscale.rename(upscale.with_name(f".gone-{upscale.name}-0badcafe"))
    assert len(run("list", "--json")[1].splitlines()) == 2
    assert run("clear", jobs[1].folder.name, "--yes")[1].strip() == "Removed 2.0 MB."
    assert not left.exists()


def test_a_name_that_is_not_there_removes_nothing(run: Any, jobs: list[Any]) -> None:
    status, _, err = run("clear", jobs[0].folder.name, "nonsense", "--yes")
    assert status == 4
    assert "No unfinished work is called nonsense" in err
    assert jobs[0].has("0000.mkv")


def test_without_an_answer_nothing_is_removed(run: Any, jobs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
    status, out, _ = run("clear")
    assert status == 130
    assert "Remove the unfinished work of 3 jobs, 6.0 MB?" in out
    assert all(job.has("0000.mkv") for job in jobs)
