"""Clips in which it is known what is wrong: the report says so, and says nothing where nobody can."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageFilter

from myspinbot.engines.measure.likeness import compared
from myspinbot.engines.measure.measure import MISSING, VALUES, measure
from myspinbot.engines.measure.page import page
from myspinbot.engines.measure.picture import sharpness
from myspinbot.engines.measure.signals import blinks, closed_in_silence, jumps, opened
from myspinbot.engines.measure.sound import clip_sound, clipped, measure_sound
from myspinbot.media.faces.detect import CascadeDetector
from tests.media.test_clip import write

DETECTOR = CascadeDetector((256,))
FPS = Fraction(25)


@pytest.fixture(scope="module")
def report(talk, tmp_path_factory):
    path = talk.write(tmp_path_factory.mktemp("measure") / "clip.mp4")
    return measure(path, DETECTOR, script="The sky is blue.", reference=path), path


def test_a_good_clip(report, talk):
    found, _ = report
    values = found.values
    assert set(values) == {value.key for value in VALUES}
    assert values["offset_ms"] == pytest.approx(10, abs=30), "its lips lead by 30 ms at most, as they are to"
    assert values["offset_correlation"] > 0.4
    assert values["closed_in_silence"] > 90
    assert found.events["blinks"] == pytest.approx(talk.blinks, abs=1)
    assert values["jumps"] == values["without_face"] == values["clipped"] == 0
    assert (values["ssim"], values["psnr_db"]) == (1, 100)
    assert -30 < values["loudness_lufs"] < -15
    assert 20 < values["words_per_minute"] < 60


@pytest.mark.parametrize("late", [0.2, -0.12])
def test_a_sound_that_is_late_or_early_is_found_to_be_so(report, talk, tmp_path, late):
    """To a few milliseconds, though a frame lasts 40."""
    straight = report[0].values["offset_ms"]
    found = measure(talk.write(tmp_path / "clip.mp4", samples=talk.late(late)), DETECTOR)
    assert found.values["offset_ms"] - straight == pytest.approx(1000 * late, abs=8)


def test_of_another_speech_it_says_that_it_can_not_say(talk, tmp_path):
    found = measure(talk.write(tmp_path / "clip.mp4", samples=talk.samples[::-1].copy()), DETECTOR)
    assert found.values["offset_correlation"] < 0.3
    assert found.values["offset_ms"] is None
    assert any("too little in common" in remark for remark in found.remarks)


def test_what_is_wrong_with_the_picture_is_found(report, talk, tmp_path):
    """A jump in the light as at a window's border, flicker, a blurred mouth."""
    frames = [frame.copy() for frame in talk.frames]
    row, column = (int(value) for value in mouth_of(talk))
    for index, frame in enumerate(frames):
        light = 20 * (index >= 60) + 2 * (index % 2)
        part = Image.fromarray(frame[row - 24 : row + 24, column - 30 : column + 30])
        frame[row - 24 : row + 24, column - 30 : column + 30] = part.filter(ImageFilter.GaussianBlur(2))
        frames[index] = np.clip(frame.astype(int) + light, 0, 255).astype(np.uint8)
    found, good = measure(talk.write(tmp_path / "clip.mp4", frames), DETECTOR, reference=report[1]), report[0]
    assert (found.events["jumps"], found.events["cuts"]) == ([60], [])
    assert (60, "a jump") in [(frame, why[:6]) for frame, why in found.worst]
    assert found.values["flicker"] == pytest.approx(2, abs=0.4)
    assert good.values["flicker"] < 0.3
    assert found.values["mouth_sharpness"] < 0.5 * good.values["mouth_sharpness"]
    assert found.values["psnr_db"] < 40


