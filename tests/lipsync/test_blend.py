"""A drawn mouth in its frame: where it is seen, its edge and its light."""

from __future__ import annotations

import numpy as np
import pytest

from myspinbot.engines.lipsync.blend import Blending, blend, crop_of, cut_out, region_mask, visible_window
from myspinbot.engines.lipsync.generator import SIDE, WHOLE
from myspinbot.media.faces.detect import face_in_box
from myspinbot.media.faces.tracks import TrackedFace


def face_at(*box: float) -> TrackedFace:
    face = face_in_box(*box)
    return TrackedFace(0, face.box, face.points, None)


def test_a_face_at_the_edge_is_cut_where_the_frame_ends():
    assert crop_of(face_at(-20, -30, 100, 140), (0, 10, 0, 0), 640, 480) == (0, 0, 80, 120)
    assert crop_of(face_at(635, 10, 100, 140), (0, 10, 0, 0), 640, 480) is None


@pytest.mark.parametrize("region", ["mouth", "face"])
def test_the_seam_is_soft_and_takes_on_the_frames_light(region):
    """Drawn darker by thirty levels on a plain frame: with its light matched, nothing of that is left to be seen."""
    frame = np.full((300, 300, 3), 150, np.uint8)
    face = face_at(60, 40, 160, 210)
    blending = Blending(region=region, sharpness=0)
    crop = crop_of(face, blending.padding, 300, 300)
    dark, seen = np.full((96, 96, 3), 120, np.uint8), np.full((96, 96, 3), 150, np.uint8)
    mask = region_mask(face, crop, blending)
    matched = blend(frame, dark, seen, mask, crop, blending)
    assert np.abs(matched.astype(int) - 150).max() <= 1
    plain = blend(frame, dark, seen, mask, crop, Blending(region=region, sharpness=0, color_match=0)).astype(int)
    assert plain.min() in range(119, 122)
    assert np.abs(np.diff(plain[..., 0], axis=0)).max() <= 6  # no step anywhere
    assert np.abs(np.diff(plain[..., 0], axis=1)).max() <= 6
    edge = Blending(feather=0, color_match=0, sharpness=0)
    hard = blend(frame, dark, seen, region_mask(face, crop, edge), crop, edge).astype(int)
    assert np.abs(np.diff(hard[..., 0], axis=0)).max() > 15


@pytest.mark.parametrize("box", [(60, 40, 160, 210), (100, 60, 40, 55), (150, 100, 150, 190)])
def test_what_is_not_drawn_is_not_seen(box):
    """The network draws no more than a window around the mouth; nothing of its border comes into the frame."""
    frame, seen, drawn = (np.random.default_rng(n).integers(0, 256, s, np.uint8) for n, s in enumerate(SHAPES))
    blending, face = Blending(sharpness=2.0, feather=0.0), face_at(*box)
    crop = crop_of(face, blending.padding, 300, 300)
    mask = region_mask(face, crop, blending)
    top, bottom, left, right = visible_window([mask])
    assert (bottom - top) * (right - left) < 0.6 * SIDE**2
    part = np.zeros_like(drawn)
    part[top:bottom, left:right] = drawn[top:bottom, left:right]
    one, other = (blend(frame, picture, seen, mask, crop, blending).astype(int) for picture in (drawn, part))
    assert np.abs(one - other).max() <= 1
    assert visible_window([region_mask(face, crop, Blending(region="face"))]) == WHOLE
    assert visible_window([np.zeros((SIDE, SIDE))]) == WHOLE


SHAPES = (300, 300, 3), (96, 96, 3), (96, 96, 3)


def test_the_mask_stays_within_a_known_outline():
    face = face_at(60, 40, 160, 210)
    crop = (60.0, 40.0, 220.0, 260.0)
    narrow = np.array([(130, 60), (150, 60), (150, 200), (130, 200)], np.float32)
    inside = region_mask(TrackedFace(0, face.box, face.points, narrow), crop, Blending())
    free = region_mask(face, crop, Blending())
    assert 0 < inside.sum() < 0.5 * free.sum()
    assert inside[:, :38].max() < 0.05
    assert inside[74:].max() < 0.05


def laplacian_variance(picture: np.ndarray) -> float:
    grey = picture.mean(axis=2)
    inner = grey[1:-1, 1:-1]
    return float((grey[2:, 1:-1] + grey[:-2, 1:-1] + grey[1:-1, 2:] + grey[1:-1, :-2] - 4 * inner).var())


@pytest.mark.parametrize("box", [(31, 22, 251, 282), (40, 30, 100, 120), (10, 20, 290, 290)])
def test_the_crop_is_what_the_originals_resize_gives(box):
    """The published code scales its crop by OpenCV's `resize`, for training as for inference."""
    cv2 = pytest.importorskip("cv2")
    frame = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    x0, y0, x1, y1 = box
    theirs = cv2.resize(frame[y0:y1, x0:x1], (SIDE, SIDE))
    ours = cut_out(frame, tuple(map(float, box)), scaling=Blending().scaling)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert abs(float((ours.astype(float) - theirs).mean())) < 0.2, "its own fixed point loses an eighth of a level"
    soft = cut_out(frame, tuple(map(float, box)), scaling="averaged")
    assert laplacian_variance(ours) == pytest.approx(laplacian_variance(theirs), rel=0.01)
    assert laplacian_variance(soft) < 0.7 * laplacian_variance(ours) or x1 - x0 < 96


def test_a_face_pasted_where_it_was_loses_no_part_of_a_level():
    """Enlarged without sharpening, a calm face keeps its mean to a twentieth of a level; truncating costs a half."""
    y, x = np.mgrid[:SIDE, :SIDE]
    face = np.stack([(120 + 60 * np.sin(x / 11 + k) * np.cos(y / 8)) for k in range(3)], axis=2)
    frame = np.full((300, 300, 3), 128, np.uint8)
    crop, mask = (40.3, 30.7, 231.1, 243.9), np.ones((SIDE, SIDE), np.float32)
    drawn = np.clip(face + 0.5, 0, 255).astype(np.uint8)
    pasted = blend(frame, drawn, drawn, mask, crop, Blending(sharpness=0, color_match=0))
    shown = pasted[34:240, 44:228].astype(float)
    wide, high = (crop[2] - crop[0]) / SIDE, (crop[3] - crop[1]) / SIDE
    x, y = (np.arange(44, 228) + 0.5 - crop[0]) / wide - 0.5, (np.arange(34, 240)[:, None] + 0.5 - crop[1]) / high - 0.5
    true = np.stack([120 + 60 * np.sin(x / 11 + k) * np.cos(y / 8) for k in range(3)], axis=2)
    assert np.abs(shown - true).max() < 1.5
    assert abs(float((shown - true).mean())) < 0.05
