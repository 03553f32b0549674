"""For tests: sampling that runs out of memory while a file lies in the input folder, sampling counted, work held.

With MYSPINBOT_TEST_SAMPLED, the file of that name has a word for each portrait and each window that was begun; while
`hold-portrait` lies beside it, a portrait that was begun waits.
"""

import os
import time
from pathlib import Path

import comfy.sample
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, io

from . import held

_FLAG = "out-of-memory"
_SAMPLED = os.environ.get("MYSPINBOT_TEST_SAMPLED")
_draw, _sample = comfy.sample.sample, comfy.sample.sample_custom


def _note(what):
    if _SAMPLED:
        with Path(_SAMPLED).open("a") as file:
            file.write(f"{what}\n")


def _draw_and_note(*args, **options):
    _note("portrait")
    while _SAMPLED and Path(_SAMPLED).with_name("hold-portrait").exists():
        time.sleep(0.02)
    return _draw(*args, **options)


def _sample_or_fail(*args, **options):
    _note("window")
    if Path(folder_paths.get_input_directory(), _FLAG).exists():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB.")
    return _sample(*args, **options)


comfy.sample.sample, comfy.sample.sample_custom = _draw_and_note, _sample_or_fail
held.install()


class Extension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return []


async def comfy_entrypoint() -> Extension:
    if path := os.environ.get("MYSPINBOT_TEST_NODE_TIMES"):
        from .timing import measure

        measure(Path(path))
    return Extension()
