"""How a clip is upscaled at the least cost: where it changes, and into which rectangles its frames are cut for that.

A rectangle that holds what moves, and little else, is computed often; the still rest once. Each rectangle is
computed with an overlap around it, so that many small ones cost more than they save. The best cutting from edge
to edge is found exactly, over a grid of cells, by dynamic programming over all its rectangles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...media.faces import Pixels

Flags = npt.NDArray[np.bool_]
_CELLS = 32  # along the longer side, at most
_SMALLEST_CELL = 16
Numbers = npt.NDArray[Any]
_SAMPLES = 512  # frames that the choice is made by, spread over the clip
_PER_RUN = 32 * 32  # what a run of the model costs beside its pixels, in pixels

NO_FRAMES = "No frame is left of the clip. Lower `skip_first_frames`; the clip is shorter than that."


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


def make_plan(
    frames: Iterable[Pixels],
    grid: Grid,
    *,
    overlap: int,
    tolerance: int,
    largest: int,
    on_frame: Callable[[], None],
) -> Plan:
    """The cheapest plan for a clip.

    Args:
        frames: (H, W, 3) uint8 of the grid's size.
        grid: the cells that frames are cut along.
        overlap: pixels around a part that the model also sees.
        tolerance: levels of 8 bits by which a part may differ and still count as unchanged.
        largest: pixels that a window may have.
        on_frame: called after each frame; may raise to cancel.

    Raises:
        ValueError: there are no frames.
    """
    tracked = Activity(grid, overlap, tolerance)
    activity: list[Flags] = []
    for frame in frames:
        activity.append(tracked.of(frame))
        on_frame()
    if not activity:
        raise ValueError(NO_FRAMES)
    regions = cut(grid, activity, overlap, largest)
    return Plan(len(activity), regions, _pixels(np.stack(activity), regions, grid.cell))


def _pixels(activity: Flags, regions: list[Region], cell: int) -> int:
    """`activity` (frames, rows, columns) as pixels that the model is given."""
    total = 0
    for region in regions:
        top, bottom, left, right = (-(-side // cell) for side in region.inner)
        total += int(activity[:, top:bottom, left:right].any(axis=(1, 2)).sum()) * region.area
    return total


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of `cell` pixels over a frame of `width` x `height`; the last row and column may be smaller."""

    width: int
    height: int
    cell: int

    @classmethod
    def over(cls, width: int, height: int, *, multiple: int, smallest: int) -> Grid:
        """The grid of a frame whose parts begin at multiples of `multiple` pixels and have at least `smallest`."""
        wanted = max(_SMALLEST_CELL, smallest, -(-max(width, height) // _CELLS))
        return cls(width, height, -(-wanted // multiple) * multiple)

    @classmethod
    def undivided(cls, width: int, height: int) -> Grid:
        """The whole frame as one cell."""
        return cls(width, height, max(width, height))

    @property
    def rows(self) -> int:
        return -(-self.height // self.cell)

    @property
    def columns(self) -> int:
        return -(-self.width // self.cell)


class Activity:
    """Which cells, with `overlap` pixels around them, have changed by more than `tolerance` levels.

    A cell's pixels are compared with those of the frame in which it changed last, so that slow changes add up.
    """

    def __init__(self, grid: Grid, overlap: int, tolerance: int) -> None:
        self._grid, self._overlap, self._tolerance = grid, overlap, tolerance
        self._reference: Pixels | None = None

    def of(self, frame: Pixels) -> Flags:
        """(rows, columns) for the next `frame` (H, W, 3); all of the first frame has changed."""
        grid = self._grid
        if self._reference is None:
            self._reference = frame.copy()
            return np.ones((grid.rows, grid.columns), bool)
        changed = differs(self._reference, frame, self._tolerance)
        near, own = (np.zeros((grid.rows, grid.columns), bool) for _ in range(2))
        for found, reach in ((near, self._overlap), (own, 0)):
            for row in range(grid.rows):
                band = np.asarray(changed[_span(row, grid.cell, reach)].any(axis=0))
                for column in range(grid.columns):
                    found[row, column] = band[_span(column, grid.cell, reach)].any()
        for row, column in np.argwhere(own):
            part = _span(row, grid.cell), _span(column, grid.cell)
            self._reference[part] = frame[part]
        return near


def differs(one: Pixels, other: Pixels, tolerance: int) -> Flags:
    """(H, W): where a channel differs by more than `tolerance` levels of 8 bits."""
    if tolerance == 0:
        return (one != other).any(axis=2)
    return (np.maximum(one, other) - np.minimum(one, other)).max(axis=2) > tolerance


def _span(index: int, cell: int, reach: int = 0) -> slice:
    return slice(max(int(index) * cell - reach, 0), (int(index) + 1) * cell + reach)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a frame and the window around it that the model sees: top, bottom, left, right in pixels."""

    inner: tuple[int, int, int, int]
    window: tuple[int, int, int, int]

    @property
    def area(self) -> int:
        """Pixels of the window."""
        top, bottom, left, right = self.window
        return (bottom - top) * (right - left)


def cut(grid: Grid, activity: Sequence[Flags], overlap: int, largest: int) -> list[Region]:
    """The regions of the cheapest cutting; together they cover the frame once.

    Args:
        activity: for each frame (rows, columns), the cells that have changed, or something within `overlap` of them.
        overlap: pixels by which a window exceeds its rectangle, except at the frame's edges.
        largest: pixels that a window may have; a single cell is never divided.
    """
    cost: dict[tuple[int, int], Numbers] = {}
    choice: dict[tuple[int, int], Numbers] = {}
    for (height, width), runs in _runs(activity):
        pixels = _window_pixels(grid, height, width, overlap)
        allowed = (pixels <= largest) | (height * width == 1)
        best = np.where(allowed, (pixels + _PER_RUN) * runs, np.inf)
        cuts = np.zeros(best.shape, np.int32)
        rows, columns = best.shape
        for at in range(1, height):
            divided = cost[at, width][:rows] + cost[height - at, width][at : at + rows]
            best, cuts = np.minimum(best, divided), np.where(divided < best, at, cuts)
        for at in range(1, width):
            divided = cost[height, at][:, :columns] + cost[height, width - at][:, at : at + columns]
            best, cuts = np.minimum(best, divided), np.where(divided < best, -at, cuts)
        cost[height, width], choice[height, width] = best, cuts

    def regions(row: int, column: int, height: int, width: int) -> Iterator[Region]:
        at = int(choice[height, width][row, column])
        if at > 0:
            yield from regions(row, column, at, width)
            yield from regions(row + at, column, height - at, width)
        elif at < 0:
            yield from regions(row, column, height, -at)
            yield from regions(row, column - at, height, width + at)
        else:
            yield _region(grid, row, column, height, width, overlap)

    return list(regions(0, 0, grid.rows, grid.columns))


def divided(grid: Grid, regions: Sequence[Region], overlap: int, largest: int) -> list[Region]:
    """`regions` with those halved, again and again, whose windows have more than `largest` pixels."""
    found: list[Region] = []
    for region in regions:
        top, bottom, left, right = region.inner
        row, column = top // grid.cell, left // grid.cell
        height, width = -(-bottom // grid.cell) - row, -(-right // grid.cell) - column
        if region.area <= largest or height * width == 1:
            found.append(region)
        elif height >= width:
            half = height // 2
            parts = (row, column, half, width), (row + half, column, height - half, width)
            found += divided(grid, [_region(grid, *part, overlap) for part in parts], overlap, largest)
        else:
            half = width // 2
            parts = (row, column, height, half), (row, column + half, height, width - half)
            found += divided(grid, [_region(grid, *part, overlap) for part in parts], overlap, largest)
    return found


def _runs(activity: Sequence[Flags]) -> Iterator[tuple[tuple[int, int], Numbers]]:
    """For rectangles of each height and width in cells, at each place: in how many frames one of the cells changes."""
    flags = np.stack(activity[:: -(-len(activity) // _SAMPLES)])
    bits = np.packbits(flags, axis=0).transpose(1, 2, 0)  # (rows, columns, frames / 8)
    rows, columns = bits.shape[:2]
    ones = np.array([value.bit_count() for value in range(256)], np.int64)
    strip: dict[int, Numbers] = {1: bits}
    for width in range(2, columns + 1):
        strip[width] = strip[width - 1][:, :-1] | bits[:, width - 1 :]
    block = dict(strip)
    for height in range(1, rows + 1):
        for width in range(1, columns + 1):
            if height > 1:
                block[width] = block[width][:-1] | strip[width][height - 1 :]
            yield (height, width), ones[block[width]].sum(axis=-1)


def _window_pixels(grid: Grid, height: int, width: int, overlap: int) -> Numbers:
    """Pixels of the window of a rectangle of `height` x `width` cells at each place."""

    def lengths(places: int, cells: int, end: int) -> Numbers:
        first = np.arange(places) * grid.cell
        return np.minimum(first + cells * grid.cell + overlap, end) - np.maximum(first - overlap, 0)

    tall = lengths(grid.rows - height + 1, height, grid.height)
    wide = lengths(grid.columns - width + 1, width, grid.width)
    return np.outer(tall, wide)


def _region(grid: Grid, row: int, column: int, height: int, width: int, overlap: int) -> Region:
    top, left = row * grid.cell, column * grid.cell
    bottom, right = min(top + height * grid.cell, grid.height), min(left + width * grid.cell, grid.width)
    window = (
        max(top - overlap, 0),
        min(bottom + overlap, grid.height),
        max(left - overlap, 0),
        min(right + overlap, grid.width),
    )
    return Region((top, bottom, left, right), window)
