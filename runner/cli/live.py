"""The display on a terminal: the stage by its title, steps, time gone and time left. The only user of Rich here."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..client import Result
from ..events import (
    Cached,
    Event,
    NodeDone,
    NodeStarted,
    Notice,
    Progress,
    Queued,
    Resubmitted,
    Saved,
    Started,
    Trouble,
)
from .show import notice_line, resubmitted_line


class LiveShow:
    """One line that changes, and lines above it that stay."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._began = time.monotonic()
        self._text = "Submitting"
        self._value = self._total = 0.0
        self._node = ""
        self._node_began = self._began
        self._seen: set[str] = set()
        self._count = 0
        self._warnings: list[Notice] = []
        self._live = Live(
            console=self._console,
            get_renderable=self._line,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()

    def event(self, event: Event) -> None:
        match event:
            case Queued(ahead=ahead):
                self._text = f"In the queue, {ahead} before this job" if ahead else "Next in the queue"
            case Started(total=total):
                self._count, self._text = total, "Starting"
            case Cached(nodes=nodes):
                self._seen.update(nodes)
            case NodeStarted(node=node, title=title):
                self._begin(node, title)
            case Progress(node=node, title=title, value=value, total=total):
                self._begin(node, title)
                self._value, self._total = value, total
            case NodeDone(node=node):
                self._seen.add(node)
            case Notice():
                self._say(notice_line(event), "yellow" if event.level == "warning" else "")
                if event.level == "warning":
                    self._warnings.append(event)
            case Trouble(text=text):
                self._say(text, "yellow")
            case Resubmitted(job_id=job_id):
                self._say(resubmitted_line(job_id), "yellow")
            case Saved(path=path, bytes=size):
                self._say(f"Saved {path} ({size / 1e6:.1f} MB)", "green")
                self._pass_on(path)
            case _:
                pass

    def wait(self, text: str) -> None:
        self._text = text

    def result(self, result: Result) -> None:
        for lines in result.texts.values():
            for line in lines:
                self._say(line)
                self._pass_on(line)
        seconds = time.monotonic() - self._began
        self._say(f"Done in {_clock(seconds)}.", "green")
        if self._warnings:
            titles = ", ".join(dict.fromkeys(notice.title for notice in self._warnings))
            self._say(f"With warnings from {titles}, above.", "yellow")

    def close(self) -> None:
        self._live.stop()

    def _begin(self, node: str, title: str) -> None:
        self._seen.add(node)
        if node != self._node:
            self._node, self._node_began = node, time.monotonic()
            self._value = self._total = 0.0
        self._text = title

    def _pass_on(self, text: str) -> None:
        """Paths and texts also go to standard output when it leads to a file or another program."""
        if not sys.stdout.isatty():
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style))

    def _line(self) -> Table:
        table = Table.grid(padding=(0, 1))
        now = time.monotonic()
        cells: list[Text | ProgressBar] = [Text(self._text, style="bold", overflow="ellipsis")]
        if self._count:
            cells.insert(0, Text(f"[{min(len(self._seen), self._count)}/{self._count}]", style="dim"))
        if self._total:
            cells.append(ProgressBar(total=self._total, completed=self._value, width=24))
            cells.append(Text(f"{self._value:g}/{self._total:g}"))
            if self._value > 0:
                left = (now - self._node_began) / self._value * (self._total - self._value)
                cells.append(Text(f"{_clock(left)} left", style="dim"))
        cells.append(Text(_clock(now - self._began), style="dim"))
        table.add_row(*cells)
        return table


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
