"""Pictures along a way: the same as exact formulas in double precision, and as OpenCV's, without a level lost."""

import math

import numpy as np
import pytest

from myspinbot.media.warp import rounded, sampled, within

TURNED = (1.3 * math.cos(0.4), -1.3 * math.sin(0.4), 11.3, 1.3 * math.sin(0.4), 1.3 * math.cos(0.4), -4.7)
WAYS = [TURNED, (0.31, 0.0, 20.25, 0.0, 0.43, 3.5), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.5, 0.0, 1.0, 0.5)]
SIZE = (41, 37)


def linear(t: np.ndarray) -> np.ndarray:
    return np.stack([1 - t, t])


def cubic(t: np.ndarray, a: float = -0.75) -> np.ndarray:
    """Keys' weights of the four nearest pixels."""
    near, far = lambda d: (a + 2) * d**3 - (a + 3) * d**2 + 1, lambda d: a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.stack([far(1 + t), near(t), near(1 - t), far(2 - t)])


def exact(picture: np.ndarray, way: tuple[float, ...], weights) -> np.ndarray:
    """The definition, in double precision: every pixel the weighted sum of its neighbours."""
    a, b, c, d, e, f = way
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    across, down = a * x + b * y + c - 0.5, d * x + e * y + f - 0.5
    column, row = np.floor(across).astype(int), np.floor(down).astype(int)
    wide, high = weights(across - column), weights(down - row)
    first = len(wide) // 2 - 1
    total = np.zeros((*across.shape, 3))
    for j, v in enumerate(high):
        for i, u in enumerate(wide):
            rows = np.clip(row + j - first, 0, picture.shape[0] - 1)
            columns = np.clip(column + i - first, 0, picture.shape[1] - 1)
            total += (u * v)[..., None] * picture[rows, columns]
    return total


@pytest.mark.parametrize("weights", [linear, cubic])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_formulas_value_and_the_nearest_level(way, weights):
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    found, true = sampled(picture, SIZE, way, cubic=weights is cubic), exact(picture, way, weights)
    assert np.abs(found - true).max() < 0.02
    level = np.clip(np.floor(true + 0.5), 0, 255)
    sure = np.abs(true - np.floor(true) - 0.5) > 0.02
    assert np.array_equal(rounded(found)[sure], level[sure])
    if way != WAYS[2]:
        assert sure.mean() > 0.4
        assert abs(float((rounded(found) - np.clip(true, 0, 255)).mean())) < 0.1, "no part of a level is lost"
    assert np.array_equal(sampled(picture[..., 0], SIZE, way, cubic=weights is cubic), found[..., 0])


@pytest.mark.parametrize("weights", [linear, cubic])
@pytest.mark.parametrize("way", WAYS)
def test_opencv_gives_the_same_but_for_its_coarse_steps(way, weights):
    """OpenCV rounds places to a 32nd of a pixel, so that a smooth picture is what can be compared."""
    cv2 = pytest.importorskip("cv2")
    y, x = np.mgrid[:60, :80]
    waves = [120 + 90 * np.sin(x / 9 + k) * np.cos(y / 7) for k in range(3)]
    picture = np.stack(waves, axis=2).astype(np.uint8)
    matrix = np.reshape(way, (2, 3)) + 0.0
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # its pixels' middles are whole numbers
    flags = (cv2.INTER_CUBIC if weights is cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    theirs = cv2.warpAffine(picture, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ours = rounded(sampled(picture, SIZE, way, cubic=weights is cubic))
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert abs((ours.astype(float) - theirs).mean()) < 0.1


def test_what_lies_beyond_the_border_is_told():
    picture = np.full((20, 30, 3), 77, np.uint8)
    way = (1.0, 0.0, -10.0, 0.0, 1.0, 0.0)
    assert within(picture.shape, (20, 20), (1.0, 0.0, 5.0, 0.0, 1.0, 0.0)) is None
    shown = within(picture.shape, (20, 20), way)
    assert shown is not None
    assert (shown[:, :10].max(), shown[:, 10:].min()) == (0, 1)
    soft = within(picture.shape, (20, 20), way, soft=5.0)
    assert soft is not None
    assert soft[10, 8:17] == pytest.approx([0, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1])
    assert (rounded(sampled(picture, (20, 20), way)) == 77).all()
    away = sampled(picture, (5, 5), (1.0, 0.0, 500.0, 0.0, 1.0, -300.0))
    assert (rounded(away) == 77).all(), "nothing of it at all"


def test_threads_change_nothing():
    import torch

    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    before, found = torch.get_num_threads(), []
    for threads in (1, 4):
        torch.set_num_threads(threads)
        found.append(sampled(picture, (333, 257), TURNED, cubic=True))
    torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_an_upright_window_is_black_beyond_the_picture():
    """The landmarker's networks were trained with such margins."""
    from myspinbot.media.faces.geometry import upright

    picture = np.full((40, 60, 3), 200, np.uint8)
    window = upright(picture, (-10.0, 5.0), (1.0, 0.0), (30, 30))
    assert (window[:, :10].max(), window[:, 10:].min()) == (0, pytest.approx(200))
    held = upright(picture, (-10.0, 5.0), (1.0, 0.0), (30, 30), black=False)
    assert held.min() == pytest.approx(200), "or as at its border, where that is wanted"
    assert not upright(picture, (500.0, 5.0), (1.0, 0.0), (30, 30)).any()
    assert not upright(picture, (-500.0, -900.0), (3.0, 0.0), (30, 30)).any()
