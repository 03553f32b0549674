"""The lips of one video in another: laid onto the target's face, and nothing else."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from myspinbot.engines.lipsync.blend import Blending
from myspinbot.engines.lipsync.source import Clip, Pictures
from myspinbot.engines.lipsync.tracking import FaceChoice, choose_face, track_faces
from myspinbot.engines.lipsync.transfer_lips import LipTransfer, transfer_lips, transferred_frames
from myspinbot.media.faces.detect import CascadeDetector
from myspinbot.media.faces.geometry import similarity
from myspinbot_runner import Client
from tests.runner.helpers import tag

from .scenes import MIDST, Actor, backdrop, play, record, talking
from .test_nodes import facts, node, sound

FPS = Fraction(25)
COUNT = 14


def tracks_of(source):
    return choose_face(track_faces(source, CascadeDetector(), FPS), FaceChoice(), CascadeDetector)


def test_points_are_brought_together_exactly():
    generator = np.random.default_rng(0)
    start = generator.normal(0, 50, (5, 2))
    turn = 0.4
    matrix = 1.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    found = similarity(start.astype(np.float32), (start @ matrix.T + (30, -12)).astype(np.float32), np.arange(1, 6))
    assert np.allclose(found, np.column_stack([matrix, (30, -12)]), atol=1e-3)


@pytest.fixture(scope="module")
def pair() -> LipTransfer:
    """A man with his mouth shut, and a video of him talking: smaller, elsewhere, in another picture."""
    shut = [talking("bearded_man", 300)[0]] * COUNT
    clip = []
    for picture in shut:
        frame = backdrop(640, 480).copy()
        frame[90:390, 150:450] = picture
        clip.append(frame)
    speaking = list(play([Actor("bearded_man", 240, lambda i: (60, 40))], COUNT + 4, width=400, height=320, seed=4))
    target, lips = Pictures(clip), Pictures(speaking[4:])
    return LipTransfer(target, tracks_of(target), lips, tracks_of(lips), FPS)


def test_the_mouth_is_the_lips_and_all_else_the_targets(pair):
    results = [pixels for pixels, changed in transferred_frames(pair) if changed]
    assert len(results) == COUNT
    opened: list[list[float]] = []
    for index, pixels in enumerate(results):
        before = pair.target.pictures[index]
        changed = np.nonzero((pixels != before).any(axis=2))
        (face,) = pair.target_tracks.at(index)
        eyes, mouth = face.points[:2].mean(axis=0), face.points[3:].mean(axis=0)
        assert changed[0].min() > eyes[1] + 0.3 * (mouth[1] - eyes[1])
        assert np.abs(changed[1] - mouth[0]).max() < mouth[1] - eyes[1]
        truth = before.copy()
        truth[90:390, 150:450] = talking("bearded_man", 300)[index + 4 + MIDST]
        opened.append([open_mouth(picture, mouth) for picture in (before, truth, pixels)])
    shut, true, found = np.array(opened).T
    assert true.max() > shut.max() + 0.03
    assert np.corrcoef(true, found)[0, 1] > 0.85
    assert found.max() > shut.max() + 0.6 * (true.max() - shut.max())


def open_mouth(picture: np.ndarray, mouth: np.ndarray) -> float:
    """The share of the mouth's surroundings that is as dark as only its inside is."""
    x, y = (int(value) for value in mouth)
    return float((picture[y - 16 : y + 22, x - 24 : x + 24].mean(axis=2) < 50).mean())


def test_a_clip_with_its_own_lips_stays(pair):
    """The same frames for both: laid back where they were, they change next to nothing."""
    work = LipTransfer(pair.lips, pair.lips_tracks, pair.lips, pair.lips_tracks, FPS, blending=Blending(sharpness=0.0))
    for index, (pixels, _) in enumerate(transferred_frames(work)):
        assert np.abs(pixels.astype(int) - pair.lips.pictures[index]).mean() < 0.5


