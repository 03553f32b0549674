"""What is kept of an InfiniteTalk video while it is being made, so that it can go on after anything.

In the job's folder: `inputs.safetensors`, all that the windows need but the models; `start-<index>.safetensors`, the
latents of each picture that windows start from; and for each window that is done `<name>.mkv`, the frames that it
added, and `<name>.safetensors`, the latents of the motion frames for the next one. The picture is kept as the 8 bits
that will be seen, the motion exactly as it was computed, so that what follows is bit for bit what it would have been.
A window's name holds a hash of what determines it beyond the job's key and the windows before it, its prompt, so that
changing a prompt keeps the windows before it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...media.audio import Sound
from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ...media.lossless import LosslessWriter, read_lossless
from ...shared.work_store import Job, Store
from .audio_features import covering
from .pictures import Starts
from .plan import Plan, Window
from .settings import Settings
from .tensors import Coming, write_tensors

STAGE = "infinitetalk"
_VERSION = 3  # of what is kept and how it is computed; a new one starts all work anew
_INPUTS = "inputs.safetensors"
_TOGETHER = 8  # frames that are brought to 8 bits at once


def key_of(settings: Settings, frames: int, hashes: dict[str, str]) -> dict[str, Any]:
    """All that determines a video but its prompts, as JSON: settings, length, and what its models and inputs are."""
    return {"version": _VERSION, "frames": frames, "settings": settings.to_json(), "inputs": hashes}


@dataclass(frozen=True, slots=True)
class Work:
    """One video in the store: its settings, its plan and the files of its job."""

    job: Job
    settings: Settings
    plan: Plan

    @classmethod
    def open(cls, store: Store, key: dict[str, Any]) -> Self:
        """The work of a key from `key_of`, new or begun before."""
        settings = Settings(**key["settings"])
        plan = Plan(key["frames"], settings.frame_window_size, settings.motion_frame)
        seconds = plan.frames / settings.fps
        title = f"InfiniteTalk, {seconds:.1f} s at {settings.width}x{settings.height}, {plan.count} windows"
        return cls(store.job(STAGE, key, title), settings, plan)

    @property
    def has_inputs(self) -> bool:
        return self.job.has(_INPUTS)

    def keep_inputs(
        self,
        *,
        starts: Starts,
        masks: Sequence[npt.NDArray[np.float32]],
        heard: Sequence[Iterable[Tensor]],
        quiet: Tensor,
        sound: Sound,
    ) -> None:
        """Keep what the windows need: pictures to start from, masks, features per speaker, and what is heard.

        Each speaker's features come layer after layer, (frames, channels); `quiet` (layers, channels) is silence's.
        None of it is in memory whole but the sound.
        """
        layers, channels = quiet.shape
        tensors: dict[str, Tensor | Coming] = {
            "starts": Coming(torch.uint8, starts.shape, map(torch.from_numpy, starts)),
            "sound": torch.from_numpy(sound.samples),
            "rate": torch.tensor(sound.sample_rate),
        }
        tensors |= {f"mask {i}": torch.from_numpy(mask) for i, mask in enumerate(masks)}
        for i, speaker in enumerate(heard):
            whole = (
                covering(layer, self.plan.frames, self.plan.end, silent)
                for layer, silent in zip(speaker, quiet, strict=True)
            )
            tensors[f"heard {i}"] = Coming(quiet.dtype, (layers, self.plan.end, channels), whole)
        self._save(_INPUTS, tensors)

    def start(self, window: Window) -> Tensor:
        """The picture that a window is conditioned on: (1, H, W, 3) float32 in [0, 1]."""
        index = self._start_index(window)
        with self._inputs() as file:
            return file.get_slice("starts")[index : index + 1].float() / 255

    def masks(self) -> list[Tensor]:
        """The speakers' masks, each (1, H, W); none where there is one speaker."""
        with self._inputs() as file:
            return [file.get_tensor(name)[None] for name in sorted(file.keys()) if name.startswith("mask")]

    def hearing(self, window: Window, around: int) -> tuple[list[Tensor], int]:
        """Each speaker's features for a window and up to `around` frames on both sides, and where it begins in them.

        Those are (frames, layers, channels).
        """
        with self._inputs() as file:
            names = sorted(name for name in file.keys() if name.startswith("heard"))  # noqa: SIM118
            begin = max(window.start - around, 0)
            end = window.start + self.plan.length + around
            heard = [file.get_slice(name)[:, begin:end].transpose(0, 1).contiguous() for name in names]
            return heard, window.start - begin

    def sound(self) -> Sound:
        with self._inputs() as file:
            return Sound(file.get_tensor("sound").numpy(), int(file.get_tensor("rate")))

    def name(self, index: int, before: str, prompt: str) -> str:
        """A window's name, from that of the one before it and the hash of its prompt."""
        return f"{index:05d}-{fingerprint(before, prompt)[:16]}"

    def has(self, name: str) -> bool:
        """Whether a window is done."""
        return self.job.has(f"{name}.mkv")

    def keep(self, name: str, frames: Tensor, motion: Callable[[], Tensor] | None) -> None:
        """Keep a finished window: its frames (N, H, W, 3) in [0, 1], and the latents for the next one, if there is one.

        `motion` computes those while a thread codes the frames. Their file is there first, so that no window that is
        done is without it.
        """
        with self.job.atomic_write(f"{name}.mkv") as path, ThreadPoolExecutor(1) as thread:
            coding = thread.submit(self._code, path, frames)
            if motion is not None:
                self._save(f"{name}.safetensors", {"motion": motion()})
            coding.result()

    def _code(self, path: Path, frames: Tensor) -> None:
        size = {"width": self.settings.width, "height": self.settings.height}
        with LosslessWriter(path, **size, fps=Fraction(self.settings.fps)) as writer:
            for batch in frames.split(_TOGETHER):
                for frame in batch.mul(255).round().clamp(0, 255).byte().cpu().numpy():
                    writer.write(frame)

    def motion(self, name: str) -> Tensor:
        """The latents that the window after `name` begins with."""
        return self._load(f"{name}.safetensors", "motion")

    def frames(self, names: Sequence[str]) -> Iterator[Pixels]:
        """The video's frames, from the windows of these names."""
        return (frame for name in names for frame in read_lossless(self.job.path(f"{name}.mkv")))

    def start_latent(self, window: Window) -> Tensor | None:
        """The latents of the picture that a window is conditioned on, once `keep_start_latent` has kept them."""
        name = self._start_name(window)
        return self._load(name, "start") if self.job.has(name) else None

    def keep_start_latent(self, window: Window, latent: Tensor) -> None:
        """Keep them for all windows that are conditioned on the same picture."""
        self._save(self._start_name(window), {"start": latent})

    def _start_name(self, window: Window) -> str:
        return f"start-{self._start_index(window):05d}.safetensors"

    def _start_index(self, window: Window) -> int:
        """Which of the pictures is the window's: a portrait is that of all, a source clip has one for each."""
        with self._inputs() as file:
            return min(window.index, file.get_slice("starts").get_shape()[0] - 1)

    def _inputs(self) -> Any:
        from safetensors import safe_open

        if not self.has_inputs:
            raise FileNotFoundError("What InfiniteTalk kept of this work was cleared meanwhile. Queue the same again.")
        return safe_open(self.job.path(_INPUTS), "pt")

    def _load(self, name: str, key: str) -> Tensor:
        from safetensors.torch import load_file

        return load_file(self.job.path(name))[key]

    def _save(self, name: str, tensors: Mapping[str, Tensor | Coming]) -> None:
        with self.job.atomic_write(name) as path:
            write_tensors(path, tensors)
