"""Where the installer puts things, and files written so that nobody ever sees half of one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The folders and files of one clone; all but `root` are ignored by git."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return environment_python(self.venv)

    @property
    def runner(self) -> Path:
        """The console script of the headless runner."""
        return self.python.with_name("myspinbot.exe" if os.name == "nt" else "myspinbot")

    @property
    def comfyui(self) -> Path:
        """The pinned ComfyUI of this clone."""
        return self.root / "ComfyUI"

    @property
    def notes(self) -> Path:
        """What the installer remembers between runs."""
        return self.root / ".setup"

    @property
    def local(self) -> Path:
        """Tells the runner which ComfyUI and which Python to start."""
        return self.root / "myspinbot.local.json"


def environment_python(environment: Path) -> Path:
    """The interpreter of a virtual environment, whether it exists or not."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def write_whole(path: Path, text: str) -> None:
    """Writes a file aside and renames it, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".partial")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def write_local(places: Places, comfyui: Path, python: Path, extra_paths: Path | None) -> None:
    """Writes `myspinbot.local.json`: absolute paths, for the runner on this machine alone.

    Args:
        places: The clone.
        comfyui: Folder with ComfyUI's main.py.
        python: Interpreter that runs it.
        extra_paths: A file for ComfyUI's --extra-model-paths-config, where the pack could not be linked.
    """
    known = {"comfyui": str(comfyui), "python": str(python)}
    if extra_paths:
        known["extra_model_paths"] = str(extra_paths)
    write_whole(places.local, json.dumps(known, indent=2) + "\n")
