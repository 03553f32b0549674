"""The `myspinbot` command. Each subcommand is imported when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import click

COMMANDS = {
    "run": ("cli.run", "Run a workflow and save what it makes."),
    "batch": ("cli.batch", "Run a workflow many times, from a table of inputs."),
    "status": ("cli.jobs", "Show the server's jobs, or one of them."),
    "attach": ("cli.jobs", "Follow a job that is already on the server, and save its results."),
    "cancel": ("cli.jobs", "Cancel one job."),
    "fetch": ("cli.jobs", "Save the results of a finished job."),
    "inputs": ("cli.files", "List the inputs that a workflow offers."),
    "convert": ("cli.files", "Write a workflow in the API form that servers run."),
    "models": ("models.cli", "List, check and fetch the model files that the workflows need."),
    "doctor": ("doctor.cli", "Say what this machine can run, and what is missing for the rest."),
    "serve": ("cli.serve", "Run a headless ComfyUI in the foreground."),
}


class Commands(click.Group):
    """Knows its commands' names and first lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"runner.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["--help", "-h"]})
@click.version_option(package_name="myspinbot")
def cli() -> None:
    """Run ComfyUI workflows headless: a workflow file in, results on disk out."""


def main(args: list[str] | None = None) -> NoReturn:
    """Entry point of the console script; exits with the status that docs/runner.md lists."""
    sys.exit(call(args))


def call(args: list[str] | None = None) -> int:
    """Run one command line and return its exit status. Errors become one line on standard error."""
    args = sys.argv[1:] if args is None else args
    from ..errors import RunnerError

    try:
        result: Any = cli.main(args=args, prog_name="myspinbot", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; that is no failure of the run, but there is nobody to tell.
        sys.stdout = None  # type: ignore[assignment]
        return 141
    except RunnerError as error:
        _tell(error, args)
        return error.exit_code


def _tell(error: Any, args: list[str]) -> None:
    if "--json" in args:
        import json

        data = {"event": "error", "kind": error.kind, "message": error.message, "exit_code": error.exit_code}
        click.echo(json.dumps(data | ({"detail": error.detail} if error.detail else {})))
        return
    click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.message, err=True)
    if error.detail and "--verbose" in args:
        click.echo(error.detail, err=True)
    elif error.detail:
        click.echo("--verbose shows the details.", err=True)
