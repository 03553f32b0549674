"""Face points from ComfyUI's FACE_LANDMARKS (MediaPipe's face mesh of 468 or 478 points)."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .faces import FacePoints, Point

# Vertices of MediaPipe's canonical face model; left and right are the picture's.
_LEFT_EYE, _LEFT_LIDS = (33, 133), (159, 145)
_RIGHT_EYE, _RIGHT_LIDS = (362, 263), (386, 374)
_MOUTH_CORNERS, _LIPS_INSIDE, _LOWER_LIP, _CHIN = (61, 291), (13, 14), 17, 152
_USED = (*_LEFT_EYE, *_LEFT_LIDS, *_RIGHT_EYE, *_RIGHT_LIDS, *_MOUTH_CORNERS, *_LIPS_INSIDE, _LOWER_LIP, _CHIN)
_FEWEST = 468


def from_landmarks(landmarks: Any, width: int, height: int) -> tuple[FacePoints, int]:
    """Points of the largest face in the first frame, and how many faces that frame shows.

    The landmarks may come from the portrait in another size: they are scaled to `width` by `height` pixels.

    Raises:
        ValueError: not FACE_LANDMARKS, no face in the first frame, or one outside the portrait.
    """
    try:
        faces = list(landmarks["frames"][0])
        seen_height, seen_width = landmarks.get("image_size") or (height, width)
        scale = np.array([width / seen_width, height / seen_height])
        meshes = [np.asarray(face["landmarks_xy"], np.float64) for face in faces]
        meshes = [mesh[:, :2] * scale for mesh in meshes if mesh.ndim == 2 and len(mesh) >= _FEWEST]
    except (TypeError, KeyError, IndexError, AttributeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"The face landmarks can't be read ({error!r}). Connect Detect Face Landmarks.") from error
    if not meshes:
        raise ValueError("The face landmarks hold no face. Use a portrait whose face is seen from the front.")
    mesh = max(meshes, key=lambda mesh: float(np.ptp(mesh[:, 0])))
    used = mesh[list(_USED)]
    if not np.isfinite(used).all() or (used < 0).any() or (used > (width, height)).any():
        raise ValueError(
            f"The face landmarks lie outside the portrait of {width}x{height} pixels. Detect them on the same picture."
        )
    points = _points(mesh)
    if points.eye_width < 1 or points.mouth_width < 1 or points.left_eye[0] >= points.right_eye[0]:
        raise ValueError("The face landmarks are not those of a face seen from the front.")
    return points, len(meshes)


def _points(mesh: npt.NDArray[np.float64]) -> FacePoints:
    def at(index: int) -> Point:
        return float(mesh[index, 0]), float(mesh[index, 1])

    def middle(pair: tuple[int, int]) -> Point:
        (ax, ay), (bx, by) = at(pair[0]), at(pair[1])
        return (ax + bx) / 2, (ay + by) / 2

    def apart(pair: tuple[int, int]) -> float:
        return math.dist(at(pair[0]), at(pair[1]))

    parted = apart(_LIPS_INSIDE)
    return FacePoints(
        left_eye=middle(_LEFT_EYE),
        right_eye=middle(_RIGHT_EYE),
        eye_width=(apart(_LEFT_EYE) + apart(_RIGHT_EYE)) / 2,
        eye_height=max((apart(_LEFT_LIDS) + apart(_RIGHT_LIDS)) / 2, 0.2 * apart(_LEFT_EYE)),
        mouth=at(_LIPS_INSIDE[1]),
        mouth_width=apart(_MOUTH_CORNERS),
        lip_height=math.dist(at(_LIPS_INSIDE[1]), at(_LOWER_LIP)),
        teeth_height=parted if parted > 0.06 * apart(_MOUTH_CORNERS) else 0.0,
        chin=at(_CHIN),
    )
