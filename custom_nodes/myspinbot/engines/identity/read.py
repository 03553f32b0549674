"""Pictures of a training set, one by one, each with the words that lie beside it."""

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ...media.faces import Pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
"""What counts as a picture; of a kind that Pillow can't read here, such as HEIC, the user is told so."""
LARGEST_FILE = 100 * 10**6  # bytes
LARGEST_PICTURE = 100 * 10**6  # pixels; decoded, that is 300 MB
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\x00", b"MM\x00*")


class PictureError(ValueError):
    """A picture can't be used; the message says why, without its name."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` (H, W, 3) uint8 as they are seen; `caption` is what the user wrote about them, or empty."""

    name: str
    pixels: Pixels
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that can't be used, and why."""

    name: str
    reason: str


def files_in(folder: Path) -> list[Path]:
    """The pictures in a folder and below it, by name.

    Raises:
        ValueError: There is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder.name!r} in ComfyUI's input folder. Put your pictures there.")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def read_all(paths: list[Path]) -> Iterator[Picture | Unreadable]:
    """The pictures in order, decoded one at a time."""
    for path in paths:
        try:
            yield Picture(path.name, read(path), _caption(path))
        except (PictureError, OSError) as error:
            yield Unreadable(path.name, str(error))


def read(path: Path) -> Pixels:
    """A file's pixels (H, W, 3), turned as the camera was held, transparency on white.

    Raises:
        PictureError: It is too large, which its size and its header say before anything is decoded, or empty, cut
            short, damaged or no picture.
    """
    size = path.stat().st_size
    if size == 0:
        raise PictureError("the file is empty; copy it here again")
    if size > LARGEST_FILE:
        raise PictureError(f"the file has {size / 10**6:.0f} MB, and {LARGEST_FILE // 10**6} MB are the most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                _check_header(*picture.size)
                return _flat(ImageOps.exif_transpose(picture))
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError("it has too many pixels; make it smaller") from error
    except UnidentifiedImageError as error:
        raise PictureError(_unidentified(path)) from error
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError, struct.error) as error:
        # It has a picture's header, and Pillow has many ways to say that the rest can't be decoded.
        if "truncated" in str(error) or isinstance(error, EOFError):
            raise PictureError("the file is cut short: its picture ends early; copy it here again") from error
        raise PictureError("the file is damaged or cut short; copy it here again or save it as PNG anew") from error


def _unidentified(path: Path) -> str:
    """Why Pillow finds no picture in a file: its first bytes tell a picture that is cut short from anything else."""
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(_SIGNATURES):
        return "the file is cut short or damaged: it begins as a picture and holds no more; copy it here again"
    if start[4:8] == b"ftyp":
        return "the file is of a kind that can't be read here, such as HEIC; save it as JPEG or PNG"
    return "the file is no picture, whatever its name says; save the picture as JPEG or PNG"


def _check_header(width: int, height: int) -> None:
    if width * height > LARGEST_PICTURE:
        raise PictureError(
            f"it has too many pixels ({width}x{height}, and {LARGEST_PICTURE // 10**6} million are the most); "
            "make it smaller"
        )


def _flat(picture: Image.Image) -> Pixels:
    if picture.mode.startswith("I") or picture.mode == "F":
        least = 1 if picture.mode == "F" else 65535 if "16" in picture.mode else 255
        picture = Image.fromarray(_eight_bits(np.asarray(picture, np.float64), least))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def _eight_bits(levels: npt.NDArray[np.float64], least: int) -> Pixels:
    """Grey levels of 16 bits, of 32 bits or of floats in 8 bits; Pillow itself would cut off all above 255.

    What is white isn't said in such files: it is the smallest of 1, 255 and 65535, of those from `least` on, that no
    level exceeds, else the highest level.
    """
    levels = np.nan_to_num(levels, posinf=0.0, neginf=0.0)
    highest = float(levels.max())
    white = next((known for known in (1, 255, 65535) if least <= known >= highest), highest)
    return (levels.clip(0) * (255 / white) + 0.5).astype(np.uint8)


def _caption(path: Path) -> str:
    """The words in the text file beside a picture; empty where there is none."""
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        return ""
    try:
        return " ".join(beside.read_text(encoding="utf-8-sig").split())
    except UnicodeDecodeError as error:
        raise PictureError(f"{beside.name} beside it isn't text in UTF-8") from error
