"""Milliseconds of the processor for one look at a picture, on one thread: the landmarker and the built-in finder.

    python tests/benchmarks/faces.py MODELS [--runs 20] [--litert]

`MODELS` is a models folder with `detection/face_landmarker.task` and the full-range detector beside it. `--litert` runs
the same four networks with the package `ai-edge-litert` too, where it is installed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

import tests.engines  # noqa: E402, F401
from myspinbot.media.faces.detect import CascadeDetector  # noqa: E402
from myspinbot.media.faces.landmarker import load_landmarker  # noqa: E402
from myspinbot.media.faces.landmarker.network import Network  # noqa: E402
from myspinbot.media.faces.landmarker.tflite import read_graph  # noqa: E402

FAR = "face_detection_full_range_sparse.tflite"


def median(work: Callable[[], object], runs: int) -> float:
    """Milliseconds of the processor."""
    work()
    times: list[float] = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


def frame(name: str) -> np.ndarray:
    """A frame of 1280x720 with a picture in it."""
    canvas = Image.new("RGB", (1280, 720), (110, 120, 110))
    if name:
        canvas.paste(Image.open(ROOT / "tests" / "media" / name).convert("RGB").resize((640, 640)), (320, 40))
    return np.asarray(canvas)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--litert", action="store_true")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    task, far = (wanted.models / "detection" / name for name in ("face_landmarker.task", FAR))
    began = time.perf_counter()
    landmarker = load_landmarker(task, far)
    sys.stdout.write(f"landmarker loaded in {(time.perf_counter() - began) * 1000:.0f} ms\n")
    for name in ("elderly_man.jpg", "three_faces.jpg", ""):
        pixels = frame(name)
        for finder in (landmarker, CascadeDetector()):
            cost = median(lambda finder=finder, pixels=pixels: finder.detect(pixels), wanted.runs)
            found = len(finder.detect(pixels))
            sys.stdout.write(f"{name or 'no face':16} {finder.name:22} {cost:6.1f} ms, {found} found\n")
    with zipfile.ZipFile(task) as bundle:
        parts = {name: bundle.read(name) for name in bundle.namelist() if name.endswith(".tflite")}
    for name, content in (parts | {far.name: far.read_bytes()}).items():
        network = Network(read_graph(content))
        x = torch.rand(network.input_shapes[0])
        with torch.inference_mode():
            costs = [f"PyTorch {median(lambda network=network, x=x: network(x), wanted.runs):.1f} ms"]
        if wanted.litert:
            costs.append(f"LiteRT {_litert(content, x.numpy(), wanted.runs):.1f} ms")
        sys.stdout.write(f"{name:42} {', '.join(costs)}\n")


def _litert(content: bytes, x: np.ndarray, runs: int) -> float:
    from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    where = interpreter.get_input_details()[0]["index"]

    def run() -> None:
        interpreter.set_tensor(where, x)
        interpreter.invoke()

    return median(run, runs)


if __name__ == "__main__":
    main()
