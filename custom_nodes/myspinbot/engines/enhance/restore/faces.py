"""The faces of a clip's frames, restored one frame after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ....media.faces import Pixels
from ....media.faces.tracks import Track, Tracks
from ...frames import Step
from ...memory import is_out_of_memory, release
from .align import MASK, SIDE, Alignment
from .network import Restorer
from .temporal_smoothing import Drawn, steadied

Where = Literal["where needed", "everywhere"]
PIXELS_PER_FACE = 100_000  # what a face counts beside the pixels that an upscale model is given
_TINY = 24.0  # pixels of the square's side below which nobody can say what a face looks like
_LARGE = 480.0  # and above which it needs no more pixels
_SOFT = 2.2  # levels of detail below which a face of any size is soft


@dataclass(frozen=True, slots=True)
class Care:
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


Kept = dict[int, Drawn | None]
"""By number of the track: what was drawn for it last; None for one that is left as it is."""


@dataclass(slots=True, eq=False)
class Faces:
    """Restores the faces that `tracks` follow; a face that is seen again as it was is not drawn again.

    Attributes:
        batch: frames whose faces go through the model together.
        kept: the state after the last frame that was given; set it to go on from a frame.
        restored: how many faces the model has drawn.
    """

    restorer: Restorer
    tracks: Tracks
    care: Care
    tolerance: int = 0
    batch: int = 1
    kept: Kept = field(default_factory=dict)
    restored: int = 0
    _wished: set[int] = field(default_factory=set)

    def finished(self, steps: Iterable[Step], first: int) -> Iterator[Step]:
        """`steps`, the faces of their frames restored, the frames' numbers counted from `first`."""
        index, waiting = first, iter(steps)
        while group := list(islice(waiting, self.batch)):
            yield from (step for step in group if step.frame is None)
            frames = [step for step in group if step.frame is not None]
            yield from self._group(frames, index)
            index += len(frames)

    def _group(self, steps: list[Step], first: int) -> Iterator[Step]:
        wanted = [self._wanted(step, first + place) for place, step in enumerate(steps)]
        before = {number: drawn.seen for number, drawn in self.kept.items() if drawn is not None}
        faces: list[Pixels] = []
        for here in wanted:
            for number, (_, seen) in here.items():
                if not _same(before.get(number), seen, self.tolerance):
                    faces.append(seen)
                    before[number] = seen
        drawn = iter(self._drawn(faces))
        if faces:
            yield Step(pixels=PIXELS_PER_FACE * len(faces))
        for step, here in zip(steps, wanted, strict=True):
            yield self._pasted(step, here, drawn)

    def _wanted(self, step: Step, index: int) -> dict[int, tuple[Alignment, Pixels]]:
        """The faces of a frame that are to be restored: where they are, and how they look."""
        found: dict[int, tuple[Alignment, Pixels]] = {}
        for number, track in enumerate(self.tracks.tracks):
            if not track.start <= index < track.end or (number in self.kept and self.kept[number] is None):
                continue
            placed = Alignment.of(track.at(index).points)
            if placed.side < _TINY or step.source is None:
                continue
            seen = placed.cut(step.source)
            if number not in self.kept and number not in self._wished:
                if self.care.where == "where needed" and not needs_it(track, seen):
                    self.kept = {**self.kept, number: None}
                    continue
                self._wished.add(number)
            found[number] = placed, seen
        return found

    def _pasted(self, step: Step, here: dict[int, tuple[Alignment, Pixels]], drawn: Iterator[Pixels]) -> Step:
        frame, source = step.frame, step.source
        if frame is None or source is None:
            return step
        kept: Kept = {number: value for number, value in self.kept.items() if value is None or number in here}
        for number, (placed, seen) in here.items():
            last = self.kept.get(number)
            if last is not None and _same(last.seen, seen, self.tolerance):
                kept[number] = last
            else:
                kept[number] = steadied(last, seen, next(drawn), self.care.temporal_smoothing)
                self.restored += 1
            shown = np.clip(kept[number].shown + 0.5, 0, 255).astype(np.uint8)  # pyright: ignore[reportOptionalMemberAccess]
            where = placed.scaled(frame.shape[1] / source.shape[1], frame.shape[0] / source.shape[0])
            frame = where.paste(frame, shown, self.care.strength)
        self.kept = kept
        return replace(step, frame=frame, state=kept)

    def _drawn(self, faces: list[Pixels]) -> list[Pixels]:
        """What the model draws for each; always so many at once, for it may round differently for another number."""
        found: list[Pixels] = []
        while len(found) < len(faces):
            some = faces[len(found) : len(found) + self.batch]
            stack = np.stack(some + [some[-1]] * (self.batch - len(some)))
            try:
                found += list(self.restorer(stack, self.care.fidelity)[: len(some)])
                continue
            except Exception as error:
                if not is_out_of_memory(error) or self.batch == 1:
                    raise
            release()  # not before the error is gone, which holds what was being computed
            self.batch //= 2
        return found


def needs_it(track: Track, seen: Pixels) -> bool:
    """Whether a face, as its track begins, is small or soft enough to gain by being restored."""
    sides = [Alignment.of(track.at(index).points).side for index in (track.start, track.end - 1)]
    return min(sides) < _LARGE or detail(seen) < _SOFT


def detail(seen: Pixels) -> float:
    """How much there is to see in a face's finest lines, in levels: what is lost at half the size, on average."""
    grey = Image.fromarray(seen).convert("L")
    half = grey.resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    lost = np.abs(np.asarray(grey, np.float32) - np.asarray(half, np.float32))
    return float((lost * MASK).sum() / MASK.sum())


def save_state(kept: Kept, path: Path) -> None:
    """Write what a run goes on from."""
    arrays: dict[str, Any] = {}
    for number, drawn in kept.items():
        arrays |= {f"{number}": []} if drawn is None else {
            f"{number} seen": drawn.seen, f"{number} shown": drawn.shown,
        }  # fmt: skip
    with path.open("wb") as file:
        np.savez(file, **arrays)


def load_state(path: Path) -> Kept:
    """What `save_state` wrote."""
    with np.load(path, allow_pickle=False) as content:
        kept: Kept = {int(name): None for name in content if " " not in name}
        for name in (name for name in content if name.endswith(" seen")):
            number = name.split()[0]
            kept[int(number)] = Drawn(*(content[f"{number} {part}"] for part in ("seen", "shown")))
    return kept


def _same(before: Pixels | None, seen: Pixels, tolerance: int) -> bool:
    if before is None:
        return False
    return bool((np.maximum(before, seen) - np.minimum(before, seen)).max() <= tolerance)
