"""Eyes and mouth inside a face that a detector has found, from the picture alone.

Eyes: the point on which the gradients around it agree most (Timm and Barth, "Accurate Eye Centre
Localisation by Means of Gradients", 2011). Mouth: the dark line between reddish lips on the axis that
the eyes give, or the lower edge of bright teeth. Where the picture says nothing, the proportions of an
average face do (Farkas, "Anthropometry of the Head and Face", 1994).
"""

import math
from dataclasses import replace

import numpy as np
from scipy import ndimage

from .geometry import UNIT, Box, FacePoints, Pixels, Plane, Point, upright
from .mouth import LIP_HEIGHT, MOUTH_WIDTH, find_mouth

# Proportions of an average adult face, in distances between the eyes' centres.
_EYE_WIDTH, _EYE_HEIGHT = 0.50, 0.19
_EYES_TO_MOUTH, _MOUTH_TO_CHIN = 1.10, 0.66

_FACE = 112  # side in pixels to which a face is scaled to look for its eyes
_IRIS = 0.075  # its largest radius, as a share of the face


def locate(image: Pixels, box: Box) -> FacePoints:
    """The points of the face in `box` of `image` (H, W, 3) RGB."""
    left, right = _eyes(image, box)
    return _with_mouth(image, _with_lids(image, average_points(left, right)))


def average_points(left_eye: Point, right_eye: Point, mouth: Point | None = None) -> FacePoints:
    """An average face on these eyes, with its mouth where it is said to be.

    Raises:
        ValueError: the eyes are in one place, or not the left one first.
    """
    distance = math.dist(left_eye, right_eye)
    if distance < 2 or left_eye[0] >= right_eye[0]:
        raise ValueError("The left eye must be left of the right eye, as seen in the picture.")
    down = (-(right_eye[1] - left_eye[1]) / distance, (right_eye[0] - left_eye[0]) / distance)
    middle = ((left_eye[0] + right_eye[0]) / 2, (left_eye[1] + right_eye[1]) / 2)
    if mouth is None:
        mouth = _along(middle, down, _EYES_TO_MOUTH * distance)
    long = math.dist(middle, mouth) / (_EYES_TO_MOUTH * distance)
    return FacePoints(
        left_eye,
        right_eye,
        _EYE_WIDTH * distance,
        _EYE_HEIGHT * distance,
        mouth,
        MOUTH_WIDTH * distance,
        LIP_HEIGHT * distance * long,
        0.0,
        _along(mouth, down, _MOUTH_TO_CHIN * distance * long),
    )


def _along(start: Point, direction: Point, length: float) -> Point:
    return start[0] + direction[0] * length, start[1] + direction[1] * length


def _eyes(image: Pixels, box: Box) -> tuple[Point, Point]:
    """The pair of eye centres that gradients, darkness and proportion support most together."""
    face = upright(image, (box.x, box.y), (box.side / _FACE, 0.0), (_FACE, _FACE))
    grey: Plane = np.asarray(face.mean(axis=2), np.float32)
    candidates: list[list[tuple[float, float, float]]] = []
    for side in (0, 1):
        x0, x1 = (int(_FACE * part) for part in ((0.15, 0.47), (0.53, 0.85))[side])
        y0, y1 = int(_FACE * 0.20), int(_FACE * 0.50)
        votes = _gradient_votes(grey[y0:y1, x0:x1])
        peaks = (votes == ndimage.maximum_filter(votes, 5)) & (votes > 0.3 * votes.max())
        ys, xs = np.nonzero(peaks)
        candidates.append([(float(x + x0), float(y + y0), float(votes[y, x])) for y, x in zip(ys, xs, strict=True)])

    def support(pair: tuple[tuple[float, float, float], tuple[float, float, float]]) -> float:
        (ax, ay, a), (bx, by, b) = pair
        unlevel = abs(by - ay) / _FACE
        off_axis = abs((ax + bx) / 2 / _FACE - 0.5)
        apart = (bx - ax) / _FACE - 0.39
        high = (ay + by) / 2 / _FACE - 0.385
        prior = (unlevel / 0.06) ** 2 + (off_axis / 0.05) ** 2 + (apart / 0.07) ** 2 + (high / 0.07) ** 2
        return (a + b) * math.exp(-0.35 * prior)

    def in_picture(eye: tuple[float, float, float]) -> Point:
        scale = box.side / _FACE
        return box.x + (eye[0] + 0.5) * scale, box.y + (eye[1] + 0.5) * scale

    likely = sorted(((a, b) for a in candidates[0] for b in candidates[1]), key=support, reverse=True)[:6]
    if not likely:
        raise ValueError("Nothing in this face looks like an eye.")
    # An eye and the other eye's brow can look like a pair, but not like the axis of a face.
    best = max(likely, key=lambda pair: support(pair) * math.exp(4 * symmetry(image, *map(in_picture, pair))))
    return in_picture(best[0]), in_picture(best[1])


def symmetry(image: Pixels, left_eye: Point, right_eye: Point) -> float:
    """How much a face with its eyes there is its own mirror image: -1 to 1, 1 for exactly."""
    distance = math.dist(left_eye, right_eye)
    if distance < 2 or left_eye[0] >= right_eye[0]:
        return -1.0
    cos, sin = (right_eye[0] - left_eye[0]) / distance, (right_eye[1] - left_eye[1]) / distance
    step, width, height = distance / 24, 42, 48  # from 0.5 above the eyes to 1.5 below, in eye distances
    corner = (
        (left_eye[0] + right_eye[0]) / 2 + step * (-width / 2 * cos + height / 4 * sin),
        (left_eye[1] + right_eye[1]) / 2 + step * (-width / 2 * sin - height / 4 * cos),
    )
    window = upright(image, corner, (step * cos, step * sin), (width, height)).mean(axis=2)
    detail = window - ndimage.gaussian_filter(window, 6)
    return float((detail * detail[:, ::-1]).sum() / max(float((detail**2).sum()), 1e-6))


