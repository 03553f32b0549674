"""What the installer says to the person who runs it, and how it runs other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class SetupError(Exception):
    """Something the user can put right; the message says what is wrong and what to do."""


class CommandError(SetupError):
    """Another program failed.

    Attributes:
        status: The program's exit status.
        output: What it wrote, where it was kept quiet; empty where the user has seen it already.
    """

    def __init__(self, command: Sequence[str], status: int, output: str = "") -> None:
        super().__init__(f"This command failed with status {status}: {printable(command)}\n{output}".rstrip())
        self.status = status
        self.output = output


def say(text: str = "") -> None:
    """Writes one line at once, so that it stands in the right place among other programs' lines."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def printable(command: Sequence[str | Path]) -> str:
    """The command as the user would type it in this system's shell."""
    words = [str(word) for word in command]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def gigabytes(size: int) -> str:
    """A number of bytes for people, in MB below one GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def call(
    command: Sequence[str | Path],
    *,
    quiet: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float | None = None,
) -> str:
    """Runs a program to its end.

    Args:
        command: Program and arguments.
        quiet: Keep what it writes and return it, instead of showing it.
        env: Variables added to this process's own.
        cwd: Folder to run it in.
        seconds: Longest time it may take.

    Raises:
        CommandError: It ended with another status than 0, could not be started, or took too long.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(words, -1, str(error)) from error
    output = (done.stdout or "").strip()
    if done.returncode != 0:
        raise CommandError(words, done.returncode, output)
    return output
