"""Frames per second of Wav2Lip from file to file, and where the time goes, with random weights.

    python tests/benchmarks/wav2lip.py [--seconds 10] [--long 0] [--threads 2] [--network 0]

A clip and a photo of 640x480 at 25 frames a second, made by the draft stage. `--long 600` measures the peak of
memory over ten minutes against that over ten seconds, each in a process of its own. `--network 10` gives faces back
as they are after the first ten seconds: the network, whose memory doesn't depend on the length, is most of the time.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
package = types.ModuleType("myspinbot")
package.__path__ = [str(ROOT / "custom_nodes" / "myspinbot")]
sys.modules["myspinbot"] = package

from myspinbot.engines.lipsync import dub as dubs  # noqa: E402
from myspinbot.engines.lipsync import source as sources  # noqa: E402
from myspinbot.engines.lipsync.generator import load_generator, prepare_generator  # noqa: E402
from myspinbot.engines.lipsync.mel import Mel  # noqa: E402
from myspinbot.engines.lipsync.tracking import FaceChoice, choose_face, track_faces  # noqa: E402
from myspinbot.media.audio import Sound  # noqa: E402
from myspinbot.media.faces.detect import CascadeDetector  # noqa: E402
from myspinbot.media.faces.tracking import FaceTracker  # noqa: E402
from myspinbot.media.video import VideoWriter  # noqa: E402
from tests.lipsync.scenes import Actor, play, record  # noqa: E402
from tests.miniatures import wav2lip as miniature  # noqa: E402

FPS = Fraction(25)
SPENT: Counter[str] = Counter()


def timed(owner: Any, name: str, part: str) -> None:
    """Count the time that passes in `owner.name` as `part`; the parts run side by side."""
    inner: Callable[..., Any] = getattr(owner, name)

    def outer(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*args, **options)
        finally:
            SPENT[part] += time.perf_counter() - began

    setattr(owner, name, outer)


def watch() -> None:
    timed(FaceTracker, "add", "faces")
    timed(dubs.LipGenerator, "generate", "generator")
    timed(dubs, "blend", "blending")
    timed(dubs, "cut_out", "blending")
    timed(VideoWriter, "write", "encoding")
    inner = sources.Clip.frames

    def frames(self: Any, start: int = 0) -> Iterator[Any]:
        found = inner(self, start)
        while True:
            began = time.perf_counter()
            pixels = next(found, None)
            SPENT["decoding"] += time.perf_counter() - began
            if pixels is None:
                return
            yield pixels

    sources.Clip.frames = frames  # type: ignore[method-assign]


def network_for(frames: int) -> None:
    """Have the network draw these frames only."""
    draw = dubs.LipGenerator.generate

    def drawn(self: dubs.LipGenerator, faces: Any, indices: Any, *rest: Any) -> Any:
        return draw(self, faces, indices, *rest) if indices[0] < frames else [face.copy() for face in faces]

    dubs.LipGenerator.generate = drawn  # type: ignore[method-assign]


def measure(kind: str, seconds: int, folder: Path) -> dict[str, Any]:
    """Dub a clip or a photo for `seconds`."""
    man = Actor("bearded_man", 300, lambda i: (150 + 30 * np.sin(i / 20), 80))
    if kind == "photo":
        source: Any = sources.Pictures(list(play([man], 1)))
    else:
        path = folder / f"{seconds}.mp4"
        record(path, play([man], seconds * 25))
        source = sources.Clip(path, FPS, 640, 480)
    model = prepare_generator(load_generator(miniature.write(folder / "wav2lip.pth")), torch.device("cpu"))
    sound = Sound(np.random.default_rng(0).normal(0, 0.1, (1, seconds * 16000)).astype(np.float32), 16000)
    began, worked = time.perf_counter(), time.process_time()
    tracks = choose_face(track_faces(source, CascadeDetector(), FPS), FaceChoice(), CascadeDetector)
    work = dubs.Dubbing(source, tracks, sound, FPS)
    dubs.dub(work, dubs.LipGenerator(model.model, Mel(sound), FPS), folder / f"out-{kind}-{seconds}.mp4")
    took, worked = time.perf_counter() - began, time.process_time() - worked
    split = {part: round(spent / work.frames * 1000, 2) for part, spent in SPENT.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "kind": kind,
        "seconds": seconds,
        "fps": round(work.frames / took, 1),
        "CPU ms per frame": round(1000 * worked / work.frames, 1),
        "precision": str(model.dtype),
        "ms per frame": split,
        "peak MiB": round(peak),
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--long", type=int, default=0)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--network", type=int, default=0, help="seconds for which it draws; 0 is all")
    options.add_argument("--one", nargs=2, metavar=("KIND", "SECONDS"))
    given = options.parse_args()
    if given.one:
        torch.set_num_threads(given.threads)
        watch()
        if given.network:
            network_for(given.network * 25)
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(json.dumps(measure(given.one[0], int(given.one[1]), Path(folder))) + "\n")
        return
    lengths = [given.seconds] + ([given.long] if given.long else [])
    for kind in ("clip", "photo"):
        for seconds in lengths:
            command = [sys.executable, __file__, "--threads", str(given.threads), "--one", kind, str(seconds)]
            command += ["--network", str(given.network)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
