"""Files as people have them: tags in any encoding, several streams, clocks that start again, formats that change."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import given
from hypothesis import strategies as st

from myspinbot.media.audio import read_sound
from myspinbot.media.clip import at_rate, probe, read
from myspinbot.media.container import picture_stream, sound_stream
from myspinbot.media.sound_tracks import SoundFrom, counted
from myspinbot.media.video import VideoWriter

from .test_clip import numbered, write

SIZE = (64, 48)
NO_MARK = Disposition(0)


def wave(seconds: float, pitch: float, rate: int = 44100) -> np.ndarray:
    return (9000 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


def pieces(samples: np.ndarray, rate: int, layout: str = "mono"):
    """A sound (T,) in frames of a tenth of a second, with their times."""
    channels = 1 if layout == "mono" else 2
    for begin in range(0, len(samples), rate // 10):
        part = np.repeat(samples[begin : begin + rate // 10], channels)[None]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        yield frame


def clip(
    path: Path,
    *,
    count: int = 50,
    size=SIZE,
    video="libx264",
    sounds=((440, "pcm_s16le"),),
    rate=44100,
    offset=0,
    fmt=None,
):
    """A clip of `count` numbered frames at 25 a second with sounds of some pitches, each as long."""
    with av.open(str(path), "w", format=fmt) as out:
        picture = out.add_stream(video, rate=25)
        picture.width, picture.height, picture.pix_fmt = *size, "yuv420p"
        picture.codec_context.thread_count = 1
        tracks = [(pitch, out.add_stream(codec, rate=rate, layout="mono")) for pitch, codec in sounds]
        resamplers = [av.AudioResampler(track.codec_context.format.name, "mono", rate) for _, track in tracks]
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(index, size), format="rgb24")
            frame.pts, frame.time_base = index + 25 * offset, Fraction(1, 25)
            out.mux(picture.encode(frame))
        for (pitch, track), resampler in zip(tracks, resamplers, strict=True):
            for piece in pieces(wave(count / 25, pitch, rate), rate):
                for part in resampler.resample(piece):
                    part.pts += offset * rate
                    out.mux(track.encode(part))
            out.mux(track.encode(None))
        out.mux(picture.encode(None))
    return path


def rewritten(source: Path, path: Path, video="libx264", rate=25) -> Path:
    """The clip through our writer, as Upscale and Burn In Subtitles write it."""
    info = probe(source)
    with VideoWriter(path, width=info.width, height=info.height, fps=info.fps, sound=SoundFrom(source)) as out:
        for pixels in at_rate(read(source), info.fps):
            out.write(pixels)
    return path


def pitch_of(path: Path) -> float:
    sound = read_sound(path)
    spectrum = np.abs(np.fft.rfft(sound.samples[0]))
    return float(np.fft.rfftfreq(sound.samples.shape[1], 1 / sound.sample_rate)[spectrum.argmax()])


def seconds(path: Path) -> tuple[float, float]:
    """Of the pictures and of the sound."""
    with av.open(str(path)) as found:
        return tuple(
            float(stream.duration * stream.time_base) for stream in (found.streams.video[0], found.streams.audio[0])
        )


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_tags_may_be_in_any_encoding(tmp_path, suffix):
    plain = clip(tmp_path / f"a.{suffix}", count=5, sounds=((440, "aac" if suffix == "mp4" else "pcm_s16le"),))
    tagged = tmp_path / f"b.{suffix}"
    with av.open(str(plain)) as source, av.open(str(tagged), "w") as out:
        out.metadata["title"] = "Mzzller"
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    content = tagged.read_bytes()
    assert b"Mzzller" in content
    tagged.write_bytes(content.replace(b"Mzzller", b"M\xfcller!"))
    with pytest.raises(UnicodeDecodeError):
        av.open(str(tagged))
    assert probe(tagged).has_audio
    assert len(list(read(tagged))) == 5
    assert read_sound(tagged).duration == pytest.approx(0.2, abs=0.05)
    assert seconds(rewritten(tagged, tmp_path / "c.mp4"))[1] == pytest.approx(0.2, abs=0.05)


def test_the_sound_that_is_marked_is_taken(tmp_path):
    path = clip(tmp_path / "a.mkv", sounds=((300, "pcm_s16le"), (1500, "pcm_s16le")))
    assert pitch_of(path) == pytest.approx(300, abs=2), "without marks the first"
    marked = tmp_path / "b.mkv"
    with av.open(str(path)) as source, av.open(str(marked), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for index, stream in streams.items():
            stream.disposition = Disposition.default if index != 1 else Disposition(0)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    assert pitch_of(marked) == pytest.approx(1500, abs=2)
    assert pitch_of(rewritten(marked, tmp_path / "c.mp4")) == pytest.approx(1500, abs=2)
    assert "number 2 is taken" in probe(marked).remarks[0]


def stream(index, marks=NO_MARK, *, known=True):
    return SimpleNamespace(index=index, disposition=marks, codec_context=object() if known else None)


@pytest.mark.parametrize(
    ("streams", "taken"),
    [
        ([stream(0, Disposition.attached_pic | Disposition.default), stream(1)], 1),
        ([stream(0, Disposition.timed_thumbnails), stream(2), stream(1, known=False)], 2),
        ([stream(0), stream(1, Disposition.default)], 1),
        ([stream(0), stream(1)], 0),
        ([stream(0, Disposition.attached_pic)], None),
        ([], None),
    ],
)
def test_a_cover_is_no_video(streams, taken):
    found = picture_stream(SimpleNamespace(streams=SimpleNamespace(video=streams)))
    assert (found.index if found else None) == taken


def test_a_sound_for_some_is_taken_last():
    described, plain = stream(0, Disposition.visual_impaired), stream(1)
    container = SimpleNamespace(streams=SimpleNamespace(audio=[described, plain]))
    assert sound_stream(container) is plain
    container.streams.audio.pop()
    assert sound_stream(container) is described


def test_mp3_in_avi_is_counted_in_samples(tmp_path):
    path = clip(tmp_path / "a.avi", video="mpeg4", sounds=((440, "libmp3lame"),))
    pictures, sound = seconds(rewritten(path, tmp_path / "b.mp4"))
    assert pictures == pytest.approx(2, abs=0.05)
    assert sound == pytest.approx(2, abs=0.1)
    assert pitch_of(tmp_path / "b.mp4") == pytest.approx(440, abs=2)


def test_a_recording_that_was_stopped_and_started_goes_on(tmp_path):
    once = clip(tmp_path / "a.ts", sounds=((440, "mp2"),))
    path = tmp_path / "b.ts"
    path.write_bytes(once.read_bytes() * 2)
    info, frames = probe(path), list(read(path))
    assert len(frames) == 100
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert float(info.duration) == pytest.approx(4, abs=0.1)
    made = list(at_rate(frames, info.fps))
    assert abs(len(made) - 100) <= 2
    pictures, sound = seconds(rewritten(path, tmp_path / "c.mp4"))
    assert pictures == pytest.approx(4, abs=0.1)
    assert sound == pytest.approx(4, abs=0.15)


def test_a_size_that_changes_is_brought_to_the_first(tmp_path, caplog):
    first = clip(tmp_path / "a.ts", count=25, sounds=((440, "mp2"),))
    second = clip(tmp_path / "b.ts", count=25, size=(96, 64), sounds=((440, "mp2"),), offset=1)
    path = tmp_path / "c.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(read(path))
    assert len(frames) == 50
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert "c.ts has frames of 96x64 from" in caplog.text


def test_a_sound_whose_rate_changes_goes_on(tmp_path):
    first = clip(tmp_path / "a.ts", count=25, sounds=((440, "mp2"),), rate=48000)
    second = clip(tmp_path / "b.ts", count=25, sounds=((440, "mp2"),), rate=44100, offset=1)
    path = tmp_path / "c.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert read_sound(path).duration == pytest.approx(2, abs=0.1)
    assert pitch_of(path) == pytest.approx(440, abs=2)
    assert seconds(rewritten(path, tmp_path / "d.mp4"))[1] == pytest.approx(2, abs=0.15)


def test_a_bad_packet_costs_that_packet(tmp_path, caplog):
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as out:
        track = out.add_stream("libmp3lame", rate=44100, layout="mono")
        resampler = av.AudioResampler(track.codec_context.format.name, "mono", 44100)
        for piece in pieces(wave(3, 440), 44100):
            for part in resampler.resample(piece):
                out.mux(track.encode(part))
        out.mux(track.encode(None))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes([0xFF, 0xE0] * 150)
    path.write_bytes(data)
    assert read_sound(path).duration == pytest.approx(3, abs=0.3)
    assert pitch_of(path) == pytest.approx(440, abs=2)


MIDDLE = [("a.ts", "libx264", "mp2"), ("a.mpg", "mpeg2video", "mp2"), ("a.avi", "mpeg4", "pcm_s16le")]
MIDDLE += [("a.flv", "flv", "libmp3lame"), ("a.mp4", "libx264", "aac"), ("a.mkv", "libx264", "aac")]


@pytest.mark.parametrize(("name", "video", "sound"), MIDDLE)
def test_what_is_read_from_the_middle_is_what_is_there(tmp_path, name, video, sound):
    path = clip(tmp_path / name, video=video, sounds=((440, sound),))
    whole = [(frame.time, frame.time + frame.duration, frame.pixels) for frame in read(path)]
    assert len(whole) >= 49
    for start in (Fraction(1, 50), Fraction(21, 50), Fraction(53, 50)):
        wanted = [(time, pixels) for time, end, pixels in whole if end > start]
        found = [(frame.time, frame.pixels) for frame in read(path, start=start)]
        assert [time for time, _ in found] == [time for time, _ in wanted]
        assert all((a == b).all() for (_, a), (_, b) in zip(found, wanted, strict=True))


def test_a_rate_that_is_none_is_measured(tmp_path):
    burst = write(tmp_path / "a.mkv", times=[*range(20), *range(60, 2000, 40)], clock=Fraction(1, 1000), rate=1000)
    assert probe(burst).fps == 25
    still = [index + (750 if index > 37 else 0) for index in range(75)]
    path = write(tmp_path / "b.mp4", times=still, clock=Fraction(1, 25))
    info = probe(path)
    assert info.fps == 25
    assert "isn't constant" in info.remarks[0]
    assert len(list(at_rate(read(path), info.fps))) == 825


def test_a_plain_clip_has_no_remarks(tmp_path):
    assert probe(clip(tmp_path / "a.mkv")).remarks == ()


@given(gaps=st.lists(st.sampled_from([Fraction(0), Fraction(1, 50), Fraction(1, 2), Fraction(-5), None]), max_size=6))
def test_a_sound_is_heard_when_it_should_be(gaps):
    """Silence where something is missing, nothing where the clock starts again or says nothing, and no gap."""
    rate, said, silence, late, frames = 8000, Fraction(0), 0, 0, []
    for gap in [Fraction(0), *gaps]:
        said += gap or 0
        frame = av.AudioFrame.from_ndarray(np.full((1, 800), 0.5, np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = None if gap is None else round(said * rate)
        frames.append(frame)
        said += Fraction(1, 10)
        silence += 4000 * (gap == Fraction(1, 2))
        late += 160 * (gap == Fraction(1, 50))
    found = list(counted(iter(frames), "mono", rate, Fraction(0), jumps=False))
    assert all(a.pts + a.samples == b.pts for a, b in pairwise(found))
    assert 800 * len(frames) + silence <= sum(piece.samples for piece in found) <= 800 * len(frames) + silence + late


def test_hours_without_sound_are_silence_bit_by_bit(tmp_path):
    """And no more of it is written than there are pictures."""
    rate, gap = 8000, 3 * 3600
    frames = list(pieces(wave(0.2, 440, rate), rate))
    frames[1].pts = gap * rate
    found = [(piece.pts, piece.samples) for piece in counted(iter(frames), "mono", rate, Fraction(0), jumps=False)]
    assert all(a + samples == b for (a, samples), (b, _) in pairwise(found))
    assert max(samples for _, samples in found) <= rate
    assert sum(samples for _, samples in found) == gap * rate + 800
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        picture, track = out.add_stream("libx264", rate=25), out.add_stream("pcm_s16le", rate=rate, layout="mono")
        picture.width, picture.height, picture.pix_fmt = *SIZE, "yuv420p"
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(numbered(index, SIZE), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(picture.encode(frame))
        out.mux(picture.encode(None))
        for piece in pieces(wave(0.2, 440, rate), rate):
            piece.pts = piece.pts and gap * rate
            out.mux(track.encode(piece))
        out.mux(track.encode(None))
    assert seconds(rewritten(path, tmp_path / "b.mp4"))[1] == pytest.approx(2, abs=1.1)


def test_what_cannot_be_opened_is_one_error_of_ours(tmp_path):
    for path, reason in ((tmp_path / "none.mp4", "can't be opened"), (tmp_path, "can't be")):
        for use in (probe, lambda path: list(read(path)), read_sound):
            with pytest.raises(ValueError, match=reason):
                use(path)
