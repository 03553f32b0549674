"""Clips of people who talk, made by the draft stage, in which everybody's true place is known."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

MEDIA = Path(__file__).resolve().parents[1] / "media"
MIDST = 3  # frames after which somebody who began at rest is in the midst of speaking
TRUTH = json.loads((MEDIA / "faces.json").read_text())


class _Drawn(Sequence[np.ndarray]):
    """Frames that are drawn as far as somebody asks for them, each once."""

    def __init__(self, frames: Iterator[np.ndarray], count: int) -> None:
        self._frames, self._count, self._drawn = frames, count, list[np.ndarray]()

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._count:
            raise IndexError(index)
        while len(self._drawn) <= index:
            self._drawn.append(next(self._frames).copy())
        return self._drawn[index]


@functools.cache
def talking(name: str, side: int) -> Sequence[np.ndarray]:
    """Three seconds of a drawn person speaking, (side, side, 3) each; the head stays where it is."""
    from myspinbot.engines.head.motion import analyze, plan_motion
    from myspinbot.engines.head.render import render_frames
    from myspinbot.engines.speech import espeak
    from myspinbot.media.audio import Sound
    from myspinbot.media.faces.portrait import find_points

    speech = espeak.speak("Many people wander along the long and winding road.")
    sound = Sound(speech.samples[None], speech.sample_rate)
    picture = Image.open(MEDIA / f"{name}.jpg").convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    motion = plan_motion(analyze(sound, 75, 25.0), speech.timings, fps=25.0, seed=1, motion_scale=0.0)
    return _Drawn(render_frames(pixels, find_points(pixels).points, motion), 75)


def true_points(name: str, side: int) -> np.ndarray:
    """(4, 2): eyes and corners of the mouth in the portrait of that size."""
    (face,) = TRUTH[f"{name}.jpg"]["faces"]
    return np.array([face[key] for key in ("left_eye", "right_eye", "mouth_left", "mouth_right")]) * side / 512


@dataclass
class Actor:
    """A person whose portrait, `side` pixels a side, has its corner at `place(frame)`; None is off stage."""

    name: str
    side: int
    place: Callable[[int], tuple[float, float] | None]

    def points(self, index: int) -> np.ndarray | None:
        at = self.place(index)
        return None if at is None else true_points(self.name, self.side) + np.round(at)


def backdrop(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A calm picture without a face."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(60, 200, (5, 7, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def play(actors: Iterable[Actor], count: int, *, width: int = 640, height: int = 480, seed: int = 0) -> Iterator:
    """`count` frames (height, width, 3) of the actors before a backdrop, in the midst of their speech."""
    behind, cast = backdrop(width, height, seed), list(actors)
    for index in range(count):
        frame = behind.copy()
        for actor in cast:
            at = actor.place(index)
            if at is not None:
                paste(frame, talking(actor.name, actor.side)[(index + MIDST) % 75], round(at[0]), round(at[1]))
        yield frame


def paste(frame: np.ndarray, picture: np.ndarray, x: int, y: int) -> None:
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + picture.shape[1], width), min(y + picture.shape[0], height)
    if x0 < x1 and y0 < y1:
        frame[y0:y1, x0:x1] = picture[y0 - y : y1 - y, x0 - x : x1 - x]


def record(path: Path, frames: Iterable[np.ndarray], *, fps: Fraction = Fraction(25), crf: int = 12) -> Path:
    """The frames as H.264."""
    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "ultrafast"})
                stream.width, stream.height, stream.pix_fmt = frame.shape[1], frame.shape[0], "yuv420p"
                stream.codec_context.thread_count = 4  # the same bytes on any number of cores
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def profile(side: int) -> np.ndarray:
    """(side, side, 3): a head seen from its side, looking to the left."""
    picture = Image.fromarray(backdrop(512, 512, 6))
    draw = ImageDraw.Draw(picture)
    skin, shade, hair = (214, 172, 146), (178, 132, 108), (72, 48, 34)
    draw.polygon([(230, 380), (240, 512), (400, 512), (370, 340)], shade)  # neck
    face = [
        (205, 110), (178, 150), (170, 195), (178, 215), (150, 268), (158, 280), (180, 284), (172, 300), (180, 312),
        (172, 326), (182, 342), (178, 372), (196, 396), (250, 398), (330, 350), (390, 250), (360, 130), (280, 90),
    ]  # fmt: skip
    draw.polygon(face, skin)
    draw.polygon([(190, 118), (260, 60), (370, 80), (430, 170), (410, 300), (350, 350), (330, 230), (280, 150)], hair)
    draw.ellipse((318, 225, 352, 290), shade)  # ear
    draw.polygon([(196, 205), (226, 198), (226, 212)], (244, 240, 236))  # eye
    draw.ellipse((198, 199, 211, 211), (60, 44, 38))
    draw.line([(186, 184), (228, 176)], hair, 7)
    draw.line([(174, 313), (212, 316)], (150, 70, 70), 5)  # lips
    soft = picture.filter(ImageFilter.GaussianBlur(2)).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(soft)
