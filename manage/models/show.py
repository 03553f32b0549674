"""How downloads are shown: bars on a terminal, JSON lines for scripts, else a line for each file."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import click

from myspinbot_shared.disk import format_size, free_room
from myspinbot_shared.manifest import Manifest

from .get import Event, Failed, Fetched, Growing, Note, Plan, as_json
from .store import Store


def show_plan(manifest: Manifest, store: Store, plan: Plan, *, as_json: bool, dry_run: bool) -> None:
    """Say what will be fetched, how much it is and how much room there is, before anything happens."""
    from .table import as_json as status_json
    from .table import show

    room = free_room(store.places.models)
    if as_json:
        for status in (*plan.have, *plan.wanted):
            click.echo(json.dumps(status_json(status), ensure_ascii=False))
        total = {"event": "plan", "bytes": plan.bytes, "unknown": plan.unknown, "free": room}
        total |= {"have": [s.model.id for s in plan.have], "wanted": [s.model.id for s in plan.wanted]}
        click.echo(json.dumps(total | {"by_hand": [model.id for model in plan.by_hand]}))
        return
    from rich.console import Console

    console = Console(stderr=not dry_run)
    if dry_run:
        show(manifest, [*plan.have, *plan.wanted, *(store.status(model) for model in plan.by_hand)], console)
    here = f"{len(plan.have)} here already, " if plan.have else ""
    if plan.wanted:
        text = f"{here}{len(plan.wanted)} to fetch: {plan.total}; {format_size(room)} free at {store.places.models}."
    else:
        text = "All of them are here already." if not plan.by_hand else "Nothing can be fetched."
    console.print(text, highlight=False, soft_wrap=True)
    closed = [status.model for status in plan.wanted if not status.model.open]
    if dry_run and plan.wanted and not closed:
        console.print("All of these are under open licences.")
    for model in closed if dry_run else ():
        console.print(f"{model.id}: {model.licence} is not open. {model.reason}", style="yellow", highlight=False)


@contextmanager
def make_show(*, as_json: bool, total: int | None = None) -> Generator[Callable[[Event], None]]:
    """What takes the events, in the way that suits where the output goes; `total` is the size of all files."""
    if as_json:
        yield _json
    elif sys.stderr.isatty():
        with Bars(total) as bars:
            yield bars.event
    else:
        yield _quiet


def _json(event: Event) -> None:
    click.echo(json.dumps(as_json(event), ensure_ascii=False))


def _quiet(event: Event) -> None:
    if isinstance(event, Fetched):
        click.echo(event.path)
    if not isinstance(event, Growing):
        click.echo(line(event), err=True)


def line(event: Fetched | Failed | Note) -> str:
    """An event in words."""
    match event:
        case Fetched(fetched=False):
            return f"{event.model}: was here"
        case Fetched(known=True):
            return f"{event.model}: fetched and verified"
        case Fetched():
            return f"{event.model}: fetched; nobody has published its hash, so from now on it is {event.sha256}"
        case Failed():
            return f"{event.model}: failed"
        case Note():
            return f"{event.model}: {event.text}"


class Bars:
    """A bar for each file on its way, and one for all; what is done stays above as a line."""

    def __init__(self, total: int | None) -> None:
        self._progress = _bars()
        self._tasks: dict[str, Any] = {}
        self._done: dict[str, int] = {}
        self._all = self._progress.add_task("all", total=total)

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def event(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, Growing):
            if event.model not in self._tasks:
                self._tasks[event.model] = self._progress.add_task(event.model, total=event.total)
            self._progress.update(self._tasks[event.model], completed=event.done, total=event.total)
            self._done[event.model] = event.done
            self._progress.update(self._all, completed=sum(self._done.values()))
            return
        task = self._tasks.pop(event.model, None) if not isinstance(event, Note) else None
        if task is not None:
            self._progress.remove_task(task)
        style = "green" if isinstance(event, Fetched) else "red" if isinstance(event, Failed) else "yellow"
        self._progress.console.print(line(event), style=style, highlight=False, soft_wrap=True)


class Hashing:
    """A bar for the file whose hash is computed."""

    def __init__(self, *, live: bool) -> None:
        self._progress = _bars() if live else None
        self.stop = threading.Event()

    def __enter__(self) -> Hashing:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def of(self, name: str) -> Callable[[int, int], None] | None:
        """What takes the progress of one file."""
        if self._progress is None:
            return None
        bars = self._progress
        for task in bars.task_ids:
            bars.remove_task(task)
        task = bars.add_task(name)
        return lambda done, total: bars.update(task, completed=done, total=total)


def _bars() -> Any:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
