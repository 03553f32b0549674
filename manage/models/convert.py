"""Has pickle files written as safetensors and LoRAs in other layouts, by the nodes' own code in ComfyUI's Python."""

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
pack, path, layout = sys.argv[1:]
package.__path__ = [pack]
from pathlib import Path
from myspinbot.engines import weights
if not weights.is_safetensors(Path(path)):
    sys.exit(weights.main(path))
from myspinbot.engines.identity import convert
sys.exit(convert.main(path, layout))
"""
REFUSED = 4


def sources(manifest: Manifest, store: Store, names: Iterable[str]) -> list[Path]:
    """The files that paths stand for, and the pickle files of ids or sets. Raises BadInput when one isn't there."""
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


def convert(path: Path, comfyui: Path | None = None, python: str | None = None, layout: str = "") -> str:
    """Convert one file.

    Args:
        path: A pickle file, or a LoRA as safetensors.
        comfyui: Where ComfyUI is.
        python: The Python that runs it.
        layout: Of a LoRA, `kohya` or `diffusers`; nothing for the one that fits.

    Returns:
        The path of the new file; in a further line what was left out of it.

    Raises:
        BrokenModel: The file is refused or can't be read.
        BadInput: The nodes aren't beside the runner.
    """
    if not (PACK / "engines" / "weights.py").is_file():
        raise BadInput("Converting needs the nodes; run this in a clone of MySpinBot.")
    interpreter = find_installation(comfyui, python).python
    # A process of its own: PyTorch lives in ComfyUI's environment, not in the runner's.
    command = [str(interpreter), "-c", RUN, str(PACK), str(path), layout]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode == REFUSED:
        raise BrokenModel(done.stderr.strip())
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BrokenModel(f"{path} couldn't be converted: {lines[-1]}", done.stderr)
    return done.stdout.strip()
