# ruff: noqa: N802  (names that ComfyUI prescribes)
"""Output nodes that misbehave. They import nothing but ComfyUI, so that they load in any test server."""

import os
import time
from pathlib import Path

import comfy.utils
import folder_paths
import torch


class _Fault:
    TITLE = ""
    CATEGORY = "tests"
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"tag": ("STRING", {"default": ""})}}

    @classmethod
    def IS_CHANGED(cls, **_):
        return time.time_ns()


class TestRaise(_Fault):
    TITLE = "Raise an error"

    def run(self, tag):
        raise ValueError(f"the value {tag!r} can't be used")


class TestOutOfMemory(_Fault):
    TITLE = "Run out of memory"

    def run(self, tag):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


class TestServerDiskFull(_Fault):
    TITLE = "Fill the server's disk"

    def run(self, tag):
        raise OSError(28, "No space left on device")


class _Leave(BaseException):
    pass


class TestCrash(_Fault):
    """Leaves through the executor: it ends the server's worker thread, and the server serves on."""

    TITLE = "End the worker"

    def run(self, tag):
        raise _Leave(tag)


class TestSteps(_Fault):
    """Counts steps in a file, so that a test sees how often the node ran.

    While a file `hold-<tag>.txt` lies beside it, the node stays at the step where it is, and goes on telling of it.
    """

    TITLE = "Count steps"

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "tag": ("STRING", {"default": ""}),
                "steps": ("INT", {"default": 10, "min": 1, "max": 1_000_000}),
                "seconds": ("FLOAT", {"default": 0.05, "min": 0.0, "max": 60.0, "step": 0.001}),
                "stubborn": ("BOOLEAN", {"default": False}),
            }
        }

    def run(self, tag, steps, seconds, stubborn):
        runs = Path(folder_paths.get_output_directory(), f"runs-{tag}.txt")
        with runs.open("a") as file:
            file.write("run\n")
        hold = runs.with_name(f"hold-{tag}.txt")
        bar = comfy.utils.ProgressBar(steps)
        for _ in range(steps):
            time.sleep(seconds)
            if not stubborn:
                bar.update(1)
            while hold.exists():
                time.sleep(0.05)
                if not stubborn:
                    bar.hook(bar.current, steps, None, node_id=bar.node_id)  # `update` passes over what is no news
        return {"ui": {"text": [f"{tag}: {steps} steps"]}}


class TestBigFile(_Fault):
    TITLE = "Write a big file"

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "tag": ("STRING", {"default": ""}),
                "megabytes": ("INT", {"default": 300, "min": 0, "max": 4000}),
            }
        }

    def run(self, tag, megabytes):
        path = Path(folder_paths.get_output_directory(), f"big-{tag}.bin")
        block = os.urandom(1 << 20)
        with path.open("wb") as file:
            for _ in range(megabytes):
                file.write(block)
        return {"ui": {"images": [{"filename": path.name, "subfolder": "", "type": "output"}]}}


class TestNotice(_Fault):
    TITLE = "Tell the user"

    def run(self, tag):
        notices = [
            {"level": "info", "text": f"{tag} begins"},
            {"level": "warning", "text": f"{tag} is guessed"},
        ]
        return {"ui": {"notices": notices}}


NODES = [
    TestRaise, TestOutOfMemory, TestServerDiskFull, TestCrash, TestSteps, TestBigFile, TestNotice,
]  # fmt: skip
