"""Wav2Lip's network against the original's, from a clone of it, which may not be part of this repository.

git clone https://github.com/Rudrabha/Wav2Lip
python -m tests.lipsync.original Wav2Lip
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import torch

import tests.engines  # noqa: F401  (the pack without ComfyUI)
from myspinbot.engines.lipsync.generator import Generator, load_generator
from tests.miniatures import wav2lip

SEED = 0


def main(clone: str) -> None:
    """Write how many names and shapes both have, and the largest difference of any colour, of 1."""
    sys.path.insert(0, clone)
    theirs = importlib.import_module("models").Wav2Lip().eval()
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    same = sum(shapes.get(name) == value.shape for name, value in Generator().state_dict().items())
    sys.stdout.write(f"{same} of {len(shapes)} names and shapes; ours has {len(Generator().state_dict())}\n")
    weights = wav2lip.state()
    theirs.load_state_dict(weights)
    plain = Generator().eval()
    plain.load_state_dict(weights)
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_generator(wav2lip.write(Path(folder) / "wav2lip.pth"))
    generator = torch.Generator().manual_seed(SEED)
    faces = torch.rand((3, 3, 96, 96), generator=generator)
    mel = 8 * torch.rand((3, 1, 80, 16), generator=generator) - 4
    masked = faces.clone()
    masked[:, :, 48:] = 0
    with torch.inference_mode():
        expected = theirs(mel, torch.cat([masked, faces], 1))
        for name, ours in (("plain", plain), ("as it is loaded", loaded)):
            difference = float((ours(faces, mel) - expected).abs().max())
            sys.stdout.write(f"{name}: largest difference {difference:.1e}, spread {float(expected.std()):.2f}\n")


if __name__ == "__main__":
    main(sys.argv[1])
