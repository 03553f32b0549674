"""Where a clip changes: for each frame, which cells of a grid differ from what was last taken over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....media.faces import Pixels

Flags = npt.NDArray[np.bool_]
_CELLS = 32  # along the longer side, at most
_SMALLEST_CELL = 16


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
        self._held: Pixels | None = None

    def of(self, frame: Pixels) -> Flags:
        """(rows, columns) for the next `frame` (H, W, 3); all of the first frame has changed."""
        grid = self._grid
        if self._held is None:
            self._held = frame.copy()
            return np.ones((grid.rows, grid.columns), bool)
        changed = differs(self._held, frame, self._tolerance)
        near, own = (np.zeros((grid.rows, grid.columns), bool) for _ in range(2))
        for found, reach in ((near, self._overlap), (own, 0)):
            for row in range(grid.rows):
                band = np.asarray(changed[_span(row, grid.cell, reach)].any(axis=0))
                for column in range(grid.columns):
                    found[row, column] = band[_span(column, grid.cell, reach)].any()
        for row, column in np.argwhere(own):
            part = _span(row, grid.cell), _span(column, grid.cell)
            self._held[part] = frame[part]
        return near


def differs(one: Pixels, other: Pixels, tolerance: int) -> Flags:
    """(H, W): where a channel differs by more than `tolerance` levels of 8 bits."""
    if tolerance == 0:
        return (one != other).any(axis=2)
    return (np.maximum(one, other) - np.minimum(one, other)).max(axis=2) > tolerance


def _span(index: int, cell: int, reach: int = 0) -> slice:
    return slice(max(int(index) * cell - reach, 0), (int(index) + 1) * cell + reach)
