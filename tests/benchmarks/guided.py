"""Guided: time and peak memory of the whole pipeline on a warm server, and the share of it outside model code.

    python -m tests.benchmarks.guided [--wide] [--side 128] [--length 6] [--runs 2]     # Linux, as it reads /proc

The pipeline as it is shipped, with a bot, from a topic to an MP4: script (the template's), portrait, voice,
InfiniteTalk, enlarging by 1.5. Every model is a miniature. `--wide` makes those of the video and the upscaler wider,
so that they take more of the time, as real ones do. Model code is what runs inside samplers, VAEs, text and sound
encoders and any other network; see `tests/automatic/nodes/timing.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import av

from myspinbot_runner import Client
from tests.automatic import conftest as furnishing
from tests.automatic.pipelines import TRAIN, command, guided, training
from tests.benchmarks.draft import peak_mib
from tests.conftest import make_server
from tests.identity import portraits
from tests.miniatures import upscale, wan

TOPICS = ("Bees", "Clouds", "Rivers", "Bread", "Trains", "Owls", "Tides")
Line = tuple[str, str, float, float]
WIDE = {"dim": 320, "heads": 5, "ffn": 1280, "layers": 4}
UPSCALER = "upscale_models/realesr-general-x4v3.pth"


def write_wide(models: Path) -> None:
    """Wider models of the video and of the upscaler over the miniatures."""
    heads = {"config": json.dumps({"transformer": {"num_heads": WIDE["heads"]}})}
    shapes = wan.video_model(WIDE["dim"], WIDE["ffn"], WIDE["layers"])
    name = "diffusion_models/Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors"
    wan.write(models, name, wan.numbers(shapes, 1), heads)
    patch = wan.numbers(wan.infinitetalk(WIDE["dim"]), 2)
    wan.write(models, "model_patches/wan2.1_infiniteTalk_single_fp16.safetensors", patch)
    wan.write(models, "vae/wan_2.1_vae.safetensors", wan.numbers(wan.vae(8), 3))
    wan.LAYERS, wan.DIM = WIDE["layers"], WIDE["dim"]
    wan.write(models, "loras/lightx2v_I2V_14B_480p_cfg_step_distill_rank64_bf16.safetensors", wan.lora())
    upscale.write(models / UPSCALER, upscale.compact(features=64, convolutions=4, scale=4))


def measured(server: Any, graph: dict[str, Any], times: Path, out: Path) -> tuple[float, list[Line], float]:
    """Seconds of the job on the server, what ran in it, and the clip's length in seconds."""
    before = times.stat().st_size if times.exists() else 0
    job = Client(server.url).submit(graph)
    job.result()
    record = job.api.job(job.id).raw
    with times.open() as file:
        file.seek(before)
        lines = [tuple(json.loads(line)) for line in file]
    (clip,) = [path for path in job.save(out) if path.suffix == ".mp4"]
    with av.open(str(clip)) as container:
        length = (container.duration or 0) / av.time_base
    return (record["execution_end_time"] - record["execution_start_time"]) / 1000, lines, length


def inside(lines: list[Line]) -> list[tuple[float, float]]:
    """The stretches of model code, none over another: several threads may run some at once."""
    merged: list[tuple[float, float]] = []
    for begin, end in sorted((begin, end) for kind, _, begin, end in lines if kind == "model"):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def by_node(lines: list[Line]) -> Counter[str]:
    """Seconds outside model code of each kind of node."""
    models, found = inside(lines), Counter[str]()
    for kind, name, begin, end in lines:
        if kind == "node":
            within = sum(max(min(end, b) - max(begin, a), 0.0) for a, b in models)
            found[name] += end - begin - within
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--length", type=int, default=6, help="seconds that the script is asked for")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument(
        "--cache-ram", nargs=2, default=[], help="as ComfyUI's own option; for a server that keeps more"
    )
    options = parser.parse_args()
    changes = {
        "Portrait": {"steps": 2},
        "TalkingHead": {"width": options.side, "height": options.side, "steps": options.steps},
        "Finish": {"upscale_height": options.side * 3 // 2},
    }
    with tempfile.TemporaryDirectory() as name:
        folder, times = Path(name), Path(name) / "times.txt"
        furnishing.write_models(folder / "server" / "models")
        if options.wide:
            write_wide(folder / "server" / "models")
        arguments = ["--cache-ram", *options.cache_ram] if options.cache_ram else []
        with make_server(folder / "server", *arguments, env={"MYSPINBOT_TEST_NODE_TIMES": str(times)}) as server:
            pictures = portraits.write(folder / "pictures", 5)
            command(server, TRAIN, folder / "bot", *training(pictures, "anna"), "--steps", "1")
            found: list[tuple[float, list[Line], float]] = []
            for run in range(options.runs + 1):
                graph = guided(server, "anna", length=options.length, **changes)
                for node in graph.values():
                    if node["class_type"] == "MySpinBotScript":
                        node["inputs"]["topic"] = TOPICS[run]
                if run == 1:  # the first run loads the models
                    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
                found.append(measured(server, graph, times, folder / f"out{run}"))
            peak = peak_mib(server.pid)
    report(found[1:], peak, options)


def report(found: list[tuple[float, list[Line], float]], peak: float, options: argparse.Namespace) -> None:
    whole = statistics.median(seconds for seconds, _, _ in found)
    model = statistics.median(sum(end - begin for begin, end in inside(lines)) for _, lines, _ in found)
    length = statistics.median(length for _, _, length in found)
    rows = [
        ("models", "wide" if options.wide else "miniature"),
        ("clip", f"{length:.2f} s at {options.side}x{options.side}, enlarged 1.5 times"),
        ("whole job on a warm server, median (s)", f"{whole:.2f}"),
        ("  of each run (s)", ", ".join(f"{seconds:.2f}" for seconds, _, _ in found)),
        ("in model code (s)", f"{model:.2f}"),
        ("outside model code (s)", f"{whole - model:.2f}: {100 * (whole - model) / whole:.1f} percent"),
        ("server's peak memory (MiB)", f"{peak:.0f}"),
        ("load average of the machine", f"{os.getloadavg()[0]:.1f}"),
    ]
    sums = Counter[str]()
    for _, lines, _ in found:
        sums.update(by_node(lines))
    rows += [(f"outside, {node} (s)", f"{seconds / len(found):.3f}") for node, seconds in sums.most_common(12)]
    rows.append(("outside, between nodes (s)", f"{whole - model - sum(sums.values()) / len(found):.3f}"))
    sys.stdout.write("\n".join(f"| {name} | {value} |" for name, value in rows) + "\n")


if __name__ == "__main__":
    main()
