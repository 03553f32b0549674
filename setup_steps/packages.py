"""Installs packages into an environment with uv, or with pip where uv can't do it."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .disk import Watch, free_space, pip_cache, uv_cache
from .network import index_reachable
from .pip_settings import offline, read_settings, uv_arguments, uv_environment
from .talk import CommandError, SetupError, call, gigabytes, say

NEARLY_FULL = 300_000_000
"""Bytes: where fewer were free for a moment, a failed installation has most likely run out of room."""


@dataclass
class Installer:
    """Installs into the environment of one interpreter.

    Attributes:
        python: The interpreter.
        uv: The uv program, or None to use the interpreter's own pip.
    """

    python: Path
    uv: Path | None
    _settings: dict[str, str] | None = field(default=None, repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """The user's pip configuration."""
        if self._settings is None:
            self._settings = read_settings(self.python)
        return self._settings

    def install(self, requirements: Sequence[str | Path], index: str | None = None) -> None:
        """Installs requirements in one resolution.

        Args:
            requirements: Arguments that uv and pip share: names with versions, -r, -c, -e.
            index: A further package index to look in.

        Raises:
            SetupError: It can't be done; the message says whether network or disk is the reason.
        """
        if self.uv:
            command = [self.uv, "pip", "install", "--python", self.python, *uv_arguments(self.settings)]
            command += ["--index", index] if index else []
            try:
                self._run([*command, *requirements], uv_cache(), uv_environment(self.settings))
            except CommandError:
                say("    uv could not install this (see above); trying pip.")
            else:
                return
        command = [self.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
        command += ["--extra-index-url", index] if index else []
        self._run([*command, *requirements], pip_cache(), {})

    def _run(self, command: Sequence[str | Path], cache: Path, env: dict[str, str]) -> None:
        with Watch([self.python.parent, cache, Path(tempfile.gettempdir())]) as watch:
            try:
                call(command, env=env)
            except CommandError as error:
                failure = error
            else:
                return
        if watch.lowest < NEARLY_FULL:
            raise SetupError(
                f"The disk ran full while packages were installed into {self.python.parent.parent}; "
                f"{gigabytes(free_space(self.python.parent))} are free there now. Make room and run this "
                "again; it goes on from here."
            ) from failure
        if not offline(self.settings) and not index_reachable(self.python):
            raise SetupError(
                "The Python package index can't be reached, so packages can't be downloaded. Check the "
                "network connection, or pip's index and proxy settings (pip config list), and run this "
                "again; it goes on from here."
            ) from failure
        raise failure


def installed_versions(python: Path) -> dict[str, str]:
    """Names (lower case, with dashes) and versions of all packages that an interpreter finds.

    Raises:
        CommandError: The interpreter does not run.
    """
    question = (
        "import importlib.metadata as m, json, re; "
        "print(json.dumps({re.sub(r'[-_.]+', '-', d.name).lower(): d.version "
        "for d in m.distributions() if d.name}))"
    )
    found = json.loads(call([python, "-c", question], quiet=True, seconds=120).splitlines()[-1])
    return {str(name): str(version) for name, version in found.items()}


def forget_half_installed(environment: Path) -> list[str]:
    """Removes the records of packages whose files are not all there, so that they are installed again.

    An installer that was killed half-way can leave a package that looks installed and is not.

    Returns:
        The names of the records removed.
    """
    removed: list[str] = []
    folders = [*environment.glob("lib/*/site-packages"), *environment.glob("Lib/site-packages")]
    for record in sorted(found for folder in folders for found in folder.glob("*.dist-info")):
        if not _complete(record):
            shutil.rmtree(record)
            removed.append(record.name)
    return removed


def _complete(record: Path) -> bool:
    if not (record / "METADATA").is_file():
        return False
    try:
        with (record / "RECORD").open(encoding="utf-8", newline="") as listing:
            names = [row[0] for row in csv.reader(listing) if row]
    except (OSError, ValueError, csv.Error):
        return False
    return all((record.parent / name).exists() for name in names if not name.endswith(".pyc"))
