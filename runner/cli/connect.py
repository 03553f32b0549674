"""The server that a command talks to: one that runs, or one of our own for as long as it is needed."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import click

from ..client import DEFAULT_SERVER, Client
from ..http import ConnectionLost

if TYPE_CHECKING:
    from ..server import LocalServer

server_option = click.option(
    "--server",
    default=DEFAULT_SERVER,
    show_default=True,
    envvar="MYSPINBOT_SERVER",
    metavar="URL",
    help="A ComfyUI server; where none answers on this machine, one is started if the command needs it.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
# `call` looks for it among the words, so no command needs its value.
verbose_option = click.option(
    "--verbose", is_flag=True, expose_value=False, help="Show tracebacks and the server's own words."
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which server to use."""
    for option in (
        click.option("--python", metavar="FILE", help="The Python that runs the ComfyUI of --comfyui."),
        click.option("--comfyui", metavar="DIR", help="ComfyUI's folder, for a server of our own."),
        click.option("--no-start", is_flag=True, help="Never start a server of our own."),
        server_option,
    ):
        command = option(command)
    return command


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

    Args:
        server: Its address.
        no_start: Never start one.
        comfyui: The folder of the ComfyUI to start; None for the one that `find_installation` finds.
        python: The Python that runs it.
        on_wait: Called with a few words while a server is started.

    Raises:
        ServerUnreachable: There is none, and none can be started.
    """
    client = Client(server)
    try:
        client.check_reachable()
    except ConnectionLost:
        if no_start or not _on_this_machine(client.host):
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


def say_once(server: str, why: str) -> Callable[[str], None]:
    """For `connect`: says on standard error, once and at once, why there is a wait.

    Args:
        server: The address at which nobody answers.
        why: What ComfyUI is started for, as in "to ask it for ...".
    """
    said: list[str] = []

    def say(text: str) -> None:
        if not said:
            said.append(text)
            click.echo(
                f"No server answers at {server}, so ComfyUI is started {why}. On a small machine that takes a minute "
                "or two; `myspinbot serve` keeps one running.",
                err=True,
            )

    return say


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
