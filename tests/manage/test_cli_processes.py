"""`myspinbot models get` in processes of its own: two at once, stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.manage.conftest import make_model
from tests.manage.host import Host, safetensors, slow

ROOT = Path(__file__).parents[2]
GOOD = safetensors(300_000)


def test_two_programs_at_once_fetch_a_file_once(
    tmp_path: Path, host: Host, write_manifest: Callable[..., Path]
) -> None:
    path = write_manifest(make_model(GOOD, host.put("/m", GOOD, slow)))
    jobs = [start(tmp_path, path, "get", "m") for _ in range(2)]
    wait_for(lambda: len(host.seen) == 1)
    time.sleep(0.5)
    host.gate.set()
    texts = [job.communicate(timeout=240)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], texts
    assert len(host.seen) == 1
    assert (tmp_path / "models/vae/m.safetensors").read_bytes() == GOOD


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_in_the_middle_and_taken_up_again(
    tmp_path: Path, host: Host, write_manifest: Callable[..., Path], number: signal.Signals
) -> None:
    path = write_manifest(make_model(GOOD, host.put("/m", GOOD, slow)))
    job = start(tmp_path, path, "get", "m")
    part = tmp_path / "models/vae/.m.safetensors.part"
    wait_for(lambda: (part.exists() and part.stat().st_size > 0) or job.poll() is not None)
    job.send_signal(number)
    _, err = job.communicate(timeout=240)
    if number != signal.SIGKILL:
        assert job.returncode == 10
        assert "goes on where this ended" in err
    assert not (tmp_path / "models/vae/m.safetensors").exists()
    host.gate.set()
    again = start(tmp_path, path, "get", "m")
    assert again.wait(240) == 0
    assert host.asked("Range")[-1] is not None
    assert (tmp_path / "models/vae/m.safetensors").read_bytes() == GOOD


def start(tmp_path: Path, manifest: Path, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "myspinbot_manage", "models", *args, "--models-dir", str(tmp_path / "models")]
    env = {**os.environ, "MYSPINBOT_MODELS": str(manifest), "NO_PROXY": "127.0.0.1"}
    # Where the tests themselves run in the background, a shell may have had SIGINT ignored, and children inherit that.
    return subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
