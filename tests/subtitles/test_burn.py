"""Subtitles in the frames of a clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import features

from myspinbot.engines.subtitles import burn as burning
from myspinbot.engines.subtitles.burn import burn
from myspinbot.engines.subtitles.caption import Style
from myspinbot.engines.subtitles.cues import cues
from myspinbot.engines.subtitles.fonts import Fonts, needs_shaping
from myspinbot.engines.timings import Span, Timings
from myspinbot.media.audio import Sound
from myspinbot.media.clip import at_rate, probe, read
from myspinbot.media.video import VideoWriter
from tests.media.test_clip import write
from tests.miniatures.font import write_font

FPS = Fraction(25)
LATIN = dict.fromkeys("abcdefghijklmnopqrstuvwxyzT.,", 500)
SPOKEN = Timings(
    4.0, (Span("the", 0.4, 0.6), Span("first", 0.6, 1.0), Span("then", 2.2, 2.5), Span("another", 2.5, 3.0))
)
TEXT = "the first. then another."


@pytest.fixture(autouse=True)
def no_system_fonts(monkeypatch):
    monkeypatch.setattr(burning, "system_folders", list)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def fonts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    write_font(folder / "LatinSans.ttf", LATIN)
    return folder


def write_clip(path: Path, *, width: int = 320, height: int = 240, seconds: int = 4) -> Path:
    rate = 24000
    time = np.arange(seconds * rate) / rate
    sound = Sound((0.2 * np.sin(2 * np.pi * 220 * time))[None].astype(np.float32), rate)
    with VideoWriter(path, width=width, height=height, fps=FPS, sound=sound) as video:
        for _ in range(int(seconds * FPS)):
            video.write(np.full((height, width, 3), 40, np.uint8))
    return path


def frames(path: Path) -> np.ndarray:
    """(N, H, W, 3)"""
    return np.stack(list(at_rate(read(path), FPS)))


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_captions_are_seen_when_their_words_are_heard_and_the_sound_is_untouched(clip, fonts, tmp_path):
    steps = []
    burnt = burn(clip, tmp_path / "out.mp4", SPOKEN, TEXT, folders=[fonts], on_step=lambda *step: steps.append(step))
    assert burnt == burning.Burnt(written=True, remarks=[])
    seen = frames(tmp_path / "out.mp4")
    assert len(seen) == 100
    shown = (seen.min(axis=3) > 180).any(axis=(1, 2))
    expected = np.zeros(100, bool)
    for cue in cues(SPOKEN, TEXT)[0]:
        times = (np.arange(100) + 0.5) / 25
        expected |= (times >= cue.start) & (times < cue.end)
    assert 30 < expected.sum() < 80
    assert np.array_equal(shown, expected)
    assert packets(tmp_path / "out.mp4") == packets(clip)
    assert steps[-1] == (100, 100)
    assert probe(tmp_path / "out.mp4").duration == probe(clip).duration


@pytest.mark.parametrize(("position", "rows"), [("top", (0, 80)), ("middle", (80, 160)), ("bottom", (160, 240))])
def test_position(clip, fonts, tmp_path, position, rows):
    burn(clip, tmp_path / "out.mp4", SPOKEN, TEXT, folders=[fonts], style=Style(position=position, size=8))
    changed = np.abs(frames(tmp_path / "out.mp4")[15].astype(int) - 40).max(axis=2) > 60
    found = np.flatnonzero(changed.any(axis=1))
    assert rows[0] <= found[0] < found[-1] < rows[1]
    columns = np.flatnonzero(changed.any(axis=0))
    assert columns[0] + columns[-1] == pytest.approx(319, abs=6), "in the middle of the picture"


def test_size_colour_and_backing(clip, fonts, tmp_path):
    small = Style(size=6, color="#ff0000", backing="none")
    burn(clip, tmp_path / "small.mp4", SPOKEN, TEXT, folders=[fonts], style=small)
    burn(clip, tmp_path / "box.mp4", SPOKEN, TEXT, folders=[fonts], style=Style(size=12, backing="box"))
    one, two = (frames(tmp_path / name)[15].astype(int) for name in ("small.mp4", "box.mp4"))
    red = (one[..., 0] > 150) & (one[..., 1] < 90)
    white = two.min(axis=2) > 180
    assert 0 < rows(red) < rows(white)
    assert (two.max(axis=2) < 25).sum() > white.sum() / 4, "a dark box behind the letters"
    assert not (one.max(axis=2) < 25).any()


def rows(mask: np.ndarray) -> int:
    return int(mask.any(axis=1).sum())


def test_too_wide_a_line_is_drawn_smaller(fonts, tmp_path):
    narrow = write_clip(tmp_path / "narrow.mp4", width=64, height=128, seconds=1)
    timings = Timings(1.0, (Span("incomprehensibly", 0.0, 1.0),))
    assert burn(narrow, tmp_path / "out.mp4", timings, folders=[fonts], style=Style(size=15)).written
    white = frames(tmp_path / "out.mp4")[12].min(axis=2) > 120
    columns = np.flatnonzero(white.any(axis=0))
    assert columns[0] > 0
    assert columns[-1] < 63


def test_right_to_left_is_drawn_from_the_right(clip, tmp_path):
    assert features.check("raqm"), "FriBiDi is needed for this test: libfribidi0 on Debian and Ubuntu"
    write_font(tmp_path / "fonts" / "HebrewSans.ttf", {"א": 900, "ב": 100})
    timings = Timings(4.0, (Span("אבב", 0.0, 4.0),))
    burn(clip, tmp_path / "out.mp4", timings, folders=[tmp_path / "fonts"], style=Style(size=15, backing="none"))
    assert blocks(frames(tmp_path / "out.mp4")[50]) == ["narrow", "narrow", "wide"]


def blocks(frame: np.ndarray) -> list[str]:
    """The blocks of a miniature font in a frame from left to right."""
    ink = (frame.min(axis=2) > 150).any(axis=0).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], ink, [0]))))
    widths = edges[1::2] - edges[::2]
    return ["wide" if width > widths.max() / 2 else "narrow" for width in widths]


def test_chinese_is_drawn_with_the_font_that_has_it(clip, fonts, tmp_path):
    both = tmp_path / "fonts"
    write_font(both / "LatinSans.ttf", LATIN)
    write_font(both / "ZhSans.ttf", {"中": 900, "文": 200})
    timings = Timings(4.0, (Span("the", 0.0, 1.0), Span("中文", 2.0, 3.0)))
    burnt = burn(clip, tmp_path / "out.mp4", timings, folders=[both], style=Style(size=15, backing="none"))
    assert burnt.remarks == []
    assert blocks(frames(tmp_path / "out.mp4")[60]) == ["wide", "narrow"]


def test_a_script_without_a_font_is_named_and_never_drawn_as_boxes(clip, fonts, tmp_path):
    timings = Timings(4.0, (Span("the", 0.4, 0.8), Span("नमस्ते", 2.2, 2.6)))
    burnt = burn(clip, tmp_path / "out.mp4", timings, folders=[fonts])
    assert burnt.written
    (remark,) = burnt.remarks
    assert "Devanagari" in remark
    assert "models/fonts" in remark
    seen = (frames(tmp_path / "out.mp4").min(axis=3) > 180).any(axis=(1, 2))
    assert seen[15]
    assert not seen[50:].any()


def test_with_nothing_to_draw_no_clip_is_written(clip, fonts, tmp_path):
    only = burn(clip, tmp_path / "a.mp4", Timings(4.0, (Span("नमस्ते", 2.2, 2.6),)), folders=[fonts])
    none = burn(clip, tmp_path / "b.mp4", Timings(4.0), folders=[fonts])
    assert not only.written
    assert not none.written
    assert "stays as it is" in only.remarks[-1]
    assert "stays as it is" in none.remarks[-1]
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_sign_without_a_glyph_is_left_out_and_named(clip, fonts, tmp_path):
    timings = Timings(4.0, (Span("the", 0.4, 0.8), Span("first", 0.8, 1.2)))
    burnt = burn(clip, tmp_path / "out.mp4", timings, "the ☃ first", folders=[fonts])
    assert burnt.written
    assert burnt.remarks == ["The font of the subtitles lacks these signs, which are left out: ☃"]


def test_without_fribidi_right_to_left_is_refused_in_words(clip, tmp_path, monkeypatch):
    write_font(tmp_path / "fonts" / "HebrewSans.ttf", {"א": 900, "ב": 100})
    monkeypatch.setattr(burning, "shapes", lambda: False)
    burnt = burn(clip, tmp_path / "out.mp4", Timings(4.0, (Span("אבב", 0.0, 4.0),)), folders=[tmp_path / "fonts"])
    assert not burnt.written
    assert "FriBiDi" in burnt.remarks[0]
    assert needs_shaping("नमस्ते")
    assert not needs_shaping("Grüße, 中文")


def test_odd_sizes_and_uneven_times_become_even(fonts, tmp_path):
    with av.open(str(tmp_path / "odd.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 321, 241, "yuv444p"
        for number in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((241, 321, 3), 40, np.uint8), format="rgb24")
            picture.pts = number if number < 10 else 3 * number - 20  # from one second on, three times as slow
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    timings = Timings(4.0, (Span("the", 2.0, 3.0),))
    assert burn(tmp_path / "odd.mkv", tmp_path / "out.mp4", timings, folders=[fonts]).written
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.fps) == (320, 240, 10)
    shown = [f.time for f in read(tmp_path / "out.mp4") if (f.pixels.min(axis=2) > 180).any()]
    assert shown[0] == pytest.approx(2.0, abs=0.1)
    assert shown[-1] == pytest.approx(3.2, abs=0.15)


def test_how_a_clip_was_read_is_told_apart_and_all_its_pictures_count(fonts, tmp_path):
    """Of a clip that pauses more pictures are written than it holds."""
    times = [index + (150 if index > 10 else 0) for index in range(20)]
    path, steps = write(tmp_path / "a.mp4", times=times, clock=Fraction(1, 25)), []
    timings = Timings(4.0, (Span("the", 0.4, 0.8),))
    burnt = burn(path, tmp_path / "b.mp4", timings, folders=[fonts], on_step=lambda *step: steps.append(step))
    assert burnt.remarks == []
    assert "isn't constant" in burnt.reading[0]
    assert steps[0] == (0, 170)
    assert steps[-1] == (170, 170)
    assert sorted(steps) == sorted(set(steps)), "each picture is told once"


def test_damaged_fonts_and_other_files_are_passed_over(tmp_path):
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    (tmp_path / "readme.txt").write_text("abc")
    good = write_font(tmp_path / "below" / "Good.ttf", {"中": 500})
    assert Fonts("中", [tmp_path]).of("中").path == good
    assert Fonts("abc", [tmp_path]).of("abc").path is None, "Pillow's own has Latin letters"


def test_for_a_sign_alone_not_every_font_is_opened(tmp_path):
    opened = []
    for name in "abc":
        write_font(tmp_path / f"{name}Sans.ttf", LATIN)
    assert Fonts("the \N{SNOWMAN}", [tmp_path], lambda: opened.append(1)).of("the").path == tmp_path / "aSans.ttf"
    assert len(opened) == 1
    Fonts("the \N{DEVANAGARI LETTER NA}", [tmp_path], lambda: opened.append(1))
    assert len(opened) == 5, "a letter is looked for in each, and in Pillow's own"


def test_looking_for_fonts_can_be_cancelled(clip, fonts, tmp_path):
    def stop(done: int, total: int) -> None:
        assert done == 0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        burn(clip, tmp_path / "out.mp4", Timings(4.0), "", folders=[fonts], on_step=stop)


def test_bad_input_is_refused_before_work(clip, tmp_path):
    with pytest.raises(ValueError, match="'redd' is no colour"):
        burn(clip, tmp_path / "out.mp4", SPOKEN, style=Style(color="redd"))
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no video"):
        burn(tmp_path / "no.mp4", tmp_path / "out.mp4", SPOKEN)


def test_cancelling_leaves_nothing(clip, fonts, tmp_path):
    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        burn(clip, tmp_path / "out.mp4", SPOKEN, folders=[fonts], on_step=stop)
    assert list(tmp_path.iterdir()) == []
