"""Upscaled frames of which only what changed is computed anew."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ...media.faces import Pixels
from ..memory import is_out_of_memory, release
from .pieces import Step
from .plan import Region, differs
from .upscale_network import Network, UpscaleError

Windows = dict[int, Pixels]  # by the number of the region


@dataclass(slots=True, eq=False)
class Upscaler:
    """Turns frames into upscaled ones, keeping the picture of every region until its window changes.

    A window is compared with the one that the region's picture was made from, so that differences below the
    tolerance never add up. Windows of a region from several frames run as one batch, filled up to `batch`, because
    models may round differently for another number: what a window gives depends on nothing but itself.

    Attributes:
        divide: the regions, divided until no window has more than so many pixels, for when memory doesn't suffice.
        tolerance: levels of 8 bits by which a window may differ and count as the same; 0 for exactness.
        batch: frames that are looked at together.
        on_reduced: called when the regions or the batch became smaller, because memory ran out.
        remarks: what the user should know of the way it went.
    """

    network: Network
    regions: list[Region]
    divide: Callable[[list[Region], int], list[Region]]
    tolerance: int
    batch: int = 1
    on_reduced: Callable[[list[Region], int], None] = lambda regions, batch: None
    remarks: list[str] = field(default_factory=list)
    _windows: Windows = field(default_factory=dict)
    _stale: set[int] = field(default_factory=set)
    _canvas: Pixels | None = None

    def skip(self, frame: Pixels) -> None:
        """Take note of a frame (H, W, 3) that was upscaled earlier, as if it had been now."""
        self._stale |= self._changed(frame).keys()

    def upscaled(self, frames: Iterable[Pixels]) -> Iterator[Step]:
        """The steps of upscaling `frames`, (H, W, 3) uint8 each, whose sides fit the model.

        A frame that equals the one before is the same object.
        """
        waiting = iter(frames)
        while group := list(islice(waiting, self.batch)):
            yield from self._group(group)

    def _group(self, frames: list[Pixels]) -> Iterator[Step]:
        windows_before, stale = dict(self._windows), set(self._stale)
        pictures: list[Windows] = []
        while not pictures:
            try:
                windows = [self._changed(frame) for frame in frames]
                windows[0] |= {number: windows_before[number] for number in stale - windows[0].keys()}
                pictures = yield from self._computed(windows)
            except Exception as error:
                self._windows, self._stale = dict(windows_before), set(stale)
                if not is_out_of_memory(error):
                    raise
                self._reduce(error)
                self.on_reduced(self.regions, self.batch)
                windows_before, stale = dict(self._windows), set(self._stale)
            if not pictures:
                release()  # not before the error is gone, which holds what was being computed
        self._stale.clear()
        for source, changed in zip(frames, pictures, strict=True):
            yield Step(frame=self._pasted(changed), source=source)

    def _computed(self, windows: list[Windows]) -> Generator[Step, None, list[Windows]]:
        """What the model makes of the windows of each frame."""
        pictures: list[Windows] = [{} for _ in windows]
        for number, region in enumerate(self.regions):
            places = [place for place, changed in enumerate(windows) if number in changed]
            for some in (places[first : first + self.batch] for first in range(0, len(places), self.batch)):
                stack = np.stack([windows[place][number] for place in some])
                padding = np.repeat(stack[-1:], self.batch - len(some), axis=0)
                results = self.network(np.concatenate([stack, padding]))
                for place, result in zip(some, results, strict=False):
                    pictures[place][number] = result
                yield Step(pixels=region.area * len(some))
        return pictures

    def _changed(self, frame: Pixels) -> Windows:
        """The windows of `frame` that differ from those of before, which they replace."""
        found: Windows = {}
        for number, region in enumerate(self.regions):
            window = _part(frame, region.window)
            before = self._windows.get(number)
            if before is None or differs(before, window, self.tolerance).any():
                found[number] = self._windows[number] = window.copy()
        return found

    def _pasted(self, pictures: Windows) -> Pixels:
        """The next frame: the one before with `pictures` in their places."""
        if self._canvas is not None and not pictures:
            return self._canvas
        scale = self.network.scale
        if self._canvas is None:
            height, width = (max(region.inner[side] for region in self.regions) * scale for side in (1, 3))
            canvas = np.empty((height, width, 3), np.uint8)
        else:
            canvas = self._canvas.copy()
        for number, picture in pictures.items():
            top, bottom, left, right = (scale * side for side in self.regions[number].inner)
            y, x = (scale * self.regions[number].window[side] for side in (0, 2))
            canvas[top:bottom, left:right] = picture[top - y : bottom - y, left - x : right - x]
        self._canvas = canvas
        return canvas

    def _reduce(self, error: Exception) -> None:
        """After memory ran out: smaller batches, then smaller windows."""
        if self.batch > 1:
            self.batch //= 2
            return
        largest = max(region.area for region in self.regions)
        regions = self.divide(self.regions, largest // 2)
        if max(region.area for region in regions) >= largest:
            raise UpscaleError(
                "There is not enough memory to upscale even a small part of a frame with this model. Close other "
                "programs, or choose a smaller model."
            ) from error
        self.regions, self._canvas = regions, None
        self._windows.clear()
        self._stale.clear()
        text = "Memory ran short, so frames were upscaled in smaller parts; it took longer."
        if text not in self.remarks:
            self.remarks.append(text)


def _part(frame: Pixels, edges: tuple[int, int, int, int]) -> Pixels:
    top, bottom, left, right = edges
    return frame[top:bottom, left:right]
