"""The `myspinbot` command. No command's module is imported before it is used: starting must be quick."""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

import click

from ..errors import RunnerError

Commands = Mapping[str, tuple[str, str]]
"""Name of a command -> where it is (module:function) and its first line."""
COMMANDS: Commands = {
    "run": ("myspinbot_runner.cli.run:run", "Run a workflow and save what it makes."),
    "batch": ("myspinbot_runner.cli.batch:batch", "Run a workflow many times, from a table of inputs."),
    "status": ("myspinbot_runner.cli.jobs:status", "Show the server's jobs, or one of them."),
    "attach": ("myspinbot_runner.cli.jobs:attach", "Follow a job that is already on the server, and save its results."),
    "cancel": ("myspinbot_runner.cli.jobs:cancel", "Cancel one job."),
    "fetch": ("myspinbot_runner.cli.jobs:fetch", "Save the results of a finished job."),
    "inputs": ("myspinbot_runner.cli.files:inputs", "List the inputs that a workflow offers."),
    "convert": ("myspinbot_runner.cli.files:convert", "Write a workflow in the API form that servers run."),
    "serve": ("myspinbot_runner.cli.serve:serve", "Run a headless ComfyUI in the foreground."),
}
# Statuses besides those of the errors; docs/runner.md has them all.
WRONG_USE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.known and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.known, 1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.known.items()])


def main(args: Sequence[str] | None = None, commands: Commands = COMMANDS) -> NoReturn:
    """Run one command line and exit with the status that docs/runner.md lists."""
    sys.exit(call(args, commands))


def call(args: Sequence[str] | None = None, commands: Commands = COMMANDS) -> int:
    """Run one command line. Errors become a message on standard error, or with `--json` a line of JSON.

    Args:
        args: The words after the command's name; None for those of this process.
        commands: What the command can do.

    Returns:
        The exit status, one of those that docs/runner.md lists.
    """
    words = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Half an emoji, which can't be encoded, becomes the escape that JSON has for it.
            stream.reconfigure(errors="backslashreplace")
    group = click.version_option(package_name="myspinbot")(LazyGroup(commands))
    try:
        result: object = group.main(args=words, prog_name="myspinbot", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except RunnerError as error:
        _show(error, words)
        return error.exit_code
    except click.ClickException as error:
        if "--json" in words:
            _print_json({"kind": "wrong_use", "message": error.format_message(), "exit_code": WRONG_USE})
        else:
            error.show()
        return WRONG_USE
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; that is no failure of the run, but there is nobody to tell.
        sys.stdout = None  # type: ignore[assignment]
        return PIPE_CLOSED


def _show(error: RunnerError, words: Sequence[str]) -> None:
    if "--json" in words:
        data = {"kind": error.kind, "message": error.message, "exit_code": error.exit_code}
        _print_json(data | ({"detail": error.detail} if error.detail else {}))
        return
    red, plain = ("\033[1;31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    sys.stderr.write(f"{red}Error:{plain} {error.message}\n")
    if error.detail and "--verbose" in words:
        sys.stderr.write(error.detail.rstrip() + "\n")
    elif error.detail:
        sys.stderr.write("--verbose shows the details.\n")


def _print_json(data: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps({"event": "error", **data}) + "\n")
    sys.stdout.flush()
