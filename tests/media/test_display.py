"""A frame as it is meant to be shown: mirrored, of two fields, of a wide dynamic range, transparent, in wide pixels."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from myspinbot.media.clip import probe, read
from myspinbot.media.display import shown, whole_frames

from .test_clip import write

MATRICES = {  # of the track header, and what becomes of a picture
    "mirrored": ([-1, 0, 0, 1], lambda picture: picture[:, ::-1]),
    "upside down": ([1, 0, 0, -1], lambda picture: picture[::-1]),
    "turned by 180": ([-1, 0, 0, -1], lambda picture: picture[::-1, ::-1]),
    "transposed": ([0, 1, 1, 0], lambda picture: picture.transpose(1, 0, 2)),
    "transposed the other way": ([0, -1, -1, 0], lambda picture: picture[::-1, ::-1].transpose(1, 0, 2)),
    "turned right": ([0, 1, -1, 0], lambda picture: np.rot90(picture, -1)),
    "turned left": ([0, -1, 1, 0], lambda picture: np.rot90(picture)),
}


def corners(index, size):
    """A picture that is another one in each of the eight positions."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[: size[1] // 2, : size[0] // 2] = 255
    picture[: size[1] // 2, size[0] // 2 :] = 120
    return picture


@pytest.mark.parametrize("name", MATRICES)
def test_a_clip_is_turned_and_mirrored_as_its_track_says(tmp_path, name):
    matrix, change = MATRICES[name]
    plain, path = write(tmp_path / "a.mp4", times=range(2), picture=corners, clock=Fraction(1, 25)), tmp_path / "b.mp4"
    data = bytearray(plain.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    fixed = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in fixed)
    path.write_bytes(data)
    before, after = (next(iter(read(file))).pixels for file in (plain, path))
    assert (after == change(before)).all()
    info = probe(path)
    assert after.shape[:2] == (info.height, info.width)


def hdr(curve: int, level: int, size=(64, 48), primaries=9):
    """A frame of one grey in 10 bits."""
    frame = av.VideoFrame(*size, "yuv420p10le")
    for plane, value in zip(frame.planes, (level, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, curve, primaries
    return frame


def narrow(signal: float) -> int:
    return round(64 + 876 * signal)


@pytest.mark.parametrize(
    ("curve", "signal", "level"),
    [
        (16, 0.5806, 255),  # 203 cd/m2, white of graphics (ITU-R BT.2408, table 1)
        (16, 0.0, 0),
        (16, 1.0, 255),
        (16, 0.4463, 128),  # 203 * 0.2615 cd/m2, of which BT.709 makes half
        (18, 0.75, 255),  # the same white in HLG (BT.2408)
        (18, 0.0, 0),
        (18, 0.5095, 128),
    ],
)
def test_white_of_a_wide_range_is_white(curve, signal, level):
    pixels = shown(hdr(curve, narrow(signal)))
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - level).max() <= 3


def woven(index, size=(96, 64)):
    """A bar that moves between the fields of a frame: every other row of it is elsewhere."""

    def bar(step):
        return np.where((np.arange(size[0]) // 8 == step % 6)[None, :, None], 255, 0).repeat(size[1], 0).repeat(3, 2)

    picture = bar(2 * index).astype(np.uint8)
    picture[1::2] = bar(2 * index + 1)[1::2]
    return picture


def interlaced(path, count, *, keys=250):
    """A clip of woven frames, with a keyframe every `keys`."""
    with av.open(str(path), "w") as out:
        params = f"tff=1:keyint={keys}:min-keyint={keys}:scenecut=0"
        stream = out.add_stream("libx264", rate=25, options={"x264-params": params, "crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= 0x20040000  # interlaced coding and motion
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(woven(index), format="rgb24")
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    return path


def pictures(path):
    with av.open(str(path)) as found:
        yield from found.decode(video=0)


def test_a_clip_of_two_fields_has_no_combs(tmp_path):
    path = interlaced(tmp_path / "a.mp4", 8)
    frames = [frame.pixels[..., 1].astype(int) for frame in read(path)]
    assert len(frames) == 8
    assert "interlaced" in probe(path).remarks[0]

    def combs(picture):
        return np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:]).mean()

    before = np.mean([combs(woven(index)[..., 1].astype(int)) for index in range(8)])
    assert np.mean([combs(picture) for picture in frames[1:-1]]) < before / 3


def test_a_clip_of_two_fields_is_the_same_from_wherever_it_is_read(tmp_path):
    """Also from a keyframe on, whose fields are made whole with the frame before it."""
    path = interlaced(tmp_path / "a.mp4", 20, keys=5)
    whole = list(read(path))
    for index in (1, 2, 4, 5, 6, 9, 10, 11, 15, 19):
        found = list(read(path, start=Fraction(index, 25)))
        assert [frame.time for frame in found] == [frame.time for frame in whole[index:]]
        assert all((a.pixels == b.pixels).all() for a, b in zip(found, whole[index:], strict=True)), index


def test_fields_after_a_whole_picture_are_made_whole_with_it(tmp_path):
    """Wherever reading began: at that picture, or at fields before it."""
    path = interlaced(tmp_path / "a.mp4", 4)
    plain = write(tmp_path / "b.mp4", times=range(4), clock=Fraction(1, 25), size=(96, 64))
    made = []
    for begin in (0, 1):
        mixed = list(pictures(path))
        mixed[1] = list(pictures(plain))[1]
        mixed[1].pts, mixed[1].time_base = mixed[2].pts - 512, mixed[2].time_base
        made.append([picture.to_ndarray() for picture in whole_frames(iter(mixed[begin:]))])
    assert [len(found) for found in made] == [4, 3]
    assert all(np.array_equal(a, b) for a, b in zip(made[0][1:], made[1], strict=True))


def test_pixels_that_arent_square_are_made_so(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 60, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        for index in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(corners(index, (60, 48)), format="rgb24")))
        out.mux(stream.encode(None))
    info = probe(path)
    assert (info.width, info.height) == (64, 48)
    assert {frame.pixels.shape for frame in read(path)} == {(48, 64, 3)}
    assert "square" in info.remarks[0]


@pytest.mark.parametrize("form", ["yuva420p", "rgba", "gbrap", "ya8"])
def test_what_is_transparent_lies_on_white(form):
    drawn = np.zeros((8, 8, 4), np.uint8)
    drawn[:, 4:, 3] = 255
    picture = av.VideoFrame.from_ndarray(drawn, format="rgba").reformat(format=form)
    pixels = shown(picture)
    assert pixels[:, :3].min() >= 250
    assert pixels[:, 5:].max() <= 5


@pytest.mark.parametrize("form", ["gray16le", "gray10le", "rgb48le", "yuv444p12le", "gbrp10le"])
def test_levels_of_more_bits_keep_their_places(form):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 8, 0).repeat(3, 2)
    picture = av.VideoFrame.from_ndarray(ramp, format="rgb24").reformat(format=form)
    assert np.abs(shown(picture).astype(int) - ramp).max() <= 2
