"""Detectors behind one interface, and faces that are given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from myspinbot.media.faces.landmarks import faces_of_mesh, read_faces
from myspinbot_runner.locate import find_installation

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("starts_processes")
def test_the_landmarkers_files_are_found_loaded_and_read(tmp_path):
    """A file in the published layout goes through ComfyUI's own loader; our reading agrees with its node."""
    models = tmp_path / "detection"
    models.mkdir()
    command = [str(find_installation().comfyui), str(ROOT), str(models)]
    check = Path(__file__).with_name("landmarker_check.py")
    done = subprocess.run([sys.executable, str(check), *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["before"].startswith("cascade")
    assert "myspinbot models get mediapipe-face-landmarker" in said["missing"]
    assert said["after"] == "mediapipe"
    assert said["faces"] > 0
    assert said["outline"] == [36, 2]
    assert said["agree"]
    assert said["boxed"] == [1, 1, said["faces"]]
    assert "damaged" in said["damaged"]
    assert "three points" in said["told"][0], "a face that is given needs no detector"
    assert "hold no face" in said["told"][1]
    (counted,) = said["counted"]
    assert counted["level"] == "warning"
    assert said["damaged"] in counted["text"]
    assert said["preferred"] == "face_landmarker near"
    assert said["noticed"] == [True, False, False]


def mesh(x: float, side: float) -> dict:
    points = np.full((478, 2), (x, 100), np.float32)
    points[[33, 133]] = (x + 0.2 * side, 100 + 0.4 * side)
    points[[362, 263]] = (x + 0.8 * side, 100 + 0.4 * side)
    points[1] = (x + 0.5 * side, 100 + 0.6 * side)
    points[[61, 291]] = (x + 0.3 * side, 100 + 0.8 * side), (x + 0.7 * side, 100 + 0.8 * side)
    points[152], points[454] = (x + 0.5 * side, 100 + side), (x + side, 100 + 0.5 * side)
    return {"landmarks_xy": points, "score": 0.9}


def test_a_mesh_becomes_a_face():
    large, small = faces_of_mesh([mesh(300, 50), mesh(10, 100)])
    assert large.box.tolist() == pytest.approx([10, 100, 110, 200])
    assert large.points.tolist() == [[30, 140], [90, 140], [60, 160], [40, 180], [80, 180]]
    assert large.outline is not None
    assert large.outline.shape == (36, 2)
    assert small.score == pytest.approx(0.9)


def test_boxes_come_in_every_form_that_comfyui_gives():
    box = {"x": 10, "y": 20, "width": 100, "height": 146}
    for given in (box, [box], [[box]]):
        ((face,),) = read_faces(None, given)
        assert face.box.tolist() == [10, 20, 110, 166]
        assert face.points[:2, 1].tolist() == pytest.approx([78, 78])
    assert [len(frame) for frame in read_faces(None, [[box], [], [box, box]])] == [1, 0, 2]


@pytest.mark.parametrize("wrong", [5, {"frames": 5}, {"frames": [[{}]]}, {"frames": [[{"landmarks_xy": [1]}]]}])
def test_landmarks_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="can't be read"):
        read_faces(wrong, None)


@pytest.mark.parametrize("empty", [{"frames": [[], []]}, {"frames": []}])
def test_landmarks_without_a_face_are_refused(empty):
    with pytest.raises(ValueError, match="hold no face"):
        read_faces(empty, None)


@pytest.mark.parametrize("wrong", [[{"x": 1}], [[{"x": 0, "y": 0, "width": 0, "height": 4}]], 7])
def test_boxes_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"can't be read|empty"):
        read_faces(None, wrong)
