"""What the machine can carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
