"""One job from a bound workflow to files on disk, as `run`, `attach` and `batch` share it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..client import Client, Job, Result, call_after_save
from ..errors import RunnerError
from ..events import Saved
from ..follow import Patience
from ..results import Download
from ..workflow import Workflow
from .show import Show
from .signals import Interrupts

if TYPE_CHECKING:
    from ..server import LocalServer


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


def follow(
    job: Job,
    show: Show,
    interrupts: Interrupts,
    *,
    local: LocalServer | None = None,
    resubmit: bool = True,
    patience: Patience | None = None,
) -> Result:
    """Follow a job to its end and show it. Raises the error that it ended with."""
    job.stop, job.resubmit = interrupts.stop, resubmit
    job.server_alive = local.running if local else None
    job.patience = patience or job.patience
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
    result: Result,
    out: Path,
    show: Show,
    here: Mapping[str, str] | None = None,
    on_file: Callable[[str, str], None] = lambda query, path: None,
) -> list[Path]:
    """Download the results, except those that are `here` already (server's query to path)."""
    download = Download(job.api, out, job.id)
    paths: list[Path] = []
    for remote in result.files:
        known = (here or {}).get(remote.query)
        if known and Path(known).is_file():
            paths.append(Path(known))
            continue
        path = download.save(remote, _saving(show, remote.filename))
        call_after_save(path, job)
        paths.append(path)
        on_file(remote.query, str(path))
        show.event(Saved(remote.node, str(path), path.stat().st_size))
    return paths


def _saving(show: Show, name: str) -> Callable[[int, int | None], None]:
    def on_bytes(done: int, total: int | None) -> None:
        of = f" of {total / 1e6:.1f}" if total else ""
        show.wait(f"Saving {name} ({done / 1e6:.1f}{of} MB)")

    return on_bytes
