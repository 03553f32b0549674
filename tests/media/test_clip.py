"""Clips in and out: times, turns, colours, sound copied, frames kept bit for bit."""

import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myspinbot.media import sound_tracks
from myspinbot.media.audio import Sound
from myspinbot.media.clip import Frame, at_rate, probe, read
from myspinbot.media.lossless import LosslessWriter, read_lossless
from myspinbot.media.sound_tracks import SoundFrom
from myspinbot.media.video import VideoWriter

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]
ORANGE = (200, 60, 30)


def numbered(index, size=(64, 48)):
    """A picture whose brightness says which one it is."""
    return np.full((size[1], size[0], 3), 16 + index * 5 % 224, np.uint8)


def write(path, *, times, size=(64, 48), picture=numbered, clock=Fraction(1, 90000), rate=25, **tags):
    """A clip of frames shown at `times` (in units of `clock`), with tags on its stream."""
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libx264", rate=rate, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = *size, tags.pop("pix_fmt", "yuv420p")
        stream.codec_context.time_base = clock
        stream.codec_context.thread_count = 4  # as many as there are cores would be other bytes on each machine
        matrix = tags.pop("matrix", None)
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(index, size), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt, dst_colorspace=matrix)
            frame.pts, frame.time_base = time, clock
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return path


def levels(pixels):
    return [round(float(picture.mean())) for picture in pixels]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_come_in_order_at_their_times(tmp_path, rate, suffix):
    path = write(tmp_path / f"a.{suffix}", times=range(40), clock=1 / rate, rate=rate)
    frames = list(read(path))
    assert len(frames) == 40
    for index, frame in enumerate(frames):
        assert float(frame.time) == pytest.approx(index / rate, abs=0.0011), "Matroska counts milliseconds"
        assert abs(levels([frame.pixels])[0] - levels([numbered(index)])[0]) <= 2
    info = probe(path)
    assert (info.width, info.height, info.has_audio) == (64, 48, False)
    assert float(info.duration) == pytest.approx(40 / rate, abs=0.03)
    assert levels(at_rate(frames, rate)) == levels(frame.pixels for frame in frames), "its own rate changes nothing"


def test_a_variable_rate_is_made_constant_without_drift(tmp_path):
    gaps = [1, 3, 1, 5, 2, 1, 1, 8, 1, 2] * 6
    times = np.cumsum([0, *gaps]).tolist()  # in hundredths of a second
    path = write(tmp_path / "a.mp4", times=times, clock=Fraction(1, 100))
    frames = list(read(path))
    assert [frame.time * 100 for frame in frames] == times
    got = levels(at_rate(frames, Fraction(25)))
    for index, level in enumerate(got):
        shown = max(n for n, time in enumerate(times) if time / 100 <= (index + 0.5) / 25)
        assert abs(level - levels([numbered(shown)])[0]) <= 2


@given(
    rate=st.sampled_from(RATES),
    wanted=st.sampled_from(RATES),
    count=st.integers(1, 400),
)
def test_a_constant_rate_shows_each_moment_its_own_frame(rate, wanted, count):
    source = [Frame(index / rate, 1 / rate, np.array(index)) for index in range(count)]
    shown = [int(picture) for picture in at_rate(source, wanted)]
    assert abs(Fraction(len(shown)) / wanted - count / rate) <= 1 / wanted / 2
    for index, frame in enumerate(shown):
        middle = (index + Fraction(1, 2)) / wanted
        assert frame / rate <= middle < (frame + 1) / rate


@given(count=st.integers(0, 30), wanted=st.integers(0, 60))
def test_a_count_cuts_or_holds_the_last_frame(count, wanted):
    source = [Frame(Fraction(index, 25), Fraction(1, 25), np.array(index)) for index in range(count)]
    shown = [int(picture) for picture in at_rate(source, Fraction(25), wanted)]
    assert shown == ([min(index, count - 1) for index in range(wanted)] if count else [])


def test_reading_from_the_middle(tmp_path):
    path = write(tmp_path / "a.mp4", times=range(100), clock=Fraction(1, 25))
    frames = list(read(path, start=Fraction(61, 25)))
    assert frames[0].time == Fraction(61, 25)
    assert len(frames) == 39
    assert list(read(path, start=Fraction(99))) == []


