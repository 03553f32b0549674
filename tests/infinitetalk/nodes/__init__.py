"""Test-only nodes: conditionings without a text encoder, sampler runs counted, drift, and frames as exact numbers."""

import functools
import os
import threading
import time
from pathlib import Path

import comfy.patcher_extension
import folder_paths
import numpy as np
import torch
from comfy_api.latest import ComfyExtension, io


class Conditioning(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestConditioning",
            category="tests",
            inputs=[io.Int.Input("seed", default=0), io.Int.Input("changed", default=-1, optional=True)],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, seed, changed=-1):
        """Random words; with `changed`, the number at that place of them is another."""
        words = torch.randn(1, 16, 4096, generator=torch.Generator().manual_seed(seed))
        if changed >= 0:
            words.view(-1)[changed] += 1
        return io.NodeOutput([[words, {}]])


class _Count:
    """Notes each sampling of a tag, and waits before it while there is `hold-<tag>.txt`."""

    def __init__(self, tag):
        self.tag = tag

    def __call__(self, executor, *args, **kwargs):
        output = Path(folder_paths.get_output_directory())
        with (output / f"sampled-{self.tag}.txt").open("a") as file:
            file.write("window\n")
        while (output / f"hold-{self.tag}.txt").exists():
            time.sleep(0.02)
        return executor(*args, **kwargs)


class Count(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestCountSampling",
            category="tests",
            inputs=[io.Model.Input("model"), io.String.Input("tag")],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model, tag):
        made = model.clone()
        made.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, "count", _Count(tag))
        return io.NodeOutput(made)


class _Fail:
    """Raises in sampling."""

    def __call__(self, executor, *args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")


class NoMemory(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestNoMemory",
            category="tests",
            inputs=[io.Model.Input("model")],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model):
        made = model.clone()
        made.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, "fail", _Fail())
        return io.NodeOutput(made)


class LimitMemory(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestLimitMemory",
            category="tests",
            inputs=[io.Model.Input("model"), io.Float.Input("gib")],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model, gib):
        free, total = torch.cuda.mem_get_info(0)
        torch.cuda.set_per_process_memory_fraction(min(gib * 2**30 / total, 1.0), 0)
        PeakMemory.begin(free)
        return io.NodeOutput(model)


class PeakMemory(io.ComfyNode):
    """What was taken of the card since `begin`: of all of it, as dynamic memory's weights lie beside PyTorch's own."""

    before, least, watched = 0, 0, False

    @classmethod
    def begin(cls, free):
        cls.before = cls.least = free
        cls.watched = True
        threading.Thread(target=cls.watch, daemon=True).start()

    @classmethod
    def watch(cls):
        while cls.watched:
            cls.least = min(cls.least, torch.cuda.mem_get_info(0)[0])
            time.sleep(0.002)

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestPeakMemory",
            category="tests",
            inputs=[io.Video.Input("video")],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, video):
        cls.watched = False
        return io.NodeOutput(f"{(cls.before - cls.least) / 2**30:.3f}")


class KeepFrames(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TestKeepFrames",
            category="tests",
            is_output_node=True,
            inputs=[io.Image.Input("images"), io.String.Input("name")],
            outputs=[],
        )

    @classmethod
    def execute(cls, images, name):
        path = Path(folder_paths.get_output_directory()) / f"{name}.npy"
        np.save(path, images.mul(255).round().clamp(0, 255).byte().numpy())
        return io.NodeOutput()


def _timed(owner, name, path):
    """Write how long each call of a method takes, for the benchmark."""
    method = getattr(owner, name)

    @functools.wraps(method)
    def measured(*args, **kwargs):
        began = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            with path.open("a") as file:
                file.write(f"{time.perf_counter() - began}\n")

    setattr(owner, name, measured)


class Extension(ComfyExtension):
    async def get_node_list(self):
        return [Conditioning, Count, NoMemory, LimitMemory, PeakMemory, KeepFrames]


async def comfy_entrypoint():
    if path := os.environ.get("MYSPINBOT_TEST_TIMES"):
        import comfy.samplers
        import comfy.sd

        for owner, name in ((comfy.samplers.CFGGuider, "sample"), (comfy.sd.VAE, "encode"), (comfy.sd.VAE, "decode")):
            _timed(owner, name, Path(path))
    return Extension()
