"""`myspinbot batch`: many runs of a workflow, with a journal that lets a killed batch go on."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import click

from ..client import Client
from ..errors import Cancelled, JobLost, LeftRunning, RunnerError, ServerStalled, ServerUnreachable
from ..results import prepare_folder
from ..server import LocalServer
from ..workflow import Workflow
from .connect import connect, json_option, server_options, verbose_option
from .journal import Journal, State
from .rows import Row, read_rows
from .run import prepare
from .show import Show, make_show
from .signals import Interrupts
from .work import follow, save, start

# After these nothing else in the batch could succeed.
HOPELESS = (ServerUnreachable, ServerStalled, LeftRunning)


@click.command()
@click.argument("jobs")
@click.option("--workflow", help="Workflow for the rows that name none in a column `workflow`.")
@click.option("--out", default="output", show_default=True, help="Folder for the results, one folder in it a row.")
@click.option("--journal", help="File that records what was done. [default: JOBS.journal]")
@click.option("--keep-going", is_flag=True, help="Go on with the next row when one fails.")
@server_options
@json_option
@verbose_option
def batch(
    jobs: str,
    workflow: str | None,
    out: str,
    journal: str | None,
    keep_going: bool,
    server: str,
    no_start: bool,
    comfyui: str | None,
    python: str | None,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run a workflow once for each row of JOBS, a .jsonl, .csv or .yaml file.

    A row's keys are the workflow's own inputs (`topic`) or NODE.INPUT, and `workflow`, `name` (the folder of
    its results) and `seed`. Every job is written to the journal before it is submitted: the same command goes
    on where a killed batch was, and nothing runs twice.
    """
    rows = read_rows(Path(jobs), workflow)
    workflows = {path: Workflow.load(path) for path in dict.fromkeys(row.workflow for row in rows)}
    prepare_folder(Path(out))
    show = make_show(as_json=as_json)
    failed: RunnerError | None = None
    try:
        with (
            Journal.open(Path(journal or f"{jobs}.journal")) as book,
            Interrupts() as interrupts,
            connect(server, no_start=no_start, comfyui=comfyui, python=python, on_wait=show.wait) as (client, local),
        ):
            for row in rows:
                if book.state(row.key).name == "done":
                    continue
                try:
                    _run_row(client, local, workflows[row.workflow], row, book, Path(out), show, interrupts)
                except RunnerError as error:
                    book.add(row.key, "failed", error=error.message, kind=error.kind)
                    failed = failed or error
                    if not keep_going or isinstance(error, (Cancelled, *HOPELESS)):
                        break
            summary = [(row, book.state(row.key)) for row in rows]
    finally:
        show.close()
    _summarize(summary, as_json=as_json)
    return failed.exit_code if failed else 0


def _run_row(
    client: Client,
    local: LocalServer | None,
    workflow: Workflow,
    row: Row,
    book: Journal,
    out: Path,
    show: Show,
    interrupts: Interrupts,
) -> None:
    state = book.state(row.key)
    job = None
    if state.name in ("submitting", "finished") and state.job_id:
        try:
            job = client.job(state.job_id)  # it may be running, or done, or never have arrived
        except JobLost:
            job = None
    if job is None:
        plain = [(key, value) for key, value in row.values if "." not in key]
        dotted = [(key, value) for key, value in row.values if "." in key]
        prepare(client, workflow, plain, dotted, show)
        if row.seed is not None:
            workflow.shift_seeds(row.seed, 0)
        job_id = str(uuid.uuid4())
        book.add(row.key, "submitting", job_id=job_id, row=row.number)
        job = start(client, workflow, interrupts, job_id=job_id, run=row.number)
    began = time.monotonic()
    result = follow(job, show, interrupts, local=local)
    if job.id != state.job_id:
        book.add(row.key, "submitting", job_id=job.id, row=row.number)
    book.add(row.key, "finished", seconds=round(time.monotonic() - began, 2))
    saved = book.saved(row.key)
    paths = save(job, result, out / row.name, show, saved, lambda query, path: book.add_file(row.key, query, path))
    book.add(row.key, "done", files=[str(path) for path in paths])


def _summarize(summary: list[tuple[Row, State]], *, as_json: bool) -> None:
    counts: dict[str, int] = {}
    for row, state in summary:
        shown = state.name if state.name in ("done", "failed") else "waiting"
        counts[shown] = counts.get(shown, 0) + 1
        if as_json:
            data: dict[str, Any] = {"event": "row", "row": row.number, "name": row.name, "state": shown}
            click.echo(json.dumps(data | state.details, ensure_ascii=False))
        else:
            note = state.details.get("error") or f"{len(state.details.get('files') or [])} files"
            text = str(note).splitlines()[0] if shown != "waiting" else ""
            click.echo(f"{row.number:>4}  {row.name:<24}  {shown:<8}  {text}", err=True)
    if not as_json:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) + ".", err=True)
