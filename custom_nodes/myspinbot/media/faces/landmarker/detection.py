"""Where faces are, roughly: BlazeFace (Bazarevsky et al., 2019) as MediaPipe trained it for near and for far faces."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..geometry import Pixels
from .crop import Crop
from .network import Network

Rows = npt.NDArray[np.float64]

# For each output grid: pixels of the input for one cell, and anchors in a cell.
NEAR = ((8, 2), (16, 6))
FAR = ((4, 1),)
SURE = 0.5
_CLIP = 100.0
_SAME = 0.3  # overlap, as a share of the union, from which two boxes are one face's


class FaceDetector:
    """Finds faces in an upright, square part of a picture."""

    def __init__(self, network: Network, grids: Sequence[tuple[int, int]]) -> None:
        self._network = network
        self._side = network.input_shapes[0][1]
        self._anchors = np.concatenate([_centres(self._side // step, count) for step, count in grids])

    def find(self, pixels: Pixels, part: Crop) -> Rows:
        """The faces of a part of `pixels` (H, W, 3) that are likely ones, in the picture's pixels.

        Returns:
            (N, 9): left, top, right, bottom, the eyes' x and y, left one first, and the score from 0 to 1.
        """
        window = torch.from_numpy(part.sample(pixels, self._side)).unsqueeze(0)
        boxes, logits = (output[0].numpy().astype(np.float64) for output in self._network(window / 127.5 - 1))
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -_CLIP, _CLIP)))
        likely = scores >= SURE
        found, anchors = boxes[likely] / self._side, self._anchors[likely]
        centre, half = found[:, :2] + anchors, found[:, 2:4] / 2
        eyes = found[:, 4:8] + np.tile(anchors, 2)
        rows = np.column_stack([centre - half, centre + half, eyes, scores[likely]])
        rows[:, :8] = part.to_picture(rows[:, :8].reshape(-1, 2)).reshape(-1, 8)
        return rows


def merged(rows: Rows) -> Rows:
    """One row for each face: the average, by score, of the boxes that lie on each other; the surest first."""
    rows = rows[np.argsort(-rows[:, 8], kind="stable")]
    kept: list[npt.NDArray[np.float64]] = []
    while len(rows):
        same = overlaps(rows[0, :4], rows[:, :4]) > _SAME
        same[0] = True
        weights = rows[same, 8]
        kept.append(np.append(np.average(rows[same, :8], axis=0, weights=weights), weights[0]))
        rows = rows[~same]
    return np.array(kept).reshape(-1, 9)


def overlaps(box: npt.NDArray[np.floating], boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Of `box` (4,) and each of `boxes` (N, 4): what both cover as a share of what either covers."""
    inner = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = np.prod(np.clip(inner, 0, None), axis=1)
    return both / np.maximum(np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - both, 1e-9)


def _centres(cells: int, count: int) -> Rows:
    """(cells * cells * count, 2): the middle of each cell, row by row, as often as it has anchors."""
    along = (np.arange(cells) + 0.5) / cells
    y, x = np.meshgrid(along, along, indexing="ij")
    return np.repeat(np.stack([x, y], axis=-1).reshape(-1, 2), count, axis=0)
