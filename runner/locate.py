"""Where ComfyUI and its Python are on this machine."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contents import why_unreadable
from .errors import ServerUnreachable

LOCAL_FILE = "myspinbot.local.json"
HOW_TO = (
    "Run `python3 install.py` in the MySpinBot folder, or name a ComfyUI with --comfyui and --python "
    "(or the environment variables MYSPINBOT_COMFYUI and MYSPINBOT_PYTHON), "
    "or name a running server with --server."
)


@dataclass(frozen=True)
class Installation:
    """A ComfyUI folder (the one with `main.py`), the Python that runs it, and where it is told to look for our nodes.

    `extra_model_paths` is None where the nodes are linked into its `custom_nodes`.
    """

    comfyui: Path
    python: Path
    extra_model_paths: Path | None = None


def find_installation(comfyui: str | Path | None = None, python: str | Path | None = None) -> Installation:
    """The ComfyUI to start: the arguments, else the environment, else what `install.py` wrote down.

    Args:
        comfyui: The folder that holds `main.py`.
        python: The Python that runs it.

    Raises:
        ServerUnreachable: None is named, or what is named isn't there.
    """
    named = {"comfyui": comfyui, "python": python}
    source, extra = "the command line", None
    if not comfyui:
        env = os.environ.get("MYSPINBOT_COMFYUI")
        written, path = _written_down()
        if env:
            source = "the environment variable MYSPINBOT_COMFYUI"
            named["comfyui"] = env
        elif written:
            source = str(path)
            named["comfyui"] = written.get("comfyui")
            named["python"] = python or written.get("python")
            extra = Path(written["extra_model_paths"]) if written.get("extra_model_paths") else None
        else:
            raise ServerUnreachable(f"No ComfyUI is known on this machine. {HOW_TO}{_not_read()}")
    folder = Path(str(named["comfyui"])).expanduser().absolute()
    if not (folder / "main.py").is_file():
        raise ServerUnreachable(f"{source} names the folder {folder}, which holds no ComfyUI. {HOW_TO}")
    interpreter = named["python"] or os.environ.get("MYSPINBOT_PYTHON") or _python_of(folder)
    # Not resolve(): a virtual environment's python is a link, and following it leaves the environment.
    executable = Path(str(interpreter)).expanduser().absolute()
    if not executable.is_file():
        raise ServerUnreachable(f"There is no Python at {executable} to run ComfyUI with. {HOW_TO}")
    return Installation(folder, executable, extra)


def new_log(keep: int = 5) -> Path:
    """A new file for a server's log in the user's own folder for such things; only the newest are kept."""
    folder = _user_folder(
        "XDG_STATE_HOME", ".local/state", mac="Library/Logs", windows=("LOCALAPPDATA", "AppData/Local")
    )
    folder = folder / "logs" if os.name == "nt" else folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("server-*.log"))[: -keep + 1 or None]:
            old.unlink(missing_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    return folder / f"server-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def user_file() -> Path:
    """Where a user may write down the same as `install.py` does in a clone."""
    application_data = ("APPDATA", "AppData/Roaming")
    folder = _user_folder("XDG_CONFIG_HOME", ".config", mac="Library/Application Support", windows=application_data)
    return folder / LOCAL_FILE


def _user_folder(variable: str, plain: str, *, mac: str, windows: tuple[str, str]) -> Path:
    """Our folder among those that a system has for one purpose, such as logs or settings."""
    if os.name == "nt":
        return Path(os.environ.get(windows[0]) or Path.home() / windows[1]) / "MySpinBot"
    if sys.platform == "darwin":
        return Path.home() / mac / "MySpinBot"
    return Path(os.environ.get(variable) or Path.home() / plain) / "myspinbot"


def _written_down() -> tuple[dict[str, Any], Path]:
    """What `install.py` wrote beside this package in a clone, else what the user has among the settings.

    Never a file of the current folder or of one above it: it names a program that is then run, and the folder may be
    a stranger's.
    """
    # Resolved, for a clone puts its packages on the path by links.
    for path in (Path(__file__).resolve().parents[1] / LOCAL_FILE, user_file()):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise ServerUnreachable(f"{path} can't be read ({why_unreadable(error)}). Run install.py again.") from None
        if not isinstance(content, dict):
            raise ServerUnreachable(f"{path} doesn't hold a JSON object. Run install.py again.")
        return content, path
    return {}, Path()


def _not_read() -> str:
    """A word on a file of the current folder that would name a ComfyUI; empty where there is none."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        path = folder / LOCAL_FILE
        if path.is_file():
            return f" {path} isn't read, since anybody may have put it there; copy it to {user_file()} if it is yours."
    return ""


def _python_of(folder: Path) -> Path:
    """The Python of a ComfyUI folder: its own virtual environment, the portable build's, else ours."""
    names = ("Scripts/python.exe",) if os.name == "nt" else ("bin/python",)
    for place in (folder / ".venv", folder / "venv"):
        for name in names:
            if (place / name).is_file():
                return place / name
    portable = folder.parent / "python_embeded" / "python.exe"
    return portable if portable.is_file() else Path(sys.executable)
