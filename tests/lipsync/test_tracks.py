"""Faces followed through clips in which their true places are known."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from myspinbot.media.faces import tracking
from myspinbot.media.faces.appearance import describe
from myspinbot.media.faces.cuts import CutFinder
from myspinbot.media.faces.detect import CascadeDetector, Face, face_in_box
from myspinbot.media.faces.tracking import find_tracks
from myspinbot.media.faces.tracks import Tracks

from .scenes import MEDIA, TRUTH, Actor, backdrop, play, talking

FPS = Fraction(25)


def tracked(frames, **options) -> Tracks:
    return find_tracks(frames, CascadeDetector(), fps=FPS, **options)


def corners(face) -> np.ndarray:
    return face.points[[0, 1, 3, 4]]


def off(face, actor: Actor, index: int) -> np.ndarray:
    return np.hypot(*(corners(face) - actor.points(index)).T)


def is_of(face, actor: Actor, index: int) -> bool:
    """Whether a face lies where the actor is: the eyes closely, the mouth as far as speaking moves it."""
    away = off(face, actor, index)
    return bool(away[:2].max() < 5 and away[2:].max() < 13)


def still(x: float, y: float):
    return lambda index: (x, y)


def test_a_moving_face_is_where_it_is_in_every_frame():
    actor = Actor("bearded_man", 300, lambda i: (120 + 60 * math.sin(i / 14), 80 + 20 * math.sin(i / 9)))
    tracks = tracked(play([actor], 75))
    assert (tracks.frames, tracks.cuts, len(tracks.tracks)) == (75, (0,), 1)
    errors = np.array([corners(tracks.at(i)[0]) - actor.points(i) for i in range(75)])
    assert np.hypot(*errors[:, :2].mean(axis=(0, 1))) < 4  # the eyes, which are 44 pixels apart
    swaying = np.hypot(*(errors - errors.mean(axis=0)).T)  # (4, 75); the mouth itself moves as it speaks
    assert swaying[:2].mean() < 1.5
    assert swaying[2:].mean() < 4
    assert swaying.max() < 9
    assert {face.id for i in range(75) for face in tracks.at(i)} == {0}


def test_smoothing_has_no_lag():
    """An accelerating face: after any filter that looks back only, the track would trail it."""
    actor = Actor("elderly_man", 300, lambda i: (20 + 0.045 * i * i, 90))
    found = tracked(play([actor], 75))
    trailing = [tracks_x - actor.points(i)[:2, 0].mean() for i in range(75) for tracks_x in [eyes(found, i)[0]]]
    assert abs(float(np.mean(trailing))) < 1.5
    late = np.array(trailing[50:])  # moving at five pixels a frame and more
    assert abs(float(late.mean())) < 2.5


def eyes(tracks: Tracks, index: int) -> np.ndarray:
    return tracks.at(index)[0].points[:2].mean(axis=0)


def test_smoothing_calms_a_detector_that_trembles():
    generator = np.random.default_rng(3)

    class Trembling:
        name = "trembling"

        def detect(self, pixels):
            face = face_in_box(200, 100, 120, 160)
            noise = generator.normal(0, 4, 2).astype(np.float32)
            return [Face(face.box + np.tile(noise, 2), face.points + noise)]

    frames = [backdrop(320, 240)] * 100

    def jitter(smoothing: float) -> float:
        tracks = find_tracks(frames, Trembling(), fps=FPS, every=1, smoothing=smoothing)
        path = np.array([tracks.at(i)[0].box[:2] for i in range(100)])
        return float(np.abs(np.diff(path, axis=0)).mean())

    assert jitter(0.6) < 0.35 * jitter(0)


def test_cuts_are_found_and_tracks_end_there():
    one, two = Actor("bearded_man", 300, still(40, 90)), Actor("smiling_woman", 300, still(260, 70))
    frames = itertools.chain(play([one], 33, seed=1), play([two], 21, seed=2), play([one], 24, seed=1))
    tracks = tracked(frames)
    assert tracks.cuts == (0, 33, 54)
    assert [(track.start, track.end) for track in tracks.tracks] == [(0, 33), (33, 54), (54, 78)]
    first, other, again = (track.id for track in tracks.tracks)
    assert first == again != other
    for index, actor in ((32, one), (33, two), (53, two), (54, one)):
        assert is_of(tracks.at(index)[0], actor, index)


def test_looking_at_two_frames_at_once_finds_the_same(monkeypatch: pytest.MonkeyPatch):
    """Over a cut, with a face that leaves and one that comes."""
    one = Actor("bearded_man", 300, lambda i: (70, 90) if i < 15 else None)
    two = Actor("smiling_woman", 300, lambda i: (170, 60) if i > 7 else None)

    def found(number: int) -> Tracks:
        monkeypatch.setattr(tracking, "parallel_calls", lambda detector: number)
        return tracked(itertools.chain(play([one], 23, seed=1), play([two], 21, seed=2)))

    alone, together = found(1), found(2)
    assert (together.frames, together.cuts) == (alone.frames, alone.cuts)
    assert 23 in alone.cuts
    assert [(t.id, t.start, t.end) for t in together.tracks] == [(t.id, t.start, t.end) for t in alone.tracks]
    assert len(alone.tracks) >= 2
    for index in range(44):
        for face, other in zip(together.at(index), alone.at(index), strict=True):
            assert np.array_equal(face.points, other.points)


def test_talk_pans_and_fades_are_no_cuts():
    wide = backdrop(1600, 300, seed=5)
    pan = [wide[:, 8 * i : 8 * i + 400] for i in range(60)]
    fade = [(wide[:, :400] * (i / 60)).astype(np.uint8) for i in range(60)]
    for frames in (talking("bearded_man", 300), pan, fade):
        finder = CutFinder()
        assert [finder.begins(frame) for frame in frames] == [True] + [False] * (len(frames) - 1)


def test_a_face_that_leaves_and_comes_back():
    """It is gone for a second and a half: those frames have no face at all."""

    actor = Actor("woman_with_glasses", 300, lambda i: (170, 60) if i < 12 or i >= 50 else None)
    tracks = tracked(play([actor], 60))
    assert [bool(tracks.at(i)) for i in range(60)] == [i < 12 or i >= 50 for i in range(60)]
    assert {face.id for i in range(60) for face in tracks.at(i)} == {0}


def test_two_people_are_told_apart_and_either_can_be_chosen():
    left = Actor("bearded_man", 250, lambda i: (10 + 0.4 * i, 120))
    right = Actor("smiling_woman", 320, lambda i: (310 - 0.3 * i, 90))
    tracks = tracked(play([left, right], 30))
    assert all(len(tracks.at(i)) == 2 for i in range(30))

    def only(chosen: Tracks, actor: Actor) -> bool:
        return all(len(chosen.at(i)) == 1 and is_of(chosen.at(i)[0], actor, i) for i in range(30))

    assert only(tracks.chosen("largest"), right)
    assert only(tracks.chosen("index", index=0), left)
    assert only(tracks.chosen("index", index=1), right)
    assert tracks.chosen("index", index=2).tracks == ()
    for name, actor in (("bearded_man", left), ("smiling_woman", right)):
        picture = talking(name, 400)[0]
        (face,) = CascadeDetector().detect(picture)
        assert only(tracks.chosen("reference", appearance=describe(picture, face), alike=0.6), actor)
    with pytest.raises(ValueError, match="reference picture"):
        tracks.chosen("reference")


def test_a_short_miss_is_bridged_and_a_passing_error_is_dropped():
    looks = []

    class Blinking:
        name = "blinking"

        def detect(self, pixels):
            i = int(pixels[0, 0, 0])
            looks.append(i)
            face = face_in_box(60 + i, 40, 90, 120)
            ghost = [face_in_box(250, 10, 30, 40)] if i == 70 else []
            return ([] if 40 <= i < 47 else [face]) + ghost

    frames = [np.full((240, 320, 3), (i, 100, 100), np.uint8) for i in range(100)]
    tracks = find_tracks(frames, Blinking(), fps=FPS, every=5)
    assert [len(tracks.at(i)) for i in range(100)] == [1] * 100
    assert [float(tracks.at(i)[0].box[0]) for i in (42, 44)] == pytest.approx([102, 104], abs=0.01)
    assert len(looks) < 40  # every fifth frame, and a few more where something came or went


def test_a_picture_without_faces_costs_few_looks_and_gives_no_track():
    tracks = tracked([backdrop(320, 240)] * 30)
    assert tracks.tracks == ()
    assert [tracks.at(i) for i in (0, 29)] == [[], []]


def test_a_single_frame_is_a_clip_too():
    tracks = tracked(itertools.islice(play([Actor("elderly_man", 400, still(100, 40))], 1), 1))
    assert len(tracks.at(0)) == 1


def test_cancelling_stops_at_once():
    shown = []

    def cancel(done: int) -> None:
        shown.append(done)
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tracked(play([], 1000, width=64, height=64), on_frame=cancel)
    assert shown[-1] == 7


def test_tracks_survive_the_disk(tmp_path: Path):
    tracks = tracked(play([Actor("elderly_man", 300, still(100, 40))], 12))
    tracks.save(tmp_path / "tracks.npz")
    again = Tracks.load(tmp_path / "tracks.npz")
    assert (again.frames, again.cuts) == (tracks.frames, tracks.cuts)
    for index in range(12):
        (one,), (two,) = tracks.at(index), again.at(index)
        assert one.id == two.id
        assert np.array_equal(one.box, two.box)
        assert np.array_equal(one.points, two.points)


@pytest.mark.parametrize("name", ["bearded_man", "elderly_man", "smiling_woman", "woman_with_glasses"])
def test_the_box_goes_from_hairline_to_chin(name):
    (true,) = TRUTH[f"{name}.jpg"]["faces"]
    (face,) = CascadeDetector().detect(np.asarray(Image.open(MEDIA / f"{name}.jpg").convert("RGB")))
    left, top, right, bottom = face.box
    assert left < true["left_eye"][0] - 20
    assert right > true["right_eye"][0] + 20
    assert bottom == pytest.approx(true["chin"][1], abs=0.12 * float(bottom - top))
    assert 0.34 < (true["left_eye"][1] - top) / (bottom - top) < 0.46


def test_an_empty_box_is_refused():
    with pytest.raises(ValueError, match="empty"):
        face_in_box(1, 2, 0, 5)


def test_whether_several_faces_are_seen_at_once():
    one, two = Actor("bearded_man", 300, lambda i: (5, 120)), Actor("smiling_woman", 300, lambda i: (320, 90))
    assert tracked(play([one, two], 8)).several_at_once
    assert not tracked(play([one], 8)).several_at_once
    assert not tracked(itertools.chain(play([one], 12, seed=1), play([two], 12, seed=2))).several_at_once
