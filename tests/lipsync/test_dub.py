"""From a clip and a sound to a file: what changes, what stays, and going on after a stop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from myspinbot.engines.lipsync import dub as dubs
from myspinbot.engines.lipsync.dub import Dubbing, LipGenerator, dub, dubbed_frames
from myspinbot.engines.lipsync.generator import load_generator, prepare_generator
from myspinbot.engines.lipsync.mel import Mel
from myspinbot.engines.lipsync.source import Clip, Pictures
from myspinbot.engines.lipsync.tracking import FaceChoice, choose_face, frames_without_face, track_faces
from myspinbot.media.audio import Sound
from myspinbot.media.clip import probe
from myspinbot.media.faces.detect import CascadeDetector
from myspinbot.shared.work_store import Store
from tests.media.test_clip import turned
from tests.miniatures import wav2lip as miniature

from .scenes import Actor, backdrop, paste, play, profile, record, talking

FPS = Fraction(25)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = miniature.write(tmp_path_factory.mktemp("wav2lip") / "wav2lip.pth")
    return prepare_generator(load_generator(path), torch.device("cpu")).model


def noise(seconds: float, rate: int = 16000) -> Sound:
    samples = np.random.default_rng(0).normal(0, 0.1, (1, round(seconds * rate))).astype(np.float32)
    return Sound(samples, rate)


def clip(frames, fps: Fraction = FPS) -> tuple[Pictures, object]:
    """Pictures in memory, and the tracks of the largest face."""
    source = Pictures(list(frames))
    return source, choose_face(track_faces(source, CascadeDetector(), fps), FaceChoice(), CascadeDetector)


def lips_for(model, sound: Sound, fps: Fraction = FPS) -> LipGenerator:
    return LipGenerator(model, Mel(sound), fps)


@pytest.fixture(scope="module")
def scene():
    """Twelve frames of a man, eight of an empty room, fourteen of the man."""
    man = Actor("bearded_man", 300, lambda i: (150 + i, 80))
    room = backdrop(640, 480, seed=8)
    return clip([*play([man], 12), *([room] * 8), *play([man], 14)])


def test_only_the_mouth_changes_and_frames_without_a_face_not_at_all(model, scene):
    source, tracks = scene
    work = Dubbing(source, tracks, noise(34 / 25), FPS)
    assert frames_without_face(tracks) == list(range(12, 20))
    found = list(dubbed_frames(work, lips_for(model, work.sound)))
    assert [has_face for _, has_face in found] == [True] * 12 + [False] * 8 + [True] * 14
    for index, (pixels, has_face) in enumerate(found):
        before = source.pictures[index]
        if not has_face:
            assert np.array_equal(pixels, before)
            continue
        changed = np.nonzero((pixels != before).any(axis=2))
        (face,) = tracks.at(index)
        eyes, mouth = face.points[:2].mean(axis=0), face.points[3:].mean(axis=0)
        unit = float(np.hypot(*(mouth - eyes)))
        assert len(changed[0]) > 500
        assert changed[0].min() > eyes[1] + 0.3 * unit  # nothing above the nose
        assert np.abs(changed[1] - mouth[0]).max() < unit  # nothing beside the face


def test_frames_in_profile_are_kept_as_they_are(model):
    """The built-in finder sees no profile. One that lasts is left alone, a short one is taken for a missed face."""
    man = list(play([Actor("bearded_man", 300, lambda i: (150, 80))], 34))
    aside = backdrop(640, 480).copy()
    paste(aside, profile(300), 150, 80)
    assert CascadeDetector().detect(aside) == []
    turns = man.copy()
    turns[10:28] = [aside] * 18  # 0.7 seconds
    source, tracks = clip(turns)
    assert frames_without_face(tracks) == list(range(10, 28))
    work = Dubbing(source, tracks, noise(34 / 25), FPS)
    for index, (pixels, has_face) in enumerate(dubbed_frames(work, lips_for(model, work.sound))):
        assert has_face == (not 10 <= index < 28)
        assert np.array_equal(pixels, turns[index]) == (not has_face)


def test_a_wobble_of_the_source_is_no_part_of_what_is_kept(model, scene):
    """The inputs are not written to: the same work twice gives the same frames."""
    source, tracks = scene
    work = Dubbing(source, tracks, noise(0.4), FPS)
    kept = [picture.copy() for picture in source.pictures]
    one = [pixels for pixels, _ in dubbed_frames(work, lips_for(model, work.sound))]
    two = [pixels for pixels, _ in dubbed_frames(work, lips_for(model, work.sound))]
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(kept, source.pictures, strict=True))


def test_a_photo_is_encoded_once_and_gives_what_a_clip_of_it_gives(model, monkeypatch):
    picture = talking("elderly_man", 300)[0]
    photo, film = clip([picture]), clip([picture] * 20)
    sound = noise(0.8)
    calls = []
    encode = type(model).encode
    monkeypatch.setattr(type(model), "encode", lambda self, faces: calls.append(len(faces)) or encode(self, faces))
    one = [p for p, _ in dubbed_frames(Dubbing(photo[0], photo[1], sound, FPS), lips_for(model, sound))]
    assert calls == [1]
    two = [p for p, _ in dubbed_frames(Dubbing(film[0], film[1], sound, FPS, "hold"), lips_for(model, sound))]
    assert len(one) == len(two) == 20
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(one, two, strict=True)) <= 12
    assert len({frame.tobytes() for frame in one}) > 10  # it moves


class Counting:
    """LipGenerator that count what they generate, and may be stopped."""

    def __init__(self, lips: LipGenerator, stop_after: int | None = None) -> None:
        self.lips, self.generated, self.stop_after = lips, 0, stop_after

    def generate(self, faces, indices, window):
        if self.stop_after is not None and self.generated >= self.stop_after:
            raise KeyboardInterrupt
        self.generated += len(faces)
        return self.lips.generate(faces, indices, window)


def frames_of(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def test_what_was_drawn_before_a_stop_is_not_drawn_again_and_the_result_is_the_same(model, tmp_path, monkeypatch):
    monkeypatch.setattr(dubs, "CHUNK", 10)
    source, tracks = clip(play([Actor("smiling_woman", 320, lambda i: (40, 20))], 12, width=400, height=360))
    work = Dubbing(source, tracks, noise(1.2), FPS)
    job = Store(tmp_path / "work", 10**9).job("wav2lip", {"a": 1}, "test")
    whole = Counting(lips_for(model, work.sound))
    dub(work, whole, tmp_path / "whole.mp4")
    assert whole.generated == 30
    with pytest.raises(KeyboardInterrupt):
        dub(work, Counting(lips_for(model, work.sound), stop_after=21), tmp_path / "resumed.mp4", job)
    assert not list(tmp_path.glob("*resumed*"))
    assert job.has("lips-00000.mkv")
    assert not list(job.folder.glob("*.part*"))
    rest = Counting(lips_for(model, work.sound))
    dub(work, rest, tmp_path / "resumed.mp4", job)
    assert rest.generated == 30 - 20
    again = Counting(lips_for(model, work.sound))
    dub(work, again, tmp_path / "again.mp4", job)
    assert again.generated == 0
    for name in ("resumed", "again"):
        pairs = zip(frames_of(tmp_path / "whole.mp4"), frames_of(tmp_path / f"{name}.mp4"), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_faces_are_found_once_for_any_number_of_sounds(tmp_path):
    source = Pictures(list(play([Actor("elderly_man", 300, lambda i: (100, 90))], 8)))
    job = Store(tmp_path, 10**9).job("faces", {}, "test")
    first = track_faces(source, CascadeDetector(), FPS, job)

    class Never:
        name = "never"

        def detect(self, pixels):
            raise AssertionError

    second = track_faces(source, Never(), FPS, job)
    assert np.array_equal(first.tracks[0].values, second.tracks[0].values)


@pytest.mark.parametrize(
    ("fps", "seconds", "loop_mode"),
    [
        (Fraction(24000, 1001), 1.0, "ping-pong"),
        (Fraction(30000, 1001), 0.3, "hold"),
        (Fraction(60), 0.5, "hold"),
        (Fraction(25), 1.5, "cut"),
    ],
    ids=str,
)
def test_sound_and_picture_end_together(model, tmp_path, fps, seconds, loop_mode):
    path = record(
        tmp_path / "in.mp4", play([Actor("bearded_man", 300, lambda i: (30, 30))], 14, width=360, height=360), fps=fps
    )
    source = Clip(path, fps, 360, 360)
    tracks = choose_face(track_faces(source, CascadeDetector(), fps), FaceChoice(), CascadeDetector)
    assert tracks.frames == 14
    work = Dubbing(source, tracks, noise(seconds, 24000), fps, loop_mode)
    dub(work, lips_for(model, work.sound, fps), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
        assert video.average_rate == fps
        expected = min(seconds, 14 / float(fps)) if loop_mode == "cut" else seconds
        assert 0 <= len(times) / float(fps) - expected < 1 / float(fps) + 1e-6
        assert times == pytest.approx([i / float(fps) for i in range(len(times))], abs=2e-5)
        assert abs(float(audio.duration * audio.time_base) - expected) < 0.06


@pytest.mark.parametrize(("turn", "size"), [(90, (480, 640)), (180, (640, 480))])
def test_a_clip_that_is_stored_turned_is_dubbed_upright(model, tmp_path, turn, size):
    width, height = size
    upright = play([Actor("elderly_man", 300, lambda i: (90, 80))], 10, width=width, height=height)
    stored = [np.ascontiguousarray(np.rot90(frame, -turn // 90)) for frame in upright]
    path = record(tmp_path / "turned.mp4", stored)
    tagged = tmp_path / "tagged.mp4"
    turned(path, tagged, turn)
    info = probe(tagged)
    assert (info.width, info.height) == size
    source = Clip(tagged, FPS, width, height)
    tracks = choose_face(track_faces(source, CascadeDetector(), FPS), FaceChoice(), CascadeDetector)
    work = Dubbing(source, tracks, noise(0.4), FPS)
    assert dub(work, lips_for(model, work.sound), tmp_path / "out.mp4") == 0
    assert next(frames_of(tmp_path / "out.mp4")).shape == (height, width, 3)


def test_a_large_face_in_a_4k_clip_and_odd_sizes(model):
    picture = talking("elderly_man", 400)[0]
    large = np.asarray(np.kron(picture, np.ones((4, 4, 1), np.uint8)))
    frame = np.full((2161, 3841, 3), 120, np.uint8)
    frame[200:1800, 900:2500] = large
    source, tracks = clip([frame] * 2)
    assert (source.width, source.height) == (3840, 2160)
    work = Dubbing(source, tracks, noise(0.08), FPS)
    (pixels, has_face), _ = dubbed_frames(work, lips_for(model, work.sound))
    assert has_face
    assert pixels.shape == (2160, 3840, 3)
    assert (pixels != frame[:2160, :3840]).any()


def test_two_people_one_speaks(model):
    left, right = Actor("bearded_man", 300, lambda i: (5, 120)), Actor("smiling_woman", 320, lambda i: (310, 90))
    source = Pictures(list(play([left, right], 8)))
    everyone = track_faces(source, CascadeDetector(), FPS)
    for index, actor, other in ((0, left, right), (1, right, left)):
        tracks = choose_face(everyone, FaceChoice("index", index), CascadeDetector)
        work = Dubbing(source, tracks, noise(0.3), FPS)
        for number, (pixels, _) in enumerate(dubbed_frames(work, lips_for(model, work.sound))):
            middle = np.nonzero((pixels != source.pictures[number]).any(axis=2))[1].mean()
            assert abs(middle - actor.points(0)[:, 0].mean()) < 40
            assert abs(middle - other.points(0)[:, 0].mean()) > 100


def test_bad_choices_are_refused_in_words():
    source = Pictures(list(play([Actor("bearded_man", 300, lambda i: (10, 120))], 5)))
    tracks = track_faces(source, CascadeDetector(), FPS)
    with pytest.raises(ValueError, match="None of the 1 people"):
        choose_face(tracks, FaceChoice("index", 3), CascadeDetector)
    with pytest.raises(ValueError, match="reference picture"):
        choose_face(tracks, FaceChoice("reference"), CascadeDetector)
    with pytest.raises(ValueError, match="reference picture shows no face"):
        choose_face(tracks, FaceChoice("reference", 0, backdrop(200, 200)), CascadeDetector)
    empty = track_faces(Pictures([backdrop(320, 240)] * 3), CascadeDetector(), FPS)
    with pytest.raises(ValueError, match="No face was found in the clip"):
        choose_face(empty, FaceChoice(), CascadeDetector)


def test_cancelling_leaves_no_file(model, tmp_path):
    source, tracks = clip(itertools.islice(play([Actor("bearded_man", 300, lambda i: (10, 120))], 5), 5))
    work = Dubbing(source, tracks, noise(20), FPS)

    def cancel(done: int, total: int) -> None:
        assert total == 500
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dub(work, lips_for(model, work.sound), tmp_path / "out.mp4", None, cancel)
    assert list(tmp_path.iterdir()) == []
