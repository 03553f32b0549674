"""The clip or picture of a lip-sync node as a source of frames, and the faces in it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...comfyui.video_files import clip_path
from ...comfyui.work_store import work_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...comfyui.feedback import Notice
    from ...engines.lipsync.source import Source
    from ...media.faces.detect import Detector
    from ...media.faces.tracks import Tracks

PHOTO_RATE = Fraction(25)
_FASTEST = Fraction(120)
_VERSION = 3  # of how faces are followed: what another version stored is not used


@dataclass(frozen=True)
class OpenedClip:
    """A source at its rate, about how many frames it has, a fingerprint of its content, its name, and remarks on it."""

    source: Source
    fps: Fraction
    frames: int
    fingerprint: str
    name: str
    remarks: tuple[str, ...] = ()

    def notices(self) -> list[Notice]:
        """What the user should know of how it is read."""
        return [{"level": "info", "text": f"{self.name}: {remark}"} for remark in self.remarks]


def open_clip(video: Any, fps: float | Fraction) -> OpenedClip:
    """A VIDEO's file, or the pictures of an IMAGE, at `fps`; 0 keeps a clip's own rate.

    Raises:
        ValueError: it is neither, can't be read, or is too small.
    """
    from ...engines.lipsync.source import Clip, Pictures, exact_rate
    from ...media.clip import probe
    from ...media.fingerprint import fingerprint
    from ...media.picture import check_whole, from_image

    rate = fps if isinstance(fps, Fraction) else exact_rate(fps) if fps else None
    if hasattr(video, "shape"):
        pictures = [from_image(video[i : i + 1]) for i in range(len(video))] or [from_image(video)]
        if len(pictures) == 1:
            check_whole(pictures[0])
        found = Pictures(pictures)
        _check(found.width, found.height)
        return OpenedClip(found, rate or PHOTO_RATE, len(pictures), fingerprint(*pictures), "a picture")
    path = clip_path(video)
    info = probe(path)
    rate = rate or min(info.fps.limit_denominator(1001), _FASTEST)
    clip = Clip(path, rate, info.width // 2 * 2, info.height // 2 * 2)
    _check(clip.width, clip.height)
    frames = max(round(info.duration * rate), 1)
    return OpenedClip(clip, rate, frames, fingerprint(path), path.name, info.remarks)


def track_clip(
    clip: OpenedClip, finder: Detector, *, every: int, smoothing: float, on_frame: Callable[[int], None]
) -> Tracks:
    """All faces of a clip; they are stored, and found once for any number of uses.

    Raises:
        RuntimeError: another process looks for them just now.
    """
    from ...engines.lipsync.tracking import track_faces

    job = work_store().job("faces", tracking_key(clip, finder, every, smoothing), f"Faces of {clip.name}")
    with job.locked():
        return track_faces(clip.source, finder, clip.fps, job, every=every, smoothing=smoothing, on_frame=on_frame)


def tracking_key(clip: OpenedClip, finder: Detector, every: int, smoothing: float) -> dict[str, Any]:
    """All that decides which faces are found where."""
    return {
        "version": _VERSION,
        "content": clip.fingerprint,
        "fps": str(clip.fps),
        "detector": finder.name,
        "every": every,
        "smoothing": smoothing,
    }


def _check(width: int, height: int) -> None:
    if min(width, height) < 32:
        raise ValueError(f"The picture is only {width}x{height} pixels; for lips to be seen it needs 32x32 at least.")
