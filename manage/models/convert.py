"""Has pickle files written as safetensors, by the nodes' own loader in ComfyUI's Python."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import myspinbot_shared
from myspinbot_runner.errors import BadInput, BrokenModel
from myspinbot_runner.locate import find_installation
from myspinbot_shared.manifest import Manifest

from .manifest import chosen
from .store import Store

PACK = Path(myspinbot_shared.__file__).resolve().parents[1]
# Without the pack's own `__init__`, which needs ComfyUI.
RUN = """
import sys, types
sys.modules["myspinbot"] = package = types.ModuleType("myspinbot")
package.__path__ = [sys.argv[1]]
from myspinbot.engines.weights import main
sys.exit(main(sys.argv[2:]))
"""
REFUSED = 4


def sources(manifest: Manifest, store: Store, names: Iterable[str]) -> list[Path]:
    """The pickle files that ids, sets or paths stand for. Raises BadInput when one isn't there."""
    found: list[Path] = []
    for name in names:
        if Path(name).is_file():
            found.append(Path(name).absolute())
            continue
        for model in chosen(manifest, [name], with_needs=False):
            path = store.places.find(model)
            if path is None:
                raise BadInput(f"{model.name} isn't here, so it can't be converted.")
            if model.format == "pickle":
                found.append(path)
    if not found:
        raise BadInput("None of these is a pickle file, so there is nothing to convert.")
    return found


def convert(path: Path, comfyui: Path | None = None, python: str | None = None) -> str:
    """Convert one file and return the path of the new one.

    Raises BrokenModel when the file is refused or can't be read, BadInput when the nodes aren't beside the runner.
    """
    if not (PACK / "engines" / "weights.py").is_file():
        raise BadInput("Converting needs the nodes; run this in a clone of MySpinBot.")
    interpreter = find_installation(comfyui, python).python
    # A process of its own: PyTorch lives in ComfyUI's environment, not in the runner's.
    command = [str(interpreter), "-c", RUN, str(PACK), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode == REFUSED:
        raise BrokenModel(done.stderr.strip())
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BrokenModel(f"{path} couldn't be converted: {lines[-1]}", done.stderr)
    return done.stdout.strip()
