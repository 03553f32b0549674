"""A face between frame and square: as facexlib's helper cuts it, whole at the frame's edge, pasted to chin and brow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from myspinbot.engines.enhance.align import GREY, MASK, SIDE, TEMPLATE, Alignment
from myspinbot.engines.enhance.restorer import FaceRestorer, RestoreSettings, detail, smooth
from myspinbot.media.faces.tracks import Track, Tracks, packed

from .scenes import texture
from .test_restore import Stamp, face_at, run


def calm(height: int, width: int, seed: int = 0, blur: float = 6) -> np.ndarray:
    return np.asarray(Image.fromarray(texture(height, width, seed)).filter(ImageFilter.GaussianBlur(blur)))


def turned(side: float, degrees: float, x: float, y: float) -> np.ndarray:
    """Five points of a face whose square has that side, its corner at x, y."""
    turn = np.deg2rad(degrees)
    matrix = side / SIDE * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return TEMPLATE @ matrix.T + (x, y)


@pytest.mark.parametrize("place", [(360, 20, 150, 40), (300, -12, 60, 90), (420, 8, -70, -50), (256, 0, 330, 260)])
def test_a_face_is_cut_out_as_facexlibs_helper_does(place):
    """Beyond the frame too; the helper blends the border's pixels with the grey, so that those are left out."""
    restoration = pytest.importorskip("facexlib.utils.face_restoration_helper")
    frame, points = calm(480, 520), turned(*place)
    helper = restoration.FaceRestoreHelper.__new__(restoration.FaceRestoreHelper)  # without its networks' files
    helper.face_template, helper.face_size, helper.pad_blur = TEMPLATE - 0.5, (SIDE, SIDE), False
    helper.input_img, helper.all_landmarks_5 = frame[..., ::-1].copy(), [points - 0.5]  # its pixels' middles are whole
    helper.affine_matrices, helper.cropped_faces = [], []
    helper.align_warp_face()
    theirs = helper.cropped_faces[0][..., ::-1].astype(int)
    placed = Alignment.of(points)
    ours, shown = placed.cut(frame).astype(int), placed.shown(frame)
    inside = np.ones((SIDE, SIDE), bool) if shown is None else shown > 0
    border = np.asarray(Image.fromarray(inside).filter(ImageFilter.MaxFilter(11))) & ~np.asarray(
        Image.fromarray(inside).filter(ImageFilter.MinFilter(11))
    )
    difference = np.abs(ours - theirs)[~border]
    assert difference.max() <= 2
    assert abs(float((ours - theirs)[~border].mean())) < 0.05, "no part of a level is lost"
    if shown is not None:
        assert (ours[~inside & ~border] == GREY).all()
        assert (theirs[~inside & ~border] == GREY).all()


@pytest.mark.parametrize("outside", [0.05, 0.10, 0.25])
def test_a_face_that_the_frame_cuts_off_keeps_its_light(outside):
    """A restorer draws the whole face; what of it lies in the frame is as it is there, not 13 to 32 levels darker."""
    whole = calm(SIDE, SIDE, 3)
    columns = np.cumsum(MASK.sum(axis=0)) / MASK.sum()
    cut = int(np.searchsorted(columns, outside))
    frame = whole[:, cut:]
    placed = Alignment.of(TEMPLATE - (cut, 0))
    shown = placed.shown(frame)
    assert shown is not None
    assert 1 - float((MASK * shown).sum() / MASK.sum()) == pytest.approx(outside, abs=0.01)
    drawn = smooth(None, placed.cut(frame), whole, 0.0, MASK * shown).smoothed
    assert np.abs(drawn - whole)[:, cut:].max() <= 1

    class Whole(Stamp):
        def __call__(self, faces, fidelity):
            return np.stack([whole] * len(faces))

    row = packed(np.zeros(4, np.float32), (TEMPLATE - (cut, 0)).astype(np.float32), None)[None]
    tracks = Tracks(1, (0,), (Track(0, 0, row, np.zeros(4, np.float32)),))
    (result,) = run(FaceRestorer(Whole(), tracks, RestoreSettings(where="everywhere")), [frame])
    assert np.abs(result.astype(int) - frame).max() <= 2


def test_what_lies_beyond_the_frame_says_nothing_of_a_faces_sharpness():
    frame = texture(SIDE, SIDE)[:, 200:]
    placed = Alignment.of(TEMPLATE - (200, 0))
    shown, cut = placed.shown(frame), placed.cut(frame)
    assert shown is not None
    assert detail(cut, MASK * shown) == pytest.approx(detail(texture(SIDE, SIDE)), rel=0.1)
    assert detail(cut) < 0.8 * detail(cut, MASK * shown)


CHIN, BROW, CHEEKS = (256, 468), (256, 134), [(103, 260), (409, 260)]


def test_chin_cheeks_and_hairline_of_an_average_face_are_restored_whole():
    for x, y in (CHIN, BROW, *CHEEKS):
        assert MASK[y, x] > 0.99
    assert MASK[0].max() == MASK[-1].max() == MASK[:, 0].max() == MASK[:, -1].max() == 0
    assert max(MASK[30, 30], MASK[480, 60], MASK[60, 256]) < 0.02, "hair and background stay as they are"


@pytest.mark.parametrize("place", [(300, 25, 150, 60), (700, -10, -20, 30)])
def test_a_known_outline_is_restored_whole_and_little_around_it(place):
    """A long narrow face, turned; the template's own shape would leave out its chin or take in its surroundings."""
    turn = np.arange(36) * np.pi / 18
    oval = np.stack([256 + 110 * np.cos(turn), 275 + np.where(np.sin(turn) < 0, 150, 195) * np.sin(turn)], axis=1)
    placed = Alignment.of(turned(*place))
    x, y = oval.T
    outline = np.stack(
        [placed.a * x - placed.b * y + placed.left, placed.b * x + placed.a * y + placed.top], axis=1
    ).astype(np.float32)
    mask = placed.mask(outline)
    for x, y in np.round(oval - (0.5, 0.5)).astype(int):
        assert mask[y, x] > 0.98
    beside = np.round((oval - (256, 275)) * 1.6 + (255.5, 274.5)).astype(int).clip(0, SIDE - 1)
    assert max(mask[y, x] for x, y in beside) < 0.01
    near = placed.mask(outline + np.float32(0.1))
    assert np.abs(near - mask).max() < 0.03, "a face that moves a little moves its mask a little"
    assert np.array_equal(placed.mask(None), MASK)


def test_nothing_is_restored_of_a_face_that_is_wholly_outside():
    frame = calm(100, 100)
    points = face_at(400, 400, 80)
    placed = Alignment.of(points)
    assert (placed.cut(frame) == GREY).all()
    assert np.array_equal(placed.paste(frame, np.zeros((SIDE, SIDE, 3), np.uint8), 1.0), frame)
    state = smooth(None, placed.cut(frame), np.full((SIDE, SIDE, 3), 10, np.uint8), 0.0, MASK * 0)
    assert (state.smoothed == 10).all()
