"""The turn, size and shift that bring points closest to others.

Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns" (1991).
"""

import numpy as np
import numpy.typing as npt

_SLIGHTEST = 1e-6

Points = npt.NDArray[np.floating]


def similarity(start: Points, goal: Points, weights: Points | None = None) -> npt.NDArray[np.float64]:
    """(2, 3), the map that brings `start` (N, 2) closest to `goal` (N, 2), without a mirror.

    `weights` (N,) say how much each point counts, alike if None. Points that all lie in one place are only shifted
    there, and shrunk to nothing.
    """
    start, goal = start.astype(np.float64), goal.astype(np.float64)
    shares = np.full((len(start), 1), 1 / len(start)) if weights is None else (weights / weights.sum())[:, None]
    start_mean, goal_mean = (shares * start).sum(axis=0), (shares * goal).sum(axis=0)
    a, b = start - start_mean, goal - goal_mean
    spread = max(float((shares * a**2).sum()), _SLIGHTEST)
    cos = float((shares * a * b).sum()) / spread
    sin = float((shares[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, goal_mean - turn @ start_mean])
