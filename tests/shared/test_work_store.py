"""The store of unfinished work: whole chunks or none, bounded, and never taken from under a worker."""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from myspinbot.shared.work_store import Store, remove_job

MB = 10**6


def put(job, name, size=MB):
    with job.atomic_write(name) as path:
        path.write_bytes(b"x" * size)


def used_long_ago(job, seconds):
    then = time.time() - seconds
    os.utime(job.folder, (then, then))


def test_the_same_work_finds_what_it_had_finished(tmp_path):
    job = Store(tmp_path, 10 * MB).job("upscale", {"model": "a", "factor": 2}, "clip.mp4, twice as large")
    put(job, "0000.mkv")
    again = Store(tmp_path, 10 * MB).job("upscale", {"factor": 2, "model": "a"}, "another title")
    assert again.has("0000.mkv")
    assert again.path("0000.mkv").stat().st_size == MB
    assert json.loads((again.folder / "job.json").read_text())["title"] == "clip.mp4, twice as large"
    for stage, key in (("upscale", {"model": "a", "factor": 4}), ("restore", {"model": "a", "factor": 2})):
        assert not Store(tmp_path, 10 * MB).job(stage, key, "other").has("0000.mkv")


def test_a_chunk_is_there_whole_or_not_at_all(tmp_path):
    job = Store(tmp_path, 10 * MB).job("test", {}, "work")
    with pytest.raises(KeyboardInterrupt), job.atomic_write("0.mkv") as path:
        path.write_bytes(b"half")
        raise KeyboardInterrupt
    assert [file.name for file in job.folder.iterdir()] == ["job.json"]


def test_a_full_disk_is_said_plainly_and_keeps_what_was_finished(tmp_path):
    job = Store(tmp_path, 10 * MB).job("test", {}, "work")
    put(job, "0.mkv")
    said = r"disk is full.*Make room \(`myspinbot work clear`"
    with pytest.raises(OSError, match=said) as caught, job.atomic_write("1.mkv"), Path("/dev/full").open("w") as full:
        full.write("x" * 10**5)
    assert caught.value.errno == errno.ENOSPC
    assert job.has("0.mkv")
    assert not job.has("1.mkv")


def test_a_job_that_finds_the_disk_full_already_says_so_too(small_disk):
    store = Store(small_disk / "work", cap=10**9)
    with (small_disk / "others").open("wb", 0) as others, contextlib.suppress(OSError):
        while others.write(bytes(4096)):
            pass
    full = pytest.raises(OSError, match=r"The disk is full.*myspinbot work clear")
    with full as caught, store.job("s", {}, "t").locked():
        raise AssertionError("never begun")
    assert caught.value.errno == errno.ENOSPC


def test_the_bound_removes_what_was_not_used_for_longest(tmp_path):
    store = Store(tmp_path, 3 * MB + 10000)
    jobs = [store.job("test", {"number": number}, "work") for number in range(4)]
    for age, job in zip((300, 100, 200), jobs, strict=False):
        put(job, "0.mkv")
        used_long_ago(job, age)
    put(jobs[3], "0.mkv")
    assert [job.has("0.mkv") for job in jobs] == [False, True, True, True]
    store.job("test", {"number": 2}, "work")  # used again
    put(jobs[3], "1.mkv")
    assert [job.has("0.mkv") for job in jobs] == [False, False, True, True]


def test_a_job_larger_than_the_bound_keeps_its_own_chunks(tmp_path):
    job = Store(tmp_path, MB).job("test", {}, "work")
    for name in "0123":
        put(job, name)
    assert all(job.has(name) for name in "0123")


PACK = """
import os, sys, time, types
package = types.ModuleType("myspinbot"); package.__path__ = [sys.argv[1]]; sys.modules["myspinbot"] = package
from pathlib import Path
from myspinbot.shared.work_store import Store, remove_job
"""
HOLD = """
job = Store(Path(sys.argv[2]), 10**6).job("test", {"held": True}, "work")
with job.locked(), job.atomic_write("1.mkv") as path:
    path.write_bytes(b"half")
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def beside(code, root, *wrapper):
    """Another process that runs `code` on the store in `root`, and has printed its first line."""
    pack = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"
    command = [*wrapper, sys.executable, "-c", PACK + code, str(pack), str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def worker(tmp_path):
    """Another process that holds a job and is in the middle of a chunk."""
    with beside(HOLD, tmp_path) as process:
        yield process


def test_a_held_job_is_neither_removed_nor_worked_on_twice(tmp_path, worker):
    store = Store(tmp_path, MB)
    job = store.job("test", {"held": True}, "work")
    put(job, "0.mkv")
    used_long_ago(job, 1000)
    put(store.job("test", {"other": True}, "work"), "0.mkv", 2 * MB)
    assert job.has("0.mkv")
    assert not remove_job(job.folder)
    with pytest.raises(RuntimeError, match="Another ComfyUI works on the same job"), job.locked():
        pass


def test_after_a_kill_the_job_is_free_and_its_half_chunk_gone(tmp_path, worker):
    job = Store(tmp_path, MB).job("test", {"held": True}, "work")
    assert list(job.folder.glob("*.part*"))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    with job.locked():
        assert not list(job.folder.glob("*.part*"))
        assert not job.has("1.mkv")
    assert remove_job(job.folder)
    assert not job.folder.exists()


REMOVE = """
print("ready", flush=True)
while True:
    for folder in Path(sys.argv[2]).glob("test-*"):
        remove_job(folder)
"""


def test_work_begun_while_another_process_removes_it_is_whole(tmp_path):
    job = Store(tmp_path, MB).job("test", {}, "work")
    begun = removed = 0
    with beside(REMOVE, tmp_path):
        while begun < 300 or not removed:
            with job.locked():
                begun += 1
                removed += not job.has("0.mkv")
                put(job, "0.mkv", 10)
                assert sorted(file.name for file in job.folder.iterdir()) == ["0.mkv", "job.json"]
    assert not job.has("0.mkv") or remove_job(job.folder)


def test_a_removal_that_was_cut_short_is_finished(tmp_path):
    store = Store(tmp_path, MB)
    put(store.job("test", {"old": True}, "work"), "0.mkv")
    left = store.job("test", {"old": True}, "work").folder
    left.rename(tmp_path / f".gone-{left.name}-0badcafe")
    put(store.job("test", {}, "work"), "0.mkv", 10)
    assert len(list(tmp_path.iterdir())) == 1


# Without root's rights over any file, as whoever isn't root.
RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
FORBIDDEN = """
root = Path(sys.argv[2])
store = Store(root, 10**6)
others = [store.job("test", {"number": number}, "work") for number in range(2)]
mine = store.job("test", {}, "work")
def put(job, name):
    with job.atomic_write(name) as path:
        path.write_bytes(b"x" * 10**6)
for number, job in enumerate((mine, *others)):
    put(job, "0.mkv") if number == 0 else (job._begin(), job.path("0.mkv").write_bytes(b"x" * 10**6))
    os.utime(job.folder, (number, number))
others[0].folder.chmod(0)
root.chmod(0o500)
put(mine, "1.mkv")
assert all(job.folder.exists() for job in others)
print("ready", flush=True)
root.chmod(0o700)
put(mine, "2.mkv")
print([job.folder.exists() for job in others], mine.has("2.mkv"))
"""


def test_what_can_not_be_looked_at_or_removed_stays_and_stops_nobody(tmp_path):
    with beside(FORBIDDEN, tmp_path, *RIGHTS) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "[True, False] True\n"
