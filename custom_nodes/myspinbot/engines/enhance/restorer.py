"""The faces of a clip's frames: aligned, drawn anew by a model, smoothed over time and pasted back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from ...media.faces import Pixels
from ...media.faces.tracks import Track, TrackedFace, Tracks
from ...media.warp import rounded
from ..memory import is_out_of_memory, release
from .align import MASK, SIDE, Alignment
from .pieces import Step
from .restore_network import Restorer

Where = Literal["where needed", "everywhere"]
PIXELS_PER_FACE = 100_000  # what a face counts beside the pixels that an upscale model is given
_TINY = 24.0  # pixels of the square's side below which nobody can say what a face looks like
_LARGE = 480.0  # and above which it needs no more pixels
_SOFT = 2.2  # levels of detail below which a face of any size is soft
_COARSE = 128  # pixels of the square's side in which movement is measured
_STILL = 5.0  # levels of 8 bits: what changes by less is noise
_MOVING = 20.0  # what changes by more has moved
_LARGEST_SHIFT = 40.0  # levels by which a restored face's colour is brought nearer to the frame's

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """How faces are restored.

    Attributes:
        fidelity: CodeFormer's weight: 1 keeps closest to the face that is there, 0 draws the cleanest.
        strength: how much of the restored face is seen, 0 to 1.
        temporal_smoothing: how much of the frame before stays where a face is still, 0 to 1.
        where: every face, or those that are small or soft.
    """

    fidelity: float = 1.0
    strength: float = 1.0
    temporal_smoothing: float = 0.8
    where: Where = "where needed"


@dataclass(frozen=True, slots=True, eq=False)
class RestoredFace:
    """An aligned face: the `original` (512, 512, 3) uint8, and restored and `smoothed` over time, in float."""

    original: Pixels
    smoothed: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _AlignedFace:
    """A face of a frame in the square.

    Attributes:
        placed: where it is.
        original: (512, 512, 3) how it looks.
        mask: (512, 512) where it is pasted.
        weight: `mask`, but 0 where the square lies beyond the frame.
    """

    placed: Alignment
    original: Pixels
    mask: Floats
    weight: Floats

    @classmethod
    def of(cls, face: TrackedFace, placed: Alignment, frame: Pixels) -> _AlignedFace:
        mask, shown = placed.mask(face.outline), placed.shown(frame)
        return cls(placed, placed.cut(frame), mask, mask if shown is None else mask * shown)


FaceStates = dict[int, RestoredFace | None]
"""By number of the track: its face in the frame before; None for one that is left as it is."""


@dataclass(slots=True, eq=False)
class FaceRestorer:
    """Restores the faces that `tracks` follow; a face that looks as it did in the frame before is not restored again.

    Attributes:
        batch: frames whose faces go through the model together.
        states: the state after the last frame that was given; set it to go on from a frame.
        count: how many faces the model has restored.
    """

    restorer: Restorer
    tracks: Tracks
    settings: RestoreSettings
    tolerance: int = 0
    batch: int = 1
    states: FaceStates = field(default_factory=dict)
    count: int = 0
    _chosen: set[int] = field(default_factory=set)

    def restore(self, steps: Iterable[Step], first: int) -> Iterator[Step]:
        """Restore the faces of frames on their way.

        Args:
            steps: what comes from the stage before.
            first: the number of the first frame.

        Yields:
            The same steps, with faces restored.
        """
        index, waiting = first, iter(steps)
        while group := list(islice(waiting, self.batch)):
            yield from (step for step in group if step.frame is None)
            frames = [step for step in group if step.frame is not None]
            yield from self._group(frames, index)
            index += len(frames)

    def _group(self, steps: list[Step], first: int) -> Iterator[Step]:
        chosen = [self._chosen_faces(step, first + place) for place, step in enumerate(steps)]
        before = {number: restored.original for number, restored in self.states.items() if restored is not None}
        faces: list[Pixels] = []
        for here in chosen:
            for number, face in here.items():
                if not _same(before.get(number), face.original, self.tolerance):
                    faces.append(face.original)
                    before[number] = face.original
        restored = iter(self._restore(faces))
        if faces:
            yield Step(pixels=PIXELS_PER_FACE * len(faces))
        for step, here in zip(steps, chosen, strict=True):
            yield self._pasted(step, here, restored)

    def _chosen_faces(self, step: Step, index: int) -> dict[int, _AlignedFace]:
        """The faces of a frame that are to be restored: where they are, and how they look."""
        found: dict[int, _AlignedFace] = {}
        for number, track in enumerate(self.tracks.tracks):
            if not track.start <= index < track.end or (number in self.states and self.states[number] is None):
                continue
            face = track.at(index)
            placed = Alignment.of(face.points)
            if placed.side < _TINY or step.source is None:
                continue
            aligned = _AlignedFace.of(face, placed, step.source)
            if number not in self.states and number not in self._chosen:
                if self.settings.where == "where needed" and not needs_restoring(
                    track, aligned.original, aligned.weight
                ):
                    self.states = {**self.states, number: None}
                    continue
                self._chosen.add(number)
            found[number] = aligned
        return found

    def _pasted(self, step: Step, here: dict[int, _AlignedFace], restored: Iterator[Pixels]) -> Step:
        frame, source = step.frame, step.source
        if frame is None or source is None:
            return step
        states: FaceStates = {number: value for number, value in self.states.items() if value is None or number in here}
        for number, face in here.items():
            now = self.states.get(number)
            if now is None or not _same(now.original, face.original, self.tolerance):
                now = smooth(now, face.original, next(restored), self.settings.temporal_smoothing, face.weight)
                self.count += 1
            states[number] = now
            where = face.placed.scaled(frame.shape[1] / source.shape[1], frame.shape[0] / source.shape[0])
            frame = where.paste(frame, rounded(now.smoothed), self.settings.strength, face.mask)
        self.states = states
        return replace(step, frame=frame, state=states)

    def _restore(self, faces: list[Pixels]) -> list[Pixels]:
        """Each face restored; always so many at once, for the model may round differently for another number."""
        found: list[Pixels] = []
        while len(found) < len(faces):
            some = faces[len(found) : len(found) + self.batch]
            stack = np.stack(some + [some[-1]] * (self.batch - len(some)))
            try:
                found += list(self.restorer(stack, self.settings.fidelity)[: len(some)])
                continue
            except Exception as error:
                if not is_out_of_memory(error) or self.batch == 1:
                    raise
            release()  # not before the error is gone, which holds what was being computed
            self.batch //= 2
        return found


def needs_restoring(track: Track, original: Pixels, weight: Floats | None = None) -> bool:
    """Whether a face, as its track begins, is small or soft enough to gain by being restored."""
    sides = [Alignment.of(track.at(index).points).side for index in (track.start, track.end - 1)]
    return min(sides) < _LARGE or detail(original, weight) < _SOFT


def detail(original: Pixels, weight: Floats | None = None) -> float:
    """How much there is to see in a face's finest lines, in levels: what is lost at half the size, on average.

    Args:
        original: (512, 512, 3) uint8.
        weight: (512, 512), how much each place counts; None is an average face.
    """
    counted = MASK if weight is None else weight
    grey = Image.fromarray(original).convert("L")
    half = grey.resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    lost = np.abs(np.asarray(grey, np.float32) - np.asarray(half, np.float32))
    return float((lost * counted).sum() / max(float(counted.sum()), 1e-6))


def save_states(states: FaceStates, path: Path) -> None:
    """Write what a run goes on from."""
    arrays: dict[str, Any] = {}
    for number, restored in states.items():
        arrays |= {f"{number}": []} if restored is None else {
            f"{number} original": restored.original, f"{number} smoothed": restored.smoothed,
        }  # fmt: skip
    with path.open("wb") as file:
        np.savez(file, **arrays)


def load_states(path: Path) -> FaceStates:
    """What `save_states` wrote."""
    with np.load(path, allow_pickle=False) as content:
        states: FaceStates = {int(name): None for name in content if " " not in name}
        for name in (name for name in content if name.endswith(" original")):
            number = name.split()[0]
            states[int(number)] = RestoredFace(*(content[f"{number} {part}"] for part in ("original", "smoothed")))
    return states


def _same(before: Pixels | None, original: Pixels, tolerance: int) -> bool:
    if before is None:
        return False
    return bool((np.maximum(before, original) - np.minimum(before, original)).max() <= tolerance)


def smooth(
    before: RestoredFace | None,
    original: Pixels,
    restored: Pixels,
    temporal_smoothing: float,
    weight: Floats | None = None,
) -> RestoredFace:
    """A restored face that doesn't flicker: where a face stays as it was, so does what was drawn for it.

    Models draw pores and hair anew in each frame.

    Args:
        before: the face in the frame before, if it was there.
        original: (512, 512, 3) uint8, as it is in the frame.
        restored: (512, 512, 3) uint8, as the model draws it.
        temporal_smoothing: the share of the frame before that stays where the face has not moved, 0 to 1.
        weight: (512, 512), how much each place counts in the colour; None is an average face within the frame.
    """
    fresh = match_mean_color(restored, original, weight).astype(np.float32)
    if before is None or temporal_smoothing <= 0:
        return RestoredFace(original, fresh)
    keep = temporal_smoothing * stillness(before.original, original)[..., None]
    return RestoredFace(original, (fresh + keep * (before.smoothed - fresh)).astype(np.float32))


def stillness(one: Pixels, other: Pixels) -> Floats:
    """(512, 512), 1 where two aligned faces are the same and 0 where they have moved, smooth."""
    apart = np.abs(_small(one) - _small(other)).max(axis=2)
    still = np.clip((_MOVING - apart) / (_MOVING - _STILL), 0, 1)
    mask = Image.fromarray(rounded(255 * still)).filter(ImageFilter.MinFilter(5))
    soft = mask.filter(ImageFilter.GaussianBlur(2)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return (np.asarray(soft, np.float32) / 255).astype(np.float32)


def match_mean_color(restored: Pixels, original: Pixels, weight: Floats | None = None) -> Pixels:
    """`restored` with the average colour of `original`, (512, 512, 3) uint8, where `weight` (512, 512) counts it."""
    counted = (MASK if weight is None else weight)[..., None]
    shift = ((original.astype(np.float32) - restored) * counted).sum(axis=(0, 1)) / max(float(counted.sum()), 1e-6)
    return rounded(restored + np.clip(shift, -_LARGEST_SHIFT, _LARGEST_SHIFT))


def _small(face: Pixels) -> Floats:
    return np.asarray(Image.fromarray(face).resize((_COARSE, _COARSE), Image.Resampling.BOX), np.float32)
