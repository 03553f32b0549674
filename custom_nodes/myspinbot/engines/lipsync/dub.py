"""A clip or a photo that speaks a sound: from file to file, with flat memory, and resumable."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...media.audio import Sound
from ...media.faces import Pixels
from ...media.faces.tracks import TrackedFace, Tracks
from ...media.lossless import LosslessWriter, read_lossless
from ...media.prefetch import prefetch
from ...media.video import VideoWriter
from ...shared.work_store import Job
from ..progress import OnStep
from .blend import Blending, Crop, Plane, blend, crop_of, cut_out, region_mask, visible_window
from .generator import SIDE, WHOLE, Generator, Window
from .mel import Mel, first_column
from .source import LoopMode, Source, frame_count, playback

CHUNK = 200  # frames whose generated faces are stored together
BATCH = 8  # faces at once; measured: on processors larger ones are slower
_BLANK = np.zeros((SIDE, SIDE, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Dubbing:
    """All that decides how a clip is dubbed. `tracks` has one face at most in each frame."""

    source: Source
    tracks: Tracks
    sound: Sound
    fps: Fraction
    loop_mode: LoopMode = "ping-pong"
    blending: Blending = field(default_factory=Blending)

    @property
    def frames(self) -> int:
        """How many frames the result has."""
        return frame_count(self.sound.exact_duration, self.fps, self.tracks.frames, self.loop_mode)


@dataclass(slots=True, eq=False)
class _FaceRegion:
    """The face of a frame.

    Attributes:
        crop: the part of the frame that the network sees.
        face: how it looks, (96, 96, 3).
        mask: what of it is replaced, (96, 96) in [0, 1].
    """

    crop: Crop
    face: Pixels
    mask: Plane


@dataclass(slots=True, eq=False)
class _Frame:
    """A frame on its way, with a face to generate if it has one."""

    index: int
    pixels: Pixels
    region: _FaceRegion | None = None
    generated: Pixels | None = None


class LipGenerator:
    """Generates faces for frames of one sound.

    Args:
        model: may be a copy in half precision; faces go to its device and type.
        mel: the sound.
        fps: of the frames.
    """

    def __init__(self, model: Generator, mel: Mel, fps: Fraction) -> None:
        self._model, self._mel, self._fps = model, mel, fps
        weight = next(model.parameters())
        self._device, self._dtype = weight.device, weight.dtype
        self._encoded: tuple[bytes, list[Tensor]] | None = None

    def generate(self, faces: Sequence[Pixels], indices: Sequence[int], window: Window = WHOLE) -> list[Pixels]:
        """Faces that speak; one that recurs is encoded once.

        Args:
            faces: (96, 96, 3) RGB each.
            indices: the frame of each, which says when in the sound it is.
            window: the part of the faces to generate.

        Returns:
            (96, 96, 3) each, black outside of the window.
        """
        top, bottom, left, right = window
        mel = self._mel.windows([first_column(index, self._fps) for index in indices])
        with torch.inference_mode():
            mel = mel.to(self._device, self._dtype)
            if len(faces) > 1 and all(face is faces[0] for face in faces):
                features = [part.expand(len(faces), -1, -1, -1) for part in self._encode_once(faces[0])]
            else:
                features = self._model.encode(self._tensor(faces))
            generated = self._model.decode(features, mel, window)
            pixels = (generated.float() * 255).round_().clamp_(0, 255).byte().flip(1).permute(0, 2, 3, 1)
        whole = np.zeros((len(faces), SIDE, SIDE, 3), np.uint8)
        whole[:, top:bottom, left:right] = pixels.cpu().numpy()
        return list(whole)

    def _encode_once(self, face: Pixels) -> list[Tensor]:
        key = face.tobytes()
        if self._encoded is None or self._encoded[0] != key:
            self._encoded = key, self._model.encode(self._tensor([face]))
        return self._encoded[1]

    def _tensor(self, faces: Sequence[Pixels]) -> Tensor:
        stacked = torch.from_numpy(np.stack(faces)[..., ::-1].copy())  # BGR
        tensor = stacked.to(self._device).permute(0, 3, 1, 2).to(self._dtype) / 255  # channels last in memory
        return tensor


def dub(work: Dubbing, lips: LipGenerator, path: Path, job: Job | None = None, on_step: OnStep | None = None) -> int:
    """Write an MP4 of a clip that speaks a sound.

    Args:
        work: the clip and the sound.
        lips: the network for that sound.
        path: of the new file.
        job: where generated faces are stored, so that they aren't generated again when the same work is begun again.
        on_step: called with the frames done and the frames in all; may raise to cancel, then no file is left.

    Returns:
        How many of its frames have no face.
    """
    without = 0
    with ExitStack() as stack:
        video = stack.enter_context(
            VideoWriter(path, width=work.source.width, height=work.source.height, fps=work.fps, sound=work.sound)
        )
        for pixels, has_face in stack.enter_context(closing(prefetch(dubbed_frames(work, lips, job)))):
            video.write(pixels)
            without += not has_face
            if on_step:
                on_step(video.frames, work.frames)
    return without


def dubbed_frames(work: Dubbing, lips: LipGenerator, job: Job | None = None) -> Iterator[tuple[Pixels, bool]]:
    """The frames of the result, and whether each has a face; one without is the source's own, bit for bit."""
    # Fetched ahead, so that blending holds up no generating.
    with closing(prefetch(_with_faces(work, lips, job), depth=BATCH)) as frames:
        for frame in frames:
            if frame.region is None or frame.generated is None:
                yield frame.pixels, False
            else:
                region = frame.region
                yield blend(frame.pixels, frame.generated, region.face, region.mask, region.crop, work.blending), True


