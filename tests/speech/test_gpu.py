"""On an NVIDIA card, at full size with random weights: the time of speaking, the memory of speaking and training."""

from __future__ import annotations

import time

import pytest
import torch

from myspinbot.engines.speech.f5.dit import Arch, DiT
from myspinbot.engines.speech.f5.mel import FRAMES_PER_SECOND
from myspinbot.engines.speech.f5.sampler import Utterance, sample
from myspinbot.engines.voice.training.loss import Example
from myspinbot.engines.voice.training.train import Settings, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no NVIDIA GPU."),
]
GIGABYTE = 10**9


@pytest.fixture(scope="module")
def full() -> DiT:
    torch.manual_seed(0)
    return DiT(Arch()).eval().requires_grad_(False).half().cuda()


def bands(seconds: float) -> torch.Tensor:
    return torch.randn(int(seconds * FRAMES_PER_SECOND), 100, generator=torch.Generator().manual_seed(1))


def test_three_pieces_are_spoken_as_one_batch_in_little_memory(full, record_property):
    known = bands(8)
    utterances = [Utterance(torch.randint(1, 2545, (200,)), len(bands(18)), seed) for seed in range(3)]
    sample(full, known, utterances, steps=2)  # the first is slower
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    made = sample(full, known, utterances, steps=32)
    torch.cuda.synchronize()
    taken = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated()
    record_property("seconds_per_second_of_speech", taken / 30)
    record_property("peak_gigabytes", peak / GIGABYTE)
    assert all(bool(torch.isfinite(mel).all()) for mel in made)
    assert peak < 4 * GIGABYTE


def test_training_fits_beside_the_model_in_16_gb(full, record_property):
    examples = [Example(bands(30), torch.randint(1, 2545, (400,)), len(bands(30))) for _ in range(5)]
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    state = train(full, examples, Settings(steps=4))
    record_property("seconds_per_step", (time.perf_counter() - start) / 4)
    peak = torch.cuda.max_memory_allocated()
    record_property("peak_gigabytes", peak / GIGABYTE)
    assert state.step == 4
    assert peak < 12 * GIGABYTE
