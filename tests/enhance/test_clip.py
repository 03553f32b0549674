"""From file to file: sizes, times, sound, colours, resuming, cancelling, a full disk."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from myspinbot.engines.enhance.upscale_network import UpscaleError, load_network
from myspinbot.media.clip import probe
from myspinbot.media.remux import join
from myspinbot.media.sound_tracks import SoundFrom
from tests.miniatures import upscale as miniature

from .conftest import Scarce, load
from .scenes import decoded, moving, packets, talking, texture, tone, write


def turn(source, path):
    """`source` with a display matrix that turns it by a quarter, as phones write it."""
    content = source.read_bytes()
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    at = content.index(upright, content.index(b"tkhd"))
    path.write_bytes(content[:at] + quarter + content[at + len(upright) :])
    return path


def test_a_clip_grows_and_keeps_its_rate_length_and_sound(tmp_path, upscaled, compact):
    frames = talking(30)
    source = write(tmp_path / "a.mp4", frames, fps=Fraction(30000, 1001), sound=tone(30 * 1001 / 30000))
    path = upscaled(source, batch_size=7)
    info = probe(path)
    assert (info.width, info.height, info.fps, info.frames) == (256, 192, Fraction(30000, 1001), 30)
    assert info.duration == probe(source).duration
    assert list(packets(path, "audio")) == list(packets(source, "audio"))
    plain = write(tmp_path / "plain.mp4", [compact(frame[None])[0] for frame in decoded(source)])
    for one, other in zip(decoded(plain), decoded(path), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 6, "what coding in pieces changes"
    done = [done for done, _ in upscaled.steps if done]
    assert done == sorted(done)
    assert upscaled.steps[-1][0] == upscaled.steps[-1][1]


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"target": "model"}, (256, 192)),
        ({"target": "factor", "factor": 1.5}, (192, 144)),
        ({"target": "factor", "factor": 0.5}, (64, 48)),
        ({"target": "576p"}, (768, 576)),
    ],
)
def test_targets(tmp_path, upscaled, settings, size):
    path = upscaled(write(tmp_path / "a.mp4", talking(3)), **settings)
    assert (probe(path).width, probe(path).height) == size
    assert bool(upscaled.remarks) == (size[1] == 576), "more than the model enlarges is said"


def test_the_shorter_side_counts_for_a_portrait_clip(tmp_path, upscaled):
    path = upscaled(write(tmp_path / "a.mp4", talking(2, 128, 96)), target="576p")
    assert (probe(path).width, probe(path).height) == (576, 768)


def test_a_target_that_no_video_can_have_is_refused(tmp_path, upscaled):
    with pytest.raises(ValueError, match="Choose a smaller `target`"):
        upscaled(write(tmp_path / "a.mp4", [np.zeros((2, 1000, 3), np.uint8)]), target="576p")


def test_frames_are_selected(tmp_path, upscaled):
    frames = [np.full((32, 32, 3), 8 * index, np.uint8) for index in range(25)]
    source = write(tmp_path / "a.mp4", frames, sound=tone(1))
    levels = [frame.mean() for frame in decoded(upscaled(source))]
    every = upscaled(source, skip_first_frames=5, select_every_nth=3, frame_load_cap=4)
    assert probe(every).fps == Fraction(25, 3)
    assert [frame.mean() for frame in decoded(every)] == pytest.approx([levels[n] for n in (5, 8, 11, 14)], abs=2)
    sound = list(packets(source, "audio"))
    copied = list(packets(every, "audio"))
    first = sound.index(copied[0])
    assert copied == sound[first : first + len(copied)]
    assert abs(first * 1024 / 22050 - 0.2) < 0.1
    with pytest.raises(ValueError, match="skip_first_frames"):
        upscaled(source, skip_first_frames=25)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (17, 33), (40, 1)])
def test_small_and_odd_sizes(tmp_path, upscaled, dense, size):
    height, width = size
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24"
        for index in range(3):
            picture = np.full((height, width, 3), 60 * (index + 1), np.uint8)
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        clip.mux(stream.encode(None))
    found = probe(upscaled(path, dense))
    assert (found.width, found.height, found.frames) == (2 * width, 2 * height, 3)


def blocks(picture: np.ndarray) -> np.ndarray:
    """The average colour of each 8 x 8 pixels, which 4:2:0 keeps."""
    height, width = (side // 8 * 8 for side in picture.shape[:2])
    return picture[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3))


@pytest.mark.slow
def test_4k(tmp_path, upscaled, compact):
    """To twice its size, and at its own; most of it stands still and is computed once."""
    frame = texture(2160, 3840)
    frames = [frame.copy() for _ in range(2)]
    for index, one in enumerate(frames):
        one[1000:1100, 1900:2000] = texture(100, 100, index + 1)
    source = write(tmp_path / "a.mp4", frames, sound=tone(0.08))
    seen: list[int] = []

    class Watched(Scarce):
        def __call__(self, pictures):
            seen.append(pictures.shape[0] * pictures.shape[1] * pictures.shape[2])
            return super().__call__(pictures)

    watched = Watched(compact, 1 << 40)
    path = upscaled(source, watched)
    info = probe(path)
    assert (info.width, info.height, info.frames) == (7680, 4320, 2)
    assert list(packets(path, "audio")) == list(packets(source, "audio"))
    assert max(seen) <= compact.most_pixels(10**9) < 3840 * 2160, "memory for no whole frame, so it goes in parts"
    assert sum(seen) < 1.5 * 3840 * 2160, "what stands still is computed once"
    for before, after in zip(decoded(source), decoded(path), strict=True):
        for rows, columns in ((slice(900, 1200), slice(1800, 2100)), (slice(0, 100), slice(3740, 3840))):
            plain = compact(before[None, rows, columns])[0][32:-32, 32:-32]
            top, left = 2 * rows.start + 32, 2 * columns.start + 32
            part = after[top : top + plain.shape[0], left : left + plain.shape[1]]
            assert np.abs(blocks(plain) - blocks(part)).mean() < 4, "what coding changes"
    small = upscaled(source, watched, target="factor", factor=1.0, frame_load_cap=1)
    assert (probe(small).width, probe(small).height, probe(small).frames) == (3840, 2160, 1)


def test_grey_and_a_single_frame_and_no_sound(tmp_path, upscaled):
    grey = np.repeat(texture(64, 64)[..., :1], 3, axis=2)
    path = upscaled(write(tmp_path / "a.mp4", [grey]))
    info = probe(path)
    assert (info.frames, info.has_audio) == (1, False)


def test_a_model_for_grey_upscales_each_colour(tmp_path, upscaled):
    network = load(miniature.compact(channels=1))
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    (out,) = decoded(upscaled(write(tmp_path / "a.mp4", [red]), network))
    assert out[..., 0].mean() > out[..., 1].mean() + 50


def test_a_turned_clip_stands_upright(tmp_path, upscaled):
    wide = texture(32, 64)
    wide[:, :32] = 0
    source = write(tmp_path / "a.mp4", [wide] * 3)
    turned = turn(source, tmp_path / "turned.mp4")
    info, path = probe(turned), upscaled(turned)
    assert (info.width, info.height) == (32, 64)
    found = probe(path)
    assert (found.width, found.height) == (64, 128)
    halves = [half.mean() for half in np.split(decoded(path)[0], 2)]
    assert max(halves) > 4 * min(halves), "the dark half is above or below now"


def test_a_variable_rate_keeps_the_length(tmp_path, upscaled):
    path = tmp_path / "a.mp4"
    times = np.cumsum([0, 4, 8, 4, 12, 4, 4, 8]).tolist()  # hundredths of a second
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            clip.mux(stream.encode(frame.reformat(format="yuv420p")))
        clip.mux(stream.encode(None))
    assert float(probe(upscaled(path)).duration) == pytest.approx(float(probe(path).duration), abs=0.08)
    assert upscaled.remarks == [], "how it was read is no warning"
    assert "isn't constant" in upscaled.report.reading[0]


@pytest.mark.parametrize("full", [False, True])
def test_colours_stay_whatever_the_clips_range(tmp_path, upscaled, full):
    """A model that passes its input on, so that what differs is the way in and out."""
    state = miniature.compact(features=8, convolutions=1)
    state = {name: value * 0 for name, value in state.items()}  # SRVGG adds the enlarged input to its output
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p" if full else "yuv420p"
        colour = np.full((64, 64, 3), (200, 60, 30), np.uint8)
        frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
        for _ in range(3):
            clip.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        clip.mux(stream.encode(None))
    before, after = decoded(path)[0].mean(axis=(0, 1)), decoded(upscaled(path, load(state)))[0].mean(axis=(0, 1))
    assert np.abs(before - after).max() < 3
    assert np.abs(after - (200, 60, 30)).max() < 8


def test_pieces_are_joined_without_a_change(tmp_path):
    frames = moving(24)
    parts = [write(tmp_path / f"{n}.mp4", frames[n : n + 6], fps=Fraction(24000, 1001)) for n in range(0, 24, 6)]
    source = write(tmp_path / "sound.mp4", frames, fps=Fraction(24000, 1001), sound=tone(1))
    join(parts, tmp_path / "all.mp4", sound=SoundFrom(source))
    kept = [picture for part in parts for picture in decoded(part)]
    assert all(np.array_equal(a, b) for a, b in zip(kept, decoded(tmp_path / "all.mp4"), strict=True))
    with av.open(str(tmp_path / "all.mp4")) as clip:
        times = [frame.pts * frame.time_base for frame in clip.decode(video=0)]
    assert times == [Fraction(1001 * n, 24000) for n in range(24)]
    assert list(packets(tmp_path / "all.mp4", "audio")) == list(packets(source, "audio"))
    with pytest.raises(FileExistsError):
        join(parts, tmp_path / "all.mp4")


def test_the_sound_is_cut_with_the_picture_only_where_frames_are_left_out(tmp_path, upscaled):
    source = write(tmp_path / "a.mp4", talking(50), sound=tone(2))
    assert list(packets(upscaled(source), "audio")) == list(packets(source, "audio"))
    short = upscaled(source, frame_load_cap=25)
    assert len(list(packets(short, "audio"))) * 1024 / 22050 == pytest.approx(1, abs=0.1)


def test_no_video_is_a_sentence(tmp_path, upscaled):
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no video"):
        upscaled(tmp_path / "a.mp4")


def test_a_model_of_another_kind_is_refused_by_name():
    import torch
    from spandrel import ModelLoader

    descriptor = ModelLoader().load_from_state_dict(miniature.compact(channels=4))
    with pytest.raises(UpscaleError, match="takes 4 channels"):
        load_network(descriptor, device=torch.device("cpu"))
    with pytest.raises(UpscaleError, match="Load Upscale Model"):
        load_network(object(), device=torch.device("cpu"))


def test_what_comfyui_keeps_on_a_model_is_not_copied():
    """Its buffers for dynamic memory free themselves: of a copy, that would be a second time, and the end of it all."""
    import torch
    from spandrel import ModelLoader

    class Buffer:
        def __deepcopy__(self, memo):
            raise AssertionError("a buffer was copied")

    descriptor = ModelLoader().load_from_state_dict(miniature.compact())
    descriptor.patcher = descriptor.model.dynamic_pins = {"weights": (Buffer(), [])}
    network = load_network(descriptor, device=torch.device("cpu"))
    assert network.module.net is network.module.descriptor.model
    ours, theirs = (dict(part.named_parameters()) for part in (network.module.net, descriptor.model))
    assert all(ours[name] is not theirs[name] for name in theirs)
    assert {part.dtype for part in theirs.values()} == {torch.float32}


@pytest.mark.parametrize("scale", [2, 4])
def test_real_esrgan_at_full_size_loads_with_its_real_names(tmp_path, scale):
    import torch
    from spandrel import ModelLoader

    path = miniature.write(tmp_path / "RealESRGAN.pth", miniature.rrdb(scale=scale))
    descriptor = ModelLoader().load_from_file(path)
    assert (descriptor.architecture.id, descriptor.scale) == ("ESRGAN", scale)
    if scale == 2:
        network = load_network(descriptor, device=torch.device("cpu"))
        assert network(texture(16, 16)[None]).shape == (1, 32, 32, 3)
        assert network.overlap >= 8
