"""The face of a portrait, from whatever is known about it."""

from dataclasses import dataclass
from typing import Any

from .face_landmarks import from_landmarks
from .face_points import average_points, locate
from .faces import FacePoints, Pixels, find_faces

SMALLEST_EYE_DISTANCE = 14  # pixels; with less there is no mouth to be seen moving


@dataclass(frozen=True, slots=True)
class Found:
    """The face's points in pixels, and what the user should know about how they were chosen."""

    points: FacePoints
    remarks: tuple[str, ...] = ()


def find_points(image: Pixels, *, landmarks: Any = None, typed: str = "") -> Found:
    """The face of `image` (H, W, 3): as `typed` by the user, else from `landmarks`, else found.

    Of several faces the largest is taken, with a remark.

    Raises:
        ValueError: no face, one too small to speak, or typed points that can't be read.
    """
    if typed.strip():
        found = Found(_typed(typed, image))
    elif landmarks is not None:
        points, count = from_landmarks(landmarks)
        found = Found(points, _several(count))
    else:
        boxes = find_faces(image)
        if not boxes:
            raise ValueError(
                "No face was found in the portrait. Use a picture of one face seen from the front, well lit and not "
                "too small, or type where its eyes and mouth are in `face_points`."
            )
        found = Found(locate(image, boxes[0]), _several(len(boxes)))
    if found.points.eye_distance < SMALLEST_EYE_DISTANCE:
        raise ValueError(
            f"The face is too small to speak: its eyes are {found.points.eye_distance:.0f} pixels apart, and "
            f"{SMALLEST_EYE_DISTANCE} are needed. Use a larger picture, or crop it around the face."
        )
    return found


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
