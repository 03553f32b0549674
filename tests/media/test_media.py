"""Sound, pictures and clips on their way in and out."""

import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from myspinbot.media.audio import Sound, from_audio, read_sound
from myspinbot.media.picture import fitted, from_image
from myspinbot.media.prefetch import prefetch
from myspinbot.media.video import VideoWriter


def tone(seconds: float, rate: int = 22050, channels: int = 1) -> Sound:
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return Sound(np.repeat(wave[None].astype(np.float32), channels, axis=0), rate)


def write(path, sound, frames=50, size=(64, 48), fps=Fraction(25)):
    with VideoWriter(path, width=size[0], height=size[1], fps=fps, sound=sound) as video:
        for index in range(frames):
            video.write(np.full((size[1], size[0], 3), index * 4 % 256, np.uint8))


def test_the_mezzanine_is_what_browsers_and_save_video_take(tmp_path):
    write(tmp_path / "a.mp4", tone(2))
    with av.open(str(tmp_path / "a.mp4")) as clip:
        video, sound = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, video.average_rate) == ("h264", "yuv420p", 25)
        assert (video.codec_context.colorspace, video.codec_context.color_range) == (1, 1)
        assert (sound.codec_context.name, sound.sample_rate) == ("aac", 22050)
        assert clip.duration / av.time_base == pytest.approx(2.0, abs=0.04)
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    assert len(frames) == 50
    for index in (0, 20, 49):
        assert abs(frames[index].astype(int) - index * 4 % 256).mean() < 3
    head = (tmp_path / "a.mp4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat"), "faststart: a browser plays it while it loads"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 1), (44100, 2), (48000, 2), (37000, 1), (192000, 2)])
def test_sound_of_any_rate_keeps_its_length_and_pitch(tmp_path, rate, channels):
    write(tmp_path / "a.mp4", tone(2, rate, channels))
    with av.open(str(tmp_path / "a.mp4")) as clip:
        stream = clip.streams.audio[0]
        got = np.concatenate([frame.to_ndarray()[0] for frame in clip.decode(audio=0)])
        assert stream.channels == channels
        # The decoder also hands out the encoder's padding; the container's edit list hides it from players.
        assert stream.duration * stream.time_base == pytest.approx(2.0, abs=0.03)
        peak = np.fft.rfftfreq(len(got), 1 / stream.sample_rate)[np.argmax(np.abs(np.fft.rfft(got)))]
    assert peak == pytest.approx(440, abs=2)


def test_a_sound_longer_than_the_frames_is_cut_and_a_shorter_one_ends(tmp_path):
    for seconds, frames, expected in ((4.0, 50, 2.0), (1.0, 50, 1.0)):
        path = tmp_path / f"{seconds}.mp4"
        write(path, tone(seconds), frames)
        with av.open(str(path)) as clip:
            assert clip.streams.video[0].frames == 50
            assert float(clip.streams.audio[0].duration * clip.streams.audio[0].time_base) == pytest.approx(
                expected, abs=0.03
            )


