"""A clip upscaled, and its faces restored, from file to file: decoded once and encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from ...media.clip import ClipInfo, at_rate, probe, read
from ...media.faces import Pixels
from ...media.faces.detect import Detector
from ...media.faces.tracking import find_tracks
from ...media.faces.tracks import Tracks
from ...media.fingerprint import fingerprint
from ...media.prefetch import prefetch
from ...media.sound_tracks import SoundFrom
from ...media.video import CRF
from ...shared.work_store import Job, Store
from ..progress import OnStep, Progress, interruptible
from .pieces import Pieces, Step
from .plan import NO_FRAMES, Grid, Plan, Region, divided, make_plan
from .restore_network import Restorer
from .restorer import PIXELS_PER_FACE, FaceRestorer, RestoreSettings, load_states, save_states
from .size import Target, padded, resized, target_size
from .upscale_network import Network
from .upscaler import Upscaler

_PLAN, _FACES = "plan.json", "faces.npz"
_FRAMES_PER_BATCH = 8  # at most, on a graphics card
_FACES_PER_BATCH = 4  # frames whose faces go through together, on a graphics card
_FRAME_SHARE = 32  # a frame's decoding and encoding counts like this part of its pixels in the model


@dataclass(frozen=True, slots=True)
class Settings:
    """How a clip is upscaled.

    Attributes:
        target, factor: see `size.target_size`.
        batch_size: frames in a piece that is kept for resuming.
        frame_load_cap: frames to take at most; 0 for all.
        skip_first_frames: frames to leave out at the beginning.
        select_every_nth: take one of so many frames; the rate falls by as much.
        change_threshold: levels of 8 bits by which a part of the picture may differ and still count as unchanged.
        overlap: pixels around a part that the model also sees; 0 for what was measured on the model.
        tile_size: the longest side of a part, in pixels; 0 for what memory allows.
        crf: quality of the file, see `VideoWriter`.
    """

    target: Target = "model"
    factor: float = 2.0
    batch_size: int = 50
    frame_load_cap: int = 0
    skip_first_frames: int = 0
    select_every_nth: int = 1
    change_threshold: int = 2
    overlap: int = 0
    tile_size: int = 0
    crf: int = CRF


@dataclass(frozen=True, slots=True)
class Restoration:
    """What restores faces, and what finds them."""

    restorer: Restorer
    detector: Detector
    settings: RestoreSettings = field(default_factory=RestoreSettings)


@dataclass(slots=True)
class Report:
    """What became of a clip.

    Attributes:
        remarks: what its user should know of the result.
        reading: what they should know of how the clip was read.
        faces: how often a face was seen.
        restored: how often one was drawn anew.
    """

    remarks: list[str] = field(default_factory=list)
    reading: tuple[str, ...] = ()
    faces: int = 0
    restored: int = 0


def enhance(
    source: Path,
    path: Path,
    network: Network | None,
    settings: Settings,
    store: Store,
    *,
    memory: int,
    on_step: OnStep,
    restoration: Restoration | None = None,
    ready: Callable[[], None] = lambda: None,
) -> Report:
    """Write `source`, upscaled by `network`, with its faces restored and its sound, to `path`.

    An interrupted run is continued when it is started with the same source, models and settings.

    Args:
        network: None leaves the size as it is.
        memory: free bytes on the model's device.
        restoration: None leaves faces as they are.
        ready: called once faces were looked for, which may have pushed the models off their device, to bring them
            back; nothing but them runs after it.

    Raises:
        ValueError: the source is no video, or nothing of it is selected.
        UpscaleError: memory doesn't suffice.
        OSError: the disk is full.
    """
    info = probe(source)
    scale = network.scale if network else 1
    size = target_size(info.width, info.height, scale, settings.target, settings.factor)
    work = _Work(source, info, network, settings, restoration, size, memory, Progress(on_step), ready)
    job = store.job("upscale" if network else "restore", work.key(), source.name)
    with job.locked():
        report = work.write(job, path)
    report.reading = info.remarks
    needed = max(size[0] / info.width, size[1] / info.height)
    if network and needed > 1.05 * scale:
        report.remarks.append(
            f"The model enlarges {scale} times and {needed:.2g} times were asked for; the rest is plain "
            "enlargement, without new detail."
        )
    return report


@dataclass(frozen=True, slots=True)
class _Work:
    source: Path
    info: ClipInfo
    network: Network | None
    settings: Settings
    restoration: Restoration | None
    size: tuple[int, int]
    memory: int
    progress: Progress
    ready: Callable[[], None]

    def key(self) -> dict[str, object]:
        """All that determines the result."""
        key: dict[str, object] = {"source": fingerprint(self.source), "settings": asdict(self.settings), "version": 4}
        if self.network:
            key["model"] = [self.network.weights_hash, str(self.network.dtype)]
        if self.restoration:
            restorer = self.restoration.restorer
            key["faces"] = [restorer.weights_hash, str(restorer.dtype), self.restoration.detector.name]
            key["restoration"] = asdict(self.restoration.settings)
        return key

    def write(self, job: Job, path: Path) -> Report:
        settings = self.settings
        tracks = self._tracks(job, self.restoration) if self.restoration else None
        self.ready()
        plan = self._plan(job, tracks)
        fps = self.info.fps / settings.select_every_nth
        pieces = Pieces(job, plan.frames, settings.batch_size, *self.size, fps, settings.crf)
        upscaler = self._upscaler(job, self.network, plan) if self.network else None
        faces = self._faces(self.restoration, tracks, pieces) if self.restoration and tracks else None
        with ExitStack() as stack:
            if self.network:
                stack.enter_context(interruptible(self.network.module, self.progress.tick))
            if self.restoration:
                stack.enter_context(interruptible(self.restoration.restorer.module, self.progress.tick))
            steps = stack.enter_context(closing(prefetch(self._steps(upscaler, faces, pieces.done))))
            self._encode(steps, plan, tracks, pieces)
        start = Fraction(settings.skip_first_frames) / self.info.fps
        pieces.join(path, sound=SoundFrom(self.source, start), whole_sound=settings.frame_load_cap == 0)
        report = Report(upscaler.remarks if upscaler else [])
        if tracks and faces:
            report.faces, report.restored = sum(len(track.values) for track in tracks.tracks), faces.count
        return report

    def _tracks(self, job: Job, restoration: Restoration) -> Tracks:
        if job.has(_FACES):
            return Tracks.load(job.path(_FACES))
        fps = self.info.fps / self.settings.select_every_nth
        with closing(prefetch(self._frames())) as frames:
            tracks = find_tracks(frames, restoration.detector, fps=fps, on_frame=lambda _: self.progress.tick())
        with job.atomic_write(_FACES) as aside:
            tracks.save(aside)
        return tracks

    def _plan(self, job: Job, tracks: Tracks | None) -> Plan:
        """How to go about it; an interrupted run is continued as it was begun."""
        if job.has(_PLAN):
            return Plan.load(job.path(_PLAN))
        if self.network is None:
            if tracks is None or not tracks.frames:
                raise ValueError(NO_FRAMES)
            return Plan(tracks.frames, [], 0)
        largest = self.network.most_pixels(self.memory)
        if self.settings.tile_size:
            largest = min(largest, self.settings.tile_size**2)
        with closing(prefetch(self._frames())) as frames:
            plan = make_plan(
                frames,
                self._grid(self.network),
                overlap=self._overlap(self.network),
                tolerance=self.settings.change_threshold,
                largest=1 << max(largest.bit_length() - 1, 0),  # the same whatever else takes a little memory
                on_frame=self.progress.tick,
            )
        plan = replace(plan, batch=self._batch(self.network, plan.regions))
        _save_plan(job, plan)
        return plan

    def _batch(self, network: Network, regions: list[Region]) -> int:
        """How many frames memory suffices for at once."""
        if not network.on_card:
            return 1
        at_once = network.most_pixels(self.memory) // max(region.area for region in regions)
        return max(min(at_once, _FRAMES_PER_BATCH, self.settings.batch_size), 1)

    def _upscaler(self, job: Job, network: Network, plan: Plan) -> Upscaler:
        grid, overlap = self._grid(network), self._overlap(network)
        return Upscaler(
            network,
            plan.regions,
            divide=lambda regions, largest: divided(grid, regions, overlap, largest),
            tolerance=self.settings.change_threshold,
            batch=plan.batch,
            on_reduced=lambda regions, batch: _save_plan(job, replace(plan, regions=regions, batch=batch)),
        )

    def _faces(self, restoration: Restoration, tracks: Tracks, pieces: Pieces) -> FaceRestorer:
        faces = FaceRestorer(
            restoration.restorer,
            tracks,
            restoration.settings,
            tolerance=self.settings.change_threshold,
            batch=_FACES_PER_BATCH if restoration.restorer.on_card else 1,
        )
        if pieces.state:
            faces.states = load_states(pieces.state)
        return faces

    def _steps(self, upscaler: Upscaler | None, faces: FaceRestorer | None, done: int) -> Iterator[Step]:
        """What is still to be done, step by step; frames come in their final size."""
        with closing(prefetch(self._frames())) as frames:
            for frame in islice(frames, done):
                if upscaler:
                    upscaler.skip(frame)
                yield Step()
            steps = upscaler.upscaled(frames) if upscaler else (Step(frame=frame, source=frame) for frame in frames)
            sized = self._sized(steps)
            yield from faces.restore(sized, done) if faces else sized

    def _sized(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The frames in the size that is wanted, their sources without what the model needed around them."""
        scale = self.network.scale if self.network else 1
        width, height = self.info.width, self.info.height
        before: tuple[Pixels, Pixels] | None = None
        for step in steps:
            if step.frame is None or step.source is None:
                yield step
                continue
            if before is None or before[0] is not step.frame:
                before = step.frame, resized(step.frame[: height * scale, : width * scale], self.size)
            yield Step(frame=before[1], source=step.source[:height, :width])

    def _encode(self, steps: Iterator[Step], plan: Plan, tracks: Tracks | None, pieces: Pieces) -> None:
        """Write what comes, in pieces, and tell how far it is."""
        share = self.info.width * self.info.height // _FRAME_SHARE + 1
        faces = sum(len(track.values) for track in tracks.tracks) if tracks else 0
        self.progress.total = plan.pixels + plan.frames * share + faces * PIXELS_PER_FACE
        self.progress.done = self.progress.total * pieces.done // plan.frames
        last = Step()

        def frames() -> Iterator[Pixels | None]:
            nonlocal last
            for step in steps:
                self.progress.add(step.pixels if step.frame is None else share)
                last = step
                yield step.frame

        pieces.write(frames(), (lambda path: save_states(last.state, path)) if tracks else None)
        self.progress.add(self.progress.total)

    def _frames(self) -> Iterator[Pixels]:
        """The selected frames, filled up to what the model takes."""
        settings = self.settings
        first, every = settings.skip_first_frames, settings.select_every_nth
        last = first + settings.frame_load_cap * every if settings.frame_load_cap else None
        for frame in islice(at_rate(read(self.source), self.info.fps), first, last, every):
            yield padded(frame, self.network.multiple) if self.network else frame

    def _grid(self, network: Network) -> Grid:
        multiple = network.multiple
        width, height = (-(-side // multiple) * multiple for side in (self.info.width, self.info.height))
        if not network.divisible:
            return Grid.undivided(width, height)
        return Grid.over(width, height, multiple=multiple, smallest=network.smallest)

    def _overlap(self, network: Network) -> int:
        wanted = self.settings.overlap or network.overlap
        return -(-wanted // network.multiple) * network.multiple


def _save_plan(job: Job, plan: Plan) -> None:
    with job.atomic_write(_PLAN) as aside:
        plan.save(aside)
