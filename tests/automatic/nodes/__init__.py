"""A fault for tests: sampling runs out of memory while a file of this name lies in the input folder."""

from pathlib import Path

import comfy.sample
import folder_paths
import torch
from comfy_api.latest import ComfyExtension, io

_FLAG = "out-of-memory"
_sample = comfy.sample.sample_custom


def _sample_or_fail(*args, **options):
    if Path(folder_paths.get_input_directory(), _FLAG).exists():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB.")
    return _sample(*args, **options)


comfy.sample.sample_custom = _sample_or_fail


class Extension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return []


async def comfy_entrypoint() -> Extension:
    return Extension()
