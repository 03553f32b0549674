"""How a head moves while it speaks: mouth, lids and sway, one value per video frame, from the speech's sound."""

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from ...media.audio import Sound
from ..timings import Timings
from .visemes import VISEMES, Pose, of_spans

Track = npt.NDArray[np.float32]

SILENCE_DB = -40.0  # below a speech's own loud passages: quieter than this is a closed mouth
ABSOLUTE_SILENCE = 1e-3  # -60 dBFS: nobody speaks so softly into a microphone
_BLOCK = 256  # frames analysed at a time, so that memory stays flat
_STOP = 2  # frames on each side that a stop consonant may last
_EDGE = 0.12  # seconds from a clip's end within which the mouth comes to rest
LEAD = 0.03  # seconds by which a mouth is ahead of its sound
_BLINK = np.array([0.3, 0.85, 1.0, 0.8, 0.45, 0.15], np.float32)  # at 25 fps: shut fast, open slowly
_POSE = [field.name for field in fields(Pose)]
_OPEN, _WIDE, _LIFT, _PRESS = (_POSE.index(name) for name in ("open", "wide", "lift", "press"))

Poses = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AudioAnalysis:
    """What a speech sounds like. Each track has one value in [0, 1] per video frame (N,).

    Attributes:
        loudness: 0 in silence, about 1 in the loudest passages, even steps of decibels between.
        front: share of a spread front vowel (i, e) against a rounded one (u, o) in the spectrum.
        hiss: share of the spectrum above 4 kHz: s, f, sh.
    """

    loudness: Track
    front: Track
    hiss: Track


def analyze(sound: Sound, frames: int, fps: float) -> AudioAnalysis:
    """Analyse a speech around the middle of each video frame.

    Args:
        sound: the speech, in [-1, 1].
        frames: how many frames the video has.
        fps: frames a second.
    """
    rate, length = sound.sample_rate, sound.samples.shape[1]
    window = max(int(rate * 0.04), 16)
    middles = ((np.arange(frames) + 0.5) / fps * rate).astype(np.int64)
    offsets = np.arange(window) - window // 2
    frequency = np.fft.rfftfreq(window, 1 / rate)
    taper = np.hanning(window).astype(np.float32)

    def band(power: Track, low: float, high: float) -> Track:
        return power[:, (frequency >= low) & (frequency < high)].sum(axis=1)

    level, front, hiss = (np.zeros(frames, np.float32) for _ in range(3))
    for start in range(0, frames, _BLOCK):
        part = slice(start, start + _BLOCK)
        at = middles[part, None] + offsets  # (n, window)
        mono = sound.samples[:, at.clip(0, length - 1)].mean(axis=0)
        block = np.where((at >= 0) & (at < length), mono, 0)
        power = np.square(np.abs(np.fft.rfft(block * taper, axis=1))).astype(np.float32)
        total = band(power, 80, rate) + 1e-9
        upper, lower = band(power, 1500, 3500), band(power, 500, 1200)
        level[part] = np.sqrt(np.mean(np.square(block), axis=1))
        front[part] = 4 * upper / (4 * upper + lower + 1e-9)
        hiss[part] = band(power, 4000, rate) / total
    return AudioAnalysis(_even_steps(level), front, hiss)


