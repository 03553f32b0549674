"""Which face detector a node uses: ComfyUI's own landmarker, RetinaFace, or the built-in finder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from .model_files import MissingModelError, find_model

if TYPE_CHECKING:
    from ..media.faces.detect import Detector, Face
    from ..media.faces.geometry import Pixels

FaceLandmarks = io.Custom("FACE_LANDMARKS")
DETECTORS = ["auto", "mediapipe", "retinaface", "built-in"]
TOOLTIP = (
    "What finds faces: auto takes ComfyUI's MediaPipe landmarker if its model is there, else RetinaFace if facexlib "
    "and its weights are, else the built-in finder, which needs no model and sees faces from the front."
)
_SEVERAL = 8  # faces at most in one frame
_SURE = 0.5


@dataclass(frozen=True)
class Landmarker:
    """ComfyUI's MediaPipe face landmarker, under its memory management."""

    model: Any
    name: str = "mediapipe"

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces in `pixels` (H, W, 3) uint8 RGB, largest first, with their outlines."""
        import torch

        from ..media.faces.landmarks import faces_of_mesh

        with torch.inference_mode():
            (found,) = self.model.detect_batch([pixels], _SEVERAL, _SURE, "short")
        return faces_of_mesh(found)


def detector(choice: str) -> Detector:
    """The detector of a node's `detector` input.

    Raises:
        MissingModelError: the one that was chosen lacks its model.
        ValueError: `facexlib` isn't installed, or the weights are another network's.
    """
    from ..media.faces.detect import CascadeDetector
    from ..media.faces.retinaface import installed

    if choice == "mediapipe" or (choice == "auto" and _there("face-landmarker")):
        return _landmarker()
    if choice == "retinaface" or (choice == "auto" and installed() and _there("retinaface-resnet50")):
        return _retinaface()
    return CascadeDetector()


def _there(model_id: str) -> bool:
    try:
        find_model(model_id)
    except MissingModelError:
        return False
    return True


def _landmarker() -> Landmarker:
    from comfy_extras.nodes_mediapipe import FaceLandmarkerModel

    from ..engines.weights import load_weights

    weights = load_weights(find_model("face-landmarker"))
    try:
        return Landmarker(FaceLandmarkerModel(weights))
    except (KeyError, RuntimeError) as error:
        raise ValueError("The face landmarker's file is damaged or another model's. Fetch it again.") from error


def _retinaface() -> Detector:
    from comfy import model_management

    from ..engines.weights import load_weights
    from ..media.faces.retinaface import RetinaFaceDetector, installed

    if not installed():
        raise ValueError("RetinaFace needs the package facexlib, which is not installed. Choose another detector.")
    weights = load_weights(find_model("retinaface-resnet50"))
    return RetinaFaceDetector(weights, model_management.get_torch_device())
