"""What was interrupted goes on: by the user, by a full disk."""

from __future__ import annotations

import errno
import json
import shutil

import pytest

from myspinbot.engines.enhance import pieces
from myspinbot.media.video import VideoWriter

from .conftest import Scarce
from .scenes import moving, talking, tone, write


def clear(tmp_path) -> None:
    shutil.rmtree(tmp_path / "work")


class Stop(Exception):  # noqa: N818
    pass


def test_what_was_interrupted_goes_on_and_gives_the_same(tmp_path, upscaled, compact):
    source = write(tmp_path / "a.mp4", talking(40), sound=tone(1.6))
    whole = upscaled(source, batch_size=9)
    pixels = len(upscaled.steps)
    clear(tmp_path)

    def interrupt(done: int, total: int) -> None:
        if done > 0.6 * total:
            raise Stop

    with pytest.raises(Stop):
        upscaled(source, batch_size=9, on_step=interrupt)
    (job,) = (tmp_path / "work").iterdir()
    kept = sorted(path.name for path in job.glob("[0-9]*.mp4"))
    assert 1 <= len(kept) < 5
    assert not list(job.glob(".*part*")), "nothing half written stays"
    again = upscaled(source, batch_size=9)
    assert again.read_bytes() == whole.read_bytes()
    assert len(upscaled.steps) < pixels
    upscaled(source, batch_size=9)
    assert upscaled.count == 4


def test_cancel_comes_through_in_the_middle_of_a_run_of_the_model(tmp_path, upscaled, compact):
    source = write(tmp_path / "a.mp4", moving(20))
    calls = []

    def on_step(done: int, total: int) -> None:
        calls.append(done)
        if total > 1 and len([call for call in calls if call == done]) > 4:
            raise Stop

    with pytest.raises(Stop):
        upscaled(source, on_step=on_step)
    assert len(calls) < 60, "asked before every layer, it ends before the frame does"


def test_another_source_model_or_setting_is_another_job(tmp_path, upscaled, compact, dense):
    source = write(tmp_path / "a.mp4", talking(3))
    upscaled(source)
    upscaled(source, dense)
    upscaled(source, change_threshold=0)
    upscaled(write(tmp_path / "b.mp4", talking(3, seed=5)))
    assert len(list((tmp_path / "work").iterdir())) == 4


def test_a_full_disk_is_said_and_what_was_finished_stays(tmp_path, upscaled, monkeypatch):
    source = write(tmp_path / "a.mp4", talking(20))
    whole = upscaled(source, batch_size=5)
    clear(tmp_path)

    class Full(VideoWriter):
        written = 0

        def write(self, frame) -> None:
            Full.written += 1
            if Full.written == 13:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().write(frame)

    with monkeypatch.context() as patch:
        patch.setattr(pieces, "VideoWriter", Full)
        with pytest.raises(OSError, match="The disk is full"):
            upscaled(source, batch_size=5)
    assert len(list((tmp_path / "work").glob("*/[0-9]*.mp4"))) == 2
    assert upscaled(source, batch_size=5).read_bytes() == whole.read_bytes()


def test_what_memory_was_short_for_is_known_when_the_work_goes_on(tmp_path, upscaled, compact):
    source = write(tmp_path / "a.mp4", moving(12))
    scarce = Scarce(compact, 60 * 60)

    def interrupt(done: int, total: int) -> None:
        if done > 0.6 * total > 1:
            raise Stop

    with pytest.raises(Stop):
        upscaled(source, scarce, batch_size=4, on_step=interrupt)
    assert scarce.refused
    (job,) = (tmp_path / "work").iterdir()
    plan = json.loads((job / "plan.json").read_text())
    windows = [region["window"] for region in plan["regions"]]
    assert max((bottom - top) * (right - left) for top, bottom, left, right in windows) <= 60 * 60
    again = Scarce(compact, 60 * 60)
    upscaled(source, again, batch_size=4)
    assert not again.refused, "it goes on in the parts that it had come to"


def test_a_batch_stays_what_it_was_whatever_memory_is_free_later(tmp_path, upscaled, compact, monkeypatch):
    source = write(tmp_path / "a.mp4", moving(12))
    monkeypatch.setattr(type(compact), "on_card", True)
    batches: list[int] = []

    class Watched(Scarce):
        def __call__(self, pictures):
            batches.append(len(pictures))
            return super().__call__(pictures)

    def interrupt(done: int, total: int) -> None:
        if done > 0.6 * total > 1:
            raise Stop

    watched = Watched(compact, 1 << 40)
    with pytest.raises(Stop):
        upscaled(source, watched, batch_size=4, on_step=interrupt)
    first = set(batches)
    assert first == {4}
    batches.clear()
    watched.most_pixels = lambda memory: 1
    upscaled(source, watched, batch_size=4)
    assert set(batches) == first
