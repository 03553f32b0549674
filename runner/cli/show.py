"""How events reach the user: live on a terminal, as JSON lines for scripts, or hardly at all."""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol

from ..client import Result
from ..events import Event, Notice, Resubmitted, Saved, Trouble, as_json


class Show(Protocol):
    """Takes what happens, in order."""

    def event(self, event: Event) -> None:
        """Something happened to the job."""
        ...

    def wait(self, text: str) -> None:
        """We wait for something other than the job."""
        ...

    def result(self, result: Result) -> None:
        """The job is done."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class JsonShow:
    """Newline-delimited JSON on standard output."""

    def event(self, event: Event) -> None:
        self._print(as_json(event))

    def wait(self, text: str) -> None:
        pass

    def result(self, result: Result) -> None:
        notices = [as_json(notice) for notice in result.notices]
        self._print(
            {
                "event": "result",
                "job_id": result.job_id,
                "texts": dict(result.texts),
                "notices": notices,
                "seconds": result.seconds,
            }
        )

    def close(self) -> None:
        pass

    def _print(self, data: dict[str, Any]) -> None:
        _print(json.dumps(data, ensure_ascii=False))


class QuietShow:
    """Paths and texts on standard output; what a person should know on standard error."""

    def event(self, event: Event) -> None:
        match event:
            case Saved(path=path):
                _print(path)
            case Notice():
                _warn(notice_line(event))
            case Trouble(text=text):
                _warn(text)
            case Resubmitted(job_id=job_id):
                _warn(resubmitted_line(job_id))
            case _:
                pass

    def wait(self, text: str) -> None:
        pass

    def result(self, result: Result) -> None:
        for lines in result.texts.values():
            for line in lines:
                _print(line)

    def close(self) -> None:
        pass


def notice_line(notice: Notice) -> str:
    """A notice with the node's title in front."""
    return f"{'Warning: ' if notice.level == 'warning' else ''}{notice.title}: {notice.text}"


def resubmitted_line(job_id: str) -> str:
    """What to say when a job was sent again."""
    return f"The server lost the job, so it was sent again as {job_id}."


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _warn(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
