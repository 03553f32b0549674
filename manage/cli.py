"""The `myspinbot` command: the runner's commands and those that manage this machine's models, bots and work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from myspinbot_runner import cli, hooks

if TYPE_CHECKING:
    from myspinbot_runner.cli.group import Commands

MANAGE: Commands = {
    "models": ("myspinbot_manage.models.cli:models", "List, check and fetch the model files that the workflows need."),
    "work": ("myspinbot_manage.work.cli:work", "List and clear what long stages keep to go on from."),
    "bot": ("myspinbot_manage.bots.cli:bot", "List, export, import and remove bots."),
    "doctor": (
        "myspinbot_manage.doctor.cli:doctor",
        "Say what this machine can run, and what is missing for the rest.",
    ),
}
_WITHOUT_SIDECAR = (".png", ".jpg", ".jpeg", ".webp", ".wav", ".flac", ".mp3", ".opus", ".txt")


def main(args: list[str] | None = None) -> NoReturn:
    """Entry point of the console script."""
    raise SystemExit(call(args))


def call(args: list[str] | None = None) -> int:
    """Run one command line and return its exit status, which docs/runner.md lists."""
    if write_provenance not in hooks.after_save:
        hooks.after_save.append(write_provenance)
        hooks.explain_missing_file.append(how_to_get)
    serve = {"serve": cli.COMMANDS["serve"]}
    return cli.call(args, {**{k: v for k, v in cli.COMMANDS.items() if k != "serve"}, **MANAGE, **serve})


def write_provenance(path: Path, job: hooks.SavedJob) -> None:
    """Write beside a video which models made it."""
    if path.suffix.lower() in _WITHOUT_SIDECAR:
        return  # most results; what follows takes longer to import than they take to download
    from .models.sidecar import write_beside

    record = job.record
    write_beside(path, job.graph or (record.graph if record else {}), record.outputs if record else {})


def how_to_get(file: str) -> str:
    """How to get a model file, in the words that the nodes use too; empty where it isn't known."""
    from .models.words import way_to

    return way_to(file)
