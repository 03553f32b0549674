"""The options that say which server to use, for the commands that are made with Click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..client import DEFAULT_SERVER
from .reach import SERVER_VARIABLE, connect

__all__ = ["connect", "json_option", "server_option", "server_options", "verbose_option"]


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which server to use."""
    for option in (
        click.option("--python", help="The Python that runs the ComfyUI of --comfyui."),
        click.option("--comfyui", help="ComfyUI's folder, for a server of our own."),
        click.option("--no-start", is_flag=True, help="Never start a server of our own."),
        server_option,
    ):
        command = option(command)
    return command


server_option = click.option(
    "--server", default=DEFAULT_SERVER, show_default=True, envvar=SERVER_VARIABLE, help="A ComfyUI server."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
verbose_option = click.option("--verbose", is_flag=True, help="Show tracebacks and the server's own words.")
