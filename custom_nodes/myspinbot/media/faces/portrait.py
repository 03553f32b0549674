"""The face of a portrait, from whatever is known about it."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ..picture import check_whole, fitted, looks_cut_short
from .cascade import find_faces
from .detect import Detector, Floats, MeshDetector
from .geometry import FacePoints, Pixels, Point
from .landmarks import from_landmarks, mesh_of, points_of_mesh, roll, yaw
from .points import average_points, locate, symmetry

SMALLEST_EYE_DISTANCE = 14  # pixels; with less there is no mouth to be seen moving
_SEARCH_SIDE = 1024  # a face that speaks at any size of video is found at this one
_TURNS = (0, 16, -16, 30, -30)  # degrees by which the picture is turned to look for a tilted head
_LEVEL, _ALIKE = math.radians(5), 0.6  # a face as upright and symmetric as this is looked for no further
_GREY = (128, 128, 128)
_PART = 0.6  # of a picture's longest side, for a closer look
_FROM_SIDE, _LIES = 45, 60  # degrees by which a head that speaks may be turned and tilted at most
_LIKELY = 0.6  # a detector's score above which a face was meant where the mesh sees none
_ANOTHER = "To choose another, crop the picture around it, or give its eyes and mouth in `face_points`."


@dataclass(frozen=True, slots=True)
class Found:
    """The face's points in pixels, and what the user should know about how they were chosen."""

    points: FacePoints
    remarks: tuple[str, ...] = ()


def find_points(image: Pixels, *, landmarks: Any = None, typed: str = "", finder: Detector | None = None) -> Found:
    """The face of a portrait: where the user says it is, else from landmarks, else found. Of several, the largest.

    Args:
        image: (H, W, 3) uint8.
        landmarks: FACE_LANDMARKS of the picture.
        typed: eyes and mouth as `x,y x,y x,y` in pixels.
        finder: what finds the face; one that doesn't know meshes, or none, is the built-in one.

    Raises:
        ValueError: a picture that was cut short or shows nothing, no face, one that can't be seen speaking, or typed
            points that can't be read.
    """
    check_whole(image, "The portrait")
    if typed.strip():
        found = Found(_typed(typed, image))
    elif landmarks is not None:
        points, places = from_landmarks(landmarks, image.shape[1], image.shape[0])
        found = Found(points, _several(points, places))
    elif isinstance(finder, MeshDetector):
        found = _look(image, finder)
    else:
        points, places = _search(image)
        found = Found(points, _several(points, places))
    return found


def check_size(points: FacePoints) -> None:
    """Raise ValueError where a face, as large as it will be in the video, is too small to be seen speaking."""
    if points.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ValueError(
            f"The face is too small to speak: in the video its eyes would be {points.eye_distance:.0f} pixels apart, "
            f"and {SMALLEST_EYE_DISTANCE} are needed. Crop the picture around the face, or make `size` larger."
        )


def _look(image: Pixels, finder: MeshDetector) -> Found:
    """The largest face that the finder knows and that can be made to speak.

    Raises:
        ValueError: there is none, or it is seen from the side or lies; the message says which.
    """
    seen = finder.candidates(image)
    faces = [face for face in seen if face["presence"] >= finder.present] or _closer(image, finder)
    if not faces:
        raise _refusal(image, _why_none(image, finder, seen))
    meshes = sorted((mesh_of(face) for face in faces), key=lambda mesh: -float(np.ptp(mesh[:, 0])))
    mesh = next((mesh for mesh in meshes if not _unfit(mesh)), meshes[0])
    if reason := _unfit(mesh):
        raise _refusal(image, reason)
    points, places = points_of_mesh(mesh), [float(mesh[:, 0].mean()) for mesh in meshes]
    which = "the largest one" if mesh is meshes[0] else "the largest of those that are upright and seen from the front"
    return Found(points, _several(points, places, which))


