"""The state of a training in one file: enough to go on as if it had never stopped."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...speech.f5.lora import LossPoint
from ...weights import save_weights

FILE = "training.safetensors"
_KIND = "myspinbot-training"


@dataclass
class State:
    """`step` steps are done. `weights` are being trained, `best` did best on what is held out.

    `moments` are AdamW's, by the names of the weights; `losses` are those since the last point of `history`.
    """

    step: int
    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    moments: dict[str, dict[str, Tensor]] = field(default_factory=dict[str, dict[str, Tensor]])
    losses: list[float] = field(default_factory=list[float])
    history: list[LossPoint] = field(default_factory=list[LossPoint])

    @property
    def best_point(self) -> LossPoint:
        """The first of those with the lowest loss on what is held out."""
        return min(self.history, key=lambda point: point.held_out)

    def save(self, path: Path) -> None:
        """Write all of it, or no file.

        Raises:
            OSError: The disk is full.
        """
        tensors = _named("weights", self.weights) | _named("best", self.best)
        for kind, values in _transposed(self.moments).items():
            tensors |= _named(f"moments.{kind}", values)
        facts = {"step": self.step, "losses": self.losses, "history": [asdict(point) for point in self.history]}
        save_weights(path, tensors, {_KIND: json.dumps(facts)})


def load(path: Path) -> State:
    """What `State.save` wrote, bit for bit, on the CPU."""
    from safetensors import safe_open

    groups: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file:
        facts: Any = json.loads(file.metadata()[_KIND])
        for key in file.keys():  # noqa: SIM118
            group, _, name = key.partition("/")
            # Copied: where in memory a file's tensors begin varies, and with it the last bits of what is computed.
            groups.setdefault(group, {})[name] = file.get_tensor(key).clone()
    moments = {group.partition(".")[2]: values for group, values in groups.items() if group.startswith("moments.")}
    return State(
        facts["step"],
        groups["weights"],
        groups["best"],
        _transposed(moments),
        facts["losses"],
        [LossPoint(**point) for point in facts["history"]],
    )


def _named(group: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{group}/{name}": value.detach().cpu().contiguous() for name, value in tensors.items()}


def _transposed(table: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """A table by its columns instead of its rows."""
    transposed: dict[str, dict[str, Tensor]] = {}
    for row, values in table.items():
        for column, value in values.items():
            transposed.setdefault(column, {})[row] = value
    return transposed


def moments_of(optimizer: torch.optim.Optimizer, parameters: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    return {name: dict(optimizer.state[value]) for name, value in parameters.items() if value in optimizer.state}


def restore_moments(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, Tensor], moments: Mapping[str, Mapping[str, Tensor]]
) -> None:
    """Set an optimizer of `parameters`, in their order, to where another was."""
    state = {i: dict(moments[name]) for i, name in enumerate(parameters) if name in moments}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
