"""Frames on their way through the stages that make a clip better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..media.faces import Pixels


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the work: something done on the way, or a finished frame.

    Attributes:
        pixels: how much was done, as pixels that a model was given.
        frame: (H, W, 3) uint8; the same object as the one before where nothing changed.
        source: the frame that it was made from.
        state: what a run that goes on after this frame needs to know.
    """

    pixels: int = 0
    frame: Pixels | None = None
    source: Pixels | None = None
    state: Any = None
