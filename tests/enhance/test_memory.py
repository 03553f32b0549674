"""After memory ran out, what was computed is given back once the failure holds no more of it."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

from myspinbot.engines.enhance import restorer as faces
from myspinbot.engines.enhance import upscaler as changes
from myspinbot.engines.enhance.align import SIDE
from myspinbot.engines.enhance.restorer import RestoreSettings
from myspinbot.engines.memory import is_out_of_memory
from myspinbot.media.faces.tracks import Tracks

from .conftest import Scarce
from .scenes import moving
from .test_exact import run, upscaler
from .test_restore import FakeRestorer


def test_a_restorers_memory_is_given_back(monkeypatch):
    computed: list[weakref.ref] = []
    left: list[int] = []

    class Small(FakeRestorer):
        def __call__(self, stack, fidelity):
            layer = stack.astype(np.float32)
            if len(stack) > 1:
                computed.append(weakref.ref(layer))
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().__call__(stack, fidelity)

    monkeypatch.setattr(faces, "release", lambda: left.append(sum(layer() is not None for layer in computed)))
    work = faces.FaceRestorer(Small(), Tracks(1, (0,), ()), RestoreSettings(), batch=4)
    drawn = work._restore([np.zeros((SIDE, SIDE, 3), np.uint8)] * 3)
    assert (len(drawn), work.batch, left) == (3, 1, [0, 0])


def test_an_upscalers_memory_is_given_back(compact, monkeypatch):
    frames = moving(3)
    computed: list[weakref.ref] = []
    left: list[int] = []

    class Small(Scarce):
        def __call__(self, pictures):
            layer = pictures.astype(np.float32)
            computed.append(weakref.ref(layer))
            return super().__call__(pictures)

    worker = upscaler(compact, frames, batch=4)
    worker.network = Small(compact, frames[0].shape[0] * frames[0].shape[1])
    monkeypatch.setattr(changes, "release", lambda: left.append(sum(layer() is not None for layer in computed)))
    assert len(run(worker, frames)[0]) == 3
    assert left
    assert not any(left)


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"), True),
        (MemoryError(), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_libraries_say_it_in_their_own_words(error, is_one):
    assert is_out_of_memory(error) is is_one
