"""The `myspinbot` command. Nothing is imported before it is needed: starting must be quick."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from ..errors import RunnerError
    from .group import Commands

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


def main(args: list[str] | None = None, commands: Commands = COMMANDS) -> NoReturn:
    """Run one command line and exit with the status that docs/runner.md lists."""
    sys.exit(call(args, commands))


def call(args: list[str] | None = None, commands: Commands = COMMANDS) -> int:
    """Run one command line and return its exit status. Errors become a message on standard error."""
    args = sys.argv[1:] if args is None else args
    from ..errors import RunnerError

    try:
        if args[:1] == ["run"]:
            from .run import run

            return run(args[1:])
        return _call_group(args, commands)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; that is no failure of the run, but there is nobody to tell.
        sys.stdout = None  # type: ignore[assignment]
        return 141
    except RunnerError as error:
        _tell(error, args)
        return error.exit_code


def _call_group(args: list[str], commands: Commands) -> int:
    import click

    from .group import make_group

    try:
        result: object = make_group(commands).main(args=args, prog_name="myspinbot", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        sys.stderr.write("Stopped.\n")
        return 130


def _tell(error: RunnerError, args: list[str]) -> None:
    if "--json" in args:
        import json

        data = {"event": "error", "kind": error.kind, "message": error.message, "exit_code": error.exit_code}
        sys.stdout.write(json.dumps(data | ({"detail": error.detail} if error.detail else {})) + "\n")
        sys.stdout.flush()
        return
    red, plain = ("\033[1;31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    sys.stderr.write(f"{red}Error:{plain} {error.message}\n")
    if error.detail and "--verbose" in args:
        sys.stderr.write(error.detail.rstrip() + "\n")
    elif error.detail:
        sys.stderr.write("--verbose shows the details.\n")
