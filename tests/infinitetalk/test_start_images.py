"""The pictures that windows start from, out of a source clip."""

from fractions import Fraction

import numpy as np
import pytest

from myspinbot.engines.infinitetalk.plan import Plan
from myspinbot.engines.infinitetalk.start_images import spooled, start_images
from myspinbot.media.lossless import LosslessWriter

from .graphs import FRESH, LENGTH, MOTION


class CancelledError(Exception):
    pass


@pytest.fixture
def clip(tmp_path):
    """25 frames, each of its own grey."""
    path = tmp_path / "clip.mkv"
    with LosslessWriter(path, width=64, height=64, fps=Fraction(25)) as writer:
        for index in range(25):
            writer.write(np.full((64, 64, 3), 10 * index, np.uint8))
    return path


def test_each_windows_picture_and_how_far_the_reading_is(clip):
    steps = []
    pictures = list(start_images(clip, Plan(37, LENGTH, MOTION).windows(), 25, lambda *step: steps.append(step)))
    assert [int(picture[0, 0, 0]) for picture in pictures] == [0, 10 * FRESH, 240], "the last is held"
    assert steps == [(done, 2 * FRESH + 1) for done in range(1, 2 * FRESH + 2)]


def test_cancel_ends_the_reading_between_two_pictures(clip):
    def cancel(done, total):
        if done == 5:
            raise CancelledError

    pictures = start_images(clip, Plan(37, LENGTH, MOTION).windows(), 25, cancel)
    assert next(pictures).max() == 0
    with pytest.raises(CancelledError):
        next(pictures)


def test_pictures_that_the_disk_has_no_room_for_are_said_to_be(small_disk):
    many = (np.full((1024, 1024, 3), index, np.uint8) for index in range(20))  # 60 MB; 32 stay in memory
    with pytest.raises(OSError, match="The disk is full"), spooled(many, small_disk / "work"):
        raise AssertionError("never kept")
    assert not list((small_disk / "work").iterdir())
