"""What is reused is bit for bit what would have been computed, and what is cut is what the whole would be."""

from __future__ import annotations

import numpy as np
import pytest

from myspinbot.engines.enhance import upscale_network as networks
from myspinbot.engines.enhance.plan import Grid, Plan, divided, make_plan
from myspinbot.engines.enhance.upscale_network import edge_effect
from myspinbot.engines.enhance.upscaler import Upscaler
from tests.miniatures import upscale as miniature

from .conftest import Scarce, load
from .scenes import moving, talking, texture


def grid_of(network, frame) -> Grid:
    height, width = frame.shape[:2]
    return Grid.over(width, height, multiple=network.multiple, smallest=network.smallest)


def plan(network, frames, *, overlap=8, tolerance=0, largest=1 << 40) -> Plan:
    grid = grid_of(network, frames[0])
    return make_plan(frames, grid, overlap=overlap, tolerance=tolerance, largest=largest, on_frame=lambda: None)


def upscaler(network, frames, *, overlap=8, tolerance=0, batch=1, largest=1 << 40) -> Upscaler:
    grid = grid_of(network, frames[0])
    regions = plan(network, frames, overlap=overlap, tolerance=tolerance, largest=largest).regions
    return Upscaler(
        network, regions, lambda regions, largest: divided(grid, regions, overlap, largest), tolerance, batch
    )


def run(worker: Upscaler, frames) -> tuple[list[np.ndarray], int]:
    """The upscaled frames, and the pixels that the model was given."""
    steps = list(worker.upscaled(frames))
    return [step.frame for step in steps if step.frame is not None], sum(step.pixels for step in steps)


def anew(network, regions, frames) -> list[np.ndarray]:
    """Every part of every frame computed, nothing reused."""
    out = []
    for frame in frames:
        worker = Upscaler(network, regions, lambda regions, largest: regions, 0)
        out += run(worker, [frame])[0]
    return out


@pytest.mark.parametrize("kind", ["compact", "dense"])
def test_reuse_is_bit_for_bit_the_full_computation(kind, request):
    network, frames = request.getfixturevalue(kind), talking(9)
    worker = upscaler(network, frames)
    assert len(worker.regions) > 1
    got, pixels = run(worker, frames)
    assert all(np.array_equal(a, b) for a, b in zip(got, anew(network, worker.regions, frames), strict=True))
    assert pixels < 0.5 * len(frames) * frames[0].shape[0] * frames[0].shape[1], "most was reused"
    assert got[3] is got[2], "a frame that repeats costs nothing"
    assert not np.array_equal(got[4], got[3])


@pytest.mark.parametrize("batch", [2, 3, 8])
def test_batches_are_bit_for_bit_single_runs(compact, batch):
    frames = talking(10)
    one, _ = run(upscaler(compact, frames), frames)
    many, _ = run(upscaler(compact, frames, batch=batch), frames)
    assert all(np.array_equal(a, b) for a, b in zip(one, many, strict=True))


def test_parts_are_the_whole_where_the_overlap_is_the_receptive_field(compact):
    """SRVGG with 3 convolutions between its ends looks 5 pixels far."""
    effect = edge_effect(compact, 16)
    assert effect[4] > 0
    assert max(effect[5:]) == 0
    frames = moving(3)
    worker = upscaler(compact, frames, overlap=5, largest=48 * 48)
    assert len(worker.regions) > 4
    got, _ = run(worker, frames)
    for frame, parts in zip(frames, got, strict=True):
        assert np.abs(compact(frame[None])[0].astype(int) - parts).max() <= 1, "up to rounding"


def test_one_pixel_moves_what_the_receptive_field_reaches_and_nothing_else(compact):
    picture = texture(32, 32)
    other = picture.copy()
    other[16, 16] ^= 128
    changed = np.argwhere((compact(picture[None]) != compact(other[None]))[0].any(axis=2))
    reach = 5 * compact.scale
    assert changed.min(axis=0).tolist() >= [16 * compact.scale - reach] * 2
    assert changed.max(axis=0).tolist() <= [17 * compact.scale + reach] * 2
    assert len(changed) > 100


