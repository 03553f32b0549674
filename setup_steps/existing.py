"""A ComfyUI that the user has already: found, checked, and given our few requirements and nothing else."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .comfyui_source import is_comfyui, read_version
from .environment import find_uv
from .packages import Installer, installed_versions
from .places import Places, environment_python, write_whole
from .talk import CommandError, SetupError, call

OLDEST = (0, 30, 0)
UNTOUCHED = ("torch", "torchvision", "torchaudio", "torchsde", "triton", "xformers")
"""Packages of the user's that must stay at exactly the version they have."""


@dataclass(frozen=True)
class Existing:
    """A user's ComfyUI.

    Attributes:
        folder: Where its main.py is.
        version: What its comfyui_version.py states.
        python: The interpreter that runs it.
    """

    folder: Path
    version: str
    python: Path


def look_at(folder: Path, python: Path | None) -> Existing:
    """Checks a user's ComfyUI before anything is done to it.

    Args:
        folder: The folder with main.py.
        python: The interpreter that runs it, where the user named one.

    Raises:
        SetupError: It is no ComfyUI, is too old, or no Python with PyTorch belongs to it.
    """
    folder = folder.expanduser().absolute()
    if not is_comfyui(folder):
        raise SetupError(f"{folder} is not a ComfyUI: --comfyui wants the folder that holds its main.py.")
    version = read_version(folder) or "unknown"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST:
        oldest = ".".join(str(part) for part in OLDEST)
        raise SetupError(f"{folder} is ComfyUI {version}; MySpinBot needs {oldest} or newer. Update it first.")
    return Existing(folder, version, _find_python(folder, python))


def _find_python(folder: Path, named: Path | None) -> Path:
    if named:
        named = named.expanduser().absolute()
        if not _has_torch(named):
            raise SetupError(f"{named} is not the Python of a ComfyUI: it does not run, or has no PyTorch.")
        return named
    candidates = [environment_python(folder / ".venv"), environment_python(folder / "venv")]
    for parent in (folder, folder.parent):
        candidates += [parent / "python_embeded" / "python.exe", parent / "python_embedded" / "python.exe"]
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if active := os.environ.get(variable):
            candidates += [environment_python(Path(active)), Path(active) / "python.exe"]
    for candidate in candidates:
        if candidate.is_file() and _has_torch(candidate):
            return candidate.absolute()
    raise SetupError(
        f"No Python with PyTorch was found for {folder} (looked in .venv, venv, python_embeded and the "
        "active environment). Name the one that runs it: --python PATH"
    )


def _has_torch(python: Path) -> bool:
    try:
        return "torch" in installed_versions(python)
    except (CommandError, ValueError, IndexError):
        return False


def install_requirements(existing: Existing, places: Places) -> list[str]:
    """Installs requirements.txt into the user's environment; nothing there may go down, PyTorch not move.

    Returns:
        What was added or changed, as `name version`.

    Raises:
        SetupError: It can't be done under these conditions, or PyTorch is not what it was.
    """
    before = installed_versions(existing.python)
    held = places.notes / "held-versions.txt"
    write_whole(held, "\n".join(hold(before)) + "\n")
    try:
        call([existing.python, "-m", "pip", "--version"], quiet=True, seconds=60)
        installer = Installer(existing.python, None)
    except CommandError:
        installer = Installer(existing.python, find_uv(places.python))
    installer.install(["-r", places.root / "requirements.txt", "-c", held])
    after = installed_versions(existing.python)
    moved = [name for name in UNTOUCHED if before.get(name) != after.get(name)]
    if moved:
        changes = ", ".join(f"{name} {before.get(name)} -> {after.get(name)}" for name in moved)
        raise SetupError(f"The installation changed what it must not change in {existing.python}: {changes}")
    return [f"{name} {version}" for name, version in sorted(after.items()) if before.get(name) != version]


def hold(versions: dict[str, str]) -> list[str]:
    """Constraints that keep PyTorch where it is and let nothing else go down."""
    lines: list[str] = []
    for name, version in sorted(versions.items()):
        public = version.partition("+")[0]
        if not re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?", public):
            continue
        lines.append(f"{name}=={version}" if name in UNTOUCHED else f"{name}>={public}")
    return lines
