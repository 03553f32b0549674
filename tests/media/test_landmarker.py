"""The landmarker: its file format and operations against PyTorch's own, and its way from a picture to points."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from myspinbot.media.faces.detect import MeshDetector
from myspinbot.media.faces.landmarker import load_landmarker
from myspinbot.media.faces.landmarker.crop import Crop
from myspinbot.media.faces.landmarker.network import Network
from myspinbot.media.faces.landmarker.tflite import TfliteError, read_graph
from myspinbot.media.faces.landmarks import mesh_of, roll, yaw
from myspinbot.media.faces.portrait import find_points
from tests.miniatures import tflite

MEDIA = Path(__file__).resolve().parent


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def run(operation: str, tensors: list, options: dict, shape: tuple[int, ...], **more) -> np.ndarray:
    """One operation on a random picture: its first tensor is the picture's shape."""
    written = len(tensors)
    content = tflite.network(
        [*tensors, shape], [(operation, list(range(written)), written, options)], [0], [written], **more
    )
    (found,) = Network(read_graph(content))(torch.from_numpy(draw(*tensors[0])))
    return found.numpy()


def picture(*shape: int) -> torch.Tensor:
    return torch.from_numpy(draw(*shape)).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("side", "stride"), [(9, 1), (9, 2), (8, 2)])
