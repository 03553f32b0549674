"""A clip measured: its values, its curves over time, what stands out, and what could not be measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...media.clip import at_rate, probe, read
from ...media.faces import Pixels
from ...media.faces.detect import Detector
from ...media.faces.tracking import find_tracks
from ...media.faces.tracks import Tracks
from ...media.prefetch import prefetch
from ..head.motion import analyze
from ..progress import OnStep
from .likeness import compared
from .picture import Curve, Pictures, measure_pictures
from .signals import CERTAIN, Offset, blinks, closed_in_silence, jumps, offset, opened
from .sound import clip_sound, level_at, measure_sound

VERSION = 1
_SAME_PLACE = 0.6  # of what two boxes cover together is in both
_WORST = 6  # frames that are shown
_FEWEST_LIKE = 0.9  # SSIM under which a frame is among the worst

MISSING = {
    "word errors": "a speech recognition model (Whisper) to hear what is said",
    "identity": "a network that tells faces apart, and the portrait",
    "speaker similarity": "a network that tells voices apart, and the voice",
    "speech quality": "a network that rates speech (DNSMOS)",
}
"""What is not measured yet, and what it takes."""


@dataclass(frozen=True, slots=True)
class Value:
    """How a value is told: its name in the report, its name for people, its unit, and digits behind the point."""

    key: str
    title: str
    unit: str
    digits: int


VALUES = (
    Value("offset_ms", "sound behind the lips", "ms", 0),
    Value("offset_correlation", "certainty of that", "", 2),
    Value("closed_in_silence", "mouth shut in silence", "%", 0),
    Value("blinks_per_minute", "blinks", "/min", 1),
    Value("mouth_dynamics", "mouth, movement", "levels", 1),
    Value("head_dynamics", "head, movement", "% of the eyes' distance", 1),
    Value("roll_dynamics", "head, tilt", "degrees", 1),
    Value("flicker", "flicker outside the face", "levels", 2),
    Value("jumps", "jumps", "", 0),
    Value("mouth_sharpness", "mouth's sharpness to the eyes'", "", 2),
    Value("ssim", "SSIM to the reference", "", 4),
    Value("psnr_db", "PSNR to the reference", "dB", 1),
    Value("loudness_lufs", "loudness", "LUFS", 1),
    Value("peak_db", "highest sample", "dBFS", 1),
    Value("clipped", "samples cut off", "%", 3),
    Value("words_per_minute", "words", "/min", 0),
    Value("without_face", "frames without a face", "%", 1),
)


@dataclass(slots=True)
class Report:
    """What was measured of a clip.

    Attributes:
        about: its name, size, rate and length.
        values: by the keys of `VALUES`; None is what could not be said.
        curves: one value per frame each; NaN where there is none.
        events: frames of blinks, cuts and jumps.
        worst: frames to look at, and why.
        remarks: what its reader should know.
    """

    about: dict[str, Any]
    values: dict[str, float | None]
    curves: dict[str, Curve]
    events: dict[str, list[int]]
    worst: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """As JSON, the curves with four digits."""
        fps = self.about["fps"]
        content = {
            "version": VERSION,
            "clip": self.about,
            "values": {key: None if value is None else round(value, 5) for key, value in self.values.items()},
            "measures": {v.key: {"title": v.title, "unit": v.unit, "digits": v.digits} for v in VALUES},
            "events": {name: [round(frame / fps, 3) for frame in frames] for name, frames in self.events.items()},
            "worst": [{"time": round(frame / fps, 3), "why": why} for frame, why in self.worst],
            "curves": {
                name: [None if np.isnan(value) else float(f"{value:.4g}") for value in curve.tolist()]
                for name, curve in self.curves.items()
            },
            "missing": MISSING,
            "remarks": self.remarks,
        }
        return json.dumps(content, ensure_ascii=False)


def measure(
    path: Path,
    detector: Detector,
    *,
    reference: Path | None = None,
    script: str = "",
    on_step: OnStep | None = None,
) -> Report:
    """Measure a clip of any length; it is read twice, and memory holds a few thousand bytes of each frame.

    Args:
        path: the clip.
        detector: what finds faces.
        reference: a clip that it should be like, from the same moment on.
        script: what is said.
        on_step: called with the work done and the work in all; may raise to cancel.

    Raises:
        ValueError: the clip or the reference can't be read.
    """
    info = probe(path)
    fps = float(info.fps)
    expected = max(round(info.duration * info.fps), 1)
    passes = 2 if reference is None else 3

    def step(number: int) -> Callable[[int], None]:
        return lambda done: on_step(number * expected + min(done, expected), passes * expected) if on_step else None

    def frames() -> Iterator[Pixels]:
        return at_rate(read(path), info.fps)

    with closing(prefetch(frames())) as first:
        tracks = find_tracks(first, detector, fps=info.fps, on_frame=step(0)).chosen("largest")
    with closing(prefetch(frames())) as second:
        seen = measure_pictures(second, tracks, fps, step(1))
    about = {"name": path.name, "width": info.width, "height": info.height, "fps": fps, "frames": tracks.frames}
    report = Report(about | {"seconds": tracks.frames / fps}, {value.key: None for value in VALUES}, {}, {})
    report.remarks += info.remarks
    _of_pictures(report, seen, tracks, fps)
    _of_sound(report, path, seen, fps, script)
    if reference is not None:
        _of_reference(report, frames(), reference, info.fps, step(2))
    _add_worst(report)
    return report


def _of_pictures(report: Report, seen: Pictures, tracks: Tracks, fps: float) -> None:
    shut, cuts = blinks(seen.eyes, fps), [cut for cut in tracks.cuts if cut and not _goes_on(tracks, cut)]
    leaps = [(frame, times) for frame, times in jumps(seen.step) if frame not in cuts]
    known = np.isfinite(seen.mouth)
    report.curves |= {"mouth": seen.mouth, "eyes": seen.eyes, "flicker": seen.flicker, "step": seen.step}
    report.events |= {"blinks": shut, "cuts": cuts, "jumps": [frame for frame, _ in leaps]}
    report.worst += [(frame, f"a jump, {times:.0f} times the usual step") for frame, times in leaps]
    report.values |= {
        "flicker": float(np.median(seen.flicker[1:-1])) if len(seen.flicker) > 2 else None,
        "jumps": float(len(leaps)),
        "without_face": 100 * float(1 - known.mean()) if len(known) else None,
    }
    if not known.any():
        report.remarks.append("No face was found, so nothing is said of lips, eyes and head.")
        return
    x, y, roll = seen.place[known].T
    report.values |= {
        "blinks_per_minute": 60 * fps * len(shut) / float(known.sum()),
        "mouth_dynamics": float(seen.mouth[known].std()),
        "head_dynamics": 100 * float(np.hypot(x.std(), y.std())),
        "roll_dynamics": float(roll.std()),
    }
    fine = seen.sharpness[(seen.sharpness > 0).all(axis=1)]
    if len(fine):
        report.values["mouth_sharpness"] = float(np.median(fine[:, 0] / fine[:, 1]))


def _goes_on(tracks: Tracks, frame: int) -> bool:
    """Whether a face is where it was in the frame before, so that what looks like a cut is a jump of the light."""
    pair = [next(iter(tracks.at(index)), None) for index in (frame - 1, frame)]
    if pair[0] is None or pair[1] is None:
        return False
    (a0, b0, a1, b1), (c0, d0, c1, d1) = (face.box.tolist() for face in pair if face is not None)
    shared = max(min(a1, c1) - max(a0, c0), 0.0) * max(min(b1, d1) - max(b0, d0), 0.0)
    return shared > _SAME_PLACE * ((a1 - a0) * (b1 - b0) + (c1 - c0) * (d1 - d0) - shared)


def _of_sound(report: Report, path: Path, seen: Pictures, fps: float, script: str) -> None:
    sound, frames = clip_sound(path), len(seen.step)
    if sound is None or sound.peak == 0:
        report.remarks.append("The clip is silent." if sound else "The clip has no sound.")
        return
    heard = measure_sound(sound)
    loudness = analyze(sound, frames, fps).loudness
    report.curves["loudness"] = loudness
    report.values |= {"loudness_lufs": heard.lufs, "peak_db": heard.peak_db, "clipped": 100 * heard.clipped}
    apart = sound.duration - frames / fps
    if abs(apart) > 0.1:
        report.remarks.append(
            f"The sound is {abs(apart):.2f} s {'longer' if apart > 0 else 'shorter'} than the picture."
        )
    found = offset(seen.mouth, level_at(sound, frames, fps), fps)
    _say_offset(report, found)
    shape = opened(seen.opening)
    if shape is not None:
        report.curves["opening"] = shape.astype(np.float32)
        share = closed_in_silence(shape, loudness, fps)
        report.values["closed_in_silence"] = None if share is None else 100 * share
    elif np.isfinite(seen.opening).any():
        report.remarks.append("The mouth never opens so far that its inside is seen.")
    if words := len(script.split()):
        spoken = float((loudness > 0.05).sum()) / fps
        report.values["words_per_minute"] = 60 * words / spoken if spoken else None


def _say_offset(report: Report, found: Offset | None) -> None:
    if found is None:
        return
    report.values["offset_correlation"] = found.correlation
    if found.correlation >= CERTAIN:
        report.values["offset_ms"] = 1000 * found.seconds
    else:
        report.remarks.append("Lips and sound have too little in common to say how they lie.")


def _of_reference(
    report: Report, frames: Iterator[Pixels], reference: Path, fps: Any, on_frame: Callable[[int], None]
) -> None:
    count = report.about["frames"]
    alike, psnr = (np.full(count, np.nan, np.float32) for _ in range(2))
    done = 0
    with closing(prefetch(frames)) as ours, closing(prefetch(at_rate(read(reference), fps))) as theirs:
        for pair in compared(ours, theirs):
            alike[done], psnr[done] = pair
            done += 1
            on_frame(done)
    if done < count:
        report.remarks.append(f"The reference has only {done} of the clip's {count} frames.")
    report.curves |= {"ssim": alike, "psnr": psnr}
    report.values |= {"ssim": float(np.nanmean(alike)), "psnr_db": float(np.nanmean(psnr))}
    order = [int(frame) for frame in np.argsort(alike) if alike[frame] < _FEWEST_LIKE]
    report.worst += [(frame, f"unlike the reference, SSIM {alike[frame]:.2f}") for frame in order[:3]]


def _add_worst(report: Report) -> None:
    """The frame with the most flicker beside those that stand out; the first ones stay, each frame once."""
    flicker = report.curves["flicker"]
    if len(flicker) and flicker.max() > 0:
        frame = int(np.argmax(flicker))
        if all(abs(frame - other) > 2 for other, _ in report.worst):
            report.worst.append((frame, f"the most flicker, {flicker[frame]:.1f} levels"))
    once: dict[int, str] = {}
    for frame, why in report.worst:
        once.setdefault(frame, why)
    report.worst = sorted(list(once.items())[:_WORST])
