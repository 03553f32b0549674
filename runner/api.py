"""The server's routes that the runner uses, each as one method. No waiting and no policy here."""

from __future__ import annotations

import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .contents import ENOUGH, look
from .errors import BadInput, BadWorkflow, UnusableServer
from .http import Answer, ConnectionLost, Http

T = TypeVar("T")
Graph = Mapping[str, Mapping[str, Any]]
LONGEST_PAUSE = 8.0
"""Seconds between two tries, the pauses doubling up to it, after which a proxy's answer counts."""
FINAL = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Record:
    """A job as the server has it: `status` is pending, in_progress, completed, failed or cancelled."""

    id: str
    status: str
    raw: Mapping[str, Any]

    @property
    def final(self) -> bool:
        """Whether the job is over."""
        return self.status in FINAL

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """What the output nodes gave, by node id."""
        value = self.raw.get("outputs")
        outputs = value if isinstance(value, dict) else {}
        return {str(key): item for key, item in outputs.items() if isinstance(item, dict)}

    @property
    def graph(self) -> dict[str, Any]:
        """The API form that ran, known only for jobs that are over."""
        workflow = self.raw.get("workflow")
        prompt = workflow.get("prompt") if isinstance(workflow, dict) else None
        return prompt if isinstance(prompt, dict) else {}

    @property
    def seconds(self) -> float | None:
        """How long the server worked on it."""
        start, end = self.raw.get("execution_start_time"), self.raw.get("execution_end_time")
        if not isinstance(start, int | float) or not isinstance(end, int | float):
            return None
        return (end - start) / 1000


