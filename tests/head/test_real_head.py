"""The draft head on a photograph, its mesh from the landmarker's trained weights, and seen by the landmarker again."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from skimage import data

from myspinbot.engines.head.motion import Motion
from myspinbot.engines.head.render import render_frames
from myspinbot.engines.head.visemes import VISEMES, Pose
from myspinbot.media.faces.landmarker import Landmarker, load_landmarker
from myspinbot.media.faces.portrait import find_points


@pytest.fixture(scope="module")
def finder(weights) -> Landmarker:
    folder = weights("mediapipe-face-landmarker") / "detection"
    return load_landmarker(folder / "face_landmarker.task", folder / "face_detection_full_range_sparse.tflite")


@pytest.fixture(scope="module")
def seen(finder) -> list[dict]:
    """The face at rest, with a closed mouth, with a wide one, and with shut eyes."""
    portrait = data.astronaut()
    poses = [VISEMES["rest"].pose, VISEMES["closed"].pose, VISEMES["wide_open"].pose, Pose()]
    zero = np.zeros(4, np.float32)
    motion = Motion(
        np.array([[getattr(pose, part.name) for part in fields(Pose)] for pose in poses], np.float32),
        np.array([0, 0, 0, 1], np.float32), zero, zero, zero, zero,
    )  # fmt: skip
    frames = render_frames(portrait, find_points(portrait, finder=finder).points, motion)
    return [finder.candidates(frame.copy())[0] for frame in frames]


def parted(face: dict) -> float:
    """The way between the lips' inner edges, in mouth widths."""
    mesh = face["landmarks_xy"]
    return math.dist(mesh[13], mesh[14]) / math.dist(mesh[61], mesh[291])


def test_a_smile_that_shows_teeth_closes_and_opens(seen):
    rest, closed, wide, _ = map(parted, seen)
    assert rest > 0.12
    assert closed < 0.04
    assert wide > 2 * rest


def test_the_upper_lip_takes_its_part(seen):
    """It comes down from the nose to close; the chin stays."""

    def below(face: dict, vertex: int) -> float:
        mesh = face["landmarks_xy"]
        return (mesh[vertex, 1] - mesh[168, 1]) / math.dist(mesh[33], mesh[263])

    rest, closed, wide, _ = seen
    assert below(closed, 13) > below(rest, 13) + 0.02
    assert below(wide, 13) < below(rest, 13)
    assert below(closed, 152) == pytest.approx(below(rest, 152), abs=0.03)


def test_shut_eyes_look_shut(seen):
    rest, shut = seen[0]["blendshapes"], seen[3]["blendshapes"]
    for eye in ("eyeBlinkLeft", "eyeBlinkRight"):
        assert shut[eye] > rest[eye] + 0.35
