"""MediaPipe's face landmarker, run by PyTorch: 478 points and 52 blendshapes of every face in a picture."""

from .finder import Landmarker, load_landmarker

__all__ = ["Landmarker", "load_landmarker"]
