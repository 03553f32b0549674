"""Upscaling against the plain loop over spandrel: seconds of the processor, in turns, in one run.

`python -m tests.benchmarks.upscale` upscales 4 s of a talking photo at 512x512 and a clip that moves all over, with
RealESRGAN x2 at full size and random numbers. The plain loop takes the whole frame in float32 each time, so that a
few frames tell what all of them cost. `--memory` compares the peak memory for 10 s and for 5 minutes of the
photo at 256x256 with a small model instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import types
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
package = types.ModuleType("myspinbot")  # the engines without ComfyUI
package.__path__ = [str(ROOT / "custom_nodes" / "myspinbot")]
sys.modules["myspinbot"] = package

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from spandrel import ModelLoader  # noqa: E402

from myspinbot.engines.enhance.clip import Settings, enhance  # noqa: E402
from myspinbot.engines.enhance.upscale_network import Network, load_network  # noqa: E402
from myspinbot.engines.head.render import render_talking_head  # noqa: E402
from myspinbot.engines.speech import espeak  # noqa: E402
from myspinbot.media.audio import Sound  # noqa: E402
from myspinbot.media.clip import read  # noqa: E402
from myspinbot.media.faces.portrait import find_points  # noqa: E402
from myspinbot.media.video import VideoWriter  # noqa: E402
from myspinbot.shared.work_store import Store  # noqa: E402
from tests.miniatures import upscale as miniature  # noqa: E402

SIDE, SMALL, FPS = 512, 256, Fraction(25)  # SMALL for memory alone, which asks for many frames
WORDS = "The quick brown fox jumps over the lazy dog, and then it goes home for the day, and sleeps till noon."


def portrait(side: int) -> np.ndarray:
    picture = Image.open(ROOT / "tests" / "media" / "smiling_woman.jpg").convert("RGB")
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))


def talking(path: Path, seconds: float, side: int = SIDE) -> Path:
    """A still photo whose lips follow a sound, for so many seconds."""
    speech = espeak.speak(WORDS)
    samples = np.resize(speech.samples.reshape(-1), int(seconds * speech.sample_rate))
    pixels = portrait(side)
    sound = Sound(samples[None], speech.sample_rate)
    render_talking_head(
        pixels, find_points(pixels).points, sound, path, timings=None, seed=1, motion_scale=0.0, on_step=lambda *_: None
    )
    return path


def moving(path: Path, frames: int) -> Path:
    """The photo, sliding by three pixels a frame: everything changes."""
    pixels = np.tile(portrait(SIDE), (1, 2, 1))
    with VideoWriter(path, width=SIDE, height=SIDE, fps=FPS) as video:
        for index in range(frames):
            video.write(np.ascontiguousarray(pixels[:, 3 * index : 3 * index + SIDE]))
    return path


def plain(descriptor, clip: Path, count: int) -> float:
    """Seconds of the processor that a frame costs, as a plain loop computes it."""
    frames = [frame.pixels for _, frame in zip(range(count), read(clip), strict=False)]
    began = time.process_time()
    for frame in frames:
        x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
        (descriptor(x)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    return (time.process_time() - began) / len(frames)


def ours(network: Network, clip: Path, settings: Settings, folder: Path) -> tuple[float, int]:
    """Seconds of the processor for the whole clip from file to file, and its frames."""
    name = f"{time.monotonic_ns()}"
    began = time.process_time()
    store = Store(folder / name, 10**10)
    out = folder / f"{name}.mp4"
    enhance(clip, out, network, settings, store, memory=8 * 10**9, on_step=lambda *_: None)
    return time.process_time() - began, sum(1 for _ in read(out))


def speed(folder: Path, frames: int, exact: bool) -> None:
    descriptor = ModelLoader().load_from_state_dict(miniature.rrdb())
    half = load_network(descriptor, device=torch.device("cpu"))
    single = load_network(descriptor, device=torch.device("cpu"), exact=True)
    talk_clip, move_clip = talking(folder / "talk.mp4", frames / 25), moving(folder / "move.mp4", 4)
    each = plain(descriptor, talk_clip, 2)
    show(f"plain loop, per frame: {each:.1f} s; overlap measured: {half.overlap}; half is {half.dtype}")
    runs = [("moving, half", half, move_clip, 2), ("moving, float32", single, move_clip, 2)]
    runs += [("talking, half", half, talk_clip, 2)]
    runs += [("talking, half, exact", half, talk_clip, 0), ("talking, float32", single, talk_clip, 2)] if exact else []
    for name, network, clip, threshold in runs:
        seconds, count = ours(network, clip, Settings(change_threshold=threshold), folder)
        ratio = each * count / seconds
        show(
            f"{name}: {count} frames, {seconds:.1f} s, {seconds / count:.2f} s a frame; plain is {ratio:.1f} times that"
        )


def memory(folder: Path) -> None:
    network = load_network(ModelLoader().load_from_state_dict(miniature.compact()), device=torch.device("cpu"))
    peaks = []
    for seconds in (10, 300):
        clip = talking(folder / f"{seconds}.mp4", seconds, SMALL)
        reset()
        spent, count = ours(network, clip, replace(Settings(), batch_size=50), folder)
        peaks.append(peak())
        show(f"{seconds} s: {count} frames, {spent:.0f} s of the processor, peak {peaks[-1] / 2**20:.0f} MiB")
    show(f"ratio {peaks[1] / peaks[0]:.3f}")


def show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def reset() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark of memory, on Linux


def peak() -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--all", action="store_true", help="also exact reuse, and float32")
    parser.add_argument("--frames", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.memory:
            memory(Path(folder))
        else:
            speed(Path(folder), arguments.frames, arguments.all)


if __name__ == "__main__":
    main()
