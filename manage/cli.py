"""The `myspinbot` command: the runner's commands and those that manage this machine's models, bots and work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from myspinbot_runner import cli

from . import hooks

if TYPE_CHECKING:
    from myspinbot_runner.cli import Commands

MANAGE: Commands = {
    "models": ("myspinbot_manage.models.cli:models", "List, check and fetch the model files that the workflows need."),
    "measure": ("myspinbot_manage.measure:measure", "Measure talking clips, and compare several in one table."),
    "work": ("myspinbot_manage.work:work", "List and clear the unfinished work from which long stages go on."),
    "bot": ("myspinbot_manage.bots.cli:bot", "List, export, import and remove bots."),
    "doctor": (
        "myspinbot_manage.doctor.cli:doctor",
        "Say what this machine can run, and what is missing for the rest.",
    ),
}


def main(args: list[str] | None = None) -> NoReturn:
    """Entry point of the console script."""
    raise SystemExit(call(args))


def call(args: list[str] | None = None) -> int:
    """Run one command line and return its exit status, which docs/runner.md lists."""
    hooks.register()
    serve = {"serve": cli.COMMANDS["serve"]}
    return cli.call(args, {**{k: v for k, v in cli.COMMANDS.items() if k != "serve"}, **MANAGE, **serve})