@pytest.mark.parametrize(
    ("size", "tags"),
    [
        ((64, 48), {"matrix": 5}),
        ((1280, 720), {"matrix": 1}),
        ((64, 48), {"matrix": 1, "colorspace": 1}),
        ((64, 48), {"matrix": 9, "colorspace": 9}),
        ((1280, 720), {"matrix": 5, "colorspace": 6}),
        ((62, 46), {"matrix": 1, "colorspace": 1, "pix_fmt": "yuv444p"}),
    ],
)
def test_colours_are_what_the_tags_say_or_what_players_assume(tmp_path, size, tags):
    def orange(index, size):
        return np.full((size[1], size[0], 3), ORANGE, np.uint8)

    path = write(tmp_path / "a.mp4", times=range(3), size=size, picture=orange, clock=Fraction(1, 25), **tags)
    for frame in read(path):
        assert np.abs(frame.pixels.astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_clip_that_a_phone_turned_is_upright(tmp_path, degrees):
    def half(index, size):
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[:, : size[0] // 2] = 255
        return picture

    plain, path = tmp_path / "plain.mp4", tmp_path / "a.mp4"
    write(plain, times=range(3), picture=half, clock=Fraction(1, 25))
    turned(plain, path, degrees)
    info, frame = probe(path), next(iter(read(path)))
    sideways = degrees % 180 != 0
    assert (info.width, info.height) == ((48, 64) if sideways else (64, 48))
    assert frame.pixels.shape == (info.height, info.width, 3)
    white = np.argwhere(frame.pixels[..., 0] > 128).mean(axis=0) / frame.pixels.shape[:2]
    where = {0: (0.5, 0.25), 90: (0.75, 0.5), 180: (0.5, 0.75), 270: (0.25, 0.5)}
    assert white == pytest.approx(where[degrees], abs=0.05)


def turned(source, path, degrees):
    """`source` with a display matrix that turns it by `degrees` against the clock, written into its track header."""
    data = bytearray(source.read_bytes())
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    at = data.index(b"tkhd") + 4 + 40
    fixed = [cos, -sin, 0, sin, cos, 0, 0, 0, 0x4000]
    data[at : at + 36] = b"".join((value << 16).to_bytes(4, "big", signed=True) for value in fixed)
    path.write_bytes(data)


@pytest.mark.parametrize("content", [b"", b"not a video at all" * 100, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 500])
def test_what_is_no_video_is_said_plainly(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for use in (probe, lambda path: list(read(path))):
        with pytest.raises(ValueError, match=r"a\.mp4 .*(read|opened|no video)"):
            use(path)


def test_a_clip_with_a_damaged_part_is_read_around_it(tmp_path):
    path = write(tmp_path / "a.mkv", times=range(100), clock=Fraction(1, 25), size=(160, 120))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(data)
    frames = list(read(path))
    assert 50 < len(frames) <= 100
    assert all(a.time < b.time for a, b in pairwise(frames))


def sound_packets(path):
    with av.open(str(path)) as clip:
        return [bytes(packet) for packet in clip.demux(clip.streams.audio[0]) if packet.size]


def tone(seconds, channels=1, rate=44100):
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return Sound(np.repeat(wave[None].astype(np.float32), channels, axis=0), rate)


def test_another_files_sound_is_copied_bit_for_bit(tmp_path):
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    for path, sound in ((first, tone(2, 2)), (second, SoundFrom(first))):
        with VideoWriter(path, width=64, height=48, fps=Fraction(25), sound=sound) as video:
            for index in range(50):
                video.write(numbered(index))
    assert sound_packets(first) == sound_packets(second)
    with av.open(str(first)) as a, av.open(str(second)) as b:
        assert a.streams.audio[0].duration == b.streams.audio[0].duration
        assert b.streams.audio[0].start_time == a.streams.audio[0].start_time


def test_a_sound_that_mp4_cannot_carry_is_coded_anew(tmp_path):
    first, second = tmp_path / "a.mkv", tmp_path / "b.mp4"
    with av.open(str(first), "w") as clip:
        video = clip.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = clip.add_stream("pcm_s16le", rate=44100, layout="5.1")
        for index in range(50):
            clip.mux(video.encode(av.VideoFrame.from_ndarray(numbered(index), format="rgb24")))
        wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(88200) / 44100)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 6)[None], format="s16", layout="5.1")
        frame.sample_rate = 44100
        clip.mux(sound.encode(frame))
        clip.mux(sound.encode(None))
    with VideoWriter(second, width=64, height=48, fps=Fraction(25), sound=SoundFrom(first)) as video:
        for index in range(50):
            video.write(numbered(index))
    with av.open(str(second)) as clip:
        stream = clip.streams.audio[0]
        assert (stream.codec_context.name, stream.channels) == ("aac", 2)
        assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=0.03)
        got = np.concatenate([frame.to_ndarray()[0] for frame in clip.decode(audio=0)])
        assert np.fft.rfftfreq(len(got), 1 / 44100)[np.argmax(np.abs(np.fft.rfft(got)))] == pytest.approx(440, abs=2)


