"""Kokoro: seconds from a text to its sound once the model is loaded, and what loading takes.

    python -m tests.benchmarks.kokoro            # half a minute; fetches the weights the first time

Prints the table that docs/benchmarks.md records.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

from tests.engines import PACK  # noqa: F401  (the pack without ComfyUI)
from tests.weights import fetch

SENTENCE = "The sky is blue because air scatters the short waves."
RUNS = 5


def main() -> None:
    from myspinbot.engines.speech import kokoro
    from myspinbot.engines.speech.espeak import pronounce

    folder = fetch("kokoro-af-heart") / "TTS" / "Kokoro"
    rows: list[tuple[str, str]] = []
    voice = kokoro.load_voice(folder / "voices" / "af_heart.bin")
    for threads in (1, 2):
        started = time.perf_counter()
        model = kokoro.Kokoro(folder / "kokoro-v1.0.int8.onnx", threads)
        loading = time.perf_counter() - started
        speech = kokoro.speak(model, voice, SENTENCE)
        first = time.perf_counter() - started - loading
        walls, processor = list[float](), list[float]()
        for _ in range(RUNS):
            begun, used = time.perf_counter(), time.process_time()
            kokoro.speak(model, voice, SENTENCE)
            walls.append(time.perf_counter() - begun)
            processor.append(time.process_time() - used)
        name = f"{threads} thread{'s' if threads > 1 else ''}"
        rows += [
            (f"{name}: loading, and the first speech after it (s)", f"{loading:.2f}, {first:.2f}"),
            (f"{name}: the sentence again, median of {RUNS} (s)", f"{statistics.median(walls):.2f}"),
            ("  fastest, slowest (s)", f"{min(walls):.2f}, {max(walls):.2f}"),
            ("  of the processor (s)", f"{statistics.median(processor):.2f}"),
        ]
    begun = time.perf_counter()
    pronounce(SENTENCE, language="en-us")
    rows += [
        ("of it espeak-ng, in a process of its own (s)", f"{time.perf_counter() - begun:.2f}"),
        ("ten words, as long as (s)", f"{speech.timings.duration:.2f}"),
        ("load average of the machine", f"{os.getloadavg()[0]:.1f}"),
    ]
    sys.stdout.write("\n".join(f"| {name} | {value} |" for name, value in rows) + "\n")


if __name__ == "__main__":
    main()
