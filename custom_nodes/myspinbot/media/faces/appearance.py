"""How much two pictures of faces look like the same person's: a rough measure without a model.

Histograms of gradient directions in the cells of an upright face (Dalal and Triggs, "Histograms of Oriented
Gradients for Human Detection", 2005) and the cells' tints. It tells apart people who look different in a clip; it
is no face recognition.
"""

import math

import numpy as np

from .detect import Face, Floats
from .geometry import Pixels, Plane, upright

SAME_PERSON = 0.90  # two faces above this are taken for one person's
_SIZE, _CELLS, _DIRECTIONS = 64, 8, 8
_UNIT = 26  # pixels between the eyes in the upright face
_ABOVE = 0.30  # of the window, above the eyes
_TINTS = 1.5  # weight of the colours against the gradients


def describe(pixels: Pixels, face: Face) -> Floats:
    """A face's appearance as a vector of length 1, (640,); the dot product of two is their likeness, -1 to 1."""
    (ax, ay), (bx, by) = face.points[0].tolist(), face.points[1].tolist()
    if math.dist((ax, ay), (bx, by)) < 2:
        return np.zeros(_CELLS * _CELLS * (_DIRECTIONS + 2), np.float32)
    cos, sin = (bx - ax) / _UNIT, (by - ay) / _UNIT
    half, above = _SIZE / 2, _ABOVE * _SIZE
    corner = ((ax + bx) / 2 - cos * half + sin * above, (ay + by) / 2 - sin * half - cos * above)
    window = upright(pixels, corner, (cos, sin), (_SIZE, _SIZE))
    return _united(np.concatenate([_gradients(window.mean(axis=2)), _TINTS * _tints(window)]))


def _gradients(grey: Plane) -> Floats:
    dy, dx = np.gradient(grey)
    size, turn = np.hypot(dx, dy), np.mod(np.arctan2(dy, dx), np.pi) / np.pi * _DIRECTIONS
    histograms = [
        _cells(size * np.clip(1 - np.abs((turn - d + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2), 0, None))
        for d in range(_DIRECTIONS)
    ]
    stacked = np.sqrt(np.stack(histograms, axis=-1))
    return _united((stacked - stacked.mean(axis=(0, 1))).ravel())


def _tints(window: Plane) -> Floats:
    """Red and green as shares of the light, against those of an average skin."""
    cells = np.stack([_cells(window[..., channel]) for channel in range(3)], axis=-1)
    shares = cells / np.maximum(cells.sum(axis=-1, keepdims=True), 1.0)
    light = cells.mean(axis=-1) / max(float(cells.mean()), 1.0) - 1
    return (np.concatenate([((shares[..., 0] - 0.40) * 6).ravel(), 0.5 * light.ravel()]) / _CELLS).astype(np.float32)


def _cells(plane: Plane) -> Plane:
    side = _SIZE // _CELLS
    return plane.reshape(_CELLS, side, _CELLS, side).mean(axis=(1, 3))


def _united(vector: Plane) -> Floats:
    return (vector / max(float(np.linalg.norm(vector)), 1e-6)).astype(np.float32)