def test_a_sound_with_damaged_packets_is_coded_anew_around_them(tmp_path):
    whole, first, second = (tmp_path / name for name in ("whole.mkv", "a.mkv", "b.mp4"))
    with VideoWriter(tmp_path / "v.mp4", width=64, height=48, fps=Fraction(25), sound=tone(2)) as video:
        for index in range(50):
            video.write(numbered(index))
    with av.open(str(tmp_path / "v.mp4")) as clip, av.open(str(whole), "w") as copy:
        video = copy.add_stream_from_template(clip.streams.video[0])
        sound = copy.add_stream("pcm_s16le", rate=44100, layout="mono")
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                copy.mux(packet)
        clip.seek(0)
        for frame in clip.decode(audio=0):
            copy.mux(sound.encode(frame))
        copy.mux(sound.encode(None))
    damaged(whole, first)
    with av.open(str(first)) as clip, pytest.raises(av.error.InvalidDataError):
        list(clip.decode(audio=0))
    with VideoWriter(second, width=64, height=48, fps=Fraction(25), sound=SoundFrom(first)) as video:
        for index in range(50):
            video.write(numbered(index))
    with av.open(str(second)) as clip:
        stream = clip.streams.audio[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=0.1)
        got = np.concatenate([frame.to_ndarray()[0] for frame in clip.decode(audio=0)])
        assert np.fft.rfftfreq(len(got), 1 / 44100)[np.argmax(np.abs(np.fft.rfft(got)))] == pytest.approx(440, abs=2)


def damaged(source, path):
    """`source` with two of its packets of sound cut to a byte of nonsense."""
    with av.open(str(source)) as clip, av.open(str(path), "w") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in clip.streams}
        for count, packet in enumerate(clip.demux()):
            if packet.dts is None:
                continue
            kept = packet
            if packet.stream.type == "audio" and count in (40, 41, 42, 43):
                kept = av.Packet(b"\xff")
                kept.pts, kept.dts, kept.time_base = packet.pts, packet.dts, packet.time_base
            kept.stream = streams[packet.stream.index]
            copy.mux(kept)


def test_a_sound_that_cannot_be_copied_leaves_nothing_open_and_no_file(tmp_path, monkeypatch):
    first = write(tmp_path / "a.mp4", times=range(5), clock=Fraction(1, 25))

    def fail(container):
        raise ValueError("no start")

    monkeypatch.setattr(sound_tracks, "clip_start", fail)
    with pytest.raises(ValueError, match="no start") as caught:
        VideoWriter(tmp_path / "b.mp4", width=64, height=48, fps=Fraction(25), sound=SoundFrom(first))
    assert caught.value.__traceback__, "which keeps alive what is still open"
    assert not [file for file in Path("/proc/self/fd").iterdir() if str(tmp_path) in os.path.realpath(file)]
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_the_sound_of_a_silent_clip_is_none(tmp_path):
    first, second = write(tmp_path / "a.mp4", times=range(5), clock=Fraction(1, 25)), tmp_path / "b.mp4"
    with VideoWriter(second, width=64, height=48, fps=Fraction(25), sound=SoundFrom(first)) as video:
        video.write(numbered(0))
    assert not probe(second).has_audio


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (2, 2), (1, 1)])
def test_kept_frames_come_back_bit_for_bit(tmp_path, size):
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(12)]
    with LosslessWriter(tmp_path / "a.mkv", width=size[0], height=size[1]) as chunk:
        for frame in frames:
            chunk.write(frame)
    back = list(read_lossless(tmp_path / "a.mkv"))
    assert len(back) == 12
    assert all((a == b).all() for a, b in zip(frames, back, strict=True))


def test_a_damaged_chunk_says_so(tmp_path):
    (tmp_path / "a.mkv").write_bytes(b"nonsense" * 50)
    with pytest.raises(ValueError, match="damaged; delete it"):
        list(read_lossless(tmp_path / "a.mkv"))
