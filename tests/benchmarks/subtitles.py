"""Subtitles: cutting an hour of speech, and drawing into clips of one and of five minutes.

    python -m tests.benchmarks.subtitles        # about two minutes; Linux, as it asks for the peak memory

Prints the figures that docs/benchmarks.md records: seconds of the processor, all threads together, each in a process
of its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
import types
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "The sky is blue, because the air scatters the blue part of the sunlight more than the red one. "


def speech(seconds: int):
    """Timings and text of so long a speech, a word every 0.4 s."""
    from myspinbot.engines.timings import Span, Timings

    words = SENTENCE.split()
    said = [words[number % len(words)] for number in range(int(seconds / 0.4))]
    spans = [Span(word.strip(",."), number * 0.4, number * 0.4 + 0.35) for number, word in enumerate(said)]
    return Timings(float(seconds), tuple(spans)), " ".join(said)


def cut(seconds: int) -> str:
    from myspinbot.engines.subtitles.cues import cues

    return f"{len(cues(*speech(seconds))[0])} subtitles"


def copy(seconds: int) -> str:
    """What reading and writing alone takes."""
    from myspinbot.media.clip import at_rate, read
    from myspinbot.media.video import VideoWriter

    with tempfile.TemporaryDirectory() as folder:
        source, before = clip(Path(folder), seconds), time.process_time()
        with VideoWriter(Path(folder) / "out.mp4", width=512, height=512, fps=Fraction(25)) as video:
            for frame in at_rate(read(source), Fraction(25)):
                video.write(frame)
        return f"{time.process_time() - before:.1f} s"


def burn(seconds: int) -> str:
    from myspinbot.engines.subtitles.burn import burn

    with tempfile.TemporaryDirectory() as folder:
        source, before = clip(Path(folder), seconds), time.process_time()
        burn(source, Path(folder) / "out.mp4", *speech(seconds))
        return f"{time.process_time() - before:.1f} s"


def clip(folder: Path, seconds: int) -> Path:
    """A clip of 512x512 at 25 frames a second whose picture drifts."""
    from myspinbot.media.video import VideoWriter

    drawn = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    picture = np.kron(drawn, np.ones((40, 40, 1), np.uint8))
    with VideoWriter(folder / "clip.mp4", width=512, height=512, fps=Fraction(25)) as video:
        for number in range(seconds * 25):
            video.write(np.ascontiguousarray(picture[number % 100 :][:512, :512]))
    return folder / "clip.mp4"


def main() -> None:
    if len(sys.argv) == 3:
        package = types.ModuleType("myspinbot")
        package.__path__ = [str(ROOT / "custom_nodes" / "myspinbot")]
        sys.modules["myspinbot"] = package
        before = time.process_time()
        said = globals()[sys.argv[1]](int(sys.argv[2]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"| {said} | {time.process_time() - before:.1f} s in all | {peak:.0f} MiB |\n")
        return
    for name, seconds in (("cut", 3600), ("copy", 60), ("burn", 60), ("copy", 300), ("burn", 300)):
        sys.stdout.write(f"{name} {seconds} ")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "tests.benchmarks.subtitles", name, str(seconds)], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