def test_a_jump_of_the_light_is_no_cut_and_a_cut_is_no_jump(talk, tmp_path):
    """At a window's border the face stays where it is; where another picture begins, it doesn't."""
    lit = [
        np.clip(frame.astype(int) + 20 * (index >= 30), 0, 255).astype(np.uint8)
        for index, frame in enumerate(talk.frames[:60])
    ]
    found = measure(talk.write(tmp_path / "lit.mp4", lit, talk.samples[: 60 * talk.rate // 25]), DETECTOR)
    assert (found.events["jumps"], found.events["cuts"]) == ([30], [])
    other = [
        np.roll(255 - frame, 130, axis=1) if index >= 30 else frame for index, frame in enumerate(talk.frames[:60])
    ]
    found = measure(talk.write(tmp_path / "cut.mp4", other, talk.samples[: 60 * talk.rate // 25]), DETECTOR)
    assert (found.events["jumps"], found.events["cuts"]) == ([], [30])


def mouth_of(talk) -> np.ndarray:
    from myspinbot.media.faces.portrait import find_points

    return np.array(find_points(talk.frames[0]).points.mouth)[::-1]


def test_a_mouth_that_moves_in_silence_is_found(report, talk, tmp_path):
    """Two seconds in the midst are made silent, and what is seen goes on."""
    samples = talk.samples.copy()
    samples[talk.rate : 3 * talk.rate] = 0
    found = measure(talk.write(tmp_path / "clip.mp4", samples=samples), DETECTOR)
    assert found.values["closed_in_silence"] < report[0].values["closed_in_silence"] - 25


def test_no_face_and_no_sound(tmp_path):
    from myspinbot.media.video import VideoWriter

    path = tmp_path / "grey.mp4"
    with VideoWriter(path, width=64, height=48, fps=FPS) as video:
        for level in range(12):
            video.write(np.full((48, 64, 3), 90 + level, np.uint8))
    found = measure(path, DETECTOR)
    said = {key for key, value in found.values.items() if value is not None}
    assert said == {"flicker", "jumps", "without_face"}
    assert found.values["without_face"] == 100
    assert found.remarks == [
        "No face was found, so nothing is said of lips, eyes and head.", "The clip has no sound.",
    ]  # fmt: skip
    assert page(found, path).shape[1] == 1200


def test_how_a_clip_was_read_is_in_the_report(tmp_path):
    path = write(tmp_path / "a.mp4", times=[*range(10), *range(40, 50)], clock=Fraction(1, 25))
    assert "isn't constant" in measure(path, DETECTOR).remarks[0]


@pytest.mark.parametrize("turned", [False, True])
def test_two_channels_are_measured_as_they_are(tmp_path, turned):
    """Alike or in opposite phase: neither louder by their sum nor silent."""
    tone = 0.9 * np.sin(2 * np.pi * 997 * np.arange(2 * 48000) / 48000)
    samples = np.stack([tone, -tone if turned else tone]).astype(np.float32)
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes((samples.T * 32767).round().astype("<i2").tobytes())
    sound = clip_sound(path)
    found = measure_sound(sound)
    assert found.peak_db == pytest.approx(20 * np.log10(0.9), abs=0.01)
    assert found.clipped == 0
    # BS.1770-4: a sine of 997 Hz at full scale in one channel is -3.01 LUFS, and a second one adds 3.01
    assert found.lufs == pytest.approx(20 * np.log10(0.9), abs=0.1)
    assert sound.samples.mean(axis=0).max() == pytest.approx(0.9, abs=0.001), "what is heard at each frame"


def test_the_report_as_json_and_as_a_picture(report, talk):
    found, path = report
    content = json.loads(found.to_json())
    assert content["clip"]["frames"] == len(content["curves"]["eyes"]) == len(talk.frames)
    assert content["missing"] == MISSING
    assert content["events"]["blinks"] == pytest.approx([frame / 25 for frame in talk.blinks], abs=0.05)
    drawn = page(found, path)
    assert drawn.shape[1:] == (1200, 3)
    assert np.array_equal(drawn, page(found, path))
    again = measure(path, DETECTOR, script="The sky is blue.", reference=path)
    assert again.to_json() == found.to_json(), "the same clip is measured the same"
    assert "–" not in json.dumps(content["values"])
    page(replace(found, worst=[], remarks=["a remark"]), path)


def test_cancelling(report):
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(report[1], DETECTOR, on_step=stop)
    assert all(done <= total for done, total in calls)


def test_signals_alone():
    eyes = np.zeros(100, np.float32)
    eyes[20:23], eyes[60:63], eyes[80:98] = 1, 0.8, 1  # the last is no blink: the eyes stay shut
    assert blinks(eyes, 25.0) == [20, 60]
    steps = np.full(50, 2.0, np.float32)
    steps[[20, 30]] = 9, 4
    assert jumps(steps) == [(20, 4.5)]
    assert opened(np.full(50, 0.3, np.float32)) is None
    shape = opened(np.concatenate([np.zeros(30), np.full(30, 0.4)]).astype(np.float32))
    assert shape is not None
    loud = np.concatenate([np.zeros(30), np.ones(30)]).astype(np.float32)
    assert closed_in_silence(shape, loud, 25.0) == 1
    assert closed_in_silence(shape[::-1], loud, 25.0) == 0
    assert closed_in_silence(shape, np.ones(60, np.float32), 25.0) is None
    cut = np.array([0, 1, 1, 1, 1, 0.5, 1, 0, -1, -1, -1, 0], np.float32)
    assert clipped(np.stack([cut, 0 * cut])) == pytest.approx(7 / 24)
    assert clipped(np.ones((2, 2))) == 0, "a run ends where its channel does"
    assert clipped(cut[None]) == pytest.approx(7 / 12), "one sample at full scale is no clipping"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1)))
    assert sharpness(soft) < 0.2 * sharpness(noise)
    assert sharpness((noise // 2).astype(np.uint8)) == pytest.approx(sharpness(noise), rel=0.02), "whatever the light"


def test_likeness_is_the_definitions():
    one = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    other = np.clip(one.astype(int) + 10, 0, 255).astype(np.uint8)
    grey = [np.asarray(Image.fromarray(picture).convert("L"), np.float64) for picture in (one, other)]
    ((alike, psnr),) = compared([one], [other])
    assert psnr == pytest.approx(10 * np.log10(255**2 / np.square(grey[0] - grey[1]).mean()))
    assert 0.9 < alike < 1
    assert list(compared([one], [one])) == [(1.0, 100.0)]
