"""Runs ComfyUI workflows headless: workflow file -> server -> files on disk.

from myspinbot_runner import Client

client = Client("http://127.0.0.1:8188")
job = client.submit(client.open("workflows/draft.app.json"))
for event in job.events():
    ...
paths = job.save("results")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Client, Job, Result
    from .errors import RunnerError
    from .server import LocalServer
    from .workflow import Workflow

__all__ = ["Client", "Job", "LocalServer", "Result", "RunnerError", "Workflow"]

_HOMES = {
    "Client": "client",
    "Job": "client",
    "LocalServer": "server",
    "Result": "client",
    "RunnerError": "errors",
    "Workflow": "workflow",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command's help must not wait for what it doesn't need."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
