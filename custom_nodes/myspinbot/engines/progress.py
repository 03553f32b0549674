"""How an engine tells how far it is, and is told to stop."""

from collections.abc import Callable
from dataclasses import dataclass

OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all; what it raises ends the work."""


@dataclass(slots=True, eq=False)
class Progress:
    """How far a work of `total` parts is; both methods may raise, to end it."""

    on_step: OnStep
    total: int = 1
    done: int = 0

    def add(self, parts: int) -> None:
        """Tell that so many more are done."""
        self.done = min(self.done + parts, self.total)
        self.tick()

    def tick(self) -> None:
        """Ask whether to go on, while a part takes its time. Any thread may."""
        self.on_step(self.done, self.total)