class Api:
    """One server."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def _json(self, path: str, *, timeout: float = 30.0) -> Any:
        answer = self.http.ask("GET", path, timeout=timeout)
        found = answer.json()
        if answer.status != 200 or found is None:
            raise self._unusable(answer, path)
        return found

    def _unusable(self, answer: Answer, path: str) -> UnusableServer:
        """The error for an answer that no ComfyUI gives; it says what answered."""
        if answer.json() is None and answer.status < 500:
            what = look(answer.body[:ENOUGH]) or "something else"
            return UnusableServer(
                f"{self.http.url} is no ComfyUI: it answers {path.split('?')[0]} with {what} ({answer.status}). Check "
                "the address, its port and its path, and whether somebody in front of it wants you to sign in."
            )
        return UnusableServer(f"{self.http.url} isn't a ComfyUI that we can use: {path} answered {answer.status}.")

    def _too_old(self) -> UnusableServer:
        """The error for a server that doesn't know the route of jobs: an older ComfyUI, or none at all."""
        answer = self.http.ask("GET", "/system_stats", timeout=10)
        stats = answer.json()
        system = stats.get("system") if isinstance(stats, dict) else None
        if not isinstance(system, dict):
            return self._unusable(answer, "/system_stats")
        version = system.get("comfyui_version")
        return UnusableServer(
            f"{self.http.url} can't tell about jobs; the runner needs ComfyUI 0.30 or later"
            + (f", and this is {version}." if version else ".")
        )

    def object_info(self, types: set[str] | None = None) -> dict[str, Any]:
        """The server's node types; only `types` when they are few, which is much faster."""
        if types is None or len(types) > 12:
            found = patiently(lambda: self._json("/object_info", timeout=120))
            return found if isinstance(found, dict) else {}
        found = {}
        for name in types:
            path = f"/object_info/{urllib.parse.quote(name, safe='')}"
            one = patiently(lambda path=path: self._json(path, timeout=60))
            if isinstance(one, dict):
                found.update(one)
        return found

    def post(self, job_id: str, client_id: str, graph: Graph, workflow: Any = None) -> Answer:
        """Ask for a job. Never with a `number`: two jobs with the same one can end the server's worker.

        Args:
            job_id: A new UUID.
            client_id: Whose websocket gets the events.
            graph: The workflow in API form.
            workflow: The same in UI form, for the files that the server saves.

        Returns:
            The server's answer, whatever it says.
        """
        body: dict[str, Any] = {"prompt": graph, "prompt_id": job_id, "client_id": client_id}
        if isinstance(workflow, dict):
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        return self.http.ask("POST", "/prompt", body, timeout=60)

    def job(self, job_id: str, *, timeout: float = 10.0) -> Record | None:
        """The job's record; None when the server doesn't know it.

        Raises:
            ConnectionLost: The server fails at the moment.
            UnusableServer: It has no such route.
        """
        answer = self.http.ask("GET", f"/api/jobs/{check_id(job_id)}", timeout=timeout)
        raw = answer.json()
        if answer.status == 404 and isinstance(raw, dict):
            return None  # a server that doesn't have the route answers in plain text
        if answer.status >= 500:
            raise ConnectionLost(f"{self.http.url} answers {answer.status}.")
        if answer.status == 404:
            raise self._too_old()
        if answer.status != 200 or not isinstance(raw, dict):
            raise self._unusable(answer, "/api/jobs")
        return Record(job_id, str(raw.get("status", "")), raw)

    def waiting(self) -> list[dict[str, Any]]:
        """The jobs that run or wait."""
        found = self._json("/api/jobs?status=pending,in_progress", timeout=10)
        jobs = found.get("jobs") if isinstance(found, dict) else None
        return [job for job in jobs or [] if isinstance(job, dict)]

    def queued_graph(self, job_id: str) -> dict[str, Any]:
        """The API form of a job that runs or waits; empty when it isn't in the queue any more."""
        found = self._json("/queue", timeout=10)
        for key in ("queue_running", "queue_pending"):
            for item in (found.get(key) or []) if isinstance(found, dict) else []:
                if isinstance(item, list) and len(item) > 2 and item[1] == job_id and isinstance(item[2], dict):
                    return item[2]
        return {}

    def jobs(self, limit: int = 20) -> list[dict[str, Any]]:
        """The newest jobs of any state."""
        found = self._json(f"/api/jobs?limit={limit}", timeout=10)
        jobs = found.get("jobs") if isinstance(found, dict) else None
        return [job for job in jobs or [] if isinstance(job, dict)]

    def cancel(self, job_id: str) -> bool:
        """Cancel this job and no other. True means that the server tried, not that the job has stopped."""
        answer = self.http.ask("POST", f"/api/jobs/{check_id(job_id)}/cancel", {}, timeout=10)
        raw = answer.json()
        return bool(raw.get("cancelled")) if isinstance(raw, dict) else False

    def log(self) -> str:
        """The server's recent log."""
        answer = self.http.ask("GET", "/internal/logs/raw", timeout=10)
        raw = answer.json()
        entries = raw.get("entries") if isinstance(raw, dict) else None
        return "".join(str(entry.get("m", "")) for entry in entries or [] if isinstance(entry, dict))

    def has_file(self, name: str) -> bool:
        """Whether the server has a file that an input may name: `x.png`, `folder/x.png` or `x.png [output]`."""
        path, bracket, kind = name.removesuffix("]").rpartition(" [")
        path, kind = (path, kind) if bracket and name.endswith("]") else (name, "input")
        subfolder, _, filename = path.rpartition("/")
        query = urllib.parse.urlencode(
            {"filename": filename, "subfolder": subfolder, "type": kind}, errors="surrogatepass"
        )
        return self.http.ask("HEAD", f"/view?{query}", timeout=10).status == 200

    def upload(
        self,
        path: Path,
        *,
        name: str = "",
        subfolder: str = "",
        on_bytes: Callable[[int], None] | None = None,
    ) -> str:
        """Upload a file to the server's input folder.

        The server keeps one copy of equal files and renames different ones of the same name.

        Args:
            path: The file.
            name: What to call it there; its own name when empty.
            subfolder: A folder in the server's input folder.
            on_bytes: Called with the number of bytes of each piece that was sent.

        Returns:
            The name by which an input chooses it.

        Raises:
            BadInput: The server doesn't take it.
        """
        boundary = uuid.uuid4().hex
        head = _form_field(boundary, "subfolder", subfolder) + _form_file(boundary, name or path.name)
        tail = f"\r\n--{boundary}--\r\n".encode()
        size = path.stat().st_size

        def body() -> Iterator[bytes]:
            yield head
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    if on_bytes:
                        on_bytes(len(block))
                    yield block
            yield tail

        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        answer = patiently(lambda: self.http.ask("POST", "/upload/image", body(), timeout=600, headers=headers))
        if answer.status == 413:
            raise BadInput(
                f"{path} is larger than the server takes ({size / 1e6:.0f} MB). "
                "Start the server with a higher --max-upload-size, or with `myspinbot serve`."
            )
        raw = answer.json()
        if answer.status != 200 or not isinstance(raw, dict) or "name" not in raw:
            raise BadInput(f"The server didn't take {path}: {answer.status} {answer.text[:200]}")
        return "/".join(part for part in (str(raw.get("subfolder") or ""), str(raw["name"])) if part)


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` gives; asked again for a while where a proxy answers that the server is away or overloaded."""
    pause = 0.5
    while True:
        try:
            return ask()
        except ConnectionLost as error:
            if not error.status or pause > LONGEST_PAUSE:
                raise
            time.sleep(max(pause, error.wait))
            pause *= 2


def check_id(job_id: str) -> str:
    """The id itself. Raises BadInput when it is not a job's id, which is a UUID."""
    try:
        if str(uuid.UUID(job_id)) == job_id:
            return job_id
    except ValueError:
        pass
    raise BadInput(f"{job_id!r} is not a job id; one looks like {uuid.UUID(int=0)}.")


def check_size(answer: Answer) -> None:
    """Raises BadWorkflow for a workflow that is too large for the server."""
    if answer.status == 413:
        raise BadWorkflow("The workflow is larger than the server takes. Start it with a higher --max-upload-size.")


def _form_field(boundary: str, name: str, value: str) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _form_file(boundary: str, name: str) -> bytes:
    safe = name.replace("\\", "_").replace('"', "%22").replace("\r", "_").replace("\n", "_")
    # The field is called image for every kind of file.
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{safe}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
