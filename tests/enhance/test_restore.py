"""FaceRestorer restored: aligned, pasted softly, smooth, only where needed, and the rest of the frame untouched."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from myspinbot.engines.enhance.align import MASK, SIDE, TEMPLATE, Alignment
from myspinbot.engines.enhance.clip import Restoration
from myspinbot.engines.enhance.pieces import Step
from myspinbot.engines.enhance.restore_network import RestoreError, load_restorer
from myspinbot.engines.enhance.restorer import (
    FaceRestorer,
    RestoreSettings,
    detail,
    load_states,
    needs_restoring,
    save_states,
    smooth,
    stillness,
)
from myspinbot.media.clip import probe
from myspinbot.media.faces.detect import CascadeDetector
from myspinbot.media.faces.tracks import Track, Tracks, packed
from tests.miniatures import restore as miniature
from tests.miniatures import upscale as upscalers

from .scenes import decoded, packets, texture, tone, write

MEDIA = Path(__file__).resolve().parents[1] / "media"
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def file(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    return upscalers.write(tmp_path_factory.mktemp("restore") / "RestoreFormer.pth", miniature.restoreformer())


@pytest.fixture(scope="session")
def restorer(file):
    return load_restorer(file, device=CPU, exact=True)


class Stamp:
    """Draws what it is told in place of a network, and counts; it must be the same for the same face."""

    on_card = False

    def __init__(self, noise: float = 0.0) -> None:
        self.faces, self._noise = 0, noise

    def __call__(self, faces, fidelity):
        drawn = []
        for face in faces:
            self.faces += 1
            random = np.random.default_rng(self.faces)
            drawn.append(np.clip(face + random.normal(0, self._noise, face.shape), 0, 255).astype(np.uint8))
        return np.stack(drawn)


def face_at(x: float, y: float, side: float) -> np.ndarray:
    """The five points of an upright face whose square of `side` pixels begins at x, y."""
    return (TEMPLATE * side / SIDE + (x, y)).astype(np.float32)


def tracks_of(points: list[np.ndarray], count: int) -> Tracks:
    """A face at each of `points` in all of `count` frames."""
    box = np.zeros(4, np.float32)
    rows = [np.repeat(packed(box, five, None)[None], count, axis=0) for five in points]
    tracks = tuple(Track(n, 0, row, np.zeros(4, np.float32)) for n, row in enumerate(rows))
    return Tracks(count, (0,), tracks)


def run(faces: FaceRestorer, frames, sources=None) -> list[np.ndarray]:
    steps = [Step(frame=f, source=s) for f, s in zip(frames, sources or frames, strict=True)]
    return [step.frame for step in faces.restore(steps, 0) if step.frame is not None]


def test_a_face_is_aligned_to_the_template_and_pasted_back_where_it_was():
    turn = np.deg2rad(20)
    matrix = 0.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = TEMPLATE @ matrix.T + (150, 40)
    placed = Alignment.of(points)
    assert placed.side == pytest.approx(0.7 * SIDE)
    assert (placed.a, placed.b) == pytest.approx((matrix[0, 0], matrix[1, 0]))
    smooth = np.asarray(Image.fromarray(texture(500, 500)).filter(ImageFilter.GaussianBlur(6)))
    cut = placed.cut(smooth)
    for eye, at in zip(TEMPLATE, points, strict=True):
        inside, outside = cut[int(eye[1]), int(eye[0])], smooth[int(at[1]), int(at[0])]
        assert np.abs(inside.astype(int) - outside).max() < 6
    again = placed.paste(smooth, cut, 1.0)
    assert np.abs(again.astype(int) - smooth).max() < 8, "what is cut out and pasted back is what was there"
    white = placed.paste(smooth, np.full((SIDE, SIDE, 3), 255, np.uint8), 1.0)
    middle = points.mean(axis=0).astype(int)
    assert white[middle[1], middle[0]].min() == 255
    touched = (white != smooth).any(axis=2)
    assert not touched[:, :20].any(), "the frame away from the face stays bit for bit"
    assert 0.2 < touched.mean() < 0.5


def test_the_edge_of_what_is_pasted_is_soft():
    assert MASK[0].max() == MASK[:, 0].max() == 0
    assert MASK[300, 256] == 1
    assert np.abs(np.diff(MASK, axis=0)).max() < 0.05


def test_frames_of_another_size_get_the_face_in_the_right_place():
    frame = np.zeros((400, 300, 3), np.uint8)
    small = np.zeros((200, 150, 3), np.uint8)
    small[60:160, 30:130] = 200
    faces = FaceRestorer(Stamp(), tracks_of([face_at(30, 60, 100)], 1), RestoreSettings(where="everywhere"))
    (out,) = run(faces, [frame], [small])
    rows, columns = np.nonzero(out.max(axis=2) > 150)
    assert (columns.mean(), rows.mean()) == pytest.approx((160, 232), abs=8)


def test_steadying_lowers_flicker_and_keeps_movement():
    random = np.random.default_rng(0)
    still = np.full((SIDE, SIDE, 3), 120, np.uint8)
    seen = [np.clip(still + random.normal(0, 1, still.shape), 0, 255).astype(np.uint8) for _ in range(8)]

    def flicker(temporal_smoothing: float) -> float:
        drawn = Stamp(noise=12)
        state, shown = None, []
        for face in seen:
            state = smooth(state, face, drawn(face[None], 1.0)[0], temporal_smoothing)
            shown.append(state.smoothed)
        return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(shown[2:])]))

    assert flicker(0.8) < 0.35 * flicker(0.0)

    moved = seen[0].copy()
    moved[340:420, 200:310] = 20
    before = smooth(None, seen[0], seen[0], 0.8)
    after = smooth(before, moved, moved, 0.8)
    assert after.smoothed[380, 256].max() < 60, "a mouth that opens is shown as it is now"
    assert stillness(seen[0], moved)[380, 256] == 0
    assert stillness(seen[0], seen[1])[256, 256] == 1


def test_a_face_seen_again_as_it_was_is_not_drawn_again():
    frame = texture(200, 200)
    other = frame.copy()
    other[100:140, 90:120] = 0
    stamp = Stamp()
    faces = FaceRestorer(stamp, tracks_of([face_at(30, 30, 140)], 5), RestoreSettings(where="everywhere"))
    out = run(faces, [frame, frame, other, other, frame])
    assert stamp.faces == faces.count == 3
    assert np.array_equal(out[0], out[1])


def test_batches_change_nothing():
    points = [face_at(10, 20, 60), face_at(70, 10, 50)]
    frames = [texture(100, 140, seed) for seed in range(4)]
    faces = FaceRestorer(Stamp(), tracks_of(points, 4), RestoreSettings(where="everywhere"), batch=3)
    plain = FaceRestorer(Stamp(), tracks_of(points, 4), RestoreSettings(where="everywhere"))
    for one, other in zip(run(faces, frames), run(plain, frames), strict=True):
        assert np.array_equal(one, other)


def test_a_crowd_of_faces_is_fine():
    points = [face_at(x * 26, y * 26, 26) for y in range(5) for x in range(6)]
    faces = FaceRestorer(Stamp(), tracks_of(points, 1), RestoreSettings(where="everywhere"))
    (out,) = run(faces, [texture(130, 156)])
    assert faces.count == 30
    assert out.shape == (130, 156, 3)


def test_large_sharp_faces_and_tiny_ones_are_left_alone():
    frame = texture(800, 800)
    soft = np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(4)))
    cases = [(600, frame, 0), (600, soft, 1), (300, frame, 1), (10, frame, 0)]
    for side, picture, drawn in cases:
        stamp = Stamp()
        faces = FaceRestorer(stamp, tracks_of([face_at(50, 50, side)], 1), RestoreSettings())
        (out,) = run(faces, [picture])
        assert stamp.faces == drawn
        assert np.array_equal(out, picture) or drawn


def test_a_portrait_is_sharper_than_its_blur():
    picture = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((SIDE, SIDE))
    sharp, soft = np.asarray(picture), np.asarray(picture.filter(ImageFilter.GaussianBlur(3)))
    assert detail(sharp) > 3 * detail(soft)
    track = tracks_of([face_at(0, 0, 600)], 1).tracks[0]
    assert needs_restoring(track, soft)


def test_what_it_goes_on_from_is_kept_on_disk(tmp_path):
    frames = [texture(120, 120, seed) for seed in range(4)]
    points = [face_at(10, 10, 90), face_at(0, 0, 10)]
    whole = run(FaceRestorer(Stamp(), tracks_of(points, 4), RestoreSettings(where="everywhere")), frames)
    first = FaceRestorer(Stamp(), tracks_of(points, 4), RestoreSettings(where="everywhere"))
    run(first, frames[:2])
    save_states({**first.states, 7: None}, tmp_path / "state.npz")
    later = FaceRestorer(Stamp(), tracks_of(points, 4), RestoreSettings(where="everywhere"))
    later.states = load_states(tmp_path / "state.npz")
    assert later.states[7] is None
    steps = [Step(frame=frame, source=frame) for frame in frames[2:]]
    rest = [step.frame for step in later.restore(steps, 2) if step.frame is not None]
    assert all(np.array_equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_restoreformer_through_spandrel(restorer):
    face = texture(SIDE, SIDE)
    drawn = restorer(face[None], 1.0)
    assert restorer.architecture == "RestoreFormer"
    assert (drawn.shape, drawn.dtype) == ((1, SIDE, SIDE, 3), np.uint8)
    with torch.inference_mode():
        x = torch.from_numpy(face).permute(2, 0, 1)[None].float() / 127.5 - 1
        plain = (restorer.module.net(x)[0] + 1) * 127.5
    assert np.abs(plain[0].permute(1, 2, 0).numpy().clip(0, 255) - drawn[0]).max() <= 1


def test_a_clips_face_is_restored_and_the_rest_and_the_sound_stay(tmp_path, upscaled, restorer):
    picture = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((256, 256))
    source = write(tmp_path / "a.mp4", [np.asarray(picture)] * 2, sound=tone(0.08))
    settings = RestoreSettings(where="everywhere")
    path = upscaled(source, None, restoration=Restoration(restorer, CascadeDetector(), settings), batch_size=1)
    assert upscaled.report.faces == 2
    assert 1 <= upscaled.report.restored <= 2
    assert probe(path).frames == 2
    assert list(packets(path, "audio")) == list(packets(source, "audio"))
    before, after = decoded(source)[0].astype(int), decoded(path)[0]
    assert np.abs(before[:, :12] - after[:, :12]).mean() < 3
    assert np.abs(before[110:150, 110:150] - after[110:150, 110:150]).mean() > 8


def test_faces_are_restored_within_an_upscale(tmp_path, upscaled, compact, restorer):
    picture = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((256, 256))
    source = write(tmp_path / "a.mp4", [np.asarray(picture)])
    plain = decoded(upscaled(source, compact))[0].astype(int)
    settings = RestoreSettings(where="everywhere")
    path = upscaled(source, compact, restoration=Restoration(restorer, CascadeDetector(), settings))
    info, after = probe(path), decoded(path)[0]
    assert (info.width, info.frames) == (512, 1)
    assert np.abs(plain[:, :24] - after[:, :24]).mean() < 3
    assert np.abs(plain[220:300, 220:300] - after[220:300, 220:300]).mean() > 8


def test_models_are_brought_back_between_looking_for_faces_and_running(tmp_path, upscaled, compact):
    """A detector in ComfyUI's hands may have pushed them off the card."""
    order: list[str] = []

    class Finder(CascadeDetector):
        def detect(self, pixels):
            order.append("looked")
            return super().detect(pixels)

    class Drawer(FakeRestorer):
        def __call__(self, faces, fidelity):
            order.append("drawn")
            return super().__call__(faces, fidelity)

    picture = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((256, 256))
    source = write(tmp_path / "a.mp4", [np.asarray(picture)] * 2)
    watched = compact.module.register_forward_pre_hook(lambda *_: order.append("upscaled"))
    restoration = Restoration(Drawer(), Finder(), RestoreSettings(where="everywhere"))
    upscaled(source, compact, restoration=restoration, ready=lambda: order.append("ready"))
    watched.remove()
    at = order.index("ready")
    assert set(order[:at]) == {"looked"}
    assert set(order[at + 1 :]) == {"upscaled", "drawn"}


