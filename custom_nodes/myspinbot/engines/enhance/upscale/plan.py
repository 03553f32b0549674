"""A clip looked at before it is upscaled: how many frames, how to cut them, how much work that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ....media.faces import Pixels
from .activity import Activity, Flags, Grid
from .layout import Region, cut

NOTHING = "No frame is left of the clip. Lower `skip_first_frames`; the clip is shorter than that."


@dataclass(frozen=True, slots=True)
class Plan:
    """How a clip is upscaled.

    Attributes:
        frames: how many there are.
        regions: the parts of each frame that the model sees one by one.
        pixels: what the model will see in all, about.
        batch: frames that are looked at together.
    """

    frames: int
    regions: list[Region]
    pixels: int
    batch: int = 1

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Plan:
        content = json.loads(path.read_text(encoding="utf-8"))
        regions = [Region(tuple(region["inner"]), tuple(region["window"])) for region in content["regions"]]
        return cls(content["frames"], regions, content["pixels"], content["batch"])


def look(
    frames: Iterable[Pixels],
    grid: Grid,
    *,
    overlap: int,
    tolerance: int,
    largest: int,
    on_frame: Callable[[], None],
) -> Plan:
    """The cheapest plan for `frames`, (H, W, 3) uint8 of the grid's size.

    Raises:
        ValueError: there are no frames.
    """
    watched = Activity(grid, overlap, tolerance)
    activity: list[Flags] = []
    for frame in frames:
        activity.append(watched.of(frame))
        on_frame()
    if not activity:
        raise ValueError(NOTHING)
    regions = cut(grid, activity, overlap, largest)
    return Plan(len(activity), regions, _pixels(np.stack(activity), regions, grid.cell))


def _pixels(activity: Flags, regions: list[Region], cell: int) -> int:
    """`activity` (frames, rows, columns) as pixels that the model is given."""
    total = 0
    for region in regions:
        top, bottom, left, right = (-(-side // cell) for side in region.inner)
        total += int(activity[:, top:bottom, left:right].any(axis=(1, 2)).sum()) * region.area
    return total
