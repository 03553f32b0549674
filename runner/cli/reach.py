"""The server that a command talks to: one that runs, or one of our own for as long as it is needed."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from ..client import DEFAULT_SERVER, Client
from ..http import ConnectionLost

if TYPE_CHECKING:
    from ..server import LocalServer

SERVER_VARIABLE = "MYSPINBOT_SERVER"


def default_server() -> str:
    """The server to use when none is named."""
    return os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER


@contextlib.contextmanager
def connect(
    server: str,
    *,
    no_start: bool = False,
    comfyui: str | None = None,
    python: str | None = None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> Generator[tuple[Client, LocalServer | None]]:
    """A client for `server`; where none answers on this machine, for a server started and stopped here.

    Raises ServerUnreachable when there is none and none can be started.
    """
    client = Client(server)
    try:
        client.api.http.knock()
    except ConnectionLost:
        if no_start or not _here(client.api.http.host):
            raise
    else:
        yield client, None
        return
    from ..locate import find_installation, new_log
    from ..server import LocalServer

    installation = find_installation(comfyui, python)
    local = LocalServer(installation, log=new_log())
    on_wait("Starting ComfyUI")
    try:
        local.start(on_wait=lambda seconds: on_wait(f"Starting ComfyUI ({seconds:.0f} s)"))
        yield Client(local.url), local
    finally:
        local.stop()


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
