"""Work that is killed, cancelled or queued again: nothing is made twice, and the result is what it would have been."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from myspinbot_runner import Client
from myspinbot_runner.errors import Cancelled, RunnerError
from tests.miniatures import wan
from tests.runner.helpers import forget, held_after, tag

from .graphs import furnish, jobs, node, sampled, talk, write_sound

WINDOWS = 4
WINDOW = "infinitetalk-*/*.mkv"


def chunks(base: Path, job: str) -> list[Path]:
    """The finished windows; one that is being written begins with a dot, which `*` of pathlib takes too."""
    return sorted((base / "user" / "myspinbot" / "work" / job).glob("[!.]*.mkv"))


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def video(job: Any, out: Path) -> np.ndarray:
    job.result()
    (path,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    return decoded(path)


def with_lora(work: dict[str, Any], strength: float) -> dict[str, Any]:
    lora = Path(wan.LORA).name
    work["30"] = node("LoraLoaderModelOnly", model=["1", 0], lora_name=lora, strength_model=strength)
    work["20"]["inputs"]["model"] = ["30", 0]
    return work


@pytest.mark.slow
def test_killed_after_some_windows_it_goes_on_and_gives_the_same_bits(start_server, tmp_path, talker):
    seed = int(tag(), 16) % 2**31
    base = tmp_path / "server"
    wan.write_all(base / "models")
    furnish(base)
    mark = tag()
    with start_server(base) as server, held_after(2, WINDOW, base) as stopped:
        Client(server.url).submit(talk(tag=mark, seed=seed))
        stopped()
        os.kill(server.pid, signal.SIGKILL)
        server.stop()
    (job,) = jobs(base)
    done = len(chunks(base, job))
    assert done == 2
    kept = {path.name: path.read_bytes() for path in chunks(base, job)}
    begun = sampled(base, mark)
    with start_server(base) as server:
        client = Client(server.url)
        finished = client.submit(talk(tag=mark, seed=seed))
        resumed = video(finished, tmp_path / "resumed")
        assert jobs(base) == {job}, "the same work is found again by another process"
        assert sampled(base, mark) - begun == WINDOWS - done
        assert {name: (base / "user/myspinbot/work" / job / name).read_bytes() for name in kept} == kept

    whole = video(Client(talker.url).submit(talk(tag=mark, seed=seed)), tmp_path / "whole")
    assert np.array_equal(resumed, whole), "as a run that nothing interrupted, on another server"
    assert jobs(Path(talker.base_directory)) >= {job}


def test_finished_work_is_only_joined(talker, tmp_path):
    base, mark = Path(talker.base_directory), tag()
    one = video(Client(talker.url).submit(talk(tag=mark)), tmp_path / "one")
    assert sampled(base, mark) == WINDOWS
    forget(talker)
    two = video(Client(talker.url).submit(talk(tag=mark, prefix="again")), tmp_path / "two")
    assert sampled(base, mark) == WINDOWS
    assert np.array_equal(one, two)


def test_cancelled_it_stops_within_a_step_and_goes_on_later(talker, tmp_path):
    base, mark = Path(talker.base_directory), tag()
    before, client = jobs(base), Client(talker.url)
    with held_after(1, WINDOW, base) as stopped:
        job = client.submit(talk(tag=mark, steps=4))
        stopped()
        assert job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    (name,) = jobs(base) - before
    done, begun = len(chunks(base, name)), sampled(base, mark)
    assert 1 <= done < WINDOWS
    assert begun <= done + 1
    client.submit(talk(tag=mark, steps=4)).result()
    assert sampled(base, mark) - begun == WINDOWS - done


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"audio_scale": 1.5},
        {"motion_frame": 5},
        {"positive": ["6", 0]},
        {"negative": ["10", 0]},
        {"lora": 1.0},
        {"lora": 0.5},
    ],
    ids=str,
)
def test_whatever_changes_the_result_is_made_anew(talker, change):
    base, mark = Path(talker.base_directory), tag()
    client = Client(talker.url)
    write_sound(base / "input" / "short.wav", 0.8)
    client.submit(talk("short.wav", tag=mark)).result()
    once = sampled(base, mark)
    strength = change.get("lora")
    work = talk("short.wav", tag=mark, **{name: value for name, value in change.items() if name != "lora"})
    work["10"] = node("TestConditioning", seed=2, changed=12345)  # one number, where no sample of a model looks
    client.submit(with_lora(work, strength) if strength else work).result()
    assert sampled(base, mark) > once


def test_a_model_is_known_again_while_a_lora_is_merged_into_it(talker):
    base, mark = Path(talker.base_directory), tag()
    write_sound(base / "input" / "short.wav", 0.8)
    for asked in ("stop", "skip"):  # which isn't part of the work, but makes the node run again
        work = with_lora(talk("short.wav", tag=mark, on_oom=asked), 0.7)
        Client(talker.url).submit(work).result()
        assert sampled(base, mark) == 1


def test_work_that_was_cleared_is_made_again(talker):
    base, mark = Path(talker.base_directory), tag()
    before, client = jobs(base), Client(talker.url)
    with held_after(2, WINDOW, base) as stopped:
        job = client.submit(talk(tag=mark, seed=11))
        stopped()
        assert job.cancel()
    with pytest.raises(RunnerError):
        job.result()
    (name,) = jobs(base) - before
    shutil.rmtree(base / "user" / "myspinbot" / "work" / name)
    begun = sampled(base, mark)
    client.submit(talk(tag=mark, seed=11)).result()
    assert sampled(base, mark) - begun == WINDOWS
