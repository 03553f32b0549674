"""RetinaFace of `facexlib`, as our nodes use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from myspinbot.engines.weights import load_weights
from myspinbot.media.faces.retinaface import RetinaFaceDetector, installed
from myspinbot_runner import Client
from tests.miniatures import retinaface as miniature

from .scenes import MEDIA
from .test_nodes import base, dubbed, facts, failure, graph  # noqa: F401

pytestmark = pytest.mark.filterwarnings(
    "ignore:The parameter 'pretrained'", "ignore:Arguments other than a weight enum"
)


@pytest.fixture(scope="module")
def known() -> RetinaFaceDetector:
    return RetinaFaceDetector(miniature.state())


@pytest.mark.parametrize(("width", "height", "scale"), [(640, 480, 1.0), (1280, 720, 2.0), (300, 200, 1.0)])
def test_faces_are_where_the_network_says_in_the_pictures_own_pixels(known, width, height, scale):
    assert installed()
    faces = known.detect(np.zeros((height, width, 3), np.uint8))
    assert faces
    for face in faces:
        assert (face.box.shape, face.points.shape, face.outline) == ((4,), (5, 2), None)
        assert face.score == pytest.approx(miniature.SURE, abs=1e-3)
        middle = (face.box[:2] + face.box[2:]) / 2
        assert face.box[2:] - face.box[:2] == pytest.approx([miniature.WIDE * scale] * 2, rel=1e-3)
        step = miniature.APART * scale
        assert (middle / step) % 1 == pytest.approx([0.5, 0.5], abs=1e-3), "in the middle of a cell"
        expected = middle + np.array(miniature.POINTS) * miniature.WIDE * scale
        assert np.allclose(face.points, expected, atol=0.2), "left eye, right eye, nose, left and right of the mouth"
    areas = [face.area for face in faces]
    assert areas == sorted(areas, reverse=True)


def test_the_picture_goes_in_as_the_network_was_trained():
    """Blue first, scaled to 640 pixels: as `facexlib` itself sees the smaller picture."""
    detector = RetinaFaceDetector({f"module.{name}": value for name, value in miniature.state(known=False).items()})
    small = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((320, 320))
    large = np.asarray(small.resize((1280, 1280), Image.Resampling.BICUBIC))
    shrunk = np.asarray(Image.fromarray(large).resize((640, 640), Image.Resampling.BILINEAR))
    network = detector._network
    with torch.inference_mode():
        picture = torch.from_numpy(shrunk[..., ::-1].transpose(2, 0, 1)[None].copy())
        scores = network(picture - network.mean_tensor)[1][0, :, 1]
        middle = float(scores.logit().quantile(0.999))
    for head in network.ClassHead:  # so that a few places are sure to be faces
        head.conv1x1.bias.data += torch.tensor([0.0, np.log(4) - middle] * 2)
    with torch.inference_mode():
        theirs = network.detect_faces(np.ascontiguousarray(shrunk[..., ::-1]), conf_threshold=0.8)
        mirrored = network.detect_faces(shrunk, conf_threshold=0.8)
    faces = detector.detect(large)
    assert len(faces) == len(theirs) > 0
    order = np.argsort([face.score for face in faces])[::-1]
    for index, row in zip(order, theirs, strict=True):
        assert faces[index].box == pytest.approx(2 * row[:4], abs=0.05)
        assert faces[index].points.ravel() == pytest.approx(2 * row[5:], abs=0.05)
    assert theirs.shape != mirrored.shape or not np.allclose(theirs, mirrored), "the order of colours is heard"


def test_a_picture_without_a_face_gives_none():
    weights = miniature.state()
    weights["ClassHead.2.conv1x1.bias"] = torch.tensor([0.0, -20.0, 0.0, -20.0])
    assert RetinaFaceDetector(weights).detect(np.zeros((64, 64, 3), np.uint8)) == []


def test_the_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match="not the weights of RetinaFace"):
        RetinaFaceDetector({"conv1.weight": torch.zeros(3)})


def test_its_published_file_is_asked_for_and_used(server, base, tmp_path):  # noqa: F811
    """Through the node; the file is removed again, as `auto` would take it from then on."""
    said = failure(server, graph(detector="retinaface"))
    assert "myspinbot models get retinaface-resnet50" in said
    file = Path(server.base_directory) / "models" / "facedetection" / "detection_Resnet50_Final.pth"
    miniature.write(file)
    try:
        assert len(load_weights(file)) == len(miniature.state())
        Client(server.url).submit(graph(video="room.mp4", detector="retinaface")).result()
        path, notices = dubbed(server, graph(video="room.mp4", detector="auto"), tmp_path)
    finally:
        file.unlink()
    assert facts(path)[0] == 50
    others = [text for text in notices if "Several faces" not in text]
    assert others == [], "every frame has a face, where no other detector sees one"
