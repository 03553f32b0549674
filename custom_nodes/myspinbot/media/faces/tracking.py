"""Faces followed through a clip, in one pass that keeps positions and no pictures.

Faces are looked for on every few frames, at both sides of every cut, and closer wherever one comes or goes;
between those frames positions are interpolated. Each person's track is then smoothed by a local fit around every
frame, which follows even and accelerated movement without lag (Savitzky and Golay, 1964).
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy import ndimage, signal

from .appearance import SAME_PERSON, describe
from .cuts import CutFinder
from .detect import Detector, Face, Floats, parallel_calls
from .geometry import Pixels, Plane
from .tracks import Track, Tracks, packed

EVERY = 5
SMOOTHING = 0.6  # seconds
_PATIENCE = Fraction(1, 2)  # seconds for which a face may go unseen, turned or covered, and still be there
_REACH = 0.6  # of a face's width: how far it moves from one look to the next
_GROWTH = 1.6


@dataclass(slots=True, eq=False)
class _ActiveTrack:
    """A face on its way through a scene: what was seen of it, and in which frames."""

    frames: list[int]
    rows: list[Floats]
    appearance: Floats

    @property
    def seen(self) -> int:
        return self.frames[-1]

    def distance(self, face: Face) -> float:
        """From where it was last, in widths of the face; infinite for what can't be the same."""
        x0, y0, x1, y1 = (float(value) for value in self.rows[-1][:4])
        growth = face.width / max(x1 - x0, 1e-6)
        if not 1 / _GROWTH < growth < _GROWTH:
            return np.inf
        dx, dy = (face.box[0] + face.box[2] - x0 - x1) / 2, (face.box[1] + face.box[3] - y0 - y1) / 2
        return float(np.hypot(dx, dy)) / max(face.width, x1 - x0)

    def add(self, index: int, face: Face, appearance: Floats) -> None:
        self.frames.append(index)
        self.rows.append(packed(face.box, face.points, face.outline))
        self.appearance = self.appearance + appearance


@dataclass(slots=True, eq=False)
class FaceTracker:
    """Follows the faces through frames that are added in turn; `finish` gives their tracks.

    With a `pool` it looks at several frames at once, as many as the detector can.
    """

    detector: Detector
    every: int
    patience: int
    smoothing: int
    pool: ThreadPoolExecutor | None = None
    _cuts: CutFinder = field(default_factory=CutFinder)
    _starts: list[int] = field(default_factory=list)
    _recent: dict[int, Pixels] = field(default_factory=dict)
    _asked: deque[tuple[int, Future[list[Face]]]] = field(default_factory=deque)
    _looked: int = -1
    _looks_in_scene: int = 0
    _active: list[_ActiveTrack] = field(default_factory=list)
    _done: list[Track] = field(default_factory=list)
    _count: int = 0

    def add(self, pixels: Pixels) -> None:
        """The next frame (H, W, 3) uint8 RGB."""
        index = self._count
        if self._cuts.begins(pixels):
            self._end_scene()
            self._starts.append(index)
        self._recent[index] = pixels
        self._count += 1
        if (index - self._starts[-1]) % self.every == 0:
            self._ask(index)

    def finish(self) -> Tracks:
        """All of the tracks; the same number for tracks of what looks like one person."""
        self._end_scene()
        tracks = sorted(self._done, key=lambda track: track.start)
        return Tracks(self._count, tuple(self._starts), _with_people(tracks))

    def _ask(self, index: int) -> None:
        """Have a frame looked at, and take what was found in the one asked for before."""
        if self.pool is None:
            return self._look(index, self.detector.detect(self._recent[index]))
        self._asked.append((index, self.pool.submit(self.detector.detect, self._recent[index])))
        if len(self._asked) >= parallel_calls(self.detector):
            self._take()
        return None

    def _take(self) -> None:
        index, found = self._asked.popleft()
        self._look(index, found.result())

    def _end_scene(self) -> None:
        while self._asked:
            self._take()
        last = self._count - 1
        if last > self._looked and last in self._recent:
            self._look(last, self.detector.detect(self._recent[last]))
        for followed in self._active:
            self._close(followed)
        self._active, self._looks_in_scene, self._looked = [], 0, last
        self._recent.clear()

    def _look(self, index: int, faces: list[Face]) -> None:
        """Follow the faces of a frame, and before that look in between where one has come or gone since the last."""
        self._pair_up(index, faces)
        for old in [old for old in self._recent if old < index]:
            del self._recent[old]

    def _pair_up(self, index: int, faces: list[Face]) -> None:
        pairs, gone, new = self._matched(index, faces)
        between = (self._looked + index) // 2
        if (gone or new) and self._looks_in_scene and between > self._looked and between in self._recent:
            self._pair_up(between, self.detector.detect(self._recent[between]))
            return self._pair_up(index, faces)
        for followed, face in pairs:
            followed.add(index, face, describe(self._recent[index], face))
        for face in new:
            row = packed(face.box, face.points, face.outline)
            self._active.append(_ActiveTrack([index], [row], describe(self._recent[index], face)))
        self._looked, self._looks_in_scene = index, self._looks_in_scene + 1
        for followed in [followed for followed in self._active if index - followed.seen > self.patience]:
            self._active.remove(followed)
            self._close(followed)
        return None

    def _matched(self, index: int, faces: list[Face]) -> tuple[list[tuple[_ActiveTrack, Face]], bool, list[Face]]:
        """Who of those followed is which face; whether one was lost since the last look; and the faces left over."""
        order = sorted(
            (followed.distance(face), a, b)
            for a, followed in enumerate(self._active)
            for b, face in enumerate(faces)
        )  # fmt: skip
        pairs: dict[int, int] = {}
        for distance, a, b in order:
            waited = (index - self._active[a].seen) / self.every
            if distance < _REACH * max(waited, 1) and a not in pairs and b not in pairs.values():
                pairs[a] = b
        lost = any(a not in pairs and followed.seen == self._looked for a, followed in enumerate(self._active))
        left = [face for b, face in enumerate(faces) if b not in pairs.values()]
        return [(self._active[a], faces[b]) for a, b in pairs.items()], lost, left

    def _close(self, followed: _ActiveTrack) -> None:
        """Keep a track, unless it was seen once only while there was time to see it again."""
        if len(followed.frames) == 1 and self._looks_in_scene > 2:
            return
        appearance = followed.appearance / max(float(np.linalg.norm(followed.appearance)), 1e-6)
        values = _dense(followed.frames, np.stack(followed.rows), self.smoothing)
        self._done.append(Track(0, followed.frames[0], values, appearance.astype(np.float32)))


