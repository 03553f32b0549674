"""`myspinbot work`: the unfinished work from which interrupted stages go on, listed and cleared."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from myspinbot_runner.errors import BadInput
from myspinbot_runner.locate import find_installation
from myspinbot_shared.disk import format_size
from myspinbot_shared.work_store import FOLDER, StoredJob, remove_job, remove_leftovers, stored_jobs

_PATH = click.Path(path_type=Path, file_okay=False)


@click.group()
def work() -> None:
    """List and clear the unfinished work on the disk, from which long stages go on after an interrupt.

    It is bounded by itself (20 GB, or MYSPINBOT_WORK_GB in ComfyUI's environment). Clearing it costs nothing but
    the time to compute it again.
    """


def _place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--user-directory", type=_PATH, help="As ComfyUI's --user-directory."),
        click.option("--base-directory", type=_PATH, help="As ComfyUI's --base-directory."),
        click.option("--comfyui", type=_PATH, help="ComfyUI's folder."),
    ):
        command = option(command)
    return command


def _root(comfyui: Path | None, base_directory: Path | None, user_directory: Path | None) -> Path:
    if user_directory:
        return user_directory / FOLDER
    return (base_directory or find_installation(comfyui).comfyui) / "user" / FOLDER


@work.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one job per line as JSON.")
@_place_options
def list_(as_json: bool, **where: Path | None) -> None:
    """Show the unfinished work, the last used first."""
    root = _root(**where)
    jobs = stored_jobs(root)
    if as_json:
        for job in jobs:
            about = {"id": job.id, "stage": job.stage, "title": job.title, "chunks": job.chunks}
            click.echo(json.dumps({**about, "bytes": job.bytes, "used": job.used.isoformat(), "busy": job.busy}))
        return
    if not jobs:
        click.echo(f"There is no unfinished work in {root}.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in ("id", "stage", "what", "pieces", "size", "last used"):
        table.add_column(column, overflow="fold", justify="right" if column in ("pieces", "size") else "left")
    for job in jobs:
        used = "now" if job.busy else job.used.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(
            job.id.rsplit("-", 1)[-1][:8], job.stage, job.title, str(job.chunks), format_size(job.bytes), used
        )
    console = Console()
    console.print(table)
    console.print(f"{format_size(sum(job.bytes for job in jobs))} in {root}", highlight=False, soft_wrap=True)


@work.command()
@click.argument("names", nargs=-1, metavar="[ID]...")
@click.option("--unused-for", type=click.IntRange(0), metavar="DAYS", help="Only what wasn't used for so many days.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_place_options
def clear(names: tuple[str, ...], unused_for: int | None, yes: bool, **where: Path | None) -> None:
    """Remove unfinished work: what is named, or all of it. What a stage works on at this moment stays."""
    root = _root(**where)
    remove_leftovers(root)
    jobs = _named(stored_jobs(root), names)
    if unused_for is not None:
        jobs = [job for job in jobs if job.used < datetime.now(UTC) - timedelta(days=unused_for)]
    if not jobs:
        click.echo("There is nothing to remove.")
        return
    total = format_size(sum(job.bytes for job in jobs))
    if not yes:
        click.confirm(f"Remove the unfinished work of {_count(len(jobs))}, {total}?", abort=True)
    gone = [job for job in jobs if remove_job(job.folder)]
    click.echo(f"Removed {format_size(sum(job.bytes for job in gone))}.")
    if len(gone) < len(jobs):
        click.echo(f"{_count(len(jobs) - len(gone))} in use, not removed.")


def _count(jobs: int) -> str:
    return "one job" if jobs == 1 else f"{jobs} jobs"


def _named(jobs: Sequence[StoredJob], names: Sequence[str]) -> list[StoredJob]:
    """The jobs with these ids, or beginnings of ids; all without any.

    Raises BadInput for one that isn't there.
    """
    for name in names:
        if not any(_called(job, name) for job in jobs):
            raise BadInput(f"No unfinished work is called {name}. `myspinbot work list` shows what there is.")
    return [job for job in jobs if not names or any(_called(job, name) for name in names)]


def _called(job: StoredJob, name: str) -> bool:
    return bool(name) and (job.id.startswith(name) or job.id.rsplit("-", 1)[-1].startswith(name))
