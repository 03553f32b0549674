"""`status`, `attach`, `cancel` and `fetch`: jobs that are on the server already, by their ids."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from ..client import Client
from ..errors import JobLost
from ..http import Http
from ..results import prepare_folder
from .connect import json_option, server_option, verbose_option
from .follow import Interrupts, follow, make_show, save

out_option = click.option("--out", default="output", show_default=True, help="Folder for the results.")
previews_option = click.option("--previews", is_flag=True, help="Save temporary previews too.")


@click.command()
@click.argument("job_id", required=False, metavar="[ID]")
@server_option
@json_option
@verbose_option
def status(job_id: str | None, server: Http, as_json: bool) -> None:
    """Show the server's newest jobs, or the state of the job ID."""
    client = Client(server)
    if job_id is None:
        jobs = client.jobs()
        if as_json:
            for job in jobs:
                click.echo(json.dumps(job, ensure_ascii=False))
            return
        for job in jobs:
            click.echo(f"{job.get('id')}  {job.get('status')!s:<11}  {_age(job.get('create_time'))}")
        if not jobs:
            click.echo("The server has no jobs.")
        return
    job = client.job(job_id)
    record = job.record or job.look()
    if record is None:
        raise JobLost(f"The server doesn't know the job {job_id} any more.")
    error = job.error() if record.final else None
    if as_json:
        data: dict[str, Any] = {"job_id": job_id, "status": record.status, "seconds": record.seconds}
        click.echo(json.dumps(data | ({"error": error.message, "kind": error.kind} if error else {})))
        return
    click.echo(record.status + (f", {record.seconds:.1f} s" if record.seconds is not None else ""))
    if error:
        click.echo(error.message)


@click.command()
@click.argument("job_id", metavar="ID")
@out_option
@server_option
@previews_option
@json_option
@verbose_option
def attach(job_id: str, out: str, server: Http, previews: bool, as_json: bool) -> None:
    """Follow the job ID to its end and save its results. Ctrl-C cancels it."""
    job = Client(server).job(job_id)
    job.previews = previews
    prepare_folder(Path(out))
    show = make_show(as_json=as_json)
    try:
        with Interrupts() as interrupts:
            result = follow(job, show, interrupts)
            save(job, Path(out), show)
            show.result(result)
    finally:
        show.close()


@click.command()
@click.argument("job_id", metavar="ID")
@server_option
@json_option
@verbose_option
def cancel(job_id: str, server: Http, as_json: bool) -> None:
    """Cancel the job ID, and no other, and wait for what becomes of it."""
    job = Client(server).job(job_id)
    with Interrupts():
        job.cancel()
        state = job.wait_end()
    click.echo(json.dumps({"job_id": job_id, "status": state}) if as_json else f"The job is {state}.")


@click.command()
@click.argument("job_id", metavar="ID")
@out_option
@server_option
@previews_option
@json_option
@verbose_option
def fetch(job_id: str, out: str, server: Http, previews: bool, as_json: bool) -> None:
    """Save the results of the finished job ID."""
    job = Client(server).job(job_id)
    job.previews = previews
    prepare_folder(Path(out))
    show = make_show(as_json=as_json)
    try:
        result = job.outcome()
        save(job, Path(out), show)
        show.result(result)
    finally:
        show.close()


def _age(milliseconds: Any) -> str:
    if not isinstance(milliseconds, int | float):
        return ""
    seconds = max(0, int(time.time() - milliseconds / 1000))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return f"{seconds} s ago"
