"""The server that a command talks to: one that runs, or one of our own for as long as it is needed."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import click

from ..client import DEFAULT_SERVER, Client
from ..errors import BadInput
from ..http import ConnectionLost, Http, basic_authorization

if TYPE_CHECKING:
    from ..server import LocalServer

ACCESS = "myspinbot.access"
"""Under this name the values of the options below wait in the context for the address that they belong to."""


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    ctx.meta.setdefault(ACCESS, {})[param.name] = value


def _server(ctx: click.Context, param: click.Parameter, url: str) -> Http:
    """The server of a command line, with what it takes to get in."""
    given = ctx.meta.get(ACCESS, {})
    headers: dict[str, str] = {}
    token, user = os.environ.get("MYSPINBOT_TOKEN"), given.get("user") or os.environ.get("MYSPINBOT_USER")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if user:
        if ":" not in user:
            raise BadInput("--user and MYSPINBOT_USER take NAME:PASSWORD.")
        headers["Authorization"] = basic_authorization(*user.split(":", 1))
    for text in given.get("header") or ():
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise BadInput("--header takes 'NAME: VALUE'.")  # without the text, which may be a secret
        headers["Authorization" if name.strip().lower() == "authorization" else name.strip()] = value.strip()
    if given.get("insecure"):
        click.echo(
            "Warning: with --insecure nobody knows who answers; passwords and pictures go to whoever does.", err=True
        )
    return Http(url, headers, ca_file=given.get("ca_file"), insecure=bool(given.get("insecure")))


def server_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--server`, which a command takes as `server`, and what it takes to get into one."""
    for option in reversed(
        (
            click.option(
                "--server",
                default=DEFAULT_SERVER,
                show_default=True,
                envvar="MYSPINBOT_SERVER",
                metavar="URL",
                callback=_server,
                help="A ComfyUI server; where none answers on this machine, one is started if the command needs it.",
            ),
            _access(
                "--user", metavar="NAME:PASSWORD", help="For a server that asks for them; better in MYSPINBOT_USER."
            ),
            _access(
                "--header",
                multiple=True,
                metavar="'NAME: VALUE'",
                help="Sent with every request. May be given often. A bearer token goes into MYSPINBOT_TOKEN.",
            ),
            _access("--ca-file", metavar="FILE", help="Certificates to trust besides the system's, as PEM."),
            _access("--insecure", is_flag=True, help="Accept any certificate."),
        )
    ):
        command = option(command)
    return command


def _access(name: str, **settings: Any) -> Callable[..., Any]:
    return click.option(name, expose_value=False, is_eager=True, callback=_keep, **settings)


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
    server: Http,
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


def say_once(server: Http, why: str) -> Callable[[str], None]:
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
