"""How an engine reports how far it is, and is stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all; what it raises ends the work."""


@dataclass(slots=True, eq=False)
class Progress:
    """How far a work of `total` parts is; both methods may raise, to end it."""

    on_step: OnStep
    total: int = 1
    done: int = 0

    def add(self, parts: int) -> None:
        """Report that so many more are done."""
        self.done = min(self.done + parts, self.total)
        self.tick()

    def tick(self) -> None:
        """Ask whether to go on, while a part takes its time. Any thread may."""
        self.on_step(self.done, self.total)


@contextlib.contextmanager
def interruptible(network: nn.Module, tick: Callable[[], None]) -> Generator[None, None, None]:
    """Call `tick` before every layer of `network` during the block; what it raises ends the run at once."""

    def before(*_: object) -> None:
        tick()

    layers = [layer for layer in network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_pre_hook(before) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
