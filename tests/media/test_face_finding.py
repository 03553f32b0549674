"""Faces and their points, against pictures whose true geometry is known."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from myspinbot.media.faces import find_faces
from myspinbot.media.faces.landmarks import from_landmarks
from myspinbot.media.faces.points import average_points, locate
from myspinbot.media.faces.portrait import check_size, find_points
from myspinbot.media.picture import check_whole

MEDIA = Path(__file__).resolve().parents[1] / "media"
TRUTH = {name: entry["faces"] for name, entry in json.loads((MEDIA / "faces.json").read_text()).items()}
ONE_FACE = sorted(name for name, faces in TRUTH.items() if len(faces) == 1 and (MEDIA / name).exists())


def picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(MEDIA / name).convert("RGB"))


def error(found, true, scale: float) -> float:
    return math.dist(found, true) / scale


@pytest.mark.parametrize("name", sorted(name for name in TRUTH if (MEDIA / name).exists()))
def test_every_face_is_found_and_nothing_else(name):
    boxes = find_faces(picture(name))
    assert len(boxes) == len(TRUTH[name])
    for true in TRUTH[name]:
        x, y, width, height = true["box"]
        near = min(boxes, key=lambda box: math.dist(box.centre, (x + width / 2, y + height / 2)))
        assert math.dist(near.centre, (x + width / 2, y + height / 2)) < 0.25 * width
    assert [box.side for box in boxes] == sorted((box.side for box in boxes), reverse=True)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("name", ONE_FACE)
def test_eyes_and_mouth_are_where_they_are(name, grey):
    (true,) = TRUTH[name]
    image = picture(name)
    if grey:
        image = np.repeat(np.asarray(Image.fromarray(image).convert("L"))[..., None], 3, axis=2)
    points = locate(image, find_faces(image)[0])
    scale = math.dist(true["left_eye"], true["right_eye"])
    assert error(points.left_eye, true["left_eye"], scale) < 0.10
    assert error(points.right_eye, true["right_eye"], scale) < 0.10
    assert error(points.mouth, true["mouth_centre"], scale) < (0.25 if grey else 0.11)
    if not grey:
        assert points.mouth_width == pytest.approx(math.dist(true["mouth_left"], true["mouth_right"]), rel=0.2)
        assert (points.teeth_height > 0) == name.startswith("smiling")


@pytest.mark.parametrize("factor", [0.5, 0.75, 3.0])
def test_points_follow_the_size_of_the_picture(factor):
    image = picture("elderly_man.jpg")
    side = int(512 * factor)
    other = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))
    one, two = find_points(image).points, find_points(other).points.scaled(1 / factor)
    assert math.dist(one.left_eye, two.left_eye) < 0.08 * one.eye_distance
    assert math.dist(one.mouth, two.mouth) < 0.10 * one.eye_distance


def test_a_face_off_the_middle_is_found():
    image = np.full((700, 1400, 3), 180, np.uint8)
    image[150:662, 850:1362] = picture("bearded_man.jpg")
    (true,) = TRUTH["bearded_man.jpg"]
    points = find_points(image).points
    moved = (true["left_eye"][0] + 850, true["left_eye"][1] + 150)
    assert error(points.left_eye, moved, points.eye_distance) < 0.10


def test_of_three_faces_the_largest_is_taken_and_that_is_said():
    found = find_points(picture("three_faces.jpg"))
    largest = max(TRUTH["three_faces.jpg"], key=lambda face: face["box"][2])
    assert error(found.points.mouth, largest["mouth_centre"], found.points.eye_distance) < 0.11
    assert "3 faces; the largest one, on the left, speaks" in found.remarks[0]
    assert "face_points" in found.remarks[0]


@pytest.mark.parametrize(("turn", "where"), [(False, "on the left"), (True, "on the right")])
def test_which_of_two_faces_speaks_is_said(turn, where):
    image = np.full((520, 900, 3), 180, np.uint8)
    small = Image.fromarray(picture("smiling_woman.jpg")).resize((300, 300), Image.Resampling.LANCZOS)
    image[4:516, 20:532], image[100:400, 570:870] = picture("bearded_man.jpg"), np.asarray(small)
    found = find_points(image[:, ::-1] if turn else image)
    assert f"2 faces; the largest one, {where}, speaks" in found.remarks[0]


def cut_short(name: str, kind: str, share: float) -> np.ndarray:
    """As ComfyUI loads a file of which only a share is there."""
    whole = io.BytesIO()
    Image.fromarray(picture(name)).save(whole, kind)
    part = io.BytesIO(whole.getvalue()[: int(share * whole.tell())])
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        return np.asarray(Image.open(part).convert("RGB"))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_jpeg_that_is_cut_short_is_named_as_such(share):
    with pytest.raises(ValueError, match="looks cut short: its lowest"):
        find_points(cut_short("elderly_man.jpg", "JPEG", share))


@pytest.mark.parametrize("rows", [16, 300])
def test_what_ffmpeg_makes_of_a_jpeg_that_is_cut_short_is_named_as_such(rows):
    image = picture("elderly_man.jpg").copy()
    image[-rows:] = (0, 135, 0)
    with pytest.raises(ValueError, match=f"looks cut short: its lowest {rows} of 512 rows are plain green"):
        find_points(image)


def test_a_png_that_is_cut_short_is_named_where_no_face_is_left():
    with pytest.raises(ValueError, match=r"looks cut short.* No face was found"):
        find_points(cut_short("elderly_man.jpg", "PNG", 0.2))


@pytest.mark.parametrize(("side", "level"), [(300, 77), (300, 0), (3, 0)])
def test_a_picture_of_nothing_is_named_as_such(side, level):
    with pytest.raises(ValueError, match=r"one plain colour.*Choose another file"):
        find_points(np.full((side, side, 3), level, np.uint8))


@pytest.mark.parametrize("fill", [(0, 135, 0), (0, 136, 1), (128, 128, 128)])
def test_a_picture_of_which_nothing_came_is_cut_short(fill):
    with pytest.raises(ValueError, match=r"looks cut short.*Load the whole file"):
        check_whole(np.full((64, 64, 3), fill, np.uint8))


def test_a_plain_background_is_no_cut():
    image = np.full((560, 512, 3), 128, np.uint8)
    image[:512] = picture("elderly_man.jpg")
    image[-1, 6] = 120
    check_whole(image)
    image[:] = picture("elderly_man.jpg")[:1, :1]
    image[:512] = picture("elderly_man.jpg")
    check_whole(image)


@pytest.mark.parametrize(
    "image",
    [
        picture("landscape.jpg"),
        np.eye(300, dtype=np.uint8)[..., None].repeat(3, axis=2),
        np.arange(27, dtype=np.uint8).reshape(3, 3, 3),
    ],
)
def test_no_face_is_an_error_that_says_what_to_do(image):
    with pytest.raises(ValueError, match=r"No face was found.*face_points"):
        find_points(image)


def test_a_face_too_small_in_the_video_is_refused():
    check_size(average_points((100, 100), (115, 100)))
    with pytest.raises(ValueError, match="its eyes would be 10 pixels apart"):
        check_size(average_points((100, 100), (110, 100)))


@pytest.mark.parametrize(
    ("name", "angle"),
    [
        *(
            (name, angle)
            for name in ("bearded_man.jpg", "smiling_woman.jpg", "woman_with_glasses.jpg", "elderly_man.jpg")
            for angle in (-20, 20)
        ),
        ("elderly_man.jpg", -15),
        ("bearded_man.jpg", 15),
    ],
)
def test_tilted_heads_are_found_where_they_are(name, angle):
    (true,) = TRUTH[name]
    turned = Image.fromarray(picture(name)).rotate(angle, Image.Resampling.BICUBIC, fillcolor=(150, 150, 150))
    points = find_points(np.asarray(turned)).points
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def at(point):
        x, y = point[0] - 256, point[1] - 256
        return cos * x + sin * y + 256, -sin * x + cos * y + 256

    scale = math.dist(true["left_eye"], true["right_eye"])
    assert error(points.left_eye, at(true["left_eye"]), scale) < 0.16
    assert error(points.right_eye, at(true["right_eye"]), scale) < 0.16
    assert error(points.mouth, at(true["mouth_centre"]), scale) < 0.2


def test_typed_points_are_used_as_they_are():
    points = find_points(picture("landscape.jpg"), typed="100,100 180,100; 140,190").points
    assert (points.left_eye, points.right_eye, points.mouth) == ((100, 100), (180, 100), (140, 190))
    assert points.chin[1] > 190


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("left eye", "can't be read"),
        ("1,2 3,4", "not three points"),
        ("1,2,3 3,4 5,6", "not three points"),
        ("100,100 180,100 140,9000", "outside"),
        ("100,100 180,100 140,90", "below the eyes"),
        ("180,100 100,100 140,190", "left eye must be left"),
    ],
)
def test_wrong_typed_points_are_refused(typed, why):
    with pytest.raises(ValueError, match=why):
        find_points(picture("landscape.jpg"), typed=typed)


def mesh(scale: float = 100.0, x: float = 200.0, y: float = 150.0, parted: float = 0.0) -> np.ndarray:
    """A face mesh of which only the vertices that are read are placed, eyes `scale` pixels apart."""
    points = np.full((478, 2), (x, y), np.float32)
    for eye, middle in (((33, 133, 159, 145), -0.5), ((362, 263, 386, 374), 0.5)):
        for vertex, (dx, dy) in zip(eye, ((-0.25, 0), (0.25, 0), (0, -0.08), (0, 0.08)), strict=True):
            points[vertex] += ((middle + dx) * scale, dy * scale)
    for vertex, dx, dy in (
        (61, -0.4, 1.1),
        (291, 0.4, 1.1),
        (13, 0, 1.1),
        (14, 0, 1.1 + parted),
        (17, 0, 1.25),
        (152, 0, 1.7),
    ):
        points[vertex] += (dx * scale, dy * scale)
    return points


def test_landmarks_of_the_face_mesh_become_points():
    small, large = mesh(50), mesh(100, parted=0.1)
    points, places = from_landmarks({"frames": [[{"landmarks_xy": small}, {"landmarks_xy": large}]]}, 400, 400)
    assert len(places) == 2
    assert points.left_eye == pytest.approx((150, 150))
    assert points.eye_distance == pytest.approx(100)
    assert points.eye_width == pytest.approx(50)
    assert points.mouth_width == pytest.approx(80)
    assert points.mouth == pytest.approx((200, 270))
    assert points.teeth_height == pytest.approx(10)
    assert points.chin == pytest.approx((200, 320))


def test_landmarks_of_another_size_are_scaled():
    frames = [[{"landmarks_xy": mesh(200, 400, 300)}]]
    points, _ = from_landmarks({"frames": frames, "image_size": (800, 800)}, 400, 400)
    assert points.left_eye == pytest.approx((150, 150))


def landmarks(points):
    return {"frames": [[{"landmarks_xy": points}]]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": []},
        {"frames": [[]]},
        {},
        5,
        landmarks([[1, 2]]),
        landmarks(mesh() + 9000),
        landmarks(mesh() * np.nan),
        landmarks(np.full((478, 2), 50.0)),
        landmarks(np.zeros((478, 1))),
        landmarks([[1, 2], [3]]),
        landmarks(mesh() / 1000),
        {**landmarks(mesh()), "image_size": (0, 0)},
    ],
)
def test_landmarks_that_are_no_face_are_refused(wrong):
    with pytest.raises(ValueError, match="landmarks"):
        from_landmarks(wrong, 400, 400)


def test_an_average_face_stands_on_its_eyes():
    points = average_points((100, 100), (160, 180))
    assert points.roll == pytest.approx(math.atan2(80, 60))
    down = (points.mouth[0] - 130, points.mouth[1] - 140)
    assert down[0] * 60 + down[1] * 80 == pytest.approx(0, abs=1e-6)
    assert math.hypot(*down) == pytest.approx(110)