def _with_faces(work: Dubbing, lips: LipGenerator, job: Job | None) -> Iterator[_Frame]:
    with closing(prefetch(_frames(work), depth=BATCH)) as frames:
        for number in range(-(-work.frames // CHUNK)):
            yield from _chunk_with_faces(islice(frames, CHUNK), lips, job, f"lips-{number:05d}.mkv")


def _frames(work: Dubbing) -> Iterator[_Frame]:
    last: _Frame | None = None
    for index, (number, pixels) in enumerate(playback(work.source, work.tracks.frames, work.frames, work.loop_mode)):
        if last is not None and last.pixels is pixels:  # a photo, or a frame that is held
            last = _Frame(index, pixels, last.region)
        else:
            face = next(iter(work.tracks.at(number)), None)
            last = _Frame(index, pixels, None if face is None else _face_region(pixels, face, work))
        yield last


def _face_region(pixels: Pixels, face: TrackedFace, work: Dubbing) -> _FaceRegion | None:
    crop = crop_of(face, work.blending.padding, work.source.width, work.source.height)
    if crop is None:
        return None
    seen = cut_out(pixels, crop, scaling=work.blending.scaling)
    return _FaceRegion(crop, seen, region_mask(face, crop, work.blending))


def _chunk_with_faces(frames: Iterator[_Frame], lips: LipGenerator, job: Job | None, name: str) -> Iterator[_Frame]:
    """One chunk's frames with their generated faces, stored under `name`."""
    if job and job.has(name):
        for generated, frame in zip(read_lossless(job.path(name)), frames, strict=True):
            frame.generated = generated
            yield frame
        return
    with ExitStack() as stack:
        store: LosslessWriter | None = None
        if job:
            store = stack.enter_context(
                LosslessWriter(stack.enter_context(job.atomic_write(name)), width=SIDE, height=SIDE)
            )
        while batch := list(islice(frames, BATCH)):
            _generate(batch, lips)
            for frame in batch:
                if store:
                    store.write(_BLANK if frame.generated is None else frame.generated)
                yield frame


def _generate(batch: list[_Frame], lips: LipGenerator) -> None:
    regions = [(frame, frame.region) for frame in batch if frame.region is not None]
    if regions:
        window = visible_window([region.mask for _, region in regions])
        generated = lips.generate([region.face for _, region in regions], [frame.index for frame, _ in regions], window)
        for (frame, _), picture in zip(regions, generated, strict=True):
            frame.generated = picture