def test_an_exception_leaves_no_file(tmp_path):
    def fail():
        with VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=Fraction(25), sound=tone(1)) as video:
            video.write(np.zeros((48, 64, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_wrong_sizes_are_refused(tmp_path):
    (tmp_path / "mine.mp4").write_text("precious")
    with pytest.raises(FileExistsError):
        write(tmp_path / "mine.mp4", None)
    assert (tmp_path / "mine.mp4").read_text() == "precious"
    with pytest.raises(ValueError, match="No frame"):
        write(tmp_path / "none.mp4", None, frames=0)
    with pytest.raises(ValueError, match="even"):
        write(tmp_path / "b.mp4", None, size=(63, 48))
    with pytest.raises(ValueError, match="64x48"), VideoWriter(
        tmp_path / "c.mp4", width=64, height=48, fps=Fraction(25)
    ) as video:  # fmt: skip
        video.write(np.zeros((50, 64, 3), np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == ["mine.mp4"]


def test_audio_is_brought_into_one_shape():
    surround = {"waveform": torch.rand(1, 6, 100) - 0.5, "sample_rate": 48000}
    assert from_audio(surround).samples.shape == (1, 100)
    broken = {"waveform": torch.tensor([[[0.5, float("nan"), float("inf"), -9.0]]]), "sample_rate": 8000}
    assert from_audio(broken).samples.tolist() == [[0.5, 0.0, 1.0, -1.0]]
    assert from_audio({"waveform": torch.zeros(2, 1, 80), "sample_rate": 8000}).duration == 0.01


@pytest.mark.parametrize(("channels", "layout"), [(4, "4.0"), (5, "5.0"), (6, "5.1"), (7, "6.1"), (8, "7.1")])
def test_channels_are_mixed_as_ffmpeg_mixes_them(tmp_path, channels, layout):
    """By its matrix, from one channel at a time; speech in the middle keeps its level."""
    for channel in range(channels):
        wave = np.zeros((channels, 800), np.float32)
        wave[channel] = 0.5
        ours = from_audio({"waveform": torch.from_numpy(wave)[None], "sample_rate": 8000}).samples
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=layout) if channels < 8 else None
        if frame is not None:
            frame.sample_rate = 8000
            (theirs,) = av.AudioResampler("fltp", "mono", 8000).resample(frame)
            assert np.abs(ours - theirs.to_ndarray()).max() < 1e-3
        if channel == 2:
            assert ours.tolist() == [[0.5] * 800]
    loud = from_audio({"waveform": torch.ones(1, channels, 100), "sample_rate": 8000})
    assert loud.peak == 1, "softer as a whole, and not cut off"


def test_channels_in_opposite_phase_dont_cancel_each_other(tmp_path, caplog):
    wave = 0.5 * np.sin(np.arange(8000) / 5).astype(np.float32)
    sound = from_audio({"waveform": torch.from_numpy(np.stack([wave, -wave]))[None], "sample_rate": 8000})
    assert np.array_equal(sound.samples, np.stack([wave, wave]))
    assert "opposite phase" in caplog.text
    wide = np.stack([wave, 0.5 * np.cos(np.arange(8000) / 3).astype(np.float32)])
    assert np.array_equal(from_audio({"waveform": torch.from_numpy(wide)[None], "sample_rate": 8000}).samples, wide)
    with av.open(str(tmp_path / "a.wav"), "w") as out:
        track = out.add_stream("pcm_s16le", rate=8000, layout="stereo")
        both = (np.stack([wave, -wave], axis=1).reshape(1, -1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = 8000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    assert read_sound(tmp_path / "a.wav").peak == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "audio",
    [
        None,
        {},
        {"waveform": torch.zeros(1, 1, 0), "sample_rate": 8000},
        {"waveform": torch.zeros(0, 1, 5), "sample_rate": 1},
        {"waveform": torch.zeros(1, 1, 1, 5), "sample_rate": 8000},
        {"waveform": torch.zeros(5), "sample_rate": 8000},
        {"waveform": torch.zeros(1, 1, 5, dtype=torch.int16), "sample_rate": 8000},
        {"waveform": torch.zeros(1, 1, 5), "sample_rate": float("nan")},
        "x",
    ],
)
def test_what_is_no_sound_is_refused(audio):
    with pytest.raises(ValueError, match=r"audio"):
        from_audio(audio)


def test_pictures_of_any_kind_become_colour():
    grey = torch.full((1, 10, 12, 1), 0.5)
    assert from_image(grey).shape == (10, 12, 3)
    half = torch.zeros(1, 4, 4, 4)
    assert (from_image(half) == 255).all(), "what is transparent lies on white"
    opaque = torch.cat([torch.zeros(1, 4, 4, 3), torch.ones(1, 4, 4, 1)], dim=-1)
    assert (from_image(opaque) == 0).all()
    with pytest.raises(ValueError, match="channels"):
        from_image(torch.zeros(1, 4, 4, 7))
    with pytest.raises(ValueError, match="picture"):
        from_image(None)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((1000, 501), 512, (512, 256)),
        ((301, 203), 512, (300, 202)),
        ((4000, 3000), 512, (512, 384)),
        ((2, 2), 512, (2, 2)),
    ],
)
def test_pictures_are_fitted_to_even_sides(size, longest, expected):
    pixels, scale = fitted(np.zeros((size[1], size[0], 3), np.uint8), longest)
    assert pixels.shape[1::-1] == expected
    assert scale == pytest.approx(min(longest / max(size), 1))
    with pytest.raises(ValueError, match="at least 2x2"):
        fitted(np.zeros((1, 900, 3), np.uint8), 512)


def test_work_is_done_ahead_but_not_far():
    made = []

    def numbers():
        for index in range(100):
            made.append(index)
            yield index

    stream = prefetch(numbers(), depth=3)
    assert next(stream) == 0
    time.sleep(0.3)
    assert len(made) <= 6
    assert list(stream) == list(range(1, 100))


def test_errors_cross_over_and_closing_ends_the_thread():
    def broken():
        yield 1
        raise RuntimeError("in the thread")

    stream = prefetch(broken())
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match="in the thread"):
        next(stream)
    endless = prefetch(iter(int, 1))
    next(endless)
    endless.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
