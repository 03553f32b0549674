"""The LoRA of an identity: its start, how stages add up, and its file.

ComfyUI's `TrainLoraNode` names its tensors after the model's layers: `<layer>.lora_up.weight`, `.lora_down.weight` and
`.alpha` for matrices, `.diff` for norms and `.diff_b` for biases. When it goes on from a LoRA it takes over the
matrices alone and lets the differences begin at nothing, so those of earlier stages are put into the model and added up
here.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...shared import file_names as names
from ...shared.files import atomic_write
from ..weights import save_weights
from .settings import ARCHITECTURES

KIND = "myspinbot-identity"
VERSION = 1
CONSENT = "The person who trained this identity stated that they may use the pictures of this person."
Lora = dict[str, Tensor]


class IdentityError(ValueError):
    """An identity can't be trained or saved; the message says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a trained identity beside its tensors.

    `job` is a hash of all that determines the training; `images` are the SHA-256 of the pictures as they were learned.
    """

    name: str
    trigger: str
    family: str
    base_model: str
    steps: int
    rank: int
    resolution: int
    learning_rate: float
    seed: int
    images: tuple[str, ...]
    job: str
    loss: float | None = None
    held_out_loss: float | None = None
    consent: str = CONSENT

    def metadata(self, today: date | None = None) -> dict[str, str]:
        """The file's header: ours, and the fields of ModelSpec 1.0.1 that other programs show."""
        created = (today or date.today()).isoformat()
        facts: dict[str, Any] = {"version": VERSION, "created": created}
        facts |= {field: getattr(self, field) for field in self.__dataclass_fields__}
        return {
            KIND: json.dumps(facts, ensure_ascii=False),
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": f"{ARCHITECTURES[self.family]}/lora",
            "modelspec.title": self.name,
            "modelspec.date": created,
            "modelspec.trigger_phrase": self.trigger,
            "modelspec.resolution": f"{self.resolution}x{self.resolution}",
        }


def checked_name(name: str) -> str:
    """`name` as an identity's file may be called.

    Raises:
        ValueError: No file can have the name on every system, or it is that of an unfinished training.
    """
    name = names.checked_name(name, "An identity")
    if name.startswith("unfinished-"):
        raise IdentityError(f"An identity can't be called {name!r}, as an unfinished one is. Choose another name.")
    return name


def init_lora(layers: Iterable[tuple[str, tuple[int, ...]]], rank: int, seed: int) -> Lora:
    """A LoRA that changes nothing yet.

    Its upper matrices are drawn as ComfyUI does, but from a generator of their own, so that a seed gives one LoRA.

    Args:
        layers: Names and weight shapes.
        rank: Of the matrices.
        seed: Of the upper matrices.

    Returns:
        Float32 on the CPU, under ComfyUI's names.
    """
    generator = torch.Generator().manual_seed(seed)
    lora: Lora = {}
    for name, shape in layers:
        bound = 1 / math.sqrt(rank)
        lora[f"{name}.lora_up.weight"] = (torch.rand(shape[0], rank, generator=generator) * 2 - 1) * bound
        lora[f"{name}.lora_down.weight"] = torch.zeros(rank, math.prod(shape[1:]))
        lora[f"{name}.alpha"] = torch.tensor(1.0)
    return lora


def differences(lora: Mapping[str, Tensor]) -> Lora:
    """The parts that a further stage begins anew, and that must be in the model by then."""
    return {name: value for name, value in lora.items() if name.endswith((".diff", ".diff_b"))}


def add_stage(before: Mapping[str, Tensor], stage: Mapping[str, Tensor]) -> Lora:
    """The LoRA after a stage that went on from the one `before`."""
    earlier = differences(before)
    return {
        name: (value + earlier[name].to(value) if name in earlier else value).detach().cpu()
        for name, value in stage.items()
    }


def save(path: Path, lora: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write the tensors as safetensors, or no file.

    Raises:
        OSError: The disk is full.
    """
    # On Windows no tensor that is mapped from a file may be written to it, and shared memory is refused: own copies.
    whole = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in lora.items()}
    save_weights(path, whole, metadata)


def save_identity(path: Path, lora: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write the LoRA in half precision under its name.

    Raises:
        FileExistsError: There is such a file, which is never replaced.
        OSError: The disk is full.
    """
    with atomic_write(path) as aside:
        save(aside, {name: value.half() for name, value in lora.items()}, metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """What the header of an identity says; empty for a LoRA that isn't one.

    Raises:
        IdentityError: The file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts: Any = json.loads((file.metadata() or {}).get(KIND, "{}"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise IdentityError(f"{path.name} is damaged or no LoRA.") from error
    return facts if isinstance(facts, dict) else {}
