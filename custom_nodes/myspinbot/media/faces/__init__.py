"""Faces: found in pictures, measured, and followed through clips."""

from .cascade import find_faces
from .geometry import Box, FacePoints, Pixels, Point

__all__ = ["Box", "FacePoints", "Pixels", "Point", "find_faces"]