def test_the_measured_overlap_hides_the_edges_of_parts(dense):
    frames = moving(2)
    worker = upscaler(dense, frames, overlap=dense.overlap, largest=64 * 64)
    assert len(worker.regions) > 2
    got, _ = run(worker, frames)
    for frame, parts in zip(frames, got, strict=True):
        difference = np.abs(dense(frame[None])[0].astype(int) - parts)
        assert difference.max() <= 2
        assert difference.mean() < 0.05


def test_too_small_an_overlap_is_measured_as_such(dense):
    effect = edge_effect(dense, 24)
    assert effect[0] > 10 * effect[dense.overlap]
    assert effect == sorted(effect, reverse=True)


def test_a_tolerance_never_adds_up(compact):
    still = np.full((64, 64, 3), 100, np.uint8)
    rising = [still + level for level in (0, 1, 2, 3, 4, 5)]
    got, _ = run(upscaler(compact, rising, tolerance=2), rising)
    same = [got[index] is got[index - 1] for index in range(1, 6)]
    assert same == [True, True, False, True, True]


def test_within_the_tolerance_the_result_is_near(compact):
    frames = talking(6)
    noise = np.random.default_rng(0)
    noisy = [np.clip(frame + noise.integers(-1, 2, frame.shape), 0, 255).astype(np.uint8) for frame in frames]
    got, pixels = run(upscaler(compact, noisy, tolerance=2), noisy)
    _, all_pixels = run(upscaler(compact, noisy), noisy)
    assert pixels < 0.6 * all_pixels
    for frame, fast in zip(noisy, got, strict=True):
        assert np.abs(compact(frame[None])[0].astype(int) - fast).mean() < 3


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_goes_on_after_frames_that_were_done_before_as_if_it_had_done_them(compact, batch):
    frames = talking(10)
    for tolerance in (0, 2):
        whole, _ = run(upscaler(compact, frames, tolerance=tolerance, batch=batch), frames)
        for done in (5, 7):  # after 7 comes a frame that repeats, and then another
            later = upscaler(compact, frames, tolerance=tolerance, batch=batch)
            for frame in frames[:done]:
                later.skip(frame)
            rest, _ = run(later, frames[done:])
            assert all(np.array_equal(a, b) for a, b in zip(whole[done:], rest, strict=True))


def test_without_memory_for_a_batch_it_goes_on_with_less(compact):
    frames = talking(10)
    whole, _ = run(upscaler(compact, frames), frames)
    scarce = Scarce(compact, 2 * 96 * 128)
    worker = upscaler(compact, frames, batch=8)
    worker.network = scarce
    got, _ = run(worker, frames)
    assert scarce.refused
    assert worker.batch <= 2
    assert all(np.array_equal(a, b) for a, b in zip(whole, got, strict=True))


def test_without_memory_for_a_part_it_goes_on_in_smaller_ones_and_says_so(compact):
    frames = moving(5)
    worker = upscaler(compact, frames, overlap=8)
    worker.network = Scarce(compact, 60 * 60)
    got, _ = run(worker, frames)
    assert len(got) == 5
    assert max(region.area for region in worker.regions) <= 60 * 60
    assert len(worker.remarks) == 1
    for frame, parts in zip(frames, got, strict=True):
        assert np.abs(compact(frame[None])[0].astype(int) - parts).max() <= 1


def test_without_memory_for_anything_it_ends_with_a_sentence(compact):
    frames = moving(2)
    worker = upscaler(compact, frames)
    worker.network = Scarce(compact, 16)
    with pytest.raises(networks.UpscaleError, match="not enough memory"):
        run(worker, frames)


def test_other_errors_are_not_taken_for_want_of_memory(compact):
    worker = upscaler(compact, moving(2))
    worker.network = lambda pictures: (_ for _ in ()).throw(RuntimeError("a layer failed"))
    with pytest.raises(RuntimeError, match="a layer failed"):
        run(worker, moving(2))


def test_half_precision_stays_close(compact):
    half = load(miniature.compact(), exact=False)
    picture = texture(64, 64)[None]
    difference = np.abs(half(picture).astype(int) - compact(picture))
    assert difference.mean() < 1
