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
    """A picture in another size.

    Args:
        pixels: (H, W, 3) uint8.
        width: in pixels.
        height: in pixels.
        how: "crop" cuts it around its middle, "pad" lays it whole on black.

    Returns:
        (height, width, 3) uint8.
    """
    picture, size = Image.fromarray(pixels), (width, height)
    if how == "pad":
        made = ImageOps.pad(picture, size, Image.Resampling.LANCZOS, color=_BLACK)
    else:
        made = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    return np.asarray(made)


def fit_mask(mask: Any, width: int, height: int, how: str) -> npt.NDArray[np.float32]:
    """A speaker's mask in the video's size, fitted as the picture is.

    Args:
        mask: a MASK, (B, H, W) or (H, W); the first is used.
        width: in pixels.
        height: in pixels.
        how: "crop" or "pad", see `fit`.

    Returns:
        (height, width), 1 where the mask is set, else 0.

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
class StartImages:
    """The pictures that windows start from, in a file; iterated, it gives them one by one.

    Attributes:
        shape: how many there are, and of each its rows, columns and 3.
        fingerprint: of their content.
    """

    file: IO[bytes]
    shape: tuple[int, ...]
    fingerprint: str

    def __iter__(self) -> Iterator[Pixels]:
        self.file.seek(0)
        for _ in range(self.shape[0]):
            data = bytearray(self.file.read(math.prod(self.shape[1:])))
            yield np.frombuffer(data, np.uint8).reshape(self.shape[1:])


@contextmanager
def spooled(pictures: Iterable[Pixels], folder: Path) -> Generator[StartImages, None, None]:
    """Hold pictures outside of memory for the block, as it isn't known yet whether they are needed.

    Args:
        pictures: (H, W, 3) uint8 each, all of one size.
        folder: where more than a few lie in a nameless file; made if it isn't there.

    Raises:
        OSError: the disk is full; the message says where.
    """
    with explain_full_store(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)) as file:
        hashes: list[str] = []
        size: tuple[int, ...] = ()
        for picture in pictures:
            size = picture.shape
            hashes.append(fingerprint(picture))
            with explain_full_store(folder):
                file.write(np.ascontiguousarray(picture).data)
        yield StartImages(file, (len(hashes), *size), fingerprint(hashes))


def start_images(source: Path, windows: Iterable[Window], fps: int, on_step: OnStep) -> Iterator[Pixels]:
    """For each window the frame that a clip shows at its start; a clip that is too short holds its last one.

    Args:
        source: the clip's file.
        windows: all windows of the video, in order.
        fps: frames a second of the video.
        on_step: called after each frame with the frames read and the frames in all; may raise to cancel.

    Yields:
        (H, W, 3) uint8, in the clip's size.

    Raises:
        ValueError: it is no video that can be read.
    """
    wanted = {window.start for window in windows}
    count = max(wanted) + 1
    for index, pixels in enumerate(at_rate(read(source), Fraction(fps), count=count)):
        on_step(index + 1, count)
        if index in wanted:
            yield pixels
