"""RetinaFace's checkpoint under its real names, as `facexlib` loads it, with random numbers and heads that are known.

What its heads say of a place doesn't depend on the picture: `WIDE`, a face of 256 pixels around every 32nd pixel,
as sure as `SURE`, with its five points at `POINTS`.
"""

from __future__ import annotations

import importlib
import math
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WIDE, APART, SURE = 256, 32, 0.95
POINTS = [(-0.2, -0.1), (0.2, -0.1), (0.0, 0.05), (-0.15, 0.2), (0.15, 0.2)]  # from the middle, in widths
_VARIANCE = 0.1  # by which the network's numbers are multiplied
_NEVER = -20.0


def state(*, known: bool = True, seed: int = 0) -> dict[str, Tensor]:
    """The weights by their bare names; without `known` heads all is random, and depends on the picture."""
    torch.manual_seed(seed)
    network: Any = importlib.import_module("facexlib.detection.retinaface").RetinaFace
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision says that the class asks for its backbone in an old way
        found = {name: value.detach().clone() for name, value in network("resnet50", device="cpu").state_dict().items()}
    for name in found:
        if "Head." in name:  # the backbone's numbers grow on their way, and would be sure of everything
            found[name] = 0.01 * found[name]
    return found | _heads() if known else found


def write(path: Path, weights: dict[str, Tensor] | None = None) -> Path:
    """As it is published: a pickle whose names begin with `module.`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({f"module.{name}": value for name, value in (weights or state()).items()}, path)
    return path


def _heads() -> dict[str, Tensor]:
    """For each of three grids, two sizes of face: the smaller one of the coarsest grid is `WIDE`."""
    sure = math.log(SURE / (1 - SURE))
    points = torch.tensor([value / _VARIANCE for point in POINTS for value in point])
    found: dict[str, Tensor] = {}
    for grid in range(3):
        classes = torch.tensor([0.0, sure if grid == 2 else _NEVER, 0.0, _NEVER])
        for head, bias in (("ClassHead", classes), ("BboxHead", torch.zeros(8)), ("LandmarkHead", points.repeat(2))):
            found[f"{head}.{grid}.conv1x1.weight"] = torch.zeros(len(bias), 256, 1, 1)
            found[f"{head}.{grid}.conv1x1.bias"] = bias
    return found
