"""How long each node of a server takes, and how much of it is model code: for the benchmark.

Model code is what runs inside samplers, VAEs, text and sound encoders, and any other network.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from pathlib import Path

import comfy.audio_encoders.audio_encoders
import comfy.samplers
import comfy.sd
import execution
import torch

_MODEL_CODE = (
    (comfy.samplers.CFGGuider, "sample"),
    (comfy.sd.VAE, "encode"),
    (comfy.sd.VAE, "encode_tiled"),
    (comfy.sd.VAE, "decode"),
    (comfy.sd.VAE, "decode_tiled"),
    (comfy.sd.CLIP, "encode_from_tokens"),
    (comfy.sd.CLIP, "encode_from_tokens_scheduled"),
    (comfy.audio_encoders.audio_encoders.AudioEncoderModel, "encode_audio"),
    (torch.nn.Module, "__call__"),
)


def measure(path: Path) -> None:
    """From now on, write a line for each node that ran and for each stretch of model code: kind, name, begin, end."""
    if hasattr(execution.get_output_data, "__wrapped__"):
        return  # ComfyUI asks a pack for its extension more than once
    inside = threading.local()
    file = path.open("a", buffering=1)

    def write(kind, name, began):
        file.write(json.dumps([kind, name, began, time.time()]) + "\n")

    def outermost(function):
        @functools.wraps(function)
        def measured(*args, **kwargs):
            if getattr(inside, "model", False):
                return function(*args, **kwargs)
            inside.model, began = True, time.time()
            try:
                return function(*args, **kwargs)
            finally:
                inside.model = False
                write("model", f"{type(args[0]).__name__}.{function.__name__}", began)

        return measured

    for owner, name in _MODEL_CODE:
        setattr(owner, name, outermost(getattr(owner, name)))
    run = execution.get_output_data

    @functools.wraps(run)
    async def run_measured(prompt_id, unique_id, obj, *args, **kwargs):
        began = time.time()
        try:
            return await run(prompt_id, unique_id, obj, *args, **kwargs)
        finally:
            write("node", getattr(obj, "__name__", type(obj).__name__), began)

    execution.get_output_data = run_measured
