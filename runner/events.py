"""What happens to a job while it is followed: a small closed set, made for `match`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Submitted:
    """The server has taken the job."""

    job_id: str
    server: str


@dataclass(frozen=True)
class Queued:
    """The job waits; `ahead` jobs are before it, the running one included."""

    ahead: int


@dataclass(frozen=True)
class Started:
    """The server has begun to work on the job. `total` is the number of nodes in the workflow."""

    total: int


@dataclass(frozen=True)
class Cached:
    """The results of these nodes came from the server's cache."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeStarted:
    """A node has begun."""

    node: str
    title: str


@dataclass(frozen=True)
class Progress:
    """A node has done `value` of `total` steps."""

    node: str
    title: str
    value: float
    total: float


@dataclass(frozen=True)
class NodeDone:
    """An output node has finished."""

    node: str
    title: str


@dataclass(frozen=True)
class Notice:
    """A node tells the user something; `level` is `info` or `warning`."""

    node: str
    title: str
    level: str
    text: str


@dataclass(frozen=True)
class Preview:
    """A picture of the work so far, only when previews were asked for. `data` is a JPEG or PNG file."""

    node: str
    data: bytes


@dataclass(frozen=True)
class Trouble:
    """Something is wrong with the connection or the server, and the runner goes on. `text` is a sentence."""

    text: str


@dataclass(frozen=True)
class Resubmitted:
    """The server lost the job, and it was sent again under a new id."""

    job_id: str


@dataclass(frozen=True)
class Saved:
    """A result is on this machine's disk."""

    node: str
    path: str
    bytes: int


@dataclass(frozen=True)
class Finished:
    """The job is done. `seconds` is the time that the server worked on it, when it is known."""

    job_id: str
    seconds: float | None


Event = (
    Submitted
    | Queued
    | Started
    | Cached
    | NodeStarted
    | Progress
    | NodeDone
    | Notice
    | Preview
    | Trouble
    | Resubmitted
    | Saved
    | Finished
)


def as_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object with its kind under `event`, such as `node_started`."""
    name = type(event).__name__
    kind = "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
    values = asdict(event)
    if isinstance(event, Preview):
        values["data"] = len(event.data)
    return {"event": kind, **values}
