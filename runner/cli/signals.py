"""Ctrl-C: once cancels our own job and waits for the verdict, twice leaves at once. SIGTERM is the same."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

from ..errors import Cancelled, LeftRunning


class Interrupts:
    """While it is entered, the signals are counted here instead of ending the program."""

    def __init__(self) -> None:
        self.asked = False
        self.job_id: str | None = None
        self._old: dict[int, object] = {}

    def stop(self) -> bool:
        """Whether the user asked to stop."""
        return self.asked

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.job_id is None:
            raise Cancelled("Stopped before anything was submitted.")
        if self.asked:
            raise LeftRunning(
                f"Left at once. The job may still run: `myspinbot attach {self.job_id}` follows it, "
                f"`myspinbot cancel {self.job_id}` ends it."
            )
        self.asked = True
