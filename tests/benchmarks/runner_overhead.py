"""Whole-process time of a trivial workflow on a warm server, ours against others, interleaved in one run.

usage: python tests/benchmarks/runner_overhead.py SERVER_URL [--comfy PATH_OF_COMFY] [--rounds N]

(a) is the least that any client must do: open the websocket, post, wait for the end, download the picture.
(b) is `comfy run --wait` of comfy-cli, which prints addresses and downloads nothing.
Every run has a new colour, so that nothing comes from the server's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]

MINIMAL = """
import json, sys, urllib.parse, urllib.request, uuid, websocket
url, path, out = sys.argv[1:]
client = uuid.uuid4().hex
ws = websocket.create_connection(url.replace("http", "ws", 1) + "/ws?clientId=" + client)
body = json.dumps({"prompt": json.load(open(path)), "client_id": client}).encode()
job = json.load(urllib.request.urlopen(urllib.request.Request(url + "/prompt", body)))["prompt_id"]
while True:
    message = ws.recv()
    if isinstance(message, str):
        message = json.loads(message)
        data = message["data"]
        if message["type"] == "executing" and data["node"] is None and data.get("prompt_id") == job:
            break
outputs = json.load(urllib.request.urlopen(url + "/history/" + job))[job]["outputs"]
for output in outputs.values():
    for image in output["images"]:
        data = urllib.request.urlopen(url + "/view?" + urllib.parse.urlencode(image)).read()
        open(out + "/" + image["filename"], "wb").write(data)
"""


def workflow(path: Path) -> None:
    color = random.randrange(1 << 24)
    content = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": f"b{color}"}},
    }
    path.write_text(json.dumps(content))


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command that must succeed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, check=False, cwd=folder)
    wall, after = time.perf_counter() - began, os.times()
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stdout.decode()}\n{done.stderr.decode()}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--comfy")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    file, script = folder / "w.json", folder / "minimal.py"
    script.write_text(MINIMAL)
    host = urlsplit(options.server)
    commands = {
        "ours": [
            sys.executable,
            "-m",
            "myspinbot_runner",
            "run",
            str(file),
            "--server",
            options.server,
            "--out",
            str(folder),
        ],
        "(a) minimal": [sys.executable, str(script), options.server, str(file), str(folder)],
    }
    if options.comfy:
        where = ["--host", str(host.hostname), "--port", str(host.port)]
        commands["(b) comfy-cli"] = [options.comfy, "--skip-prompt", "--no-enable-telemetry", "run", "--workflow",
                                     str(file), "--wait", *where]  # fmt: skip
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(options.rounds + 1):
        for name, command in commands.items():
            workflow(file)
            result = timed(command, folder)
            if number:  # the first round only warms up
                times[name].append(result)
    help_cpu = [timed([sys.executable, "-m", "myspinbot_manage", "--help"], folder)[1] for _ in range(options.rounds)]
    median = {name: statistics.median(wall for wall, _ in runs) for name, runs in times.items()}
    lines = [f"{options.rounds} interleaved rounds, median (minimum) of the whole process"]
    for name, runs in times.items():
        cpu = statistics.median(cpu for _, cpu in runs)
        ratio = median["ours"] / median[name]
        lines.append(
            f"{name:<14} {median[name]:.3f} s ({min(runs)[0]:.3f} s), CPU {cpu:.3f} s, ours is {ratio:.2f} of it"
        )
    lines.append(f"myspinbot --help: {statistics.median(help_cpu):.3f} s of CPU")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
