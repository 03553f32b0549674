"""Copies of the installer in folders of their own, a real environment, and tiny real packages."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from setup_steps.places import Places

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of a clone the installer needs, in a fresh folder."""
    return copy_clone(tmp_path / "clone")


def copy_clone(target: Path) -> Path:
    target.mkdir(parents=True)
    for name in ("install.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE", "__init__.py"):
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target / name)
    for name in ("setup_steps", "runner", "manage", "custom_nodes/myspinbot/shared"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file and folder below, to see that nothing was written."""
    found = {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}
    return {name: (entry.st_size, entry.st_mtime_ns) for name, entry in found.items()}


def install(clone: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the clone's install.py with this Python."""
    command = [sys.executable, str(clone / "install.py"), *arguments]
    defaults = {"capture_output": True, "text": True, "timeout": 800, "check": False, "cwd": clone}
    return subprocess.run(command, **{**defaults, **options})  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def environment(builds_environments: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip; the folder that holds `.venv`. Install nothing into it."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    return folder


@pytest.fixture
def places(environment: Path, tmp_path: Path) -> Places:
    """A clone's places with the shared environment as its .venv."""
    root = tmp_path / "places"
    root.mkdir()
    (root / ".venv").symlink_to(environment / ".venv", target_is_directory=True)
    return Places(root)


@pytest.fixture
def own_environment(environment: Path, tmp_path: Path) -> Path:
    """The Python of an environment that the test may change; a copy, because making one takes seconds."""
    shutil.copytree(environment / ".venv", tmp_path / "own", symlinks=True)
    return tmp_path / "own" / "bin" / "python"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Call it with a name, a version and requirements to put a tiny wheel on a shelf.

    pip, and the installer through pip's settings, look on this shelf and nowhere else.
    """
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return lambda name, version, *needs: write_wheel(folder, name, version, *needs)


def write_wheel(folder: Path, name: str, version: str, *needs: str) -> Path:
    """Writes a wheel with one module and one data file."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {need}\n" for need in needs)
    files = {
        f"{name}/__init__.py": f"version = {version!r}\n",
        f"{name}/data.txt": "some data\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(path, "w") as packed:
        for file, content in files.items():
            packed.writestr(file, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(content)}\n"
        packed.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path
