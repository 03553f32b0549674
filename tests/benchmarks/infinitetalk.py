"""InfiniteTalk's overhead: time outside sampler and VAE, against the same windows chained by hand.

    python -m tests.benchmarks.infinitetalk [--windows 6] [--side 256]

Models in miniature on a processor: sampling and decoding take little, so that the rest can be seen. What is outside:
encoding the speech, building each window's inputs, moving and keeping frames, writing the video. Both run on the same
server, which is warm, in turns, with seeds and sounds of their own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from myspinbot_runner import Client
from tests.conftest import make_server
from tests.infinitetalk import graphs
from tests.miniatures import wan
from tests.runner.helpers import tag

KINDS = ("chained by hand", "InfiniteTalk, color_match disabled", "InfiniteTalk, color_match mkl")


def timed(server: Any, work: dict[str, Any], times: Path) -> tuple[float, float]:
    """Seconds of a job, and of them in the sampler and the VAE."""
    before = len(times.read_text().split()) if times.exists() else 0
    job = Client(server.url).submit(work)
    job.result()
    record = job.api.job(job.id).raw
    whole = (record["execution_end_time"] - record["execution_start_time"]) / 1000
    return whole, sum(map(float, times.read_text().split()[before:]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    graphs.SIZE, graphs.LENGTH, graphs.MOTION = options.side, 81, 9
    changes = {"width": options.side, "height": options.side, "frame_window_size": 81, "motion_frame": 9}
    frames = 81 + (options.windows - 1) * 72
    with tempfile.TemporaryDirectory() as folder:
        base, times = Path(folder), Path(folder) / "times.txt"
        wan.write_all(base / "models")
        graphs.furnish(base)
        results: dict[str, list[tuple[float, float]]] = {}
        with make_server(base, env={"MYSPINBOT_TEST_TIMES": str(times)}) as server:
            for run in range(options.runs + 1):
                for number, name in enumerate(KINDS):
                    work = _graph(name, options.windows, run, changes)
                    # A sound of its own, so that none finds in ComfyUI's caches what another has heard.
                    sound = f"speech-{run}-{number}.wav"
                    level = 0.5 - 0.01 * (run * len(KINDS) + number)
                    graphs.write_sound(base / "input" / sound, frames / 25 - 0.01, level=level)
                    work["8"]["inputs"]["audio"] = sound
                    found = timed(server, work, times)
                    if run:  # the first run loads the models
                        results.setdefault(name, []).append(found)
        load = os.getloadavg()[0]
        sys.stdout.write(f"{options.windows} windows of 81 frames, {options.side}x{options.side}, load {load:.1f}\n")
        for name, found in results.items():
            whole = statistics.median(whole for whole, _ in found)
            outside = statistics.median(whole - inside for whole, inside in found)
            each = outside / options.windows
            sys.stdout.write(f"{name}: {whole:.2f} s, outside sampler and VAE {each:.3f} s a window\n")


def _graph(name: str, windows: int, run: int, changes: dict[str, Any]) -> dict[str, Any]:
    if name == "chained by hand":
        graphs.SETTINGS["seed"] = 100 + run
        work = graphs.by_hand(windows, f"hand-{tag()}")
        # As the template ends, and without the conversion that equality needs.
        work["91"] = graphs.node("CreateVideo", images=work.pop("90")["inputs"]["images"], fps=25.0, audio=["8", 0])
        work["92"] = graphs.node(
            "SaveVideo", video=["91", 0], filename_prefix=f"hand-{run}", format="auto", codec="auto"
        )
        return work
    return graphs.talk(color_match=name.rsplit(" ", 1)[1], prefix=f"talk-{run}", **(changes | {"seed": 100 + run}))


if __name__ == "__main__":
    main()
