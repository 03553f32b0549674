"""The library's front door: a server, and the jobs on it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import hooks
from .api import Api, Record
from .error_mapping import error_of_record
from .errors import JobLost, RunnerError, Unfinished
from .events import Event, Finished, Notice, Resubmitted, Saved, Submitted
from .follow import Follower, Patience, notices
from .http import Http
from .results import Download, Remote, files, prepare_folder, texts
from .stream import Stream
from .submit import submit
from .workflow import Workflow

CLIENTS = uuid.UUID("6f0d3c1e-9b1a-5a57-9d57-6d7973706200")
DEFAULT_SERVER = "http://127.0.0.1:8188"


@dataclass(frozen=True)
class Result:
    """What a job gave. `outputs` is the server's record by node id; `files` are not downloaded yet."""

    job_id: str
    outputs: Mapping[str, Mapping[str, Any]]
    files: tuple[Remote, ...]
    texts: Mapping[str, list[str]]
    notices: tuple[Notice, ...]
    seconds: float | None


class Client:
    """A ComfyUI server.

        client = Client("http://127.0.0.1:8188")
        workflow = client.open("workflows/draft.app.json")
        workflow.set("4.text", "Why is the sky blue?")
        job = client.submit(workflow)
        for event in job.events():
            print(event)
        for path in job.save("results"):
            print(path)

    `headers` go with every request, for servers behind a proxy that wants a token.
    """

    def __init__(self, server: str = DEFAULT_SERVER, *, headers: Mapping[str, str] | None = None) -> None:
        self.api = Api(Http(server, headers))

    def open(self, path: str | Path) -> Workflow:
        """Load a workflow file and bind it to this server's node types."""
        return self.bind(Workflow.load(path))

    def bind(self, workflow: Workflow) -> Workflow:
        """Bind a workflow to this server's node types."""
        workflow.bind(self.api.object_info(workflow.node_types()))
        return workflow

    def set_input(self, workflow: Workflow, flag: str, value: str) -> None:
        """Set one of the workflow's own inputs from text; a file or folder named by it is uploaded."""
        from .uploads import resolve

        field = next((field for field in workflow.inputs if field.flag == flag), None)
        if field is None:
            raise RunnerError(f"{workflow.name} has no input {flag!r}.")
        field.widget.value = resolve(self.api, value, field.spec, f"--{flag}")

    def submit(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        job_id: str | None = None,
        previews: bool = False,
        rng: random.Random | None = None,
    ) -> Job:
        """Queue a workflow. Raises BadInput, BadWorkflow, MissingNode or MissingModel when it is refused.

        The websocket is opened before, so that no event is missed.
        """
        source = workflow if isinstance(workflow, Workflow) else Workflow(dict(workflow))
        graph = source.api(rng)
        job = Job(self.api, job_id or str(uuid.uuid4()), graph, source.embedded(), previews=previews)
        job.send()
        return job

    def job(self, job_id: str) -> Job:
        """A job by its id alone, whoever submitted it."""
        record = self.api.job(job_id)
        if record is None:
            raise JobLost(
                f"The server doesn't know the job {job_id}. It forgets its jobs when it restarts, and those "
                "that were cancelled before they began."
            )
        graph = record.graph if record.final else self.api.queued_graph(job_id)
        return Job(self.api, job_id, graph, owned=False)


@dataclass
class Job:
    """One job. Build it with `Client.submit` or `Client.job`."""

    api: Api
    id: str
    graph: Mapping[str, Mapping[str, Any]]
    workflow: Mapping[str, Any] | None = None
    previews: bool = False
    owned: bool = True
    resubmit: bool = True
    patience: Patience = field(default_factory=Patience)
    stop: Callable[[], bool] = lambda: False
    server_alive: Callable[[], bool] | None = None
    record: Record | None = None

    def __post_init__(self) -> None:
        # Made from the job's id, so that another process that knows the id can listen to its events too.
        self.client_id = str(uuid.uuid5(CLIENTS, self.id))
        self._stream = Stream(self.api.http, self.client_id, previews=self.previews)
        self._seen_notices: set[Notice] = set()

    def send(self) -> None:
        """Open the websocket and queue the job."""
        self._stream.connect()
        try:
            submit(self.api, self.id, self.client_id, self.graph, self.workflow)
        except BaseException:
            self._stream.end()
            raise

    def events(self) -> Iterator[Event]:
        """Everything that happens to the job until it is done.

        A job that a restarted server lost is sent once more, unless `resubmit` is off. Raises the error that
        the job ended with.
        """
        yield Submitted(self.id, self.api.http.url)
        try:
            while True:
                try:
                    yield from self._follow()
                    break
                except JobLost:
                    if not self.resubmit or not self.owned or not self._server_back():
                        raise
                    self.resubmit = False
                    self.id = str(uuid.uuid4())
                    submit(self.api, self.id, self.client_id, self.graph, self.workflow)
                    yield Resubmitted(self.id)
        finally:
            self._stream.end()
        yield Finished(self.id, self.record.seconds if self.record else None)

    def result(self) -> Result:
        """Wait for the end. Raises the error that the job ended with."""
        for _ in self.events() if self.record is None else ():
            pass
        return self.outcome()

    def outcome(self) -> Result:
        """What a finished job gave. Raises its error, or Unfinished while it isn't finished."""
        record = self.record or self.api.job(self.id)
        if record is None or not record.final:
            raise Unfinished(f"The job {self.id} isn't finished. `myspinbot attach {self.id}` waits for it.")
        error = error_of_record(record, self.graph)
        if error:
            raise error
        outputs = record.outputs
        return Result(
            self.id,
            outputs,
            tuple(files(outputs, previews=self.previews)),
            texts(outputs),
            tuple(notices(outputs, self.graph or record.graph)),
            record.seconds,
        )

    def cancel(self) -> bool:
        """Ask the server to cancel this job and no other. What becomes of it, `events` or `outcome` say."""
        return self.api.cancel(self.id)

    def save(self, out: str | Path, on_saved: Callable[[Saved], None] | None = None) -> list[Path]:
        """Download the result files of a finished job into a folder; existing files stay as they are."""
        result = self.outcome()
        download = Download(self.api, Path(out), self.id)
        prepare_folder(Path(out))
        paths: list[Path] = []
        for remote in result.files:
            path = download.save(remote)
            call_after_save(path, self)
            paths.append(path)
            if on_saved:
                on_saved(Saved(remote.node, str(path), path.stat().st_size))
        return paths

    def _follow(self) -> Iterator[Event]:
        follower = Follower(self.api, self._stream, self.id, self.graph, self.patience, self.stop, self.server_alive)
        for item in follower.events():
            if isinstance(item, Record):
                self.record = item
                graph = self.graph or item.graph
                error = error_of_record(item, graph)
                # The record is the truth about notices too: events may have been missed, or cached.
                for notice in notices(item.outputs, graph):
                    if notice not in self._seen_notices:
                        self._seen_notices.add(notice)
                        yield notice
                if error:
                    raise error
            elif isinstance(item, Notice):
                if item not in self._seen_notices:
                    self._seen_notices.add(item)
                    yield item
            else:
                yield item

    def _server_back(self) -> bool:
        return self.server_alive is None or self.server_alive()


def call_after_save(path: Path, job: Job) -> None:
    """Tell whoever wants to know that a result was saved."""
    for hook in hooks.after_save:
        hook(path, job)
