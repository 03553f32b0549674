"""The same frames give the same file, whatever lay in memory before."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import PACK

ENCODE = f"""
import sys, types
package = types.ModuleType("myspinbot"); package.__path__ = [{str(PACK)!r}]; sys.modules["myspinbot"] = package
from fractions import Fraction
from pathlib import Path
import numpy as np
from PIL import Image
from myspinbot.media.video import VideoWriter
path, width, height = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(1)
with VideoWriter(path, width=width, height=height, fps=Fraction(25)) as video:
    for _ in range(16):
        noise = Image.fromarray(random.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        video.write(np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)))
"""


@pytest.mark.parametrize(("width", "height"), [(192, 192), (496, 496), (832, 480)])
def test_a_video_is_the_same_file_in_every_process(tmp_path, width, height):
    files: set[bytes] = set()
    for number in (1, 85, 200):
        path = tmp_path / f"{number}.mp4"
        memory = os.environ | {"MALLOC_PERTURB_": str(number)}  # glibc fills what it hands out with this
        subprocess.run([sys.executable, "-c", ENCODE, str(path), str(width), str(height)], check=True, env=memory)
        files.add(path.read_bytes())
    assert len(files) == 1
