"""The landmarker on its trained weights: photographs of scikit-image, and the faces that were drawn for these tests."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from myspinbot.media.faces.landmarker import Landmarker, load_landmarker
from myspinbot.media.faces.landmarks import points_of_mesh, yaw
from myspinbot.media.faces.portrait import find_points

MEDIA = Path(__file__).resolve().parent
TRUTH = {name: entry["faces"] for name, entry in json.loads((MEDIA / "faces.json").read_text()).items()}
GREY = (128, 128, 128)


@pytest.fixture(scope="module")
def finder(weights) -> Landmarker:
    folder = weights("mediapipe-face-landmarker") / "detection"
    return load_landmarker(folder / "face_landmarker.task", folder / "face_detection_full_range_sparse.tflite")


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """As PIL turns it: counterclockwise."""
    return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=GREY))


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if (MEDIA / name).exists()))
def test_drawn_faces_are_where_they_are(finder, name):
    faces = finder.detect(np.asarray(Image.open(MEDIA / name).convert("RGB")))
    assert len(faces) == len(TRUTH[name])
    for true in TRUTH[name]:
        scale = math.dist(true["left_eye"], true["right_eye"])
        best = min(
            max(math.dist(points.left_eye, true["left_eye"]), math.dist(points.right_eye, true["right_eye"]))
            for points in (points_of_mesh(face.mesh) for face in faces if face.mesh is not None)
        )
        assert best / scale < 0.10


@pytest.mark.parametrize("degrees", [-40, -20, 20, 40])
def test_a_head_tilted_by_forty_degrees_has_its_points_in_place(finder, degrees):
    upright = find_points(data.astronaut(), finder=finder).points
    points = find_points(turned(data.astronaut(), degrees), finder=finder).points
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    for part in ("left_eye", "right_eye", "mouth", "chin"):
        x, y = (value - 256 for value in getattr(upright, part))
        there = cos * x + sin * y + 256, -sin * x + cos * y + 256
        assert math.dist(getattr(points, part), there) / upright.eye_distance < 0.06, part


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "moon", "retina", "hubble_deep_field", "page"])
def test_no_face_is_seen_where_there_is_none(finder, name):
    image = getattr(data, name)()
    pixels = np.stack([image] * 3, axis=-1) if image.ndim == 2 else image[..., :3]
    assert finder.detect(np.ascontiguousarray(pixels)) == []
    with pytest.raises(ValueError, match=r"No face was found.*face_points"):
        find_points(np.ascontiguousarray(pixels), finder=finder)


def test_hands_are_no_face(finder):
    """A drawn hand in the colours of skin, with its fingers apart."""
    from PIL import ImageDraw

    canvas = Image.new("RGB", (512, 512), (70, 90, 110))
    draw = ImageDraw.Draw(canvas)
    draw.ellipse((150, 250, 370, 480), fill=(224, 172, 140))
    for x, top in ((160, 150), (215, 90), (270, 80), (325, 130)):
        draw.rounded_rectangle((x, top, x + 42, 340), 20, fill=(224, 172, 140))
        draw.line((x + 5, 220, x + 37, 220), fill=(190, 140, 110), width=3)
    draw.rounded_rectangle((345, 290, 460, 335), 20, fill=(224, 172, 140))
    with pytest.raises(ValueError, match="No face was found"):
        find_points(np.asarray(canvas), finder=finder)


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (lambda: turned(data.astronaut(), 180), "upside down"),
        (lambda: turned(data.astronaut(), 90), "lies on its side"),
        (lambda: np.stack([data.camera()] * 3, axis=-1), "seen from the side"),
    ],
)
def test_what_can_not_speak_is_named(finder, pixels, why):
    with pytest.raises(ValueError, match=f"{why}.*face_points"):
        find_points(pixels(), finder=finder)


def test_a_smile_is_seen_and_blendshapes_tell_it(finder):
    (face,) = [face for face in finder.candidates(data.astronaut()) if face["presence"] >= finder.present]
    shapes = face["blendshapes"]
    assert len(shapes) == 52
    assert min(shapes["mouthSmileLeft"], shapes["mouthSmileRight"]) > 0.8
    assert max(shapes["eyeBlinkLeft"], shapes["eyeBlinkRight"]) < 0.3
    (found,) = finder.detect(data.astronaut())
    assert found.mesh is not None
    assert abs(yaw(found.mesh)) < 10


def test_the_same_picture_gives_the_same_points(finder):
    one, two = (finder.candidates(data.astronaut())[0]["landmarks_xy"] for _ in range(2))
    assert np.array_equal(one, two)