def _even_steps(level: Track) -> Track:
    """Root-mean-square levels to loudness: 0 at SILENCE_DB below the loud passages, 1 at their level."""
    audible = level[level > ABSOLUTE_SILENCE]
    if audible.size == 0:
        return np.zeros_like(level)
    # The loud passages are those near the peak, however long the pauses with their noise are.
    loud = float(np.percentile(audible[audible > 0.05 * audible.max()], 85))
    decibels = 20 * np.log10(np.maximum(level, 1e-9) / loud)
    loudness = np.clip(1 - decibels / SILENCE_DB, 0, 1)
    return np.where(level > ABSOLUTE_SILENCE, loudness, 0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Motion:
    """`poses` (N, 6) in the order of `Pose`'s fields; the rest (N,).

    Attributes:
        blink: 0 for open eyes to 1 for shut ones.
        shift_x, shift_y: the head's way in eye distances, right and down.
        roll: radians, clockwise.
        zoom: relative growth, as the head comes nearer.
    """

    poses: Poses
    blink: Track
    shift_x: Track
    shift_y: Track
    roll: Track
    zoom: Track

    def __len__(self) -> int:
        return len(self.poses)


def plan_motion(
    analysis: AudioAnalysis, timings: Timings | None, *, fps: float, seed: int, motion_scale: float = 1.0
) -> Motion:
    """The motion for a speech, by its timings as far as they go, else by its sound alone.

    Args:
        analysis: the speech, once per frame.
        timings: when each sound is spoken.
        fps: frames a second.
        seed: of blinks and sway; each draw has a generator of its own, so that blinks don't change with the sway.
        motion_scale: how far the head moves; 1 is natural, 0 keeps it still.
    """
    frames = len(analysis.loudness)
    poses = _poses_of_sound(analysis)
    if timings and timings.phonemes:
        covered = min(frames, math.ceil(max(timings.duration, timings.phonemes[-1].end) * fps))
        poses[:covered] = _poses_of_timings(timings, frames, fps)[:covered]
    # Loud syllables open wider; where nothing is heard the mouth is as in the portrait.
    # The short silence of a stop consonant is speech too.
    audible = np.pad(np.clip(analysis.loudness * 3, 0, 1), _STOP, mode="edge")
    voice = _smooth(np.lib.stride_tricks.sliding_window_view(audible, 2 * _STOP + 1).max(axis=1), 0.7)
    poses = poses * voice[:, None]
    poses[:, _OPEN] *= np.minimum(0.45 + 0.65 * analysis.loudness, 1)
    poses = np.stack([_smooth(column, 0.6) for column in poses.T], axis=1) * _ends_at_rest(frames, fps)[:, None]
    emphasis = _smooth(analysis.loudness, 4) - _smooth(analysis.loudness, 25)
    sway = [_wander(frames, fps, np.random.default_rng([seed, 2, axis])) * motion_scale for axis in range(4)]
    return Motion(
        poses.astype(np.float32),
        _blinks(analysis.loudness, fps, np.random.default_rng([seed, 1])),
        shift_x=0.045 * sway[0],
        shift_y=(0.025 * sway[1] + 0.08 * motion_scale * emphasis).astype(np.float32),
        roll=0.022 * sway[2],
        zoom=0.012 * sway[3],
    )


def _poses_of_timings(timings: Timings, frames: int, fps: float) -> Poses:
    """Coarticulation after Cohen and Massaro, "Modeling Coarticulation in Synthetic Visual Speech", 1993:
    every sound pulls the mouth towards its pose with a strength that fades with distance in time."""
    now = (np.arange(frames) + 0.5) / fps + LEAD
    pull = np.full(frames, 1e-3)
    total = np.zeros((frames, len(_POSE)))
    shut = np.zeros(frames)
    for name, start, end in _with_rests(timings, frames / fps):
        viseme = VISEMES[name]
        # A short sound fades from its middle; a long one holds, and fades as fast at its ends.
        middle, half = (start + end) / 2, (end - start) / 2
        held, spread = max(half - 0.1, 0.0), max(0.9 * min(half, 0.1), 0.022) + 0.012
        first = max(int((middle - held - 4 * spread - LEAD) * fps), 0)
        near = slice(first, int((middle + held + 4 * spread - LEAD) * fps) + 2)
        away = np.maximum(np.abs(now[near] - middle) - held, 0)
        weight = viseme.strength * np.exp(-0.5 * (away / spread) ** 2)
        pull[near] += weight
        total[near] += weight[:, None] * [getattr(viseme.pose, part) for part in _POSE]
        if name == "closed":
            # Lips that do not meet for p, b and m are what people notice first.
            shut[near] = np.maximum(shut[near], np.exp(-0.5 * ((now[near] - middle) / 0.04) ** 2))
    poses = total / pull[:, None]
    poses[:, [_OPEN, _LIFT]] *= (1 - shut)[:, None]
    poses[:, _PRESS] = np.maximum(poses[:, _PRESS], shut)
    return poses.astype(np.float32)


def _with_rests(timings: Timings, duration: float) -> list[tuple[str, float, float]]:
    """The visemes, and a resting mouth wherever nothing is said for longer than a stop consonant."""
    visemes = list(of_spans(timings.phonemes))
    shapes: list[tuple[str, float, float]] = []
    at = 0.0
    for name, start, end in [*visemes, ("", duration, duration)]:
        if start - at > 0.08:
            shapes.append(("rest", at, start))
        if name:
            shapes.append((name, start, end))
        at = max(at, end)
    return shapes


def _ends_at_rest(frames: int, fps: float) -> Track:
    """From 0 in the first frame to 1 and back to 0 in the last: a clip doesn't begin or end in the midst of a sound."""
    ramp = max(min(_EDGE * fps, frames / 4), 1)
    from_ends = np.minimum(np.arange(frames), np.arange(frames)[::-1])
    return np.minimum(from_ends / ramp, 1).astype(np.float32) if frames > 1 else np.ones(frames, np.float32)


def _poses_of_sound(analysis: AudioAnalysis) -> Poses:
    """Vowels from the balance of the spectrum, teeth from its hiss."""
    poses = np.zeros((len(analysis.loudness), len(_POSE)), np.float32)
    hiss = np.clip((analysis.hiss - 0.25) * 3, 0, 1)
    front = _smooth(analysis.front, 1.0)
    loud = np.clip((analysis.loudness - 0.35) / 0.65, 0, 1)
    poses[:, _OPEN] = (0.15 + 0.85 * loud) * (1 - 0.75 * hiss)
    poses[:, _WIDE] = (front - 0.5) * 0.6 * (1 - hiss) + 0.12 * hiss
    poses[:, _LIFT] = 0.1 + 0.25 * hiss
    return poses


def _blinks(loudness: Track, fps: float, draw: np.random.Generator) -> Track:
    """Every 2 to 7 seconds (median 3.7), put off for up to half a second until a pause."""
    frames = len(loudness)
    lids = np.zeros(frames, np.float32)
    length = max(round(len(_BLINK) * fps / 25), 3)
    shape = np.interp(np.linspace(0, len(_BLINK) - 1, length), np.arange(len(_BLINK)), _BLINK)
    at = int(draw.uniform(0.6, 2.0) * fps)
    while at + length < frames:
        window = loudness[at : at + round(fps / 2)]
        at += int(np.argmin(window))
        if at + length > frames:
            break
        part = lids[at : at + length]
        part[:] = np.maximum(part, shape[: len(part)])
        at += int(np.clip(draw.lognormal(1.3, 0.35), 2.0, 7.0) * fps)
    return lids


def _wander(frames: int, fps: float, draw: np.random.Generator) -> Track:
    """A slow, aimless path around 0, mostly within [-1, 1]."""
    seconds = np.arange(frames) / fps
    path = np.zeros(frames)
    for low, high, size in ((0.06, 0.12, 0.5), (0.15, 0.28, 0.35), (0.35, 0.55, 0.15)):
        path += size * np.sin(2 * np.pi * (draw.uniform(low, high) * seconds + draw.uniform()))
    return path.astype(np.float32)


def _smooth(track: npt.NDArray[np.floating], sigma: float) -> Track:
    """Gaussian smoothing over frames, edges held."""
    reach = max(int(3 * sigma + 0.5), 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(track, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(np.float32)
