"""The faces of a clip, followed: where each person's is in every frame, and which of them is meant."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from .detect import Floats

Choice = Literal["largest", "index", "reference"]
_POINTS = 10


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace:
    """A person's face in one frame: as `detect.Face`, and `id`, the person's number in the clip."""

    id: int
    box: Floats
    points: Floats
    outline: Floats | None

    @property
    def area(self) -> float:
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person's face from frame `start` on, without a gap.

    `values` (n, 14 or more): per frame the box, the five points and, where it is known, the outline. `appearance`
    is what `appearance.describe` gives for it on average.
    """

    id: int
    start: int
    values: Floats
    appearance: Floats

    @property
    def end(self) -> int:
        return self.start + len(self.values)

    def at(self, index: int) -> TrackedFace:
        value = self.values[index - self.start]
        outline = value[4 + _POINTS :].reshape(-1, 2) if len(value) > 4 + _POINTS else None
        return TrackedFace(self.id, value[:4], value[4 : 4 + _POINTS].reshape(5, 2), outline)

    def overlaps(self, other: "Track") -> bool:
        return self.start < other.end and other.start < self.end

    @property
    def weight(self) -> float:
        """The face's area over all of its frames."""
        boxes = self.values[:, :4].astype(np.float64)
        return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """All the faces of a clip of `frames` frames, whose scenes begin at `cuts` (the first at 0)."""

    frames: int
    cuts: tuple[int, ...]
    tracks: tuple[Track, ...]

    def at(self, index: int) -> list[TrackedFace]:
        """The faces in a frame, largest first."""
        here = [track.at(index) for track in self.tracks if track.start <= index < track.end]
        return sorted(here, key=lambda face: -face.area)

    @property
    def several_at_once(self) -> bool:
        """Whether more than one face is seen in any frame."""
        return any(one.overlaps(other) for i, one in enumerate(self.tracks) for other in self.tracks[:i])

    def chosen(self, choice: Choice, *, index: int = 0, appearance: Floats | None = None, alike: float = 0.0) -> Self:
        """The tracks with one face at most in each frame.

        Args:
            choice: "largest": in each scene the face that takes most of it, and others only where that one is absent.
                "index": in each scene one person from the left. "reference": the person of an appearance.
            index: which person from the left, from 0.
            appearance: of the person who is meant.
            alike: the likeness above which somebody is that person, -1 to 1.
        """
        kept: list[Track] = []
        if choice == "reference":
            kept = self._person_like(appearance, alike)
        else:
            for begin, end in pairwise((*self.cuts, self.frames)):
                scene = [track for track in self.tracks if begin <= track.start < end]
                kept += _apart(scene) if choice == "largest" else _from_left(scene, index)
        return replace(self, tracks=tuple(kept))

    def _person_like(self, appearance: Floats | None, alike: float) -> list[Track]:
        if appearance is None:
            raise ValueError("To choose a face by its looks, connect a reference picture of it.")
        likeness = {
            person: max(float(track.appearance @ appearance) for track in self.tracks if track.id == person)
            for person in {track.id for track in self.tracks}
        }
        best = max(likeness, key=lambda person: likeness[person], default=None)
        if best is None or likeness[best] < alike:
            return []
        return _apart([track for track in self.tracks if track.id == best])

    def save(self, path: Path) -> None:
        """Write all of it to `path`, for `load`."""
        about = {"frames": self.frames, "cuts": self.cuts, "tracks": [(track.id, track.start) for track in self.tracks]}
        arrays: dict[str, Any] = {}
        for number, track in enumerate(self.tracks):
            arrays |= {f"values{number}": track.values, f"appearance{number}": track.appearance}
        with path.open("wb") as file:
            np.savez(file, about=json.dumps(about), **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            tracks = [
                Track(person, start, content[f"values{number}"], content[f"appearance{number}"])
                for number, (person, start) in enumerate(about["tracks"])
            ]
        return cls(about["frames"], tuple(about["cuts"]), tuple(tracks))


def packed(box: Floats, points: Floats, outline: Floats | None) -> Floats:
    """A face as one row of `Track.values`."""
    parts = [box, points.ravel()] + ([] if outline is None else [outline.ravel()])
    return np.concatenate(parts).astype(np.float32)


def _apart(tracks: Iterable[Track]) -> list[Track]:
    """The weightiest of `tracks`, and of the others those that overlap none that is kept."""
    kept: list[Track] = []
    for track in sorted(tracks, key=lambda track: -track.weight):
        if not any(track.overlaps(other) for other in kept):
            kept.append(track)
    return kept


def _from_left(scene: Sequence[Track], index: int) -> list[Track]:
    people = sorted({track.id for track in scene}, key=lambda person: _middle(scene, person))
    return _apart(t for t in scene if t.id == people[index]) if index < len(people) else []


def _middle(scene: Sequence[Track], person: int) -> float:
    return float(np.mean([track.values[:, (0, 2)].mean() for track in scene if track.id == person]))