def test_same_padding_puts_the_odd_pixel_at_the_end(side, stride):
    weight, bias = draw(4, 3, 3, 2, seed=1), draw(4, seed=2)
    options = {0: ("b", 0), 1: ("i", stride), 2: ("i", stride), 3: ("b", 1)}
    found = run("conv", [(1, side, side, 2), weight, bias], options, (1, 1, 1, 4))
    total = (math.ceil(side / stride) - 1) * stride + 3 - side
    padded = functional.pad(picture(1, side, side, 2), (total // 2, total - total // 2) * 2)
    kernel = torch.from_numpy(weight).permute(0, 3, 1, 2)
    expected = functional.conv2d(padded, kernel, torch.from_numpy(bias), stride).relu().permute(0, 2, 3, 1)
    assert np.allclose(found, expected.numpy(), atol=1e-5)


def test_each_channel_has_a_kernel_of_its_own():
    weight = draw(1, 3, 3, 2, seed=1)
    options = {0: ("b", 1), 1: ("i", 1), 2: ("i", 1), 3: ("i", 1), 4: ("b", 0)}
    found = run("depthwise_conv", [(1, 6, 6, 2), weight], options, (1, 4, 4, 2))
    expected = functional.conv2d(picture(1, 6, 6, 2), torch.from_numpy(weight).permute(3, 0, 1, 2), groups=2)
    assert np.allclose(found, expected.permute(0, 2, 3, 1).numpy(), atol=1e-5)


def test_slopes_and_pools_and_sizes():
    x = draw(1, 4, 4, 2)
    slope = np.array([[[0.5, 0.1]]], np.float32)
    assert np.allclose(run("prelu", [x.shape, slope], {}, x.shape), np.where(x >= 0, x, x * slope))
    pool = {0: ("b", 1), 1: ("i", 2), 2: ("i", 2), 3: ("i", 2), 4: ("i", 2)}
    found = run("max_pool", [x.shape], pool, (1, 2, 2, 2))
    assert np.array_equal(found[0, 0, 0], x[0, :2, :2].max(axis=(0, 1)))
    size = np.array([8, 8], np.int32)
    found = run("resize_bilinear", [x.shape, size], {3: ("?", 1)}, (1, 8, 8, 2))
    expected = functional.interpolate(picture(1, 4, 4, 2), [8, 8], mode="bilinear", align_corners=False)
    assert np.allclose(found, expected.permute(0, 2, 3, 1).numpy(), atol=1e-6)
    deep = draw(1, 2, 2, 8)
    found = run("depth_to_space", [deep.shape], {0: ("i", 2)}, (1, 4, 4, 2))
    assert np.array_equal(found[0, 1, 2], deep[0, 0, 1, 4:6])


def test_compressed_weights_lie_where_they_say():
    """A 2 x 6 matrix whose second dimension is compressed in blocks of 2, kept as 16-bit numbers."""
    values = np.array([1, 2, 3, 4, 5, 6], np.float16)
    layout = {
        -1: (2, 6),
        0: np.array([0, 1, 2], np.int32),
        1: np.array([1], np.int32),
        2: [
            {0: ("b", 0), 1: ("i", 2)},
            {0: ("b", 1), 2: ("b", 1), 3: {0: np.array([0, 1, 3], np.int32)}, 4: ("b", 3),
             5: {0: np.array([2, 0, 1], np.uint8)}},
            {0: ("b", 0), 1: ("i", 2)},
        ],
    }  # fmt: skip
    content = tflite.network(
        [(2, 6), values, (2, 6), (2, 6), (2, 6)],
        [("densify", [1], 2, {}), ("dequantize", [2], 3, {}), ("add", [0, 3], 4, {})],
        [0],
        [4],
        {1: layout},
    )
    (found,) = Network(read_graph(content))(torch.zeros(2, 6))
    assert found.tolist() == [[0, 0, 0, 0, 1, 2], [3, 4, 5, 6, 0, 0]]


@pytest.mark.parametrize("content", [b"", b"no network at all", tflite.says((1, 4, 4, 3), draw(1, 2))[:60]])
def test_what_is_no_network_is_refused(content):
    with pytest.raises(TfliteError, match=r"not a TensorFlow Lite file|damaged"):
        read_graph(content)


def test_a_crop_and_its_places_agree():
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[30:34, 70:74] = 255
    crop = Crop((68.0, 40.0), 60.0, 0.4)
    window = crop.sample(pixels, 64)[..., 0]
    y, x = (float(np.average(np.arange(64) + 0.5, weights=window.sum(axis=axis))) for axis in (1, 0))
    assert crop.to_picture(np.array([[x, y]]) / 64)[0] == pytest.approx([72, 32], abs=0.5)
    around = Crop.around(crop.to_picture(np.array([[0, 0], [1, 0], [0, 1], [1, 1]])), 0.4, 1.5)
    assert around.centre == pytest.approx(crop.centre)
    assert around.side == pytest.approx(90)
    assert Crop((-500.0, 0.0), 20.0).sample(pixels, 8).max() == 0


def mesh() -> np.ndarray:
    """(478, 3) of 256 pixels: a face whose parts that are read are in place."""
    points = np.tile(np.array([128.0, 128.0, 0.0]), (478, 1))
    places = {
        33: (80, 110), 133: (110, 110), 159: (95, 104), 145: (95, 116), 362: (146, 110), 263: (176, 110),
        386: (161, 104), 374: (161, 116), 61: (104, 170), 291: (152, 170), 13: (128, 168), 14: (128, 169),
        17: (128, 180), 152: (128, 210), 10: (128, 60), 234: (64, 128), 454: (192, 128), 1: (128, 140),
    }  # fmt: skip
    for index, place in places.items():
        points[index, :2] = place
    points[263, 2] = 20
    return points


def test_from_a_picture_to_core_comfyuis_landmarks(tmp_path):
    """Networks that always say the same: the points lie where two crops, the second around the first's, put them."""
    finder = load_landmarker(tflite.write_task(tmp_path / "face_landmarker.task", mesh()))
    assert isinstance(finder, MeshDetector)
    pixels = np.zeros((128, 128, 3), np.uint8)
    (face,) = finder.candidates(pixels)
    assert set(face) == {"bbox_xyxy", "blendshapes", "landmarks_xy", "landmarks_3d", "presence", "score"}
    assert face["landmarks_xy"].shape == (478, 2)
    assert face["landmarks_3d"].shape == (478, 3)
    assert len(face["blendshapes"]) == 52
    assert face["blendshapes"]["_neutral"] == 0
    assert face["presence"] == pytest.approx(1)
    # The box is 64 of 128 pixels around (64, 64): a crop of 96, in which the mesh is 150 of 256 pixels high.
    first = 64 + (mesh()[[10, 152], 1] - 128) * 96 / 256
    side = 1.5 * 150 * 96 / 256
    middle = first.mean()
    assert face["landmarks_xy"][10, 1] == pytest.approx(middle + (60 - 128) * side / 256, abs=0.01)
    assert roll(mesh_of(face)) == pytest.approx(0, abs=1e-3)
    assert yaw(mesh_of(face)) == pytest.approx(math.degrees(math.atan2(20, 96)), abs=0.1)
    (found,) = finder.detect(pixels)
    assert found.mesh is not None
    assert found.mesh[263, 2] - found.mesh[33, 2] == pytest.approx(20 * side / 256, abs=0.01)


def test_what_the_mesh_calls_no_face_is_none(tmp_path):
    finder = load_landmarker(tflite.write_task(tmp_path / "face_landmarker.task", mesh(), presence=2.0))
    pixels = np.zeros((128, 128, 3), np.uint8)
    assert finder.candidates(pixels)[0]["presence"] == pytest.approx(0.88, abs=0.01)
    assert finder.detect(pixels) == []


def test_a_damaged_file_is_named(tmp_path):
    whole = tflite.write_task(tmp_path / "face_landmarker.task", mesh())
    whole.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"face_landmarker.task is damaged.*Fetch it again"):
        load_landmarker(whole)


def entry(x: float, y: float, size: float, turn: float = 0.0, yaw: float = 0.0, **more: float) -> dict:
    """What a finder says of a face with its middle at (x, y), tilted and turned aside by degrees."""
    points = (mesh() - (128, 128, 0)) * size / 256
    points[263, 2] = math.tan(math.radians(yaw)) * float(points[263, 0] - points[33, 0])
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    flat = points[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    return {"landmarks_xy": flat.astype(np.float32), "landmarks_3d": points, "presence": 1.0, "score": 0.9} | more


class Says:
    """A finder that sees what it is told, in the n-th picture that it is shown; nothing after the last."""

    name, present = "says", 0.9

    def __init__(self, *pictures: list[dict]) -> None:
        self._pictures = list(pictures)

    def candidates(self, pixels: np.ndarray) -> list[dict]:
        return self._pictures.pop(0) if self._pictures else []

    def detect(self, pixels: np.ndarray) -> list:
        return []


NOTHING = [[]] * 7  # the picture, and six closer looks


@pytest.mark.parametrize(
    ("pictures", "why"),
    [
        ([], "No face was found in the portrait"),
        ([[entry(200, 200, 150, presence=0.8)]], "No face was found in the portrait"),
        ([[entry(200, 200, 150, yaw=60)]], "seen from the side, turned by about 60 degrees"),
        ([[entry(200, 200, 150, turn=80)]], "lies on its side. Turn the picture by 90 degrees left"),
        ([[entry(200, 200, 150, turn=-80)]], "lies on its side. Turn the picture by 90 degrees right"),
        ([[entry(200, 200, 150, turn=170)]], "upside down. Turn the picture by 180"),
        ([*NOTHING, [entry(200, 200, 150)]], "The head is upside down"),
        ([*NOTHING, [], [entry(200, 200, 150)]], "The head is lying on its side"),
        ([[entry(200, 200, 150, yaw=-70, presence=0.1)]], "seen from the side, so that"),
    ],
)
def test_why_a_portrait_is_refused(pictures, why):
    image = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match=f"{why}.*face_points"):
        find_points(image, finder=Says(*pictures))


@pytest.mark.parametrize("turn", [-40, 40])
def test_a_tilted_head_is_where_it_is(turn):
    image = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    points = find_points(image, finder=Says([entry(200, 200, 150, turn, yaw=30)])).points
    assert math.degrees(points.roll) == pytest.approx(turn, abs=1)


def test_of_several_the_largest_that_can_speak_is_taken_and_that_is_said():
    image = np.random.default_rng(0).integers(0, 255, (400, 600, 3)).astype(np.uint8)
    aside, front, small = entry(480, 200, 240, yaw=60), entry(150, 200, 200), entry(300, 80, 60)
    found = find_points(image, finder=Says([small, aside, front]))
    assert found.points.mouth == pytest.approx((150, 200 + 41 * 200 / 256), abs=0.1)
    which = "the largest of those that are upright and seen from the front"
    assert f"3 faces; {which}, on the left, speaks" in found.remarks[0]
    found = find_points(image, finder=Says([small, front]))
    assert "2 faces; the largest one, on the left, speaks" in found.remarks[0]


def test_a_face_that_only_a_closer_look_shows_is_in_the_whole_picture():
    image = np.random.default_rng(0).integers(0, 255, (1000, 500, 3)).astype(np.uint8)
    found = find_points(image, finder=Says([], [], [entry(100, 100, 60)]))
    assert found.points.mouth == pytest.approx((100, 100 + 41 * 60 / 256), abs=0.1)  # the second part is the upper one
