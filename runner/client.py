"""The library's front door: a server, and the jobs on it."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hooks
from .api import Api, Graph, Record, patiently
from .error_mapping import error_of_record
from .errors import BadInput, JobLost, RunnerError, Unfinished
from .events import Event, Finished, Notice, Resubmitted, Submitted
from .follow import Follower, Patience, notices
from .http import Http
from .results import Download, Remote, files, prepare_folder, texts
from .stream import Stream
from .submit import submit
from .workflow import Workflow

if TYPE_CHECKING:
    from .server import LocalServer

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
        client.set_inputs(workflow, {"topic": "Why is the sky blue?", "portrait": "me.jpg"})
        job = client.submit(workflow)
        for event in job.events():
            print(event)
        for path in job.save("results"):
            print(path)

    Args:
        server: Its address, or an `Http` to it.
        headers: Sent with every request, for servers behind a proxy that wants a token.
        ca_file: Certificates that are trusted besides the system's, as PEM.
        insecure: Whether to accept any certificate, so that nobody knows who answers.
    """

    def __init__(
        self,
        server: str | Http = DEFAULT_SERVER,
        *,
        headers: Mapping[str, str] | None = None,
        ca_file: str | Path | None = None,
        insecure: bool = False,
    ) -> None:
        given = server if isinstance(server, Http) else Http(server, headers, ca_file=ca_file, insecure=insecure)
        self.api = Api(given)

    @property
    def url(self) -> str:
        """The server's address."""
        return self.api.http.url

    def check_reachable(self) -> None:
        """Find out whether anybody takes connections at the address.

        Raises:
            ConnectionLost: Nobody does.
            ReadTimeout: It takes too long to find out.
        """
        self.api.http.knock()

    @property
    def host(self) -> str:
        """The name or number of the machine in the server's address."""
        return self.api.http.host

    def object_info(self) -> dict[str, Any]:
        """The server's node types, as `/object_info` describes them."""
        return self.api.object_info()

    def system_stats(self) -> Any:
        """What the server says of its machine, versions and devices."""
        return self.api.http.ask("GET", "/system_stats").json()

    def log(self) -> str:
        """The server's recent log."""
        return self.api.log()

    def open(self, path: str | Path) -> Workflow:
        """Load a workflow file and bind it to this server's node types."""
        return self.bind(Workflow.load(path))

    def bind(self, workflow: Workflow) -> Workflow:
        """Bind a workflow to this server's node types, and forget the values that were set in it."""
        workflow.bind(self.api.object_info(workflow.node_types()))
        return workflow

    def set_inputs(
        self,
        workflow: Workflow,
        values: Mapping[str, str] | Iterable[tuple[str, str]],
        *,
        on_upload: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """Set inputs of a bound workflow from text. All are checked before the first file is uploaded.

        Args:
            workflow: A workflow that `bind` or `open` gave.
            values: The workflow's own inputs by their flags (`topic`), and any others by `NODE.INPUT`. A file or
                a folder on this machine that is named for an input that takes one is uploaded.
            on_upload: Called with each file before it is uploaded.

        Raises:
            BadInput: There is no such input, or a value is of the wrong type, out of range or not there.
        """
        pairs = list(dict(values).items())
        if not pairs:
            return
        from .uploads import check, resolve

        offered = {field.flag: field for field in workflow.inputs}
        for name, _ in pairs:
            if "." not in name and name not in offered:
                raise unknown_input(workflow.name, name, list(offered))
        specs = [offered[name].spec if name in offered else workflow.spec_of(name) for name, _ in pairs]
        shown = [f"--{name}" if name in offered else name for name, _ in pairs]
        for (_, value), spec, label in zip(pairs, specs, shown, strict=True):
            check(value, spec, label, self.api)
        for (name, value), spec, label in zip(pairs, specs, shown, strict=True):
            resolved = resolve(self.api, value, spec, label, on_upload)
            if name in offered:
                offered[name].widget.value = resolved
            else:
                workflow.set(name, resolved)

    def submit(
        self,
        workflow: Workflow | Mapping[str, Any],
        *,
        job_id: str | None = None,
        previews: bool = False,
        rng: random.Random | None = None,
    ) -> Job:
        """Queue a workflow. The websocket is opened before, so that no event is missed.

        Args:
            workflow: A workflow, or the parsed content of a workflow file.
            job_id: The job's id, a UUID; None for a new one.
            previews: Whether to ask for pictures of the work so far, and to count temporary files as results.
            rng: Decides wildcards in texts; None for chance.

        Raises:
            BadInput, BadWorkflow, MissingNode, MissingModel: The server refuses the workflow.
        """
        source = workflow if isinstance(workflow, Workflow) else Workflow(dict(workflow))
        graph = source.api(rng)
        job = Job(self.api, job_id or str(uuid.uuid4()), graph, source.embedded(), previews=previews)
        job.send()
        return job

    def job(self, job_id: str) -> Job:
        """A job by its id alone, whoever submitted it.

        Raises:
            JobLost: The server doesn't know it.
        """
        record = patiently(lambda: self.api.job(job_id))
        if record is None:
            raise JobLost(
                f"The server doesn't know the job {job_id}. It forgets its jobs when it restarts, and those "
                "that were cancelled before they began."
            )
        graph = record.graph if record.final else self.api.queued_graph(job_id)
        return Job(self.api, job_id, graph, owned=False, record=record if record.final else None)

    def jobs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The server's newest jobs of any state, as it describes them."""
        return self.api.jobs(limit)


def unknown_input(workflow: str, name: str, flags: Sequence[str], others: Iterable[str] = ()) -> BadInput:
    """The error for a flag that a workflow doesn't offer.

    Args:
        workflow: The workflow's name.
        name: The flag that the user wrote, without dashes.
        flags: What the workflow offers.
        others: Flags besides that may have been meant.
    """
    from difflib import get_close_matches

    near = get_close_matches(name, [*flags, *others], 1)
    meant = f" Did you mean --{near[0]}?" if near else ""
    has = ", ".join(f"--{flag}" for flag in flags) or "none; use --set NODE.INPUT=VALUE"
    return BadInput(f"{workflow} has no input --{name}.{meant} Its inputs are: {has}.")


@dataclass
class Job:
    """One job. `Client.submit` and `Client.job` make it.

    Args:
        api: The server.
        id: The job's id; a new one after it was sent once more.
        graph: The workflow in API form.
        workflow: The same in UI form, for the files that the server saves.
        previews: Whether to ask for pictures of the work so far, and to count temporary files as results.
        owned: Whether we submitted it, and so may send it again.
        resubmit: Whether to send it once more when a restarted server lost it.
        patience: How long to bear with a server that is away.
        stop: Asked several times a second, while the job is followed, whether to cancel it.
        local: The server, where it is one of our own.
        record: The server's final record, once it is known.
    """

    api: Api
    id: str
    graph: Graph
    workflow: Mapping[str, Any] | None = None
    previews: bool = False
    owned: bool = True
    resubmit: bool = True
    patience: Patience = field(default_factory=Patience)
    stop: Callable[[], bool] = lambda: False
    local: LocalServer | None = None
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

        A job that a restarted server lost is sent once more, unless `resubmit` is off.

        Raises:
            RunnerError: The error that the job ended with.
        """
        yield Submitted(self.id, self.api.http.url)
        try:
            while True:
                try:
                    yield from self._follow()
                    break
                except JobLost:
                    if not self.resubmit or not self.owned or (self.local and not self.local.running()):
                        raise
                    self.resubmit = False
                    self.id = str(uuid.uuid4())
                    submit(self.api, self.id, self.client_id, self.graph, self.workflow)
                    yield Resubmitted(self.id)
        finally:
            self._stream.end()
        yield Finished(self.id, self.record.seconds if self.record else None)

    def result(self) -> Result:
        """Wait for the end, and give what the job gave. Raises the error that it ended with."""
        for _ in self.events() if self.record is None else ():
            pass
        return self.outcome()

    def look(self) -> Record | None:
        """The job's record as the server has it now; None when the server no longer knows the job."""
        record = patiently(lambda: self.api.job(self.id))
        if record is not None and record.final:
            self.record = record
        return record

    def error(self) -> RunnerError | None:
        """The error that a finished job ended with; None when it succeeded or isn't finished."""
        record = self.record or self.look()
        return error_of_record(record, self.graph) if record is not None and record.final else None

    def outcome(self) -> Result:
        """What a finished job gave.

        Raises:
            Unfinished: It isn't finished.
            RunnerError: The error that it ended with.
        """
        record = self.record or self.look()
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
        """Ask the server to cancel this job and no other. What becomes of it, `events` and `wait_end` say."""
        return self.api.cancel(self.id)

    def wait_end(self) -> str:
        """Wait for what becomes of the job: `completed`, `failed` or `cancelled`."""
        while True:
            record = self.look()
            if record is None:
                return "cancelled"  # one that was still waiting leaves no trace
            if record.final:
                return record.status
            time.sleep(0.2)

    def save(
        self,
        out: str | Path,
        *,
        skip: Mapping[str, str] | None = None,
        on_bytes: Callable[[Remote, int, int | None], None] | None = None,
        on_file: Callable[[Remote, Path], None] | None = None,
    ) -> list[Path]:
        """Download the result files of a finished job into a folder; existing files stay as they are.

        Args:
            out: The folder; it is made when it isn't there.
            skip: Files that were saved before, by their `Remote.query`; those that are still there aren't fetched.
            on_bytes: Called as a file grows, with the bytes so far and the size, where it is known.
            on_file: Called with each file that was saved.

        Returns:
            The paths of all result files.

        Raises:
            CannotSave, DiskFull: A file can't be written or is no longer to be had.
        """
        result = self.outcome()
        out = Path(out)
        if result.files:
            prepare_folder(out)
        download = Download(self.api, out, self.id)
        paths: list[Path] = []
        for remote in result.files:
            before = Path((skip or {}).get(remote.query, ""))
            if before.is_file():
                paths.append(before)
                continue
            path = download.save(remote, _about(remote, on_bytes))
            for hook in hooks.after_save:
                hook(path, self)
            paths.append(path)
            if on_file:
                on_file(remote, path)
        return paths

    def _follow(self) -> Iterator[Event]:
        follower = Follower(self.api, self._stream, self.id, self.graph, self.patience, self.stop, self.local)
        for item in follower.events():
            if isinstance(item, Record):
                self.record = item
                graph = self.graph or item.graph
                # The record is the truth about notices too: events may have been missed, or cached.
                for notice in notices(item.outputs, graph):
                    if notice not in self._seen_notices:
                        self._seen_notices.add(notice)
                        yield notice
                error = error_of_record(item, graph)
                if error:
                    raise error
            elif isinstance(item, Notice):
                if item not in self._seen_notices:
                    self._seen_notices.add(item)
                    yield item
            else:
                yield item


def _about(
    remote: Remote, on_bytes: Callable[[Remote, int, int | None], None] | None
) -> Callable[[int, int | None], None] | None:
    return (lambda done, total: on_bytes(remote, done, total)) if on_bytes else None