def find_tracks(
    frames: Iterable[Pixels],
    detector: Detector,
    *,
    fps: Fraction,
    every: int = EVERY,
    smoothing: float = SMOOTHING,
    on_frame: Callable[[int], None] | None = None,
) -> Tracks:
    """Follow the faces through a clip. Memory doesn't grow with the size of its frames.

    Args:
        frames: (H, W, 3) uint8 RGB each.
        detector: what finds faces.
        fps: frames a second.
        every: frames from one look of the detector to the next.
        smoothing: seconds around a frame that its positions are fitted to; 0 leaves them as they were found.
        on_frame: called with the frames seen; may raise to cancel.
    """
    several = parallel_calls(detector)
    with ThreadPoolExecutor(several, "faces") if several > 1 else nullcontext() as pool:
        follower = FaceTracker(detector, every, max(round(_PATIENCE * fps), every), round(smoothing * fps), pool)
        for count, pixels in enumerate(frames, 1):
            follower.add(pixels)
            if on_frame:
                on_frame(count)
        return follower.finish()


def _dense(frames: list[int], rows: Floats, smoothing: int) -> Floats:
    """A row for each frame from those that were looked at: outliers removed, interpolated, smoothed."""
    if len(frames) > 2:
        rows = ndimage.median_filter(rows, size=(3, 1), mode="nearest")
    steps = np.arange(frames[0], frames[-1] + 1)
    dense: Plane = np.stack([np.interp(steps, frames, column) for column in rows.T], axis=1)
    window = min(smoothing | 1, (len(dense) - 1) | 1, len(dense) if len(dense) % 2 else len(dense) - 1)
    if window > 3:
        dense = np.asarray(signal.savgol_filter(dense, window, 2 if window > 5 else 1, axis=0, mode="interp"))
    return dense.astype(np.float32)


def _with_people(tracks: list[Track]) -> tuple[Track, ...]:
    """`tracks` numbered by person: one that looks like an earlier one, and isn't there at the same time, is hers."""
    people: list[list[Track]] = []
    for track in tracks:
        free = [person for person in people if not any(track.overlaps(other) for other in person)]
        alike = {id(person): max(float(track.appearance @ other.appearance) for other in person) for person in free}
        best = max(free, key=lambda person: alike[id(person)], default=None)
        if best is not None and alike[id(best)] >= SAME_PERSON:
            best.append(track)
        else:
            people.append([track])
    numbered = [
        Track(number, track.start, track.values, track.appearance)
        for number, person in enumerate(people)
        for track in person
    ]
    return tuple(sorted(numbered, key=lambda track: track.start))
