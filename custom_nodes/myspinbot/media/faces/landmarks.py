"""Face points from ComfyUI's FACE_LANDMARKS (MediaPipe's face mesh of 468 or 478 points)."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fingerprint import fingerprint
from .detect import Face, face_in_box
from .geometry import FacePoints, Pixels, Point
from .tracks import packed

# Vertices of MediaPipe's canonical face model; left and right are the picture's.
_LEFT_EYE, _LEFT_LIDS = (33, 133), (159, 145)
_RIGHT_EYE, _RIGHT_LIDS = (362, 263), (386, 374)
_MOUTH_CORNERS, _LIPS_INSIDE, _LOWER_LIP, _CHIN = (61, 291), (13, 14), 17, 152
_USED = (*_LEFT_EYE, *_LEFT_LIDS, *_RIGHT_EYE, *_RIGHT_LIDS, *_MOUTH_CORNERS, *_LIPS_INSIDE, _LOWER_LIP, _CHIN)
_FEWEST = 468
_NOSE = 1
_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip


def faces_of_mesh(found: Iterable[Any]) -> list[Face]:
    """The faces of one frame of FACE_LANDMARKS, largest first.

    Raises:
        ValueError: they can't be read.
    """
    try:
        faces = [_face(mesh_of(face), float(face.get("score", 1.0))) for face in found]
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise _unreadable(error) from error
    return sorted((face for face in faces if np.isfinite(face.points).all()), key=lambda face: -face.area)


def read_faces(landmarks: Any, boxes: Any) -> list[list[Face]]:
    """The faces of each frame as FACE_LANDMARKS or, without them, BOUNDING_BOX have them.

    Raises:
        ValueError: they can't be read, or hold no face at all.
    """
    try:
        if landmarks is not None:
            frames = [faces_of_mesh(frame) for frame in landmarks["frames"]]
        else:
            listed = [boxes] if isinstance(boxes, dict) else list(boxes)
            per_frame = [listed] if listed and isinstance(listed[0], dict) else listed
            frames = [[_boxed(box) for box in frame] for frame in per_frame]
    except (TypeError, KeyError, AttributeError) as error:
        raise _unreadable(error) from error
    if not any(frames):
        raise ValueError("The connected face landmarks or boxes hold no face. Detect them on the same clip.")
    return frames


def mesh_of(face: Any) -> npt.NDArray[np.float32]:
    """(478, 3) of one entry of FACE_LANDMARKS, in the picture's pixels; flat where the entry knows no depth."""
    flat = np.asarray(face["landmarks_xy"], np.float32)
    if flat.ndim != 2 or flat.shape[1] < 2:
        raise ValueError("landmarks_xy are not pairs")
    solid = np.asarray(face.get("landmarks_3d", ()), np.float32)
    if solid.shape != (len(flat), 3):
        return np.column_stack([flat[:, :2], np.zeros(len(flat), np.float32)])
    apart, own = (float(np.linalg.norm(np.ptp(points[:, :2], axis=0))) for points in (flat, solid))
    return np.column_stack([flat[:, :2], solid[:, 2] * (apart / max(own, 1e-6))]).astype(np.float32)


def yaw(mesh: npt.NDArray[np.floating]) -> float:
    """By how many degrees a head (478, 3) is turned to a side; positive to the picture's right."""
    across = mesh[_RIGHT_EYE[1]] - mesh[_LEFT_EYE[0]]
    return math.degrees(math.atan2(float(across[2]), math.hypot(float(across[0]), float(across[1]))))


def roll(mesh: npt.NDArray[np.floating]) -> float:
    """By how many degrees a head (478, 3) is tilted, clockwise: 180 for one that is upside down."""
    across = mesh[_RIGHT_EYE[1]] - mesh[_LEFT_EYE[0]]
    return math.degrees(math.atan2(float(across[1]), float(across[0])))


def _face(mesh: npt.NDArray[np.float32], score: float) -> Face:
    corners = [mesh[list(pair), :2].mean(axis=0) for pair in (_LEFT_EYE, _RIGHT_EYE)]
    points = np.stack([*corners, mesh[_NOSE, :2], *mesh[list(_MOUTH_CORNERS), :2]]).astype(np.float32)
    oval = mesh[list(_OVAL), :2].astype(np.float32)
    return Face(np.concatenate([oval.min(axis=0), oval.max(axis=0)]), points, score, oval, mesh)


def _boxed(box: Any) -> Face:
    face = face_in_box(float(box["x"]), float(box["y"]), float(box["width"]), float(box["height"]))
    return Face(face.box, face.points, float(box.get("score", 1.0)))


def _unreadable(error: Exception) -> ValueError:
    return ValueError(f"The face landmarks can't be read ({error!r}). Connect Detect Face Landmarks.")


def from_landmarks(landmarks: Any, width: int, height: int) -> tuple[FacePoints, list[float]]:
    """Points of the largest face in the first frame, and how far from the left each face of that frame is, in pixels.

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
        raise _unreadable(error) from error
    if not meshes:
        raise ValueError("The face landmarks hold no face. Use a portrait whose face is seen from the front.")
    mesh = max(meshes, key=lambda mesh: float(np.ptp(mesh[:, 0])))
    used = mesh[list(_USED)]
    if not np.isfinite(used).all() or (used < 0).any() or (used > (width, height)).any():
        raise ValueError(
            f"The face landmarks lie outside the portrait of {width}x{height} pixels. Detect them on the same picture."
        )
    points = points_of_mesh(mesh)
    if points.eye_width < 1 or points.mouth_width < 1 or points.left_eye[0] >= points.right_eye[0]:
        raise ValueError("The face landmarks are not those of a face seen from the front.")
    return points, [float(found[:, 0].mean()) for found in meshes]


def points_of_mesh(mesh: npt.NDArray[np.floating]) -> FacePoints:
    """The parts that move of a mesh (478, 2 or 3)."""

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
        mesh=np.asarray(mesh, np.float64),
    )


class KnownFaces:
    """A detector that knows the faces beforehand: those of `frames`, spread evenly over a clip of `count` frames.

    It is asked once for each frame, in their order.
    """

    def __init__(self, frames: Sequence[list[Face]], count: int) -> None:
        self._frames, self._count, self._next = frames, max(count, 1), 0
        known = [packed(face.box, face.points, face.outline) for frame in frames for face in frame]
        self.name = f"given {fingerprint([len(frame) for frame in frames], *known)}"

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces of the next frame, largest first."""
        at = min(self._next * len(self._frames) // self._count, len(self._frames) - 1)
        self._next += 1
        return sorted(self._frames[at], key=lambda face: -face.area)
