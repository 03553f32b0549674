"""Small graphs and ways to run them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from myspinbot_runner.client import Client, Job

ROOT = Path(__file__).resolve().parents[2]


def tag() -> str:
    return uuid.uuid4().hex[:8]


def graph(kind: str, **inputs: Any) -> dict[str, Any]:
    """One fault node under a title."""
    return {"1": {"class_type": kind, "inputs": {"tag": tag(), **inputs}, "_meta": {"title": "The node"}}}


def steps(count: int = 40, seconds: float = 0.05, **inputs: Any) -> dict[str, Any]:
    return graph("TestSteps", steps=count, seconds=seconds, **({"stubborn": False} | inputs))


def image(color: int | None = None) -> dict[str, Any]:
    color = uuid.uuid4().int % 0xFFFFFF if color is None else color
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": f"t{color}"}},
    }


@contextlib.contextmanager
def held(server: Any, work: dict[str, Any]) -> Iterator[Callable[[], None]]:
    """The steps node of this graph doesn't end in the block, unless the given function is called: no clock is raced."""
    path = server.base_directory / "output" / f"hold-{work['1']['inputs']['tag']}.txt"
    path.touch()
    try:
        yield lambda: path.unlink(missing_ok=True)
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def held_after(number: int, pattern: str, base: Path) -> Iterator[Callable[[], None]]:
    """A server that puts `number` more files of kept work that match `pattern` in place, and stops before the next.

    `base` is its base directory. The function that is given waits until the server has come there; at the block's end
    it goes on, if it is still there.
    """
    folder = base / "user" / "myspinbot"
    folder.mkdir(parents=True, exist_ok=True)
    hold, reached = folder / "hold.txt", folder / "held.txt"
    reached.unlink(missing_ok=True)
    hold.with_suffix(".new").write_text(f"{pattern} {number}", encoding="utf-8")
    hold.with_suffix(".new").rename(hold)

    def wait() -> None:
        assert until(reached.exists), f"no work of {pattern} came so far"

    try:
        yield wait
    finally:
        hold.unlink()


def forget(server: Any) -> None:
    """Drop what a server has in its caches, so that only the disk knows."""
    data, kind = b'{"free_memory": true, "unload_models": true}', {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{server.url}/free", data, kind)).close()


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """A port at which nobody answers in the block: it is taken, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def free_port() -> int:
    """A port that nobody has, to be taken at once: below those that systems give away by themselves."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return probe.getsockname()[1]


def runs(server: Any, work: dict[str, Any]) -> int:
    """How often the steps node of this graph began."""
    path = server.base_directory / "output" / f"runs-{work['1']['inputs']['tag']}.txt"
    return len(path.read_text().split()) if path.exists() else 0


def until(condition: Callable[[], Any], seconds: float = 600) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def in_background(act: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def follow(job: Job, on_event: Callable[[Any], None] = lambda _: None) -> list[Any]:
    """All events of a job. Its error, if any, is raised as usual."""
    seen = []
    for event in job.events():
        seen.append(event)
        on_event(event)
    return seen


def submit(url: str, work: dict[str, Any], **options: Any) -> Job:
    return Client(url).submit(work, **options)


def command(*args: str, **options: Any) -> subprocess.Popen[str]:
    """Start the real command in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "myspinbot_manage", *args],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        **({"stderr": subprocess.PIPE} | options),
    )


def call(*args: str, timeout: float = 600, **options: Any) -> tuple[int, str, str]:
    """Run the real command and wait for it: exit status, output, errors."""
    process = command(*args, **options)
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)
