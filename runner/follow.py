"""Follows one job to its end. Events are hints; what `/api/jobs` says is the truth."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .api import Api, Graph, Record
from .error_mapping import title_of
from .errors import Cancelled, JobLost, ServerStalled, ServerUnreachable
from .events import Cached, Event, NodeDone, NodeStarted, Notice, Preview, Progress, Queued, Started, Trouble
from .http import ConnectionLost, ReadTimeout
from .stream import Message, Stream, read_preview

if TYPE_CHECKING:
    from .server import LocalServer

LOOK_SECONDS = 2.0
# The server writes a job's record shortly after it says that the job is over.
ENDING_SECONDS = 0.02
# An error that leaves the executor ends the server's worker. The log keeps only the end of its traceback, so
# the executor's frames are looked for; errors of nodes that are caught come with "Prompt executed" after them.
WORKER_ENDED = re.compile(
    r"Exception in thread [^\n]*prompt_worker"
    r"|execution\.py\", line \d+, in (get_output_data|_async_map_node_over_list|process_inputs|execute)"
)


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server: one that is gone, one that hangs, one that doesn't execute."""

    connection_lost: float = 120.0
    hung: float = 90.0
    idle: float = 15.0


@dataclass
class Follower:
    """One job, from submission to its final record.

    Args:
        api: The server.
        stream: Its websocket, as a source of hints.
        job_id: The job.
        graph: Its workflow in API form.
        patience: How long to bear with the server.
        stop: Asked several times a second whether to cancel the job.
        local: The server, where it is one of our own.
    """

    api: Api
    stream: Stream
    job_id: str
    graph: Graph
    patience: Patience = field(default_factory=Patience)
    stop: Callable[[], bool] = lambda: False
    local: LocalServer | None = None

    def __post_init__(self) -> None:
        self._look_at = time.monotonic() + 0.5
        self._connection_lost_since: float | None = None
        self._hung_since: float | None = None
        self._last_news = time.monotonic()
        self._ending = False
        self._cancelling = False
        self._outage = False
        self._missing = 0
        self._ahead: int | None = None
        self._started = False
        self._dead_signs = 0

    def events(self) -> Iterator[Event | Record]:
        """The job's events, and as the last item its record, whether it succeeded or not.

        Raises:
            JobLost: The server forgot the job, or it was our own and has ended.
            Cancelled: The job was removed from the queue.
            ServerUnreachable, ServerStalled: The server has been away for longer than `patience` says.
        """
        while True:
            if self.stop() and not self._cancelling:
                self._cancel()
                yield Trouble("Cancelling the job. Press Ctrl-C again to leave at once.")
            wait = min(max(0.0, self._look_at - time.monotonic()), 0.25)
            message = self.stream.receive(wait)
            if message is not None:
                yield from self._read(message)
            if time.monotonic() >= self._look_at:
                record, events = self._look()
                yield from events
                if record is not None and record.final:
                    yield record
                    return

    def _cancel(self) -> None:
        try:
            self.api.cancel(self.job_id)
            self._cancelling = True
            self._look_at = time.monotonic() + 0.1
        except (ConnectionLost, ReadTimeout):
            pass  # tried again at the next turn

    def _look(self) -> tuple[Record | None, list[Event]]:
        """Ask the server how the job is; the truth that events only hint at."""
        try:
            record = self.api.job(self.job_id)
        except ConnectionLost as error:
            return None, self._connection_lost(error)
        except ReadTimeout as error:
            return None, self._hung(error)
        events: list[Event] = []
        if self._connection_lost_since or self._hung_since:
            events.append(Trouble("The server answers again."))
        self._connection_lost_since = self._hung_since = None
        if record is None:
            self._vanished()
            return None, events
        self._missing = 0
        if record.final:
            return record, events
        self._look_at = time.monotonic() + (ENDING_SECONDS if self._ending else LOOK_SECONDS)
        if record.status == "pending":
            events += self._position()
        else:
            events += self._begin()
            self.stream.expect_events()
        if time.monotonic() - self._last_news > self.patience.idle:
            self._check_worker(record)
        return record, events

    def _begin(self) -> list[Event]:
        if self._started:
            return []
        self._started = True
        self._last_news = time.monotonic()
        return [Started(len(self.graph))]

    def _position(self) -> list[Event]:
        try:
            jobs = self.api.waiting()
        except (ConnectionLost, ReadTimeout):
            return []
        mine = next((job for job in jobs if job.get("id") == self.job_id), None)
        if mine is None:
            return []
        first = (mine.get("priority") or 0, mine.get("create_time") or 0)
        running = [job for job in jobs if job.get("status") == "in_progress"]
        before = [
            job
            for job in jobs
            if job.get("status") == "pending" and ((job.get("priority") or 0), (job.get("create_time") or 0)) < first
        ]
        ahead = len(running) + len(before)
        if ahead == self._ahead:
            return []
        self._ahead = ahead
        self._last_news = time.monotonic()
        return [Queued(ahead)]

    def _connection_lost(self, error: ConnectionLost) -> list[Event]:
        now = time.monotonic()
        self._look_at = now + max(0.5, min(error.wait, self.patience.connection_lost / 4))
        self._outage = True
        if self.local is not None and not self.local.running():
            raise JobLost(f"The ComfyUI that was started for this {self.local.ending()}. The job is lost with it.")
        if self._connection_lost_since is None:
            self._connection_lost_since = now
            return [Trouble(f"{error.message.split(' Start one')[0]} Waiting for it to come back.")]
        if now - self._connection_lost_since > self.patience.connection_lost:
            raise ServerUnreachable(
                f"The server has been gone for {self.patience.connection_lost:.0f} s. "
                f"When it is back, `myspinbot attach {self.job_id}` tells what became of the job."
            )
        return []

    def _hung(self, error: ReadTimeout) -> list[Event]:
        now = time.monotonic()
        self._look_at = now + 1.0
        if self._hung_since is None:
            self._hung_since = now
            return [Trouble(f"{error.message} Waiting for it.")]
        if now - self._hung_since > self.patience.hung:
            raise ServerStalled(
                f"The server takes connections but hasn't answered for {self.patience.hung:.0f} s. "
                f"Restart it, or try `myspinbot attach {self.job_id}` later."
            )
        return []

    def _vanished(self) -> None:
        self._missing += 1
        self._look_at = time.monotonic() + 0.3
        if self._missing < 2:
            return
        if self._cancelling:
            raise Cancelled("The job was cancelled before it began.")
        if self._outage or self.stream.drops:
            raise JobLost("The server was restarted and has forgotten the job.")
        raise Cancelled("Somebody else removed the job from the server's queue or history.")

    def _check_worker(self, record: Record) -> None:
        """Find out whether the server's worker has died: such a server answers everything and runs nothing."""
        self._last_news = time.monotonic()
        try:
            log = self.api.log()
            idle = record.status == "pending" and not any(
                job.get("status") == "in_progress" for job in self.api.waiting()
            )
        except (ConnectionLost, ReadTimeout):
            return
        dead = idle or WORKER_ENDED.search(log.rpartition("Prompt executed")[2]) is not None
        self._dead_signs = self._dead_signs + 1 if dead else 0
        if self._dead_signs >= 2:
            raise ServerStalled(
                "The server answers but no longer executes: its worker has ended. "
                "Restart the server and run the workflow again."
            )

    def _read(self, message: Message) -> Iterator[Event]:
        if isinstance(message, bytes):
            preview = read_preview(message)
            if preview and preview[0].get("prompt_id", self.job_id) == self.job_id:
                yield Preview(str(preview[0].get("display_node_id", "")), preview[1])
            return
        data = message.get("data")
        if not isinstance(data, dict) or data.get("prompt_id") != self.job_id:
            return
        self._last_news = time.monotonic()
        kind = message.get("type")
        if kind not in ("execution_success", "execution_error", "execution_interrupted"):
            yield from self._begin()
        if kind == "execution_cached":
            nodes = tuple(map(str, data.get("nodes") or ()))
            if nodes:
                yield Cached(nodes)
        elif kind == "executing" and data.get("node") is not None:
            node = str(data.get("display_node") or data["node"])
            yield NodeStarted(node, title_of(self.graph, node))
        elif kind == "progress_state":
            yield from self._progress(data.get("nodes"))
        elif kind == "executed":
            node = str(data.get("display_node") or data.get("node"))
            yield NodeDone(node, title_of(self.graph, node))
            yield from notices({node: data.get("output") or {}}, self.graph)
        elif kind == "executing":
            # The one event that comes after the record is written.
            self._look_at = 0.0
        elif kind in ("execution_success", "execution_error", "execution_interrupted"):
            # A blocked node's error isn't the end, so this too is only a reason to look.
            self._ending = kind == "execution_success"
            self._look_at = min(self._look_at, time.monotonic() + (0.5 if self._ending else 0.1))

    def _progress(self, nodes: Any) -> Iterator[Event]:
        for entry in nodes.values() if isinstance(nodes, dict) else ():
            if isinstance(entry, dict) and entry.get("state") == "running":
                node = str(entry.get("display_node_id") or entry.get("node_id"))
                value, total = entry.get("value"), entry.get("max")
                if isinstance(value, int | float) and isinstance(total, int | float) and total > 1:
                    yield Progress(node, title_of(self.graph, node), float(value), float(total))


def notices(outputs: Mapping[str, Any], graph: Graph) -> Iterator[Notice]:
    """What nodes say to people: the `notices` among their outputs.

    A notice of a node that another one made while it ran (`7.0.0.2`) is given as that one's, as in the page.
    """
    for name, output in outputs.items():
        node = name.split(".")[0]
        entries = output.get("notices") if isinstance(output, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("text"), str):
                level = "warning" if entry.get("level") == "warning" else "info"
                yield Notice(node, title_of(graph, node), level, entry["text"])
