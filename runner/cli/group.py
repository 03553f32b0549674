"""The commands as one group, for their common help; each is imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

Commands = Mapping[str, tuple[str, str]]
"""Name of a command -> where it is (module:function) and its first line."""


class LazyGroup(click.Group):
    """Knows its commands' names and first lines without importing them."""

    def __init__(self, known: Commands) -> None:
        super().__init__(
            context_settings={"help_option_names": ["--help", "-h"]},
            help="Run ComfyUI workflows headless: a workflow file in, results on disk out.",
        )
        self.known = known

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.known:
            return None
        module, _, name = self.known[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.known.items()])


def make_group(commands: Commands) -> click.Group:
    """The command line that has these commands."""
    return click.version_option(package_name="myspinbot")(LazyGroup(commands))
