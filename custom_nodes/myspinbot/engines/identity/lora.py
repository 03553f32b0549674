"""The LoRA of an identity: its start, what of it is trained, and its file.

ComfyUI's `TrainLoraNode` trains all that a model has, under the names of its layers: `<layer>.lora_up.weight`,
`.lora_down.weight` and `.alpha` for matrices, `.diff` for norms and `.diff_b` for biases. Other programs read matrices
alone, and some only those in the model's blocks; so these are trained, and the rest stays as it is.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...shared import file_names as names
from ...shared.files import atomic_write
from ..weights import WeightsError, read_header, save_weights
from .layouts import DIFFERENCES, Layout, in_blocks, own_layout
from .settings import ARCHITECTURES, BASE_VERSIONS, Family

KIND = "myspinbot-identity"
VERSION = 1
CONSENT = "The person who trained this identity stated that they may use the pictures of this person."
Lora = dict[str, Tensor]
_IMPLEMENTATION = "https://github.com/Stability-AI/generative-models"
"""Whose names an SDXL checkpoint has, as ModelSpec and sd-scripts write it."""


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

    def metadata(
        self, today: date | None = None, captions: Sequence[str] = (), layout: Layout | None = None
    ) -> dict[str, str]:
        """The file's header: ours, and what other programs read of it.

        Those are the fields of ModelSpec 1.0.1, and of sd-scripts' (`ss_...`) the ones that A1111, Forge and managers
        of models go by: the kind of model, the trigger and what the pictures were described with.

        Args:
            today: The day of the training.
            captions: Of the pictures that were learned.
            layout: Of the file; the family's own where it isn't given.
        """
        layout = layout or own_layout(self.family)
        created = (today or date.today()).isoformat()
        facts: dict[str, Any] = {"version": VERSION, "created": created}
        facts |= {field: getattr(self, field) for field in self.__dataclass_fields__}
        side = self.resolution
        return {
            KIND: json.dumps(facts, ensure_ascii=False),
            "modelspec.sai_model_spec": "1.0.1",
            "modelspec.architecture": f"{ARCHITECTURES[self.family]}/lora",
            "modelspec.implementation": _IMPLEMENTATION if self.family == "SDXL" and layout == "kohya" else "diffusers",
            "modelspec.title": self.name,
            "modelspec.date": created,
            "modelspec.trigger_phrase": self.trigger,
            "modelspec.usage_hint": f"Trigger words: {self.trigger}",
            "modelspec.resolution": f"{side}x{side}",
            "ss_output_name": self.name,
            "ss_sd_model_name": self.base_model,
            "ss_learning_rate": str(self.learning_rate),
            "ss_steps": str(self.steps),
            "ss_seed": str(self.seed),
            "ss_resolution": f"({side}, {side})",
            "ss_num_train_images": str(len(self.images)),
            "ss_tag_frequency": json.dumps({self.name: _tags([*captions] or [self.trigger])}, ensure_ascii=False),
            **network(self.family, layout, self.rank),
        }


def network(family: Family, layout: Layout, rank: int) -> dict[str, str]:
    """What sd-scripts' fields say of a LoRA's kind and size."""
    alpha = "1.0" if layout == "kohya" else str(float(rank))  # multiplied in, where the layout has none
    facts = {"ss_base_model_version": BASE_VERSIONS[family], "ss_v2": "False"}
    facts |= {"ss_network_dim": str(rank), "ss_network_alpha": alpha}
    if layout == "kohya":
        convolutions = json.dumps({"conv_dim": str(rank), "conv_alpha": alpha})
        facts |= {"ss_network_module": "networks.lora", "ss_network_args": convolutions}
    return facts


def _tags(captions: Iterable[str]) -> dict[str, int]:
    """How often each part of the captions, between commas, is in them."""
    return dict(Counter(tag.strip() for caption in captions for tag in caption.split(",") if tag.strip()))


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


def trained(stage: Mapping[str, Tensor]) -> Lora:
    """What is trained of all that ComfyUI's training gives: the matrices in the blocks."""
    return {
        name: value.detach().cpu()
        for name, value in stage.items()
        if in_blocks(name) and not name.endswith(DIFFERENCES)
    }


def freeze(weight: str, adapter: nn.Module) -> None:
    """Take an adapter that ComfyUI put on `weight` out of training, as far as it isn't to be trained.

    What is frozen gets no gradients, so that the optimizer leaves it as it began, and changes nothing.
    """
    layer = weight.removesuffix(".weight")
    matrices = layer != weight and in_blocks(layer) and hasattr(adapter, "lora_up")
    for name, parameter in adapter.named_parameters():
        if not matrices or name == "alpha":
            parameter.requires_grad_(False)


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
    write_lora(path, {name: value.half() for name, value in lora.items()}, metadata)


def write_lora(path: Path, lora: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write the LoRA as it is under its name.

    Raises:
        FileExistsError: There is such a file, which is never replaced.
        OSError: The disk is full.
    """
    with atomic_write(path) as aside:
        save(aside, lora, metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """What the header of an identity says; empty for a LoRA that isn't one.

    Raises:
        IdentityError: The file is damaged.
    """
    try:
        facts: Any = json.loads(read_header(path).get(KIND, "{}"))
    except (WeightsError, json.JSONDecodeError) as error:
        raise IdentityError(f"{path.name} is damaged or no LoRA.") from error
    return facts if isinstance(facts, dict) else {}
