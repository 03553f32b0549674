"""One number per frame from a clip's pictures: steadiness, and the face's mouth, eyes, place and sharpness.

The face is looked at through windows that turn and move with its eyes, so that a head that sways doesn't count as a
mouth that moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from ...media.faces import Pixels
from ...media.faces.geometry import upright
from ...media.faces.tracks import TrackedFace, Tracks

Curve = npt.NDArray[np.float32]
_UNIT = 40  # pixels of a window between the eyes
_MOUTH, _EYE = (46, 44), (26, 18)  # width and height of the windows
_SMALL = 160  # pixels of the longest side at which steadiness is measured
_SHARP_EVERY = 5  # frames
_INSIDE = 0.55  # of the skin's brightness, below which something is as dark as only the inside of a mouth is
_CORE = (slice(8, 38), slice(10, 36))  # rows and columns of the mouth's window where lips may be
_SLOW = 0.6  # seconds: what changes more slowly is posture and light, not speech
_BLOCK = 1500  # frames at a time, so that memory stays flat


@dataclass(slots=True)
class Pictures:
    """What was measured, frame by frame; NaN where there is no face.

    Attributes:
        mouth: how the mouth moves: along the direction in which its pixels change most, freed of what changes
            slowly, in levels; more is darker, which is more open.
        opening: the share of the mouth's place that is dark.
        eyes: how far both eyes are from how they look on average, in shares of their contrast.
        place: (N, 3) the face's middle in distances between the eyes, and its roll in degrees.
        step: how far the whole picture is from the one before, in levels.
        flicker: how far it is from the mean of its neighbours, outside the face, in levels.
        sharpness: of the mouth and of the eyes, (M, 2), on some frames.
    """

    mouth: Curve
    opening: Curve
    eyes: Curve
    place: npt.NDArray[np.float32]
    step: Curve
    flicker: Curve
    sharpness: npt.NDArray[np.float32]


def measure_pictures(frames: Iterable[Pixels], tracks: Tracks, fps: float, on_frame: Callable[[int], None]) -> Pictures:
    """Look at every frame once.

    Args:
        frames: (H, W, 3) each, of the clip that `tracks` are of.
        tracks: one face at most in each frame.
        fps: of the clip.
        on_frame: called with how many are done; may raise.
    """
    seen = _Seen()
    below = _mouth_below(tracks)
    for index, pixels in enumerate(frames):
        face = next(iter(tracks.at(index)), None)
        seen.add(pixels, face, below)
        on_frame(index + 1)
    return seen.result(fps)


def _mouth_below(tracks: Tracks) -> float:
    """How far the mouth's middle is below the eyes, in distances between them: the median over the clip."""
    rows = np.concatenate([track.values for track in tracks.tracks]) if tracks.tracks else np.zeros((0, 14), np.float32)
    if not len(rows):
        return 1.0
    five = rows[:, 4:14].reshape(-1, 5, 2)
    across, down = five[:, 1] - five[:, 0], five[:, 3:].mean(axis=1) - five[:, :2].mean(axis=1)
    return float(np.median(np.linalg.norm(down, axis=1) / np.maximum(np.linalg.norm(across, axis=1), 1)))