def _gradient_votes(window: Plane) -> Plane:
    """How well each pixel of `window` (h, w) serves as the centre of a dark disc; 1 for the best."""
    calm = ndimage.gaussian_filter(window, 1.0)
    gy, gx = np.gradient(calm, axis=0), np.gradient(calm, axis=1)
    size = np.hypot(gx, gy)
    strong = size > size.mean() + 0.3 * size.std()
    reach = int(_IRIS * _FACE)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    length = np.hypot(dx, dy)
    near = (length > 0.5) & (length < _IRIS * _FACE)
    away = np.stack([dy[near], dx[near]]) / length[near]  # (2, offsets)
    rows, columns = np.nonzero(strong)
    slopes = np.stack([gy[strong], gx[strong]], axis=1) / size[strong][:, None]  # (strong pixels, 2)
    agreement = np.square(np.clip(slopes @ away, 0, None))
    wide = window.shape[1] + 2 * reach
    centres = ((rows + reach) * wide + columns + reach)[:, None] - (dy[near] * wide + dx[near])
    counted = np.bincount(centres.ravel(), agreement.ravel(), wide * (window.shape[0] + 2 * reach))
    votes = counted.reshape(-1, wide)[reach:-reach, reach:-reach]
    dark = 1 - ndimage.gaussian_filter(window, 1.5) / 255
    votes = ndimage.gaussian_filter(votes * dark**2, 0.8)
    return (votes / max(float(votes.max()), 1e-9)).astype(np.float32)


def _with_lids(image: Pixels, points: FacePoints) -> FacePoints:
    """`points` with the eyes between the lids that the picture shows."""
    unit = points.eye_distance / UNIT
    step = (unit * math.cos(points.roll), unit * math.sin(points.roll))
    side = int(0.7 * UNIT)
    down = (-math.sin(points.roll), math.cos(points.roll))
    eyes: list[Point] = []
    heights: list[float] = []
    for eye in (points.left_eye, points.right_eye):
        corner = (eye[0] - side / 2 * (step[0] - step[1]), eye[1] - side / 2 * (step[1] + step[0]))
        top, bottom = _lids_in(upright(image, corner, step, (side, side)).mean(axis=2))
        eyes.append(_along(eye, down, ((top + bottom) / 2 - side / 2) * unit))
        heights.append((bottom - top) * unit)
    height = sum(heights) / 2
    width = min(max(2.3 * height, _EYE_WIDTH * points.eye_distance), 0.62 * points.eye_distance)
    return replace(points, left_eye=eyes[0], right_eye=eyes[1], eye_height=height, eye_width=width)


def _lids_in(window: Plane) -> tuple[float, float]:
    """Rows of the upper and the lower lid's edge in `window` (h, h), with the iris about its middle.

    Down the middle of an eye all is darker than skin, from the upper lashes to the lower edge of the iris.
    """
    middle = len(window) // 2
    column = ndimage.gaussian_filter(window, 1.0)[:, middle - 3 : middle + 4].mean(axis=1)
    reach = slice(middle - int(0.17 * UNIT), middle + int(0.19 * UNIT))
    skin = float(np.percentile(column[reach], 85))
    level = 0.5 * (skin + float(column[reach].min()))
    ends: list[float] = []
    for step, nearest, furthest in ((-1, 0.06, 0.15), (1, 0.06, 0.15)):
        at = middle
        while abs(at - middle) < furthest * UNIT and not (column[at] > level and abs(at - middle) >= nearest * UNIT):
            at += step
        ends.append(float(at))
    return ends[0] + 0.02 * UNIT, ends[1]  # the lashes are above the lid's edge


def _with_mouth(image: Pixels, points: FacePoints) -> FacePoints:
    """`points` with the mouth where the picture shows it."""
    unit = points.eye_distance / UNIT
    cos, sin = math.cos(points.roll), math.sin(points.roll)
    middle = ((points.left_eye[0] + points.right_eye[0]) / 2, (points.left_eye[1] + points.right_eye[1]) / 2)
    # A window on the lower face: x from -0.75 to 0.75, y from 0.70 to 1.55 eye distances.
    width, top, height = int(1.5 * UNIT), 0.70, int(0.85 * UNIT)
    corner = (
        middle[0] + unit * UNIT * (-0.75 * cos - top * sin),
        middle[1] + unit * UNIT * (-0.75 * sin + top * cos),
    )
    window = upright(image, corner, (unit * cos, unit * sin), (width, height))
    found = find_mouth(window, (_EYES_TO_MOUTH - top) * UNIT)
    down = (-sin, cos)
    low = top + found.row / UNIT
    mouth = _along(_along(middle, down, low * points.eye_distance), (cos, sin), found.shift * unit)
    long = min(max(low / _EYES_TO_MOUTH, 0.85), 1.2)
    return replace(
        points,
        mouth=mouth,
        mouth_width=2 * found.half_width * unit,
        lip_height=found.lip * unit,
        teeth_height=found.teeth * unit,
        chin=_along(mouth, down, _MOUTH_TO_CHIN * points.eye_distance * long),
    )
