"""What an automatic stage may choose from: this machine, and the models as far as they are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...comfyui.model_files import MissingModelError, find_model, manifest
from ...shared.manifest import command_for
from ...shared.selection import Roles, to_load

CPU_LIMIT = 10**9  # bytes of weights beyond which a processor is no place for a model that draws pictures


@dataclass(frozen=True, slots=True)
class Machine:
    """The device that ComfyUI computes on: `cpu`, `cuda`, `mps`, ..., and its memory in GB (10^9 bytes)."""

    device: str
    memory: float

    @property
    def has_card(self) -> bool:
        return self.device != "cpu"

    def carries(self, weights: int) -> bool:
        """Whether a model that draws, with so many bytes of weights, comes to an end in bearable time."""
        return self.has_card or weights <= CPU_LIMIT

    def __str__(self) -> str:
        return f"a graphics card with {self.memory:.0f} GB" if self.has_card else "no graphics card"


def this_machine() -> Machine:
    """The machine that ComfyUI runs on."""
    from comfy import model_management

    place = model_management.get_torch_device()
    memory: Any = model_management.get_total_memory(place)
    return Machine(str(place.type), memory / 1e9)


def first_present(ids: Iterable[str]) -> str | None:
    """The first of `ids` (of `models.yaml`) whose file is there."""
    return next((key for key in ids if not absent([key])), None)


def to_take(roles: Roles, preset: str) -> list[str]:
    """For each file that is needed the id to take, see `to_load`."""
    return to_load(roles, manifest(), lambda key: not absent([key]), preset)


def absent(ids: Iterable[str]) -> list[str]:
    """Those of `ids` whose files aren't there."""
    found: list[str] = []
    for key in ids:
        try:
            find_model(key)
        except MissingModelError:
            found.append(key)
    return found


def with_needs(ids: Iterable[str]) -> list[str]:
    """`ids` with the files that they are of no use without, each once."""
    return [model.id for model in manifest().choose(ids)]


def state() -> str:
    """Which models are there and what computes: when it changes, an automatic stage chooses anew."""
    here = [key for key in manifest().models if not absent([key])]
    return " ".join([str(this_machine()), *here])


def file_of(key: str) -> str:
    """The name under which ComfyUI's loaders list it."""
    return manifest().models[key].file


def size_of(key: str) -> int:
    """Bytes of the file that is there, or else of the one that would be fetched; 0 if that isn't known."""
    try:
        return find_model(key).stat().st_size
    except MissingModelError:
        return manifest().models[key].bytes or 0


def how_to_get(ids: Iterable[str]) -> str:
    """What to say of models without which an engine can't be taken."""
    absent = manifest().named(ids)
    if len(absent) == 1:
        return absent[0].missing
    return f"{len(absent)} model files are missing; fetch them with `{command_for(absent)}`."


def licence_remarks(ids: Iterable[str]) -> list[str]:
    """What to say of those whose licence isn't open."""
    return [model.not_open for model in manifest().choose(ids) if not model.open]
