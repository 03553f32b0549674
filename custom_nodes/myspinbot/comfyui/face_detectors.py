"""Which face detector a node uses: MediaPipe's landmarker from one of its two files, or the built-in finder."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .feedback import Notice
from .model_files import MissingModelError, find_model, manifest

if TYPE_CHECKING:
    from pathlib import Path

    from ..media.faces.detect import Detector, Face
    from ..media.faces.geometry import Pixels

FaceLandmarks = io.Custom("FACE_LANDMARKS")
DETECTORS = ["auto", "mediapipe", "built-in"]
TOOLTIP = (
    "What finds faces: auto takes MediaPipe's face landmarker if its file is there, else the built-in finder, which "
    "needs no file and sees faces from the front."
)
_OURS, _FAR, _COMFYUIS = "mediapipe-face-landmarker", "mediapipe-face-detector-far", "face-landmarker"
_SEVERAL = 8  # faces at most in one frame
_SURE = 0.5


@dataclass(frozen=True)
class ComfyLandmarker:
    """ComfyUI's own MediaPipe face landmarker, under its memory management."""

    model: Any
    name: str = "mediapipe"
    present: float = 0.5

    def candidates(self, pixels: Pixels) -> list[dict[str, Any]]:
        """What it takes for faces in `pixels` (H, W, 3) uint8 RGB; see `media.faces.detect.MeshDetector`."""
        import torch

        with torch.inference_mode():
            (found,) = self.model.detect_batch([pixels], _SEVERAL, _SURE, "short")
        # Its presence is a logit.
        return [face | {"presence": 1 / (1 + math.exp(-max(float(face["presence"]), -50.0)))} for face in found]

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces in `pixels` (H, W, 3) uint8 RGB, largest first, with their outlines."""
        from ..media.faces.landmarks import faces_of_mesh

        return faces_of_mesh(face for face in self.candidates(pixels) if face["presence"] >= self.present)


def detector(choice: str) -> Detector:
    """The detector of a node's `detector` input.

    Raises:
        MissingModelError: the one that was chosen lacks its model.
        ValueError: its file is damaged or another model's.
    """
    from ..media.faces.detect import CascadeDetector

    if choice == "built-in":
        return CascadeDetector()
    if task := _file(_OURS):
        return _landmarker(task, _file(_FAR))
    if weights := _file(_COMFYUIS):
        return _comfyuis(weights)
    if choice == "mediapipe":
        find_model(_OURS)
    return CascadeDetector()


def notices(finder: Detector, choice: str = "auto") -> list[Notice]:
    """What is said where the built-in finder is used only because there is no other."""
    from ..media.faces.detect import CascadeDetector

    if choice == "built-in" or not isinstance(finder, CascadeDetector):
        return []
    text = (
        "Faces were found by the built-in finder, which misses heads that are turned and takes other things for "
        f"faces now and then. {manifest().models[_OURS].missing}"
    )
    return [{"level": "info", "text": text}]


def _file(model_id: str) -> Path | None:
    try:
        return find_model(model_id)
    except MissingModelError:
        return None


def _landmarker(task: Path, far: Path | None) -> Detector:
    def state(path: Path) -> tuple[Path, int, int]:
        return path, path.stat().st_mtime_ns, path.stat().st_size

    return _loaded(state(task), state(far) if far else None)


@functools.lru_cache(maxsize=1)  # 7 MB, and a sixth of a second to load
def _loaded(task: tuple[Path, int, int], far: tuple[Path, int, int] | None) -> Detector:
    from ..media.faces.landmarker import load_landmarker

    return load_landmarker(task[0], far[0] if far else None)


def _comfyuis(path: Path) -> ComfyLandmarker:
    from comfy_extras.nodes_mediapipe import FaceLandmarkerModel

    from ..engines.weights import load_weights

    weights = load_weights(path)
    try:
        return ComfyLandmarker(FaceLandmarkerModel(weights))
    except (KeyError, RuntimeError) as error:
        raise ValueError("The face landmarker's file is damaged or another model's. Fetch it again.") from error