def test_cancel_comes_through_while_a_face_is_drawn(tmp_path, upscaled, restorer):
    picture = Image.open(MEDIA / "smiling_woman.jpg").convert("RGB").resize((256, 256))
    source = write(tmp_path / "a.mp4", [np.asarray(picture)] * 2)
    calls = []

    def on_step(done: int, total: int) -> None:
        calls.append(total)
        if len([call for call in calls if call > 1]) > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        settings = RestoreSettings(where="everywhere")
        upscaled(source, None, on_step, Restoration(restorer, CascadeDetector(), settings))
    assert len([call for call in calls if call > 1]) < 20


def test_a_clip_without_a_face_is_left_as_it_is(tmp_path, upscaled):
    source = write(tmp_path / "a.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3, fps=Fraction(24))
    path = upscaled(source, None, restoration=Restoration(FakeRestorer(), CascadeDetector()))
    assert upscaled.report.faces == 0
    assert np.abs(decoded(source)[0].astype(int) - decoded(path)[0]).max() <= 1


class FakeRestorer(Stamp):
    weights_hash, dtype, module = "none", torch.float32, torch.nn.Identity()


def test_what_is_no_restorer_is_refused_by_name(tmp_path, monkeypatch):
    upscaler = upscalers.write(tmp_path / "upscaler.pth", upscalers.compact())
    with pytest.raises(RestoreError, match="Compact, not a face restorer"):
        load_restorer(upscaler, device=CPU)
    nothing = upscalers.write(tmp_path / "nothing.pth", {"a": torch.zeros(2)})
    with pytest.raises(RestoreError, match="no face restorer"):
        load_restorer(nothing, device=CPU)
    codeformer = upscalers.write(tmp_path / "codeformer.pth", {"position_emb": torch.zeros(2)})
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RestoreError, match="pip install spandrel_extra_arches"):
        load_restorer(codeformer, device=CPU)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["GFPGAN", "CodeFormer"])
def test_the_large_ones_through_spandrel(tmp_path, kind):
    torch.manual_seed(0)
    path = upscalers.write(tmp_path / "model.pth", getattr(miniature, kind.lower())())
    restorer = load_restorer(path, device=CPU, exact=True)
    face = texture(SIDE, SIDE)[None]
    one = restorer(face, 1.0)
    assert restorer.architecture == kind
    assert one.std() > 1
    if kind == "CodeFormer":
        assert np.abs(one.astype(int) - restorer(face, 0.0)).mean() > 1, "its fidelity is heard"
    else:
        assert np.array_equal(one, restorer(face, 1.0)), "the same face is drawn the same way each time"
