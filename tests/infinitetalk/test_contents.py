"""Knowing models again: the same content is the same, in this process or another; anything else is something else."""

import functools
import subprocess
import sys
import weakref
from collections import deque
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from myspinbot.engines.contents import SAMPLED_FROM, contents_hash

ROOT = Path(__file__).resolve().parents[2]


class Patch:
    def __init__(self, strength, weights):
        self.strength, self.weights = strength, weights
        self.owner = self  # a ring


def weights(seed, count=SAMPLED_FROM):
    return torch.randn(count, generator=torch.Generator().manual_seed(seed))


def patch_by(strength):
    def apply(x):
        return x * strength

    return apply


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (weights(1), weights(2)),
        (weights(1), weights(1).half()),
        (weights(1), weights(1).reshape(2, -1)),
        (Patch(1.0, weights(1)), Patch(0.5, weights(1))),
        (Patch(1.0, weights(1)), Patch(1.0, weights(2))),
        (patch_by(1), patch_by(2)),
        (functools.partial(patch_by, 1), functools.partial(patch_by, 2)),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ([1, [2]], [[1], 2]),
        ({1, 2}, {1, 3}),
        (torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)),
        (1, 1.0),
        (np.zeros(3), np.ones(3)),
        (np.zeros(3), np.zeros(3, np.float32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.array([1, "a"], object), np.array([1, "b"], object)),
        (np.float32(0.5), np.float32(0.25)),
        (np.float32(1), np.float64(1)),
        (slice(0, 3), slice(0, 4)),
        (range(3), range(4)),
        (deque([weights(1)]), deque([weights(2)])),
        (bytearray(b"a"), bytearray(b"b")),
        (Decimal("0.1"), Decimal("0.2")),
        (torch.relu, torch.tanh),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs_is_told_apart(one, other):
    for sample in (False, True):
        assert contents_hash(one, sample=sample) == contents_hash(one, sample=sample)
        assert contents_hash(one, sample=sample) != contents_hash(other, sample=sample)


def test_a_small_change_of_training_is_seen_in_the_sample():
    trained = weights(1) * (1 + 1e-3)
    assert contents_hash(weights(1), sample=True) != contents_hash(trained, sample=True)
    edited = weights(1)
    edited[-1] += 1
    assert contents_hash(weights(1), sample=True) != contents_hash(edited, sample=True), "the end is always looked at"


def test_every_number_counts_without_sampling():
    changed = weights(1)
    changed[12345] += 1
    assert contents_hash(weights(1)) != contents_hash(changed)


def test_where_it_lies_and_what_it_is_called_at_random_do_not_count():
    import uuid

    strided = weights(1).reshape(256, -1).T.contiguous().T
    assert contents_hash(strided) == contents_hash(weights(1).reshape(256, -1))
    assert contents_hash([uuid.uuid4(), 1]) == contents_hash([uuid.uuid4(), 1])
    assert contents_hash({"b": 1, "a": 2}) == contents_hash({"a": 2, "b": 1})
    assert contents_hash(np.arange(6).reshape(2, 3)) == contents_hash(np.asfortranarray(np.arange(6).reshape(2, 3)))
    assert contents_hash(weakref.ref(strided)) == contents_hash(weakref.ref(weights(1)))
    assert contents_hash(object()) == contents_hash(object())


def test_objects_that_stand_for_others():
    def stand_in(value):
        return ["box", value.content] if isinstance(value, SimpleNamespace) else value

    one, two = SimpleNamespace(content=1, noise=object()), SimpleNamespace(content=1, noise=[3])
    assert contents_hash([one], stand_in=stand_in) == contents_hash([two], stand_in=stand_in)
    assert contents_hash([one], stand_in=stand_in) != contents_hash([SimpleNamespace(content=2)], stand_in=stand_in)


@pytest.mark.usefixtures("starts_processes")
def test_another_process_agrees():
    code = (
        "import sys, types; package = types.ModuleType('myspinbot'); "
        f"package.__path__ = [{str(ROOT / 'custom_nodes' / 'myspinbot')!r}]; sys.modules['myspinbot'] = package\n"
        "import torch; from myspinbot.engines.contents import contents_hash\n"
        "import numpy; from collections import deque\n"
        "whole = {'w': torch.arange(99999.0), 'names': {'x', 'y', 'z'}, 'f': torch.nn.functional.relu}\n"
        "whole |= {'array': numpy.arange(9), 'plain': [deque([slice(3)]), object(), torch.relu, [].append]}\n"
        "print(contents_hash(whole, sample=True))"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