def test_a_face_that_its_frame_cuts_off_brings_no_border_along(pair):
    """The lips video ends right of the middle of the mouth; beyond it the target stays, without a dark edge."""
    (face,) = pair.lips_tracks.at(0)
    end = int(face.points[3:, 0].mean()) // 2 * 2 + 4
    lips = Pictures([np.ascontiguousarray(picture[:, :end]) for picture in pair.lips.pictures])
    work = LipTransfer(pair.target, pair.target_tracks, lips, pair.lips_tracks, FPS)
    whole = [pixels for pixels, _ in transferred_frames(pair)]
    for index, (pixels, _) in enumerate(transferred_frames(work)):
        assert (pixels != pair.target.pictures[index]).any()
        darker = np.minimum(whole[index], pair.target.pictures[index]).astype(int) - pixels
        assert darker.max() < 25, "nothing is darker than both what was there and what comes"


def test_frames_without_a_face_in_either_stay_bit_for_bit(pair):
    empty = [*pair.lips.pictures[:5], *([backdrop(400, 320, 9)] * 9)]
    lips = Pictures(empty)
    work = LipTransfer(pair.target, pair.target_tracks, lips, tracks_of(lips), FPS)
    found = list(transferred_frames(work))
    assert [changed for _, changed in found] == [True] * 5 + [False] * 9
    for index in range(5, 14):
        assert np.array_equal(found[index][0], pair.target.pictures[index])


@pytest.mark.parametrize(("loop_mode", "frames"), [("hold", 20), ("ping-pong", 20), ("cut", 8)])
def test_the_lips_length_and_sound_and_the_targets_size(tmp_path: Path, loop_mode, frames):
    silent = record(
        tmp_path / "silent.mp4", play([Actor("elderly_man", 200, lambda i: (40, 20))], 20, width=320, height=240)
    )
    sound(tmp_path / "sound.wav", 0.8)
    speaking = joined(silent, tmp_path / "sound.wav", tmp_path / "lips.mp4")
    clip = record(tmp_path / "clip.mp4", play([Actor("elderly_man", 300, lambda i: (90, 80))], 8))
    target, lips = Clip(clip, FPS, 640, 480), Clip(speaking, FPS, 320, 240)
    work = LipTransfer(target, tracks_of(target), lips, tracks_of(lips), FPS, loop_mode)
    assert transfer_lips(work, tmp_path / "out.mp4") == 0
    count, rate, size, seconds = facts(tmp_path / "out.mp4")
    assert (count, rate, size) == (frames, 25, (640, 480))
    assert seconds == pytest.approx(frames / 25, abs=0.08)


def joined(video: Path, audio: Path, out: Path) -> Path:
    """A video and a sound in one file."""
    with av.open(str(out), "w") as container, av.open(str(video)) as picture, av.open(str(audio)) as heard:
        stream = container.add_stream_from_template(picture.streams.video[0])
        track = container.add_stream("aac", rate=24000, layout="mono")
        for packet in picture.demux(picture.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
        for frame in heard.decode(audio=0):
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return out


def test_the_node_on_a_server_and_the_faces_are_stored(server, tmp_path):
    folder = Path(server.base_directory) / "input"
    record(folder / "target.mp4", play([Actor("bearded_man", 300, lambda i: (150, 80))], 15))
    record(folder / "lips.mp4", play([Actor("bearded_man", 260, lambda i: (30, 20))], 20, width=320, height=320))
    work = {
        "1": node("LoadVideo", file="target.mp4"),
        "2": node("LoadVideo", file="lips.mp4"),
        "3": node(
            "MySpinBotTransferLips", target_video=["1", 0], lips_video=["2", 0], loop_mode="hold", detector="built-in",
            region="mouth", feather=0.4, color_match=1.0, smoothing=0.6, detect_every=5,
        ),
        "4": node("SaveVideo", video=["3", 0], filename_prefix=f"transfer_lips-{tag()}", format="auto", codec="auto"),
    }  # fmt: skip
    job = Client(server.url).submit(work)
    assert job.result().notices == ()
    (path,) = [path for path in job.save(tmp_path) if path.suffix == ".mp4"]
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (640, 480)
        assert sum(1 for _ in container.decode(video=0)) == 20
