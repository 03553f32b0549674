"""Hands a workflow to the server exactly once, although the server itself would take it twice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .api import Api, Graph, check_size, patiently
from .error_mapping import error_of_inputs, error_of_refusal
from .errors import BadWorkflow
from .http import Answer, ConnectionLost, ReadTimeout

# How long a request that got no answer may still be on its way into the queue.
SETTLE_SECONDS = 8.0


def submit(api: Api, job_id: str, client_id: str, graph: Graph, workflow: Any = None) -> None:
    """Queue the workflow under `job_id`. When the answer is lost, the id is asked for before it is sent again.

    Args:
        api: The server.
        job_id: A new UUID.
        client_id: Whose websocket gets the events.
        graph: The workflow in API form.
        workflow: The same in UI form, for the files that the server saves.

    Raises:
        BadInput, BadWorkflow, MissingNode, MissingModel: The server refuses the workflow or a part of it.
        ServerUnreachable, ServerStalled: It can't be reached, or can't tell about jobs.
    """
    patiently(lambda: api.job(job_id))  # a server too old to follow jobs says so before it runs one
    for attempt in range(3):
        try:
            _accept(api, job_id, graph, api.post(job_id, client_id, graph, workflow))
            return
        except (ConnectionLost, ReadTimeout):
            if _arrived(api, job_id):
                return
            if attempt == 2:
                raise


def _accept(api: Api, job_id: str, graph: Graph, answer: Answer) -> None:
    check_size(answer)
    body = answer.json()
    if answer.status >= 500 and body is None:
        raise ConnectionLost(f"{api.http.url} answers {answer.status}.", status=answer.status)
    if answer.status != 200:
        if body is None:
            raise BadWorkflow(
                f"The server can't read the workflow ({answer.status}): {answer.text[:300] or 'no reason given'}."
            )
        raise error_of_refusal(body, graph, answer.text)
    errors = body.get("node_errors") if isinstance(body, Mapping) else None
    if errors:
        # It would run the rest and leave these outputs out without a word.
        api.cancel(job_id)
        raise error_of_inputs(errors, graph)


def _arrived(api: Api, job_id: str) -> bool:
    """Whether a job whose submission got no answer is known to the server after all."""
    end = time.monotonic() + SETTLE_SECONDS
    answered = False
    while time.monotonic() < end:
        try:
            if api.job(job_id):
                return True
            if answered:
                # A refused connection never carried the request, so one look after it is enough.
                time.sleep(0.5)
            answered = True
        except (ConnectionLost, ReadTimeout):
            answered = False
        time.sleep(0.5)
    return False
