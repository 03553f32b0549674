"""What an InfiniteTalk video leaves on disk while it is being made, so that it can go on after anything.

In the job's folder: `start_images.npy`, `audio_features_<speaker>.npy`, `sound.npy` and `inputs.npz`, all that the
windows need but the models; `start-<index>.safetensors`, the latents of each picture that windows start from; and for
each finished window `<name>.mkv`, the frames that it added, and `<name>.safetensors`, the latents of the motion frames
for the next one. The picture is stored as the 8 bits that will be seen, the motion exactly as it was computed, so that
what follows is bit for bit what it would have been. A window's name holds a hash of what determines it beyond the
job's key and the windows before it, its prompt, so that changing a prompt keeps the windows before it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib import format as npy
from torch import Tensor

from ...media.audio import Sound
from ...media.faces import Pixels
from ...media.fingerprint import fingerprint
from ...media.lossless import LosslessWriter, read_lossless
from ...shared.work_store import Job, Store
from ..weights import load_weights, save_weights
from .audio_features import extended
from .plan import Plan, Window
from .settings import Settings
from .start_images import StartImages

STAGE = "infinitetalk"
_VERSION = 5  # of what is stored and how it is computed; a new one starts all work anew
_INPUTS, _IMAGES, _SOUND = "inputs.npz", "start_images.npy", "sound.npy"
_BATCH = 8  # frames that are brought to 8 bits at once

Array = npt.NDArray[Any]


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

    def save_inputs(
        self,
        *,
        images: StartImages,
        masks: Sequence[npt.NDArray[np.float32]],
        features: Sequence[Iterable[Iterable[Tensor]]],
        silence: Tensor,
        sound: Sound,
    ) -> None:
        """Store what the windows need. None of it is in memory whole but the sound.

        Args:
            images: the pictures that windows start from.
            masks: (H, W) for each of two speakers; none where there is one.
            features: each speaker's audio features, layer after layer, in blocks of (frames, channels).
            silence: (layers, channels), the features of a frame of silence.
            sound: the sound of the video.

        Raises:
            OSError: the disk is full; the message says where.
        """
        self._save_array(_IMAGES, np.dtype(np.uint8), images.shape, images)
        dtype = silence.dtype if silence.dtype != torch.bfloat16 else torch.float32  # which NumPy doesn't know
        for speaker, layers in enumerate(features):
            whole = (
                block.to(dtype).cpu().numpy()
                for layer, silent in zip(layers, silence, strict=True)
                for block in extended(layer, self.plan.frames, self.plan.end, silent)
            )
            shape = (silence.shape[0], self.plan.end, silence.shape[1])
            self._save_array(_features(speaker), torch.empty(0, dtype=dtype).numpy().dtype, shape, whole)
        self._save_array(_SOUND, sound.samples.dtype, sound.samples.shape, [sound.samples])
        with (
            self.job.atomic_write(_INPUTS) as path,
            path.open("wb") as file,
        ):  # the last, so that it stands for all of them
            np.savez(file, masks=np.array(masks), speakers=len(features), sample_rate=sound.sample_rate)

    def start_image(self, window: Window) -> Tensor:
        """The picture that a window is conditioned on: (1, H, W, 3) float32 in [0, 1]."""
        index = self._start_index(window)
        return torch.from_numpy(self._array(_IMAGES)[index : index + 1].astype(np.float32)) / 255

    def masks(self) -> list[Tensor]:
        """The speakers' masks, each (1, H, W); none where there is one speaker."""
        with self._inputs() as stored:
            return [torch.from_numpy(mask)[None] for mask in stored["masks"]]

    def audio_features(self, window: Window, context: int) -> tuple[list[Tensor], int]:
        """What InfiniteTalk needs of the speech for a window.

        Args:
            window: one of the plan's.
            context: how many frames on both sides of it are wanted as well, where there are any.

        Returns:
            For each speaker (frames, layers, channels), and at which of these frames the window begins.
        """
        with self._inputs() as stored:
            speakers = int(stored["speakers"])
        begin = max(window.start - context, 0)
        end = window.start + self.plan.length + context
        arrays = (self._array(_features(speaker))[:, begin:end] for speaker in range(speakers))
        return [torch.from_numpy(array.swapaxes(0, 1).copy()) for array in arrays], window.start - begin

    def sound(self) -> Sound:
        """The sound of the whole video."""
        with self._inputs() as stored:
            return Sound(np.array(self._array(_SOUND)), int(stored["sample_rate"]))

    def window_name(self, index: int, previous: str, prompt: str) -> str:
        """A window's name, from that of the one before it and the hash of its prompt."""
        return f"{index:05d}-{fingerprint(previous, prompt)[:16]}"

    def has_window(self, name: str) -> bool:
        """Whether a window is done."""
        return self.job.has(f"{name}.mkv")

    def save_window(self, name: str, frames: Tensor, motion_latents: Callable[[], Tensor] | None) -> None:
        """Store a finished window.

        The latents' file is there first, so that no window that is done is without it.

        Args:
            name: from `window_name`.
            frames: those that it adds, (N, H, W, 3) in [0, 1].
            motion_latents: computes, while a thread codes the frames, the latents that the next window begins with;
                None if there is no next one.

        Raises:
            OSError: the disk is full; the message says where.
        """
        with self.job.atomic_write(f"{name}.mkv") as path, ThreadPoolExecutor(1) as thread:
            coding = thread.submit(self._code, path, frames)
            if motion_latents is not None:
                self._save_latents(f"{name}.safetensors", motion_latents())
            coding.result()

    def _code(self, path: Path, frames: Tensor) -> None:
        size = {"width": self.settings.width, "height": self.settings.height}
        with LosslessWriter(path, **size, fps=Fraction(self.settings.fps)) as writer:
            for batch in frames.split(_BATCH):
                for frame in batch.mul(255).round().clamp(0, 255).byte().cpu().numpy():
                    writer.write(frame)

    def motion_latents(self, name: str) -> Tensor:
        """The latents that the window after `name` begins with, (1, 16, T, H / 8, W / 8)."""
        return self._load_latents(f"{name}.safetensors")

    def frames(self, names: Sequence[str]) -> Iterator[Pixels]:
        """The video's frames, from the windows of these names."""
        return (frame for name in names for frame in read_lossless(self.job.path(f"{name}.mkv")))

    def start_latent(self, window: Window) -> Tensor | None:
        """The latents of the picture that a window is conditioned on, once `save_start_latent` has stored them."""
        name = self._start_name(window)
        return self._load_latents(name) if self.job.has(name) else None

    def save_start_latent(self, window: Window, latent: Tensor) -> None:
        """Store them for all windows that are conditioned on the same picture."""
        self._save_latents(self._start_name(window), latent)

    def _start_name(self, window: Window) -> str:
        return f"start-{self._start_index(window):05d}.safetensors"

    def _start_index(self, window: Window) -> int:
        """Which of the pictures is the window's: a portrait is that of all, a source clip has one for each."""
        return min(window.index, len(self._array(_IMAGES)) - 1)

    def _inputs(self) -> Any:
        self._check_inputs()
        return np.load(self.job.path(_INPUTS))

    def _array(self, name: str) -> Array:
        """A stored array, of which only what is used is read."""
        self._check_inputs()
        return npy.open_memmap(self.job.path(name), mode="r")

    def _check_inputs(self) -> None:
        if not self.has_inputs:
            raise FileNotFoundError(
                "What InfiniteTalk stored of this work was cleared meanwhile. Queue the same again."
            )

    def _save_array(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], parts: Iterable[Array]) -> None:
        """Write an array as its `parts` come, one after another in its order.

        Not through a map into memory: where the disk is full, writing to one ends the process.
        """
        with self.job.atomic_write(name) as path, path.open("wb") as file:
            header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(file, header)
            for part in parts:
                file.write(np.ascontiguousarray(part).data)

    def _save_latents(self, name: str, latents: Tensor) -> None:
        with self.job.atomic_write(name) as path:
            save_weights(path, {"latents": latents.detach().cpu().contiguous()})

    def _load_latents(self, name: str) -> Tensor:
        return load_weights(self.job.path(name))["latents"]


def _features(speaker: int) -> str:
    return f"audio_features_{speaker}.npy"
