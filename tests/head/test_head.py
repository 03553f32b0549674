"""The draft talking head: what moves, when, and what stays."""

import functools
import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from myspinbot.engines.head import visemes
from myspinbot.engines.head.motion import analyze, plan_motion
from myspinbot.engines.head.render import render_frames, render_talking_head
from myspinbot.engines.speech import espeak
from myspinbot.engines.timings import Span, Timings
from myspinbot.media.audio import Sound
from myspinbot.media.faces.portrait import find_points

MEDIA = Path(__file__).resolve().parents[1] / "media"
NAMES = ["bearded_man", "elderly_man", "smiling_woman", "tilted_child", "woman_with_glasses"]
OPEN, WIDE = 0, 1


@functools.cache
def portrait(name: str, side: int = 384) -> np.ndarray:
    return np.asarray(Image.open(MEDIA / f"{name}.jpg").convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


@functools.cache
def points_of(name: str, side: int = 384):
    return find_points(portrait(name, side)).points


def sound_of(text: str, **options) -> tuple[Sound, Timings]:
    speech = espeak.speak(text, **options)
    return Sound(speech.samples[None], speech.sample_rate), speech.timings


def motion_of(text: str, *, by_sound: bool = False, seed: int = 1, motion_scale: float = 1.0):
    sound, timings = sound_of(text)
    analysis = analyze(sound, round(sound.duration * 25), 25)
    return (
        plan_motion(analysis, None if by_sound else timings, fps=25, seed=seed, motion_scale=motion_scale),
        timings,
        analysis,
    )


def test_every_sound_of_ipa_has_a_mouth():
    assert len(visemes.VISEMES) >= 8
    assert visemes.of_phoneme("ˈoʊ") == ["round_open", "round"]
    assert visemes.of_phoneme("tʃ") == ["alveolar", "pursed"]
    assert visemes.of_phoneme("p") == ["closed"]
    assert visemes.of_phoneme("v") == ["teeth_on_lip"]
    assert visemes.of_phoneme("ä") == ["wide_open"]
    assert visemes.of_phoneme("Ж") == ["neutral"]
    assert visemes.of_phoneme("ʲ") == visemes.of_phoneme("☃") == []
    assert visemes.of_phoneme("") == visemes.of_phoneme("sil") == ["rest"]
    spoken = "a quick brown fox thinks of five joyful measures, church bells, zebras and young whales"
    found = {name for span in espeak.speak(spoken).timings.phonemes for name in visemes.of_phoneme(span.text)}
    assert len(found) >= 12


def test_lips_meet_for_m_and_open_for_a():
    motion, timings, _ = motion_of("mama mama mama")
    at = {"m": [], "a": []}
    for span in timings.phonemes:
        kind = "m" if span.text == "m" else "a" if any(sign in span.text for sign in "aɑæʌ") else None
        frame = int((span.start + span.end) / 2 * 25)
        if kind and frame < len(motion):
            around = motion.poses[max(frame - 1, 0) : frame + 2, OPEN]
            at[kind].append(float(around.min() if kind == "m" else around.max()))
    assert max(at["m"]) < 0.12
    assert min(at["a"]) > 0.2


def test_vowels_are_told_apart():
    wide, _, _ = motion_of("see see see see")
    narrow, _, _ = motion_of("too too too too")
    assert wide.poses[:, WIDE].max() > 0.1
    assert narrow.poses[:, WIDE].min() < -0.1


def test_without_timings_the_sound_itself_opens_the_mouth():
    motion, _, analysis = motion_of("Many people wander along the long road.", by_sound=True)
    assert np.corrcoef(motion.poses[:, OPEN], analysis.loudness)[0, 1] > 0.6
    wide, _, _ = motion_of("see see see see", by_sound=True)
    narrow, _, _ = motion_of("oh oh oh oh", by_sound=True)
    assert wide.poses[:, WIDE].max() > narrow.poses[:, WIDE].max()


@pytest.mark.parametrize("text", ["Oh", "Hi there! I am open at both ends, aaah"])
@pytest.mark.parametrize("by_sound", [False, True])
def test_a_clip_begins_and_ends_with_the_mouth_and_eyes_of_the_portrait(text, by_sound):
    for seed in range(5):
        motion, _, _ = motion_of(text, by_sound=by_sound, seed=seed)
        assert np.abs(motion.poses[[0, -1]]).max() == 0
        assert motion.poses[:, OPEN].max() > 0.15, "it speaks all the same"
        assert motion.blink[-1] < 0.5


def test_silence_closes_the_mouth_but_the_head_lives():
    sound = Sound(np.zeros((1, 22050 * 12), np.float32), 22050)
    for timings in (None, Timings(12.0, (), (Span("a", 1.0, 2.0),))):
        motion = plan_motion(analyze(sound, 300, 25), timings, fps=25, seed=3)
        assert np.abs(motion.poses).max() == 0
        assert motion.blink.max() == 1
        assert np.ptp(motion.roll) > 0.005


def test_timings_that_say_nothing_leave_the_mouth_to_the_sound():
    sound, timings = sound_of("Many people wander along the long road.")
    analysis = analyze(sound, round(sound.duration * 25), 25)
    by_timings = plan_motion(analysis, timings, fps=25, seed=1).poses[:, OPEN].mean()
    by_sound = plan_motion(analysis, None, fps=25, seed=1).poses[:, OPEN]
    for empty in (Timings(0.0), Timings(sound.duration, timings.words, ())):
        assert np.array_equal(plan_motion(analysis, empty, fps=25, seed=1).poses[:, OPEN], by_sound)
    half = Timings(1.0, (), tuple(span for span in timings.phonemes if span.end < 1.0))
    after = plan_motion(analysis, half, fps=25, seed=1).poses[30:, OPEN]
    assert after.mean() > 0.4 * by_timings


def test_a_long_pause_does_not_still_the_speech_after_it():
    sound, timings = sound_of("Many people wander along the long road.")

    def opening(pause: int) -> float:
        later = tuple(Span(span.text, span.start + pause, span.end + pause) for span in timings.phonemes)
        quiet = np.zeros((1, pause * sound.sample_rate), np.float32)
        whole = Sound(np.concatenate([quiet, sound.samples], axis=1), sound.sample_rate)
        analysis = analyze(whole, round(whole.duration * 25), 25)
        motion = plan_motion(analysis, Timings(whole.duration, (), later), fps=25, seed=1)
        return float(motion.poses[pause * 25 :, OPEN].mean())

    assert opening(60) == pytest.approx(opening(0), rel=0.05)


def test_noise_is_no_speech():
    draw = np.random.default_rng(1)
    sound, _ = sound_of("Here is some speech.")
    noise = draw.normal(0, 3e-4, (1, 22050 * 60)).astype(np.float32)
    assert plan_motion(analyze(Sound(noise, 22050), 1500, 25), None, fps=25, seed=1).poses.max() == 0
    noise[:, : sound.samples.shape[1]] += sound.samples
    poses = plan_motion(analyze(Sound(noise, 22050), 1500, 25), None, fps=25, seed=1).poses
    assert poses[:30, OPEN].max() > 0.4
    assert poses[200:, OPEN].max() < 0.05


def test_motion_is_eased_and_the_same_for_the_same_seed():
    motion, _, _ = motion_of("Every good boy does fine, and five brave foxes moved over the wall.")
    assert np.abs(np.diff(motion.poses[:, OPEN])).max() < 0.5
    for track in (motion.shift_x, motion.shift_y, motion.roll, motion.zoom):
        assert np.abs(np.diff(track)).max() < 0.02
    again, _, _ = motion_of("Every good boy does fine, and five brave foxes moved over the wall.")
    other, _, _ = motion_of("Every good boy does fine, and five brave foxes moved over the wall.", seed=2)
    assert np.array_equal(motion.poses, again.poses)
    assert np.array_equal(motion.roll, again.roll)
    assert not np.array_equal(motion.roll, other.roll)
    assert np.array_equal(motion.poses, other.poses)


def test_blinks_come_at_human_intervals():
    sound = Sound(np.random.default_rng(0).normal(0, 0.1, (1, 8000 * 120)).astype(np.float32), 8000)
    blink = plan_motion(analyze(sound, 3000, 25), None, fps=25, seed=5).blink
    starts = [i for i, (a, b) in enumerate(itertools.pairwise(blink)) if a == 0 and b > 0]
    assert 15 <= len(starts) <= 60
    assert min(np.diff(starts)) >= 40


def still(motion, **changes):
    """`motion` of one frame in which only `changes` are not 0."""
    zero = np.zeros(1, np.float32)
    return type(motion)(**{"poses": np.zeros((1, 6), np.float32), "blink": zero, "shift_x": zero, "shift_y": zero,
                           "roll": zero, "zoom": zero, **changes})  # fmt: skip


@pytest.fixture(scope="module")
def any_motion():
    return motion_of("ah")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_resting_frame_is_the_portrait(name, any_motion):
    image = portrait(name)
    (frame,) = render_frames(image, points_of(name), still(any_motion))
    difference = np.abs(frame.astype(int) - image)
    assert difference.mean() < 0.2
    assert np.percentile(difference, 99.9) <= 12


@pytest.mark.parametrize("name", NAMES)
def test_an_open_mouth_changes_the_mouth_and_nothing_else(name, any_motion):
    image, points = portrait(name), points_of(name)
    pose = np.zeros((1, 6), np.float32)
    pose[0, OPEN] = 1
    (frame,) = render_frames(image, points, still(any_motion, poses=pose))
    changed = np.abs(frame.astype(int) - image).max(axis=2) > 12
    ys, xs = np.nonzero(changed)
    assert changed.sum() > 0.01 * points.eye_distance**2
    assert ys.min() > max(points.left_eye[1], points.right_eye[1])
    assert abs(xs.mean() - points.mouth[0]) < 0.35 * points.eye_distance
    # Below the parting line it is darker than the lips were: one looks into a mouth.
    x, y = int(points.mouth[0]), int(points.mouth[1] + 0.12 * points.mouth_width)
    around = (slice(y - 2, y + 3), slice(x - 4, x + 5))
    assert frame[around].mean() < image[around].mean() - 15


@pytest.mark.parametrize("name", NAMES)
def test_every_mouth_stays_in_the_face(name, any_motion):
    """The lips are pulled about; what is beside and above them, and the face's outline, is not."""
    image, points = portrait(name), points_of(name)
    poses = np.array([[0 if part == "open" else getattr(viseme.pose, part) for part in
                       ("open", "wide", "lift", "tuck", "tongue", "press")]
                      for viseme in visemes.VISEMES.values()], np.float32)  # fmt: skip
    zero = np.zeros(len(poses), np.float32)
    motion = still(any_motion, poses=poses, blink=zero, shift_x=zero, shift_y=zero, roll=zero, zoom=zero)
    drawn = [frame.copy() for frame in render_frames(image, points, motion)]
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    across = np.hypot((x - points.mouth[0]) / 0.78, (y - points.mouth[1]) / 0.75) / points.eye_distance
    changed = [float((np.abs(frame.astype(int) - image).max(axis=2) > 14)[across > 1].sum()) for frame in drawn]
    assert max(changed) < 0.004 * points.eye_distance**2
    spread, pursed = (drawn[list(visemes.VISEMES).index(viseme)] for viseme in ("spread", "round"))
    assert np.abs(spread.astype(int) - pursed).max() > 30


@pytest.mark.parametrize("name", NAMES)
def test_a_blink_changes_the_eyes_only_and_ends(name, any_motion):
    image, points = portrait(name), points_of(name)
    shut = still(any_motion, blink=np.array([1, 0], np.float32), poses=np.zeros((2, 6), np.float32),
                 **{part: np.zeros(2, np.float32) for part in ("shift_x", "shift_y", "roll", "zoom")})  # fmt: skip
    closed, after = (frame.copy() for frame in render_frames(image, points, shut))
    changed = np.abs(closed.astype(int) - image).max(axis=2) > 12
    ys, _ = np.nonzero(changed)
    assert changed.sum() > 0.03 * points.eye_distance**2
    assert ys.max() < points.mouth[1] - 0.3 * points.eye_distance
    assert np.abs(after.astype(int) - image).mean() < 0.2
    assert seen_of_eyes(closed, points) < 0.15 * seen_of_eyes(image, points)


def seen_of_eyes(frame: np.ndarray, points) -> int:
    """Pixels around the eyes that are bright and grey, as the whites are and no skin of these pictures is."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    near = [
        np.hypot(x - eye[0], (y - eye[1]) * 1.5) < 0.7 * points.eye_width for eye in (points.left_eye, points.right_eye)
    ]
    colours = frame[near[0] | near[1]].astype(int)
    return int(((np.ptp(colours, axis=1) < 45) & (colours.min(axis=1) > 140)).sum())


def test_sway_moves_the_head_and_leaves_the_border(any_motion):
    image, points = portrait("elderly_man"), points_of("elderly_man")
    (frame,) = render_frames(image, points, still(any_motion, shift_x=np.full(1, 0.05, np.float32)))
    y, x = int(points.left_eye[1]), int(points.left_eye[0])
    step = round(0.05 * points.eye_distance)
    eye = image[y - 10 : y + 10, x - 14 : x + 14].astype(int)
    moved = frame[y - 10 : y + 10, x - 14 + step : x + 14 + step].astype(int)
    assert np.abs(moved - eye).mean() < 0.5 * np.abs(frame[y - 10 : y + 10, x - 14 : x + 14].astype(int) - eye).mean()
    for edge in (np.s_[:2], np.s_[-2:], np.s_[:, :2], np.s_[:, -2:]):
        assert np.abs(frame[edge].astype(int) - image[edge]).max() <= 2


def test_pictures_that_are_all_face_or_have_odd_shapes_are_drawn(tmp_path):
    image = portrait("bearded_man", 512)
    points = points_of("bearded_man", 512)
    x, y = int(points.left_eye[0]), int(points.left_eye[1])
    close = np.ascontiguousarray(image[y - 60 : y + 140, x - 40 : x + 110])
    typed = f"40,60 {points.right_eye[0] - x + 40:.0f},60 {points.mouth[0] - x + 40:.0f},{points.mouth[1] - y + 60:.0f}"
    sound, timings = sound_of("Hello there.")
    frames = render_talking_head(
        close, find_points(close, typed=typed).points, sound, tmp_path / "close.mp4", timings=timings
    )
    with av.open(str(tmp_path / "close.mp4")) as clip:
        assert sum(1 for _ in clip.decode(video=0)) == frames


def test_the_same_inputs_give_the_same_file(tmp_path):
    image = portrait("tilted_man")
    sound, timings = sound_of("Again.")
    for name in ("a", "b"):
        render_talking_head(image, points_of("tilted_man"), sound, tmp_path / f"{name}.mp4", timings=timings, seed=9)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("samples", [1, 100, 883])
def test_the_shortest_sound_is_a_frame_and_stereo_is_spoken(tmp_path, samples):
    image = portrait("tilted_man")
    sound = Sound(np.full((2, samples), 0.5, np.float32), 22050)
    assert render_talking_head(image, points_of("tilted_man"), sound, tmp_path / "a.mp4") == 1 + (samples > 882)


def test_a_cancel_leaves_nothing_and_reports_every_frame_until_then(tmp_path):
    seen = []

    def cancel(done, total):
        seen.append((done, total))
        if done == 5:
            raise KeyboardInterrupt

    image = portrait("tilted_man")
    sound, timings = sound_of("This will not be finished.")
    with pytest.raises(KeyboardInterrupt):
        render_talking_head(image, points_of("tilted_man"), sound, tmp_path / "a.mp4", timings=timings, on_step=cancel)
    assert [done for done, _ in seen] == [1, 2, 3, 4, 5]
    assert len({total for _, total in seen}) == 1
    assert list(tmp_path.iterdir()) == []
