"""The rectangles into which a frame is cut, so that a whole clip costs the model the least.

A rectangle that holds what moves, and little else, is computed often; the still rest once. Each rectangle is
computed with an overlap around it, so that many small ones cost more than they save. The best cutting from edge
to edge is found exactly, over a grid of cells, by dynamic programming over all its rectangles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .activity import Flags, Grid

Numbers = npt.NDArray[Any]
_SAMPLES = 512  # frames that the choice is made by, spread over the clip
_PER_RUN = 32 * 32  # what a run of the model costs beside its pixels, in pixels


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
