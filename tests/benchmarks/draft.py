"""Draft: whole-process time of a 10 s clip on a warm server, and the server's peak memory at 10 s and 5 min.

    python -m tests.benchmarks.draft            # about three minutes; Linux, as it reads /proc

Prints the table that docs/benchmarks.md records.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
from PIL import Image

from myspinbot_runner.server import LocalServer
from tests.conftest import make_server
from tests.workflows.clips import Clip

ROOT = Path(__file__).resolve().parents[2]
OPENING = "Hello, and welcome! Let us look up for a moment: the sky is wide, and it is blue. "
SENTENCE = "The sky is blue, because the air scatters the blue part of the sunlight more than the red one. "


def graph(folder: Path, repeats: int) -> Path:
    """An API-form draft pipeline that reads `repeats` sentences."""
    voice = {"language": "en-us", "voice": "default", "speed": 1.0, "pitch": 50}
    head = {"portrait": ["1", 0], "audio": ["2", 0], "timings": ["2", 1], "size": 512, "motion_scale": 1.0, "seed": 1}
    save = {"video": ["3", 0], "filename_prefix": "bench", "format": "auto", "codec": "auto"}
    nodes = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "bench.png"}},
        "2": {"class_type": "MySpinBotDraftSpeech", "inputs": {"text": OPENING + SENTENCE * repeats, **voice}},
        "3": {"class_type": "MySpinBotDraftHead", "inputs": head},
        "4": {"class_type": "SaveVideo", "inputs": save},
    }
    path = folder / f"bench-{repeats}.json"
    path.write_text(json.dumps(nodes))
    return path


def run(server: LocalServer, path: Path, out: Path, seed: int) -> tuple[float, Path]:
    """Seconds of the whole `myspinbot run` process, and the clip."""
    command = [sys.executable, "-m", "myspinbot_manage", "run", str(path), "--server", server.url, "--no-start"]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--set", f"3.seed={seed}"], check=True, cwd=ROOT, capture_output=True)
    seconds = time.perf_counter() - started
    (clip,) = out.rglob("*.mp4")
    return seconds, clip


def peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = make_server(folder / "server")
        portrait = Image.open(ROOT / "workflows" / "media" / "portrait.jpg")
        portrait.resize((512, 512), Image.Resampling.LANCZOS).save(folder / "server" / "input" / "bench.png")
        with server:
            short, long = graph(folder, 1), graph(folder, 61)
            run(server, short, folder / "warm", 0)
            times: list[float] = []
            for index in range(1, 6):
                seconds, clip = run(server, short, folder / f"short{index}", index)
                times.append(seconds)
            length = Clip.read(clip).video_seconds
            Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # forget the peak until now
            run(server, short, folder / "short", 90)
            short_peak = peak_mib(server.pid)
            long_seconds, clip = run(server, long, folder / "long", 91)
            long_peak = peak_mib(server.pid)
            with av.open(str(clip)) as container:
                long_length = (container.duration or 0) / av.time_base
    rows = [
        ("clip of this many seconds, 512x512", f"{length:.2f}"),
        ("whole `myspinbot run`, median of 5 (s)", f"{statistics.median(times):.2f}"),
        ("  fastest, slowest (s)", f"{min(times):.2f}, {max(times):.2f}"),
        ("long clip (s of video)", f"{long_length:.2f}"),
        ("  whole `myspinbot run` (s)", f"{long_seconds:.1f}"),
        ("server's peak memory, short clip (MiB)", f"{short_peak:.0f}"),
        ("server's peak memory, long clip (MiB)", f"{long_peak:.0f}"),
        ("load average of the machine", f"{os.getloadavg()[0]:.1f}"),
    ]
    sys.stdout.write("\n".join(f"| {name} | {value} |" for name, value in rows) + "\n")


if __name__ == "__main__":
    main()
