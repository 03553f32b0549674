"""The virtual environment `.venv` of this clone, and `uv` inside or outside of it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from .places import Places, environment_python
from .stamps import Stamps
from .talk import CommandError, SetupError, call, say

STEP = "environment"


def python_version(python: Path) -> tuple[int, ...] | None:
    """The version of an interpreter, or None where it does not run."""
    try:
        answer = call([python, "-c", "import sys; print(*sys.version_info[:3])"], quiet=True, seconds=60)
        return tuple(int(part) for part in answer.split()[-3:])
    except (CommandError, ValueError):
        return None


def usable(python: Path) -> bool:
    """Whether an environment's Python is new enough and has pip."""
    version = python_version(python)
    if version is None or version < (3, 11):
        return False
    try:
        call([python, "-m", "pip", "--version"], quiet=True, seconds=60)
    except CommandError:
        return False
    return True


def make_environment(places: Places, stamps: Stamps) -> None:
    """Makes `.venv`, or keeps the one that is there.

    An environment that an earlier run left broken or half made is made again; one that somebody else
    put there is used if it works and is never removed.

    Raises:
        SetupError: Python's venv module is missing, or a strange `.venv` is in the way.
    """
    if places.venv.exists() and not stamps.interrupted(STEP):
        if usable(places.python):
            return
        if not stamps.started(STEP):
            raise SetupError(
                f"{places.venv} exists, was not made by this installer, and holds no Python 3.11 or newer "
                "with pip. Move it away or repair it, and run this again."
            )
        say("    .venv no longer works; making it again.")
    stamps.start(STEP)
    if importlib.util.find_spec("ensurepip") is not None:
        try:
            call([sys.executable, "-m", "venv", "--clear", places.venv], quiet=True)
        except CommandError as error:
            raise SetupError(_venv_advice(error.output)) from error
    elif uv := shutil.which("uv"):
        call([uv, "venv", "--clear", "--seed", "--python", sys.executable, places.venv])
    else:
        raise SetupError(_venv_advice("its module ensurepip is missing"))


def _venv_advice(reason: str) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"Python {version} could not make a virtual environment: {reason}\n"
        f"On Debian and Ubuntu: apt install python{version}-venv. Elsewhere install Python from python.org, "
        "or install uv. Then run this again."
    )


def find_uv(python: Path) -> Path | None:
    """`uv` from the user's PATH or from the environment; put into the environment if need be.

    None where it can be had neither way; pip does then.
    """
    if found := shutil.which("uv"):
        return Path(found)
    own = environment_python(python.parent.parent).with_name("uv.exe" if sys.platform == "win32" else "uv")
    if not own.is_file():
        try:
            call([python, "-m", "pip", "install", "--quiet", "uv"], quiet=True)
        except CommandError:
            say("    uv could not be installed; using pip, which is slower.")
            return None
    return own if own.is_file() else None
