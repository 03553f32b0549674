"""The same frames and tensors give the same file, whatever lay in memory before and however many cores there are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from safetensors import safe_open

from tests.engines import PACK

ENCODE = f"""
import os, sys, types
package = types.ModuleType("myspinbot"); package.__path__ = [{str(PACK)!r}]; sys.modules["myspinbot"] = package
from fractions import Fraction
from pathlib import Path
import numpy as np
from PIL import Image
from myspinbot.media.video import VideoWriter
path, (width, height, cores) = Path(sys.argv[1]), map(int, sys.argv[2:])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
random = np.random.default_rng(1)
with VideoWriter(path, width=width, height=height, fps=Fraction(25)) as video:
    for _ in range(16):
        noise = Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        video.write(np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)))
"""


@pytest.mark.usefixtures("starts_processes")
@pytest.mark.parametrize(("width", "height"), [(192, 192), (496, 496), (832, 480)])
def test_a_video_is_the_same_file_in_every_process(tmp_path, width, height):
    files: set[bytes] = set()
    for number, cores in ((1, 1), (85, 2), (200, 64)):
        path = tmp_path / f"{number}.mp4"
        memory = os.environ | {"MALLOC_PERTURB_": str(number)}  # glibc fills what it hands out with this
        sizes = map(str, (width, height, cores))
        subprocess.run([sys.executable, "-c", ENCODE, str(path), *sizes], check=True, env=memory)
        files.add(path.read_bytes())
    assert len(files) == 1


ODD = '\u20ac "\\\n\x01\x7f'
SAVE = f"""
import sys, types
package = types.ModuleType("myspinbot"); package.__path__ = [{str(PACK)!r}]; sys.modules["myspinbot"] = package
from pathlib import Path
import torch
from myspinbot.engines.weights import save_weights
tensors = {{"b": torch.ones(3), "a": torch.zeros(2), "c": torch.zeros(2, dtype=torch.float16)}}
save_weights(Path(sys.argv[1]), tensors, {{f"key {{number}}": {ODD!r} for number in range(9)}})
"""


@pytest.mark.usefixtures("starts_processes")
def test_weights_with_metadata_are_the_same_file_in_every_process(tmp_path):
    files: set[bytes] = set()
    for number in range(2):
        path = tmp_path / f"{number}.safetensors"
        order = os.environ | {"PYTHONHASHSEED": str(number)}
        subprocess.run([sys.executable, "-c", SAVE, str(path)], check=True, env=order)
        files.add(path.read_bytes())
        with safe_open(path, "pt") as file:
            assert file.metadata() == {f"key {number}": ODD for number in range(9)}
            assert file.get_tensor("b").tolist() == [1, 1, 1]
    assert len(files) == 1
