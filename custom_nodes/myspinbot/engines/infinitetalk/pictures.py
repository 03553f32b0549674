"""The picture that a window starts from: a portrait, or the frames of a source clip, in the size of the video."""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from ...media.clip import at_rate, read
from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ...shared.work_store import explain_full_store
from ..progress import OnStep
from .plan import Window

_BLACK = (0, 0, 0)
_IN_MEMORY = 1 << 25  # bytes


def fit(pixels: Pixels, width: int, height: int, how: str) -> Pixels:
    """`pixels` (H, W, 3) as `width` x `height`: cut around its middle ("crop"), or whole on black ("pad")."""
    picture, size = Image.fromarray(pixels), (width, height)
    if how == "pad":
        made = ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color=_BLACK)
    else:
        made = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    return np.asarray(made)


def fit_mask(mask: Any, width: int, height: int, how: str) -> npt.NDArray[np.float32]:
    """The first of a MASK (B, H, W) or (H, W) as (height, width), 1 where it is set, fitted as the picture is.

    Raises:
        ValueError: it isn't a mask, or is empty.
    """
    try:
        plane = np.asarray(mask.detach().cpu().float().numpy()).reshape(-1, *mask.shape[-2:])[0]
    except (AttributeError, IndexError, ValueError) as error:
        raise ValueError(f"The mask input does not hold a mask ({error!r}). Connect a MASK output.") from error
    grey = fit(np.repeat((plane > 0.5)[..., None], 3, axis=2).astype(np.uint8) * 255, width, height, how)
    set_ = (grey[..., 0] > 127).astype(np.float32)
    if not set_.any():
        raise ValueError("A speaker's mask is empty in the video's frame; paint the speaker white.")
    return set_


@dataclass(frozen=True, slots=True)
class Starts:
    """The pictures that windows start from, in a file; iterated, it gives them one by one.

    Attributes:
        shape: how many there are, and of each its rows, columns and 3.
        fingerprint: of their content.
    """

    room: IO[bytes]
    shape: tuple[int, ...]
    fingerprint: str

    def __iter__(self) -> Iterator[Pixels]:
        self.room.seek(0)
        for _ in range(self.shape[0]):
            data = bytearray(self.room.read(math.prod(self.shape[1:])))
            yield np.frombuffer(data, np.uint8).reshape(self.shape[1:])


@contextmanager
def put_aside(pictures: Iterable[Pixels], folder: Path) -> Generator[Starts, None, None]:
    """Keep `pictures`, (H, W, 3) of one size, while it isn't known yet whether they are needed.

    They are gone after the block. More than a few lie in a nameless file in `folder`, which is made if it isn't there.

    Raises:
        OSError: the disk is full; the message says where.
    """
    with explain_full_store(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)) as room:
        hashes: list[str] = []
        size: tuple[int, ...] = ()
        for picture in pictures:
            size = picture.shape
            hashes.append(fingerprint(picture))
            with explain_full_store(folder):
                room.write(np.ascontiguousarray(picture).data)
        yield Starts(room, (len(hashes), *size), fingerprint(hashes))


def starts(source: Path, windows: Iterable[Window], fps: int, on_step: OnStep) -> Iterator[Pixels]:
    """For each window the frame that `source` shows at its start; the last one is held by a source that is too short.

    `on_step(frames read, frames in all)` is called after each frame and may raise to cancel.

    Raises:
        ValueError: it is no video that can be read.
    """
    wanted = {window.start for window in windows}
    count = max(wanted) + 1
    for index, pixels in enumerate(at_rate(read(source), Fraction(fps), count=count)):
        on_step(index + 1, count)
        if index in wanted:
            yield pixels
