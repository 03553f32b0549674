"""Faces found by RetinaFace (Deng et al., "Single-shot Multi-level Face Localisation in the Wild", 2020).

The network is the one of `facexlib`, a package that is used where the user has installed it.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .detect import Face
from .geometry import Pixels

_LONGEST = 640  # pixels of the picture's longer side when faces are looked for
_SURE = 0.8


def installed() -> bool:
    """Whether `facexlib` and what it imports can be found."""
    return all(importlib.util.find_spec(name) for name in ("facexlib", "cv2", "numba", "filterpy"))


class RetinaFaceDetector:
    """RetinaFace on ResNet-50, from its published weights by name (`module.` before each is accepted).

    Raises:
        ValueError: the weights are another network's.
    """

    name = "retinaface resnet50"

    def __init__(self, weights: Mapping[str, Tensor], device: Any = "cpu") -> None:
        network: Any = importlib.import_module("facexlib.detection.retinaface").RetinaFace
        self._network = network("resnet50", device=device)
        try:
            self._network.load_state_dict({key.removeprefix("module."): value for key, value in weights.items()})
        except RuntimeError as error:
            raise ValueError("These are not the weights of RetinaFace on ResNet-50. Fetch its file again.") from error

    def detect(self, pixels: Pixels) -> list[Face]:
        """The faces in `pixels` (H, W, 3) uint8 RGB, largest first."""
        scale = min(_LONGEST / max(pixels.shape[:2]), 1.0)
        size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
        small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        with torch.inference_mode():
            found = self._network.detect_faces(np.ascontiguousarray(small[..., ::-1]), conf_threshold=_SURE)
        rows = np.asarray(found, np.float32)
        rows[:, :4] /= scale
        rows[:, 5:] /= scale
        faces = [Face(row[:4], row[5:].reshape(5, 2), float(row[4])) for row in rows]
        return sorted(faces, key=lambda face: -face.area)
