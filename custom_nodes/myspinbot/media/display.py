"""How a decoded picture is meant to be shown: turned, in square pixels, in the colours of an ordinary screen.

Wide dynamic range is brought to BT.709 as FFmpeg's zscale does with `npl=203`: the light of 203 cd/m2, white of
graphics by ITU-R BT.2408, becomes white, and what is brighter is cut off. PQ is SMPTE ST 2084; HLG is ARIB STD-B67
with the system gamma of a screen of 1000 cd/m2 (ITU-R BT.2100).
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from .faces import Pixels

_UNSPECIFIED = 2  # ISO/IEC 23091-2, as are the curves
_PQ, _HLG = 16, 18
_HD = 720  # rows from which an untagged clip is taken for BT.709, as players do; below it is BT.601
_WHITE = 203.0  # cd/m2
_BT2020_TO_BT709 = np.array(  # ITU-R BT.2407
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_LEVELS = 1 << 16
_GROUND = 255  # white, on which transparent pictures are laid here

Floats = npt.NDArray[np.float32]


def is_hdr(picture: Any) -> bool:
    """Whether a picture has a wide dynamic range, by its tags."""
    return picture.color_trc in (_PQ, _HLG)


def shown(picture: Any, aspect: Fraction = Fraction(1)) -> Pixels:
    """A decoded picture as it is shown: (H, W, 3) uint8 RGB in BT.709, transparency laid on white.

    Args:
        picture: from the decoder.
        aspect: of a pixel, width to height; pictures get as many columns as make them square.
    """
    width = max(round(picture.width * aspect / 2) * 2, 2) if aspect not in (0, 1) else picture.width
    pixels = _hdr(picture, width) if is_hdr(picture) else _plain(picture, width)
    return _turned(pixels, picture)


def _plain(picture: Any, width: int) -> Pixels:
    name = picture.format.name
    if _has_alpha(name):
        laid = picture.reformat(width=width, format="rgba", **_colors(picture)).to_ndarray(format="rgba")
        alpha = laid[..., 3:].astype(np.uint16)
        return ((laid[..., :3] * alpha + _GROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    rgb = name.startswith(("rgb", "bgr", "gbr", "gray", "pal"))
    if not rgb or width != picture.width:
        picture = picture.reformat(width=width, format="rgb24", interpolation=Interpolation.BICUBIC, **_colors(picture))
    return picture.to_ndarray(format="rgb24")


def _has_alpha(name: str) -> bool:
    return name.startswith(("yuva", "gbrap", "ya", "rgba", "bgra", "argb", "abgr")) or name == "pal8"


def _colors(picture: Any) -> dict[str, Any]:
    """Of what matrix a picture is and that all levels are wanted; nothing for one that is RGB or grey."""
    if picture.format.name.startswith(("rgb", "bgr", "gbr", "gray", "pal", "argb", "abgr", "ya8", "ya16")):
        return {}
    space = Colorspace.ITU709 if picture.height >= _HD else Colorspace.ITU601
    tagged = picture.colorspace != _UNSPECIFIED
    return {"src_colorspace": None if tagged else space, "dst_color_range": ColorRange.JPEG}


def _turned(pixels: Pixels, picture: Any) -> Pixels:
    """The picture turned and mirrored as its display matrix says (ISO/IEC 14496-12, 8.3.2), by right angles."""
    side = picture.side_data.get("DISPLAYMATRIX")
    if side is None:
        return pixels
    a, b, _, c, d = np.frombuffer(bytes(side), np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, mirrored, flipped = pixels.transpose(1, 0, 2), c < 0, b < 0
    else:
        mirrored, flipped = a < 0, d < 0
    if mirrored:
        pixels = pixels[:, ::-1]
    if flipped:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _hdr(picture: Any, width: int) -> Pixels:
    """A picture in PQ or HLG as BT.709, cut off above white."""
    whole = {"width": width, "format": "rgb48le", "dst_color_range": ColorRange.JPEG}
    signal = picture.reformat(**whole, interpolation=Interpolation.BICUBIC).to_ndarray()
    light = _light(picture.color_trc)[signal]
    if picture.color_trc == _HLG:
        luminance = np.maximum(light @ _BT2020_LUMINANCE, 1e-6)
        light *= (1000 / _WHITE * luminance**0.2)[..., None]
    if picture.color_primaries not in (1, 5, 6):  # BT.709 and BT.601 are near enough to one another
        light = light @ _BT2020_TO_BT709.T
    return _bt709()[(np.clip(light, 0, 1) * (_LEVELS - 1) + 0.5).astype(np.uint16)]


@cache
def _light(curve: int) -> Floats:
    """Light for each level of 16 bits: of PQ in units of white, of HLG of the scene, from 0 to 1."""
    signal = np.linspace(0, 1, _LEVELS)
    if curve == _PQ:
        root = signal ** (1 / 78.84375)
        light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return (light ** (1 / 0.1593017578125) * 10000 / _WHITE).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


@cache
def _bt709() -> npt.NDArray[np.uint8]:
    """The level of 8 bits for each light from 0 to 1 (ITU-R BT.709, 1.2)."""
    light = np.linspace(0, 1, _LEVELS)
    signal = np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)
    return (signal * 255 + 0.5).astype(np.uint8)


def whole_frames(pictures: Iterator[Any]) -> Iterator[Any]:
    """The pictures of a clip, those that are woven of two fields made whole by FFmpeg's bwdif; one for each.

    Each is made of itself and its neighbours alone, so that it is the same wherever an earlier picture began.
    """
    graph: Any = None
    form: tuple[Any, ...] = ()
    before: Any = None
    for picture in pictures:
        own = _form(picture)
        if graph is not None and own != form:  # the size changes on the way
            graph.push(None)
            yield from _pulled(graph)
            graph = before = None
        if graph is None and not picture.interlaced_frame:
            before = picture
            yield picture
            continue
        given = False  # whether the graph gives a picture first that was given already
        if graph is None:
            graph, form = _deinterlacer(picture), own
            given = before is not None and _form(before) == own
            if given:
                graph.push(before)
        graph.push(picture)
        yield from islice(_pulled(graph), int(given), None)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _form(picture: Any) -> tuple[Any, ...]:
    return picture.width, picture.height, picture.format.name


def _deinterlacer(picture: Any) -> Any:
    graph: Any = Graph()
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format.name, time_base=picture.time_base
    )
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
    ).configure()
    return graph


def _pulled(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (BlockingIOError, EOFError, FFmpegError):
            return
