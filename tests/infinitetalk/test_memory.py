"""Peak memory doesn't grow with the number of windows.

Encoding the speech comes before them, and is looked at by itself: it grows up to a minute of sound, and not beyond.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from myspinbot_runner import Client
from tests.miniatures import wan
from tests.runner.helpers import tag, until

from .graphs import FRESH, LENGTH, furnish, jobs, sampled, talk, write_sound

SIDE = 128


def memory(pid: int, field: str) -> float:
    """`VmRSS`, what a process holds now, or `VmHWM`, the most it held, in MiB."""
    return int(re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def talk_for(server: Any, base: Path, windows: int) -> tuple[float, float, float]:
    """The peak while the speech is encoded, what is held when the first window begins, and the peak from there on."""
    frames = LENGTH + (windows - 1) * FRESH
    write_sound(base / "input" / f"{windows}.wav", frames / 25 - 0.01)
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    mark = tag()
    work = talk(f"{windows}.wav", tag=mark, width=SIDE, height=SIDE, steps=1, color_match="mkl")
    hold = base / "output" / f"hold-{mark}.txt"
    hold.touch()
    job = Client(server.url).submit(work)
    assert until(lambda: sampled(base, mark) >= 1)
    encoding, held = memory(server.pid, "VmHWM"), memory(server.pid, "VmRSS")
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    hold.unlink()
    job.result()
    found = encoding, held, memory(server.pid, "VmHWM")
    sys.stdout.write(f"{windows} windows: encoding {found[0]:.0f}, then from {found[1]:.0f} to {found[2]:.0f} MiB\n")
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sixty_windows_take_the_memory_of_six(start_server, tmp_path):
    wan.write_all(tmp_path / "models")
    furnish(tmp_path)
    with start_server(tmp_path) as server:
        talk_for(server, tmp_path, 3)  # what is loaded and compiled once
        _, few, few_peak = talk_for(server, tmp_path, 6)
        _, many, many_peak = talk_for(server, tmp_path, 60)
    made = sorted(len(list((tmp_path / "user/myspinbot/work" / job).glob("*.mkv"))) for job in jobs(tmp_path))
    assert made == [3, 6, 60]
    # Chained in memory, the frames of 54 more windows would take 121 MiB.
    assert many_peak - many < few_peak - few + 0.05 * few
