"""One job from its submission to files on disk, for somebody at a keyboard: shown, and ended by Ctrl-C."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from ..client import Client, Job, Result
from ..errors import Cancelled, LeftRunning, RunnerError
from ..events import Saved
from ..results import Remote
from ..workflow import Workflow
from .show import JsonShow, QuietShow, Show

if TYPE_CHECKING:
    from ..server import LocalServer


class Interrupts:
    """While it is entered, Ctrl-C and SIGTERM are counted here instead of ending the program.

    Once cancels our own job and waits for what becomes of it, twice leaves at once.
    """

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


def make_show(*, as_json: bool) -> Show:
    """The way of showing that suits where the output goes."""
    if as_json:
        return JsonShow()
    if sys.stderr.isatty():
        from .live import LiveShow

        return LiveShow()
    return QuietShow()


def start(
    client: Client,
    workflow: Workflow,
    interrupts: Interrupts,
    *,
    job_id: str,
    previews: bool = False,
    run: int = 0,
) -> Job:
    """Submit the workflow. From here on an interrupt cancels the job instead of ending the program."""
    interrupts.job_id = job_id
    try:
        # Wildcards differ from run to run, and are the same when the same run is repeated.
        rng = random.Random(run)  # noqa: S311
        return client.submit(workflow, job_id=job_id, previews=previews, rng=rng)
    except BaseException:
        interrupts.job_id = None
        raise


def follow(job: Job, show: Show, interrupts: Interrupts, *, local: LocalServer | None = None) -> Result:
    """Follow a job to its end and show it. Raises the error that it ended with."""
    job.stop, job.local = interrupts.stop, local
    interrupts.job_id = job.id
    try:
        for event in job.events():
            interrupts.job_id = job.id
            show.event(event)
    except RunnerError as error:
        if local and not local.running():
            error.detail = f"{error.detail}\nThe server's log is {local.log}; it ends with:\n{local.log_tail()}"
        raise
    finally:
        interrupts.job_id = None
    if interrupts.asked:
        # The server said yes to the cancellation and finished all the same; its results are real.
        interrupts.asked = False
    return job.outcome()


def save(
    job: Job,
    out: Path,
    show: Show,
    *,
    skip: Mapping[str, str] | None = None,
    on_file: Callable[[Remote, Path], None] = lambda remote, path: None,
) -> list[Path]:
    """Download a job's results and show each; `skip` and `on_file` are those of `Job.save`."""

    def on_bytes(remote: Remote, done: int, total: int | None) -> None:
        of = f" of {total / 1e6:.1f}" if total else ""
        show.wait(f"Saving {remote.filename} ({done / 1e6:.1f}{of} MB)")

    def on_saved(remote: Remote, path: Path) -> None:
        on_file(remote, path)
        show.event(Saved(remote.node, str(path), path.stat().st_size))

    return job.save(out, skip=skip, on_bytes=on_bytes, on_file=on_saved)
