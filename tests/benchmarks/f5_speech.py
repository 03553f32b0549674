"""F5-TTS at full size with random weights: our engine against the package f5-tts, in one run.

    python -m tests.benchmarks.f5_speech [--steps 2] [--seconds 1.5]      # some minutes on a processor

Three chunks of `--seconds` each after a reference of 3 s, as both make them: theirs in three threads, ours in one
batch on a graphics card and one by one on a processor. Prints the table
that docs/benchmarks.md records, import times included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"
package = types.ModuleType("myspinbot")
package.__path__ = [str(PACK)]
sys.modules.setdefault("myspinbot", package)

OURS = f"""
import sys, types, time
package = types.ModuleType("myspinbot"); package.__path__ = [{str(PACK)!r}]; sys.modules["myspinbot"] = package
import torch, torchaudio
start = time.perf_counter()
from myspinbot.engines.speech.f5.speak import speak
from myspinbot.engines.speech.f5.tokens import tokenize
tokenize("Hello 你好"); import num2words, cn2an
print(time.perf_counter() - start)
"""
THEIRS = """
import sys, time
sys.path.insert(0, ".")
import torch, torchaudio
start = time.perf_counter()
from tests.speech.reference import load_reference
load_reference().convert_char_to_pinyin(["Hello 你好"])
print(time.perf_counter() - start)
"""


def imported(code: str) -> float:
    """Seconds, after PyTorch is there."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of the processors: on a shared machine more threads get more of its time."""
    clock, cores = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cores


def main() -> None:
    from myspinbot.engines.speech.f5.dit import Arch, DiT
    from myspinbot.engines.speech.f5.mel import FRAMES_PER_SECOND, mel
    from myspinbot.engines.speech.f5.sampler import Utterance, sample
    from tests.speech.reference import load_reference

    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's, of each thread that computes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    show(f"| import | {imported(OURS):.1f} s | {imported(THEIRS):.1f} s |")
    torch.manual_seed(0)
    model = DiT(Arch()).eval().requires_grad_(False)
    reference = load_reference()
    arch = {"dim": 1024, "depth": 22, "heads": 16, "ff_mult": 2, "text_dim": 512, "conv_layers": 4}
    theirs = reference.CFM(transformer=reference.DiT(**arch, text_num_embeds=2545, mel_dim=100)).eval()
    state = {f"transformer.{name}": value for name, value in model.state_dict().items()}
    theirs.load_state_dict(state, strict=False, assign=True)  # all but the tables that both compute
    sound = torch.randn(3 * 24000) * 0.1
    text = torch.randint(1, 2545, (70,))
    frames = len(mel(sound)) + int(options.seconds * FRAMES_PER_SECOND)
    utterances = [Utterance(text, frames, seed) for seed in range(3)]

    def ours() -> None:
        sample(model, mel(sound), utterances, steps=options.steps)

    def one(seed: int) -> None:
        with torch.inference_mode():
            theirs.sample(
                sound[None].to(device), text[None].to(device), frames, steps=options.steps, cfg_strength=2.0,
                sway_sampling_coef=-1.0, seed=seed,
            )  # fmt: skip

    def three() -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(one, range(3)))

    model.to(device)
    theirs.to(device)
    kinds = [torch.float32, torch.bfloat16] if device == "cpu" else [torch.float32, torch.float16]
    for kind in kinds:
        model.to(kind)
        theirs.to(kind)
        runs = [(timed(ours), timed(three)) for _ in range(options.repeats)]  # in turns
        best = [min(pair[side][measure] for pair in runs) for side in (0, 1) for measure in (0, 1)]
        figures = " | ".join(f"{best[i]:.1f} s ({best[i + 1]:.1f} s)" for i in (0, 2))
        show(f"| three chunks, {options.steps} steps, {device}, {str(kind)[6:]} | {figures} |")


if __name__ == "__main__":
    main()