@dataclass(slots=True)
class _Seen:
    """Small windows of the frames so far, a few thousand bytes each."""

    mouths: list[Pixels | None] = field(default_factory=list)
    eyes: list[Pixels | None] = field(default_factory=list)
    place: list[tuple[float, float, float]] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    sharpness: list[tuple[float, float]] = field(default_factory=list)
    last: list[tuple[Curve, Curve]] = field(default_factory=list)

    def add(self, pixels: Pixels, face: TrackedFace | None, below: float) -> None:
        self._steadiness(pixels, face)
        if face is None:
            self.mouths.append(None)
            self.eyes.append(None)
            self.place.append((np.nan, np.nan, np.nan))
            return
        left, right = face.points[0].astype(np.float64), face.points[1].astype(np.float64)
        across = right - left
        unit = max(float(np.hypot(*across)), 2.0)
        across /= unit
        down = np.array([-across[1], across[0]])
        middle = (left + right) / 2
        mouth = middle + below * unit * down
        self.mouths.append(_window(pixels, mouth, across * unit / _UNIT, _MOUTH))
        pair = [_window(pixels, eye, across * unit / _UNIT, _EYE) for eye in (left, right)]
        self.eyes.append(np.concatenate(pair))
        roll = float(np.degrees(np.arctan2(across[1], across[0])))
        self.place.append((float(middle[0]) / unit, float(middle[1]) / unit, roll))
        if (len(self.mouths) - 1) % _SHARP_EVERY == 0:
            size = max(int(unit), 8)
            native = [
                _window(pixels, at, across, (size, size * 2 // 3)) for at in (mouth, middle)
            ]  # of the frame's own pixels
            self.sharpness.append((sharpness(native[0]), sharpness(native[1])))

    def _steadiness(self, pixels: Pixels, face: TrackedFace | None) -> None:
        shrink = max(max(pixels.shape[:2]) // _SMALL, 1)
        small = np.asarray(Image.fromarray(pixels).reduce(shrink), np.float32).mean(axis=2)
        outside = np.ones(small.shape, np.float32)
        if face is not None:
            x0, y0, x1, y1 = (int(value / shrink) for value in _with_hair(face))
            outside[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 0
        self.step.append(float(np.abs(small - self.last[-1][0]).mean()) if self.last else 0.0)
        self.flicker.append(0.0)
        self.last = [*self.last[-2:], (small, outside)]
        if len(self.last) == 3:
            (one, _), (two, free), (three, _) = self.last
            apart = np.abs(two - (one + three) / 2) * free
            self.flicker[-2] = float(apart.sum() / max(float(free.sum()), 1))

    def result(self, fps: float) -> Pictures:
        mouth, opening = _mouth(self.mouths, fps)
        return Pictures(
            mouth,
            opening,
            _eyes(self.eyes),
            np.array(self.place, np.float32).reshape(-1, 3),
            np.array(self.step, np.float32),
            np.array(self.flicker, np.float32),
            np.array(self.sharpness, np.float32).reshape(-1, 2),
        )


def sharpness(grey: Pixels) -> float:
    """The share of a picture's contrast that lies in its finest lines: what a blur takes, whatever the light."""
    plane = grey.astype(np.float64)
    inner = plane[1:-1, 1:-1]
    fine = plane[2:, 1:-1] + plane[:-2, 1:-1] + plane[1:-1, 2:] + plane[1:-1, :-2] - 4 * inner
    return float(fine.var() / max(float(plane.var()), 1e-3))


def _with_hair(face: TrackedFace) -> tuple[float, float, float, float]:
    """A box around the head and the neck, which move with it."""
    x0, y0, x1, y1 = (float(value) for value in face.box)
    width, height = x1 - x0, y1 - y0
    return x0 - 0.5 * width, y0 - 0.6 * height, x1 + 0.5 * width, y1 + 0.5 * height


def _window(pixels: Pixels, middle: Curve, step: Curve, size: tuple[int, int]) -> Pixels:
    """A grey window (h, w) around a point, its rows along `step`, in pixels of the frame for one of its own."""
    a, b = float(step[0]), float(step[1])
    x = float(middle[0]) - a * size[0] / 2 + b * size[1] / 2
    y = float(middle[1]) - b * size[0] / 2 - a * size[1] / 2
    return upright(pixels, (x, y), (a, b), size, black=False).mean(axis=2).round().astype(np.uint8)


def _stacked(windows: list[Pixels | None]) -> tuple[npt.NDArray[np.bool_], Pixels]:
    known = np.array([window is not None for window in windows], bool)
    kept = [window for window in windows if window is not None]
    return known, np.stack(kept) if kept else np.zeros((0, 1, 1), np.uint8)


def quick(curve: npt.NDArray[np.floating], fps: float) -> npt.NDArray[np.float64]:
    """What of a curve, or of several (N, ...), changes within half a second or so."""
    width = 2 * round(_SLOW * fps / 2) + 1
    slow: npt.NDArray[np.float64] = ndimage.uniform_filter1d(curve.astype(np.float64), width, axis=0, mode="nearest")
    return curve.astype(np.float64) - slow


def _mouth(windows: list[Pixels | None], fps: float) -> tuple[Curve, Curve]:
    known, stack = _stacked(windows)
    moved, opening = (np.full(len(windows), np.nan, np.float32) for _ in range(2))
    if len(stack):
        skin = float(np.median(stack))
        moved[known] = _movement(stack, fps)
        opening[known] = [(window[_CORE] < _INSIDE * skin).mean() for window in stack]
    return moved, opening


def _movement(stack: Pixels, fps: float) -> Curve:
    """(N,) along the first principal component of the mouth's quick changes."""
    small = stack.reshape(len(stack), _MOUTH[1] // 2, 2, _MOUTH[0] // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    blocks = [quick(small[at : at + _BLOCK], fps).reshape(-1, small[0].size) for at in range(0, len(small), _BLOCK)]
    spread = sum(block.T @ block for block in blocks)
    _, directions = np.linalg.eigh(spread)
    along = np.concatenate([block @ directions[:, -1] for block in blocks]) / np.sqrt(small[0].size)
    dark = -quick(stack[:, _CORE[0], _CORE[1]].mean(axis=(1, 2)), fps)
    return (along * (1 if float((along * dark).sum()) >= 0 else -1)).astype(np.float32)


def _eyes(windows: list[Pixels | None]) -> Curve:
    """Of both eyes the one that has changed less: who blinks shuts both."""
    known, stack = _stacked(windows)
    changed = np.full(len(windows), np.nan, np.float32)
    if len(stack):
        usual = np.median(stack, axis=0)
        half = _EYE[1]
        each = [
            np.abs(stack[:, part] - usual[part]).mean(axis=(1, 2)) / max(float(usual[part].std()), 1.0)
            for part in (slice(0, half), slice(half, 2 * half))
        ]
        changed[known] = np.minimum(*each)
    return changed
