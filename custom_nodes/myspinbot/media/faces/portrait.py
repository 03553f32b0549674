"""The face of a portrait, from whatever is known about it."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ..picture import fitted
from .cascade import find_faces
from .geometry import FacePoints, Pixels, Point
from .landmarks import from_landmarks
from .points import average_points, locate, symmetry

SMALLEST_EYE_DISTANCE = 14  # pixels; with less there is no mouth to be seen moving
_SEARCH_SIDE = 1024  # a face that speaks at any size of video is found at this one
_TURNS = (0, 16, -16, 30, -30)  # degrees by which the picture is turned to look for a tilted head
_LEVEL, _ALIKE = math.radians(5), 0.6  # a face as upright and symmetric as this is looked for no further
_GREY = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Found:
    """The face's points in pixels, and what the user should know about how they were chosen."""

    points: FacePoints
    remarks: tuple[str, ...] = ()


def find_points(image: Pixels, *, landmarks: Any = None, typed: str = "") -> Found:
    """The face of `image` (H, W, 3): as `typed` by the user, else from `landmarks`, else found.

    Of several faces the largest is taken, with a remark.

    Raises:
        ValueError: no face, or typed points that can't be read.
    """
    if typed.strip():
        found = Found(_typed(typed, image))
    elif landmarks is not None:
        points, count = from_landmarks(landmarks, image.shape[1], image.shape[0])
        found = Found(points, _several(count))
    else:
        points, count = _search(image)
        found = Found(points, _several(count))
    return found


def check_size(points: FacePoints) -> None:
    """Raise ValueError where a face, as large as it will be in the video, is too small to be seen speaking."""
    if points.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ValueError(
            f"The face is too small to speak: in the video its eyes would be {points.eye_distance:.0f} pixels apart, "
            f"and {SMALLEST_EYE_DISTANCE} are needed. Crop the picture around the face, or make `size` larger."
        )


def _search(image: Pixels) -> tuple[FacePoints, int]:
    """The largest face, also where the head is tilted, and the number of faces."""
    small, scale = fitted(image, _SEARCH_SIDE)
    found: list[tuple[float, FacePoints, int]] = []
    for angle in _TURNS:
        turned = Image.fromarray(small).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=_GREY)
        pixels = np.asarray(turned)
        boxes = find_faces(pixels)
        if not boxes:
            continue
        points = locate(pixels, boxes[0])
        likeness = symmetry(pixels, points.left_eye, points.right_eye)
        found.append((likeness, _turned_back(points, angle, turned.size, small.shape), len(boxes)))
        if likeness > _ALIKE and abs(points.roll) < _LEVEL:
            break
    if not found:
        raise ValueError(
            "No face was found in the portrait. Use a picture of one face seen from the front, well lit and not too "
            "small, or type where its eyes and mouth are in `face_points` of Talking Head (Draft)."
        )
    _, points, count = max(found, key=lambda entry: entry[0])
    return points.scaled(1 / scale), count


def _turned_back(points: FacePoints, angle: float, size: tuple[int, int], shape: tuple[int, ...]) -> FacePoints:
    """Points in a picture turned by `angle` degrees (PIL's way round) as they are in the picture itself."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def back(point: Point) -> Point:
        x, y = point[0] - size[0] / 2, point[1] - size[1] / 2
        return cos * x - sin * y + shape[1] / 2, sin * x + cos * y + shape[0] / 2

    return replace(
        points,
        left_eye=back(points.left_eye),
        right_eye=back(points.right_eye),
        mouth=back(points.mouth),
        chin=back(points.chin),
    )


def _several(count: int) -> tuple[str, ...]:
    return (f"The portrait shows {count} faces; the largest one speaks.",) if count > 1 else ()


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
