"""From a picture to the points of its faces: found roughly, then looked at in an upright crop or two.

The networks and their numbers are those of MediaPipe's `face_landmarker_v2_with_blendshapes` (Grishchenko et al.,
"Attention Mesh", 2020) and of its full-range face detector. A first crop follows the detector's box and eyes; the
second follows the points themselves, which brings turned heads into the pose that the network was trained on.
"""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..detect import Face
from ..geometry import Pixels
from ..landmarks import faces_of_mesh
from . import blendshapes
from .crop import Crop
from .detection import FAR, NEAR, FaceDetector, merged, overlaps
from .network import Network
from .tflite import TfliteError, read_graph

# The network's own word for a face in its crop, 0 to 1. It is 0.9 for a colour wheel and 0.8 for a cat, and above 0.998
# for every one of 35 faces that look towards the camera.
PRESENT = 0.99
Row = npt.NDArray[np.float64]

_SURE = 0.999
_LOOKS = 4  # at most: a crop by the detector, then by the points until the network is sure
_GROWTH = 1.5  # of the crop over the face, as the network was trained
_EYES = (33, 263)  # outer corners, left and right in the picture
_SAME = 0.4
_SEVERAL = 16  # faces at most
_PARTS = ("face_detector.tflite", "face_landmarks_detector.tflite", "face_blendshapes.tflite")


class Landmarker:
    """MediaPipe's landmarker: what finds the faces of a picture with all of their points.

    Args:
        near: the detector of the landmarker's own file.
        far: the full-range one, which sees small faces too; without it only those within about two metres are found.
        mesh: 478 points in three dimensions of the face in a crop, and whether there is one.
        shapes: 52 blendshapes of some of those points.
    """

    def __init__(self, near: Network, mesh: Network, shapes: Network, far: Network | None = None) -> None:
        self._detectors = ([FaceDetector(far, FAR)] if far else []) + [FaceDetector(near, NEAR)]
        self._mesh, self._shapes = mesh, shapes
        self._side = mesh.input_shapes[0][1]
        self.name = f"face_landmarker {'far' if far else 'near'}"
        self.present = PRESENT

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces in `pixels` (H, W, 3) uint8 RGB, largest first, with their outlines and meshes."""
        return faces_of_mesh(face for face in self._seen(pixels, shapes=False) if face["presence"] >= PRESENT)

    def candidates(self, pixels: Pixels) -> list[dict[str, Any]]:
        """What the detector takes for faces in `pixels` (H, W, 3) uint8 RGB, the surest first, one entry for each.

        Entries are those of a frame of ComfyUI's FACE_LANDMARKS; `presence`, 0 to 1, is how surely each is a face.
        Which of two detectors is asked: the far one, and the near one where that shows no face.
        """
        return self._seen(pixels, shapes=True)

    def _seen(self, pixels: Pixels, *, shapes: bool) -> list[dict[str, Any]]:
        whole = Crop.whole(pixels)
        seen: list[dict[str, Any]] = []
        with torch.inference_mode():
            for detector in self._detectors:
                rows = merged(detector.find(pixels, whole))[:_SEVERAL]
                seen = [face for row in rows if (face := self._face(pixels, row, shapes))] or seen
                if any(face["presence"] >= PRESENT for face in seen):
                    break
        return _distinct(seen)

    def _face(self, pixels: Pixels, row: Row, shapes: bool) -> dict[str, Any] | None:
        """What the mesh says of a face that a detector saw."""
        box, eyes = row[:4].reshape(2, 2), row[4:8].reshape(2, 2)
        crop = Crop.around(np.array([*box, (box[0, 0], box[1, 1]), (box[1, 0], box[0, 1])]), _tilt(eyes), _GROWTH)
        points, presence = self._points(pixels, crop)
        for _ in range(_LOOKS - 1):
            crop = Crop.around(points[:, :2], _tilt(points[list(_EYES), :2]), _GROWTH)
            if not 2 < crop.side < 4 * max(pixels.shape):
                return None
            points, presence = self._points(pixels, crop)
            if presence > _SURE:
                break
        inside = (points[:, :2] - crop.centre) / crop.side
        cos, sin = math.cos(crop.roll), math.sin(crop.roll)
        upright = (inside @ np.array([[cos, -sin], [sin, cos]]) + 0.5) * self._side
        xy = points[:, :2].astype(np.float32)
        return {
            "bbox_xyxy": np.concatenate([xy.min(axis=0), xy.max(axis=0)]),
            "blendshapes": self._blendshapes(upright) if shapes else {},
            "landmarks_xy": xy,
            "landmarks_3d": np.column_stack([upright, points[:, 2]]).astype(np.float32),
            "presence": presence,
            "score": float(row[8]),
        }

    def _blendshapes(self, points: npt.NDArray[np.float64]) -> dict[str, float]:
        """Of a face with its points (478, 2) in an upright crop."""
        (shapes,) = self._shapes(torch.from_numpy(points[list(blendshapes.POINTS)].astype(np.float32)).unsqueeze(0))
        return dict(zip(blendshapes.NAMES, shapes.flatten().tolist(), strict=True))

    def _points(self, pixels: Pixels, crop: Crop) -> tuple[npt.NDArray[np.float64], float]:
        """(478, 3): x and y in the picture, depth in the crop's pixels; and how surely there is a face, 0 to 1."""
        window = torch.from_numpy(crop.sample(pixels, self._side)).unsqueeze(0)
        mesh, logit, *_ = self._mesh(window / 255)
        points = mesh.numpy().astype(np.float64).reshape(-1, 3)
        points[:, :2] = crop.to_picture(points[:, :2] / self._side)
        return points, 1 / (1 + math.exp(-float(np.clip(logit.item(), -50, 50))))


def load_landmarker(task: Path, far: Path | None = None) -> Landmarker:
    """The landmarker of Google's `face_landmarker.task`, with the full-range detector's file where there is one.

    Raises:
        ValueError: a file is damaged or another model's.
    """
    at = task
    try:
        with zipfile.ZipFile(task) as bundle:
            near, mesh, shapes = (Network(read_graph(bundle.read(part))) for part in _PARTS)
        at = far or task
        return Landmarker(near, mesh, shapes, Network(read_graph(far.read_bytes())) if far else None)
    except (zipfile.BadZipFile, KeyError, TfliteError, EOFError) as error:
        raise ValueError(f"{at.name} is damaged or another model's ({error}). Fetch it again.") from error


def _tilt(eyes: npt.NDArray[np.floating]) -> float:
    return math.atan2(eyes[1, 1] - eyes[0, 1], eyes[1, 0] - eyes[0, 0])


def _distinct(faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`faces`, surest first, without those that lie on one before them: the same face, found twice."""
    kept: list[dict[str, Any]] = []
    for face in sorted(faces, key=lambda face: -face["presence"]):
        boxes = np.array([other["bbox_xyxy"] for other in kept]).reshape(-1, 4)
        if not (overlaps(face["bbox_xyxy"], boxes) > _SAME).any():
            kept.append(face)
    return kept