def _closer(image: Pixels, finder: MeshDetector) -> list[dict[str, Any]]:
    """The faces in the first part of a picture, twice as large, that shows any."""
    height, width = image.shape[:2]
    side = round(max(height, width) * _PART)
    for y, x in ((0.5, 0.5), (0.0, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
        top, left = round(max(height - side, 0) * y), round(max(width - side, 0) * x)
        found = finder.candidates(np.ascontiguousarray(image[top : top + side, left : left + side]))
        faces = [face for face in found if face["presence"] >= finder.present]
        if faces:
            return [face | {"landmarks_xy": face["landmarks_xy"] + np.array([left, top], np.float32)} for face in faces]
    return []


def _unfit(mesh: Floats) -> str:
    """Why a face can't be made to speak; empty if it can."""
    if abs(yaw(mesh)) > _FROM_SIDE:
        return f"The face is seen from the side, turned by about {abs(yaw(mesh)):.0f} degrees."
    if abs(roll(mesh)) > 135:
        return "The head is upside down. Turn the picture by 180 degrees."
    if abs(roll(mesh)) > _LIES:
        return f"The head lies on its side. Turn the picture by 90 degrees {'left' if roll(mesh) > 0 else 'right'}."
    return ""


def _why_none(image: Pixels, finder: MeshDetector, seen: list[dict[str, Any]]) -> str:
    """What is said where no face was found, from what was taken for one."""
    for turns in (2, 1, 3):
        turned = np.ascontiguousarray(np.rot90(image, turns))
        if any(face["presence"] >= finder.present for face in finder.candidates(turned)):
            way = "upside down" if turns == 2 else "lying on its side"
            return f"The head is {way}. Turn the picture so that it is upright."
    likely = [face for face in seen if face["score"] >= _LIKELY]
    if likely and abs(yaw(mesh_of(likely[0]))) > _FROM_SIDE:
        return "The face is seen from the side, so that its mouth can't be seen speaking."
    return "No face was found in the portrait."


def _refusal(image: Pixels, reason: str) -> ValueError:
    cut_short = "The portrait looks cut short: its lowest rows are plain black. " * looks_cut_short(image)
    return ValueError(
        f"{cut_short}{reason} Use a picture of one face seen from the front, well lit and not too small, or type "
        "where its eyes and mouth are in `face_points` of Talking Head (Draft)."
    )


def _search(image: Pixels) -> tuple[FacePoints, list[float]]:
    """The largest face, also where the head is tilted, and how far from the left each face is."""
    small, scale = fitted(image, _SEARCH_SIDE)
    found: list[tuple[float, FacePoints, list[float]]] = []
    for angle in _TURNS:
        turned = Image.fromarray(small).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=_GREY)
        pixels = np.asarray(turned)
        boxes = find_faces(pixels)
        if not boxes:
            continue
        points = locate(pixels, boxes[0])
        likeness = symmetry(pixels, points.left_eye, points.right_eye)
        upright = _turned_back(points, angle, turned.size, small.shape)
        places = [_back(box.centre, angle, turned.size, small.shape)[0] / scale for box in boxes]
        found.append((likeness, upright, places))
        if likeness > _ALIKE and abs(points.roll) < _LEVEL:
            break
    if not found:
        raise _refusal(image, "No face was found in the portrait.")
    _, points, places = max(found, key=lambda entry: entry[0])
    return points.scaled(1 / scale), places


def _turned_back(points: FacePoints, angle: float, size: tuple[int, int], shape: tuple[int, ...]) -> FacePoints:
    """Points in a picture turned by `angle` degrees (PIL's way round) as they are in the picture itself."""
    parts = ("left_eye", "right_eye", "mouth", "chin")
    return replace(points, **{part: _back(getattr(points, part), angle, size, shape) for part in parts})


def _back(point: Point, angle: float, size: tuple[int, int], shape: tuple[int, ...]) -> Point:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = point[0] - size[0] / 2, point[1] - size[1] / 2
    return cos * x - sin * y + shape[1] / 2, sin * x + cos * y + shape[0] / 2


def _several(points: FacePoints, places: list[float], which: str = "the largest one") -> tuple[str, ...]:
    """What is said where a portrait shows several faces, each so far from its left edge."""
    if len(places) < 2:
        return ()
    other = sorted(places, key=lambda place: abs(place - points.mouth[0]))[1:]
    left, right = (sum(sign * (place - points.mouth[0]) > 0 for place in other) for sign in (-1, 1))
    where = "in the middle" if left and right else "on the right" if left else "on the left"
    return (f"The portrait shows {len(places)} faces; {which}, {where}, speaks. {_ANOTHER}",)


def _typed(text: str, image: Pixels) -> FacePoints:
    height, width = image.shape[:2]
    hint = f"Type three points as `x,y x,y x,y`: left eye, right eye and mouth, within {width}x{height} pixels."
    try:
        points = [tuple(float(number) for number in pair.split(",")) for pair in text.replace(";", " ").split()]
    except ValueError as error:
        raise ValueError(f"The face points {text!r} can't be read. {hint}") from error
    if len(points) != 3 or any(len(point) != 2 for point in points):
        raise ValueError(f"The face points {text!r} are not three points. {hint}")
    (ax, ay), (bx, by), (mx, my) = points
    if not all(0 <= x < width and 0 <= y < height for x, y in ((ax, ay), (bx, by), (mx, my))):
        raise ValueError(f"The face points {text!r} lie outside the portrait. {hint}")
    if my <= max(ay, by):
        raise ValueError(f"The mouth must be below the eyes, but the face points are {text!r}. {hint}")
    return average_points((ax, ay), (bx, by), (mx, my))
