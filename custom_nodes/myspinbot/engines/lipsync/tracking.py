"""The first pass over a clip: who is where, stored so that another sound or other settings need no second one."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...media.faces import Pixels
from ...media.faces.appearance import describe
from ...media.faces.detect import Detector
from ...media.faces.tracking import EVERY, SMOOTHING, find_tracks
from ...media.faces.tracks import Choice, Tracks
from ...media.prefetch import prefetch
from ...shared.work_store import Job
from .source import Source

_STORED = "faces.npz"
_LEAST_LIKENESS = 0.6


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """Whose lips are meant: see `Tracks.chosen`. `reference` (H, W, 3) shows the face for `choice="reference"`."""

    choice: Choice = "largest"
    index: int = 0
    reference: Pixels | None = None


def track_faces(
    source: Source,
    detector: Detector,
    fps: Fraction,
    job: Job | None = None,
    *,
    every: int = EVERY,
    smoothing: float = SMOOTHING,
    on_frame: Callable[[int], None] | None = None,
) -> Tracks:
    """All faces of a clip.

    Args:
        source: its frames.
        detector: what finds faces.
        fps: frames a second.
        job: where they are stored; what an earlier run stored there is loaded instead.
        every: frames from one look of the detector to the next.
        smoothing: seconds over which a face's place is smoothed.
        on_frame: called with the frames done; may raise to cancel.
    """
    if job and job.has(_STORED):
        return Tracks.load(job.path(_STORED))
    with closing(prefetch(source.frames())) as frames:
        tracks = find_tracks(frames, detector, fps=fps, every=every, smoothing=smoothing, on_frame=on_frame)
    if job:
        with job.atomic_write(_STORED) as aside:
            tracks.save(aside)
    return tracks


def choose_face(tracks: Tracks, choice: FaceChoice, detector: Callable[[], Detector]) -> Tracks:
    """The tracks of the face that is meant.

    Args:
        tracks: all faces of the clip.
        choice: which is meant.
        detector: gives the detector for the reference picture.

    Raises:
        ValueError: the clip has no face, none that is meant, or the reference picture shows none.
    """
    if not tracks.tracks:
        raise ValueError(
            "No face was found in the clip. Use one in which a face is seen from the front, well lit and not too "
            "small, or connect face landmarks or boxes from another detector."
        )
    appearance = None
    if choice.choice == "reference" and choice.reference is not None:
        faces = detector().detect(np.ascontiguousarray(choice.reference))
        if not faces:
            raise ValueError("The reference picture shows no face. Use one of the face from the front.")
        appearance = describe(choice.reference, faces[0])
    chosen = tracks.chosen(choice.choice, index=choice.index, appearance=appearance, alike=_LEAST_LIKENESS)
    if not chosen.tracks:
        people = len({track.id for track in tracks.tracks})
        hint = "Choose a smaller index." if choice.choice == "index" else "Choose by size or by place instead."
        raise ValueError(f"None of the {people} people in the clip is the face that is meant. {hint}")
    return chosen


def frames_without_face(tracks: Tracks) -> list[int]:
    """The frames of a clip in which nobody is."""
    there = np.zeros(tracks.frames, bool)
    for track in tracks.tracks:
        there[track.start : track.end] = True
    return np.flatnonzero(~there).tolist()
