"""The sampler's own promises: any batch size, own seeds, progress, cancel."""

from __future__ import annotations

import pytest
import torch

from myspinbot.engines.speech.f5.mel import mel
from myspinbot.engines.speech.f5.sampler import Utterance, batch_by_length, sample


@pytest.fixture(scope="module")
def known(spoken):
    return mel(torch.from_numpy(spoken[0][: 256 * 80]))


@pytest.fixture(scope="module")
def utterances(vocabulary):
    texts = ("One, two, three.", "A longer sentence follows it here.", "Yes.", "wo3 ni3", "The last of five.")
    return [
        Utterance(vocabulary.encode(list(text)), length, 7 + i)
        for i, (text, length) in enumerate(zip(texts, (150, 260, 120, 150, 199), strict=True))
    ]


@pytest.fixture(scope="module")
def alone(model, known, utterances):
    return [sample(model, known, [utterance], steps=5)[0] for utterance in utterances]


@pytest.mark.parametrize("frames_at_once", [1, 300, 520, 100_000])
def test_any_batch_size_gives_the_same_speech(model, known, utterances, alone, frames_at_once):
    together = sample(model, known, utterances, steps=5, frames_at_once=frames_at_once)
    for utterance, one, other in zip(utterances, alone, together, strict=True):
        assert one.shape == other.shape == (utterance.frames - len(known), 100)
        assert (one - other).abs().max() < 2e-5


def test_the_order_does_not_matter(model, known, utterances, alone):
    backwards = sample(model, known, utterances[::-1], steps=5)[::-1]
    assert all((one - other).abs().max() < 2e-5 for one, other in zip(alone, backwards, strict=True))


def test_the_same_twice_to_the_last_bit_and_nothing_else_is_drawn_from(model, known, utterances):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, two = (sample(model, known, utterances, steps=5) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_seed_text_reference_and_guidance_all_matter(model, known, vocabulary):
    base = Utterance(vocabulary.encode(list("Some words.")), 150, 1)
    (plain,) = sample(model, known, [base], steps=5)
    changes = [
        sample(model, known, [Utterance(base.tokens, 150, 2)], steps=5),
        sample(model, known, [Utterance(vocabulary.encode(list("Same words.")), 150, 1)], steps=5),
        sample(model, known.flip(0), [base], steps=5),
        sample(model, known, [base], steps=5, cfg_strength=1.0),
        sample(model, known, [base], steps=6),
        sample(model, known, [base], steps=5, sway=0.0),
    ]
    assert all((plain - other).abs().max() > 1e-3 for (other,) in changes)


def test_groups_hold_everything_once_within_the_limit(utterances):
    for limit in (1, 300, 520, 5000):
        groups = batch_by_length(utterances, limit)
        assert sorted(i for group in groups for i in group) == list(range(len(utterances)))
        for group in groups:
            assert len(group) == 1 or len(group) * max(utterances[i].frames for i in group) <= limit


def test_progress_counts_up_to_the_end_and_cancel_is_at_once(model, known, utterances):
    seen: list[tuple[int, int]] = []
    sample(model, known, utterances, steps=3, frames_at_once=300, on_step=lambda *at: seen.append(at))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert {total for _, total in seen} == {seen[-1][0]}

    class Cancelled(BaseException):
        pass

    calls = 0

    def cancel(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        raise Cancelled

    with pytest.raises(Cancelled):
        sample(model, known, utterances, steps=3, on_step=cancel)
    assert calls == 1


def test_half_precision_is_near(model, known, utterances):
    from copy import deepcopy

    half = deepcopy(model).to(torch.bfloat16)
    (exact,) = sample(model, known, utterances[:1], steps=5)
    (rounded,) = sample(half, known, utterances[:1], steps=5)
    assert rounded.dtype == torch.float32
    assert 0 < (exact - rounded).abs().mean() < 0.1 * exact.abs().mean()
