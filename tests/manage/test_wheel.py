"""The wheel away from the repository: in an environment with what it requires and nothing else, in an empty folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUP = PROJECT["tool"]["setuptools"]

Run = Callable[..., subprocess.CompletedProcess[str]]


def modules() -> Iterator[str]:
    """All modules of the three packages by the name under which they are installed."""
    for name, folder in SETUP["package-dir"].items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((name, *(part for part in parts if part != "__init__")))


def required(names: list[str]) -> Iterator[importlib.metadata.Distribution]:
    """The installed distributions that satisfy requirements, and those that these require."""
    import packaging.requirements

    waiting, seen = [packaging.requirements.Requirement(name) for name in names], set[str]()
    while waiting:
        requirement = waiting.pop()
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        found = importlib.metadata.distribution(requirement.name)
        yield found
        waiting += map(packaging.requirements.Requirement, found.requires or [])


@pytest.fixture(scope="module")
def wheel(builds_environments: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves its build folder beside the sources."""
    if int(importlib.metadata.version("setuptools").split(".")[0]) < 77 or not importlib.util.find_spec("pip"):
        missing("pip and setuptools 77 aren't both here; install the test extras.")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", *SETUP["package-dir"].values()):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, target)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of a new environment: the wheel and its requirements, copied so that no index is asked."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=os.name != "nt")
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    place = subprocess.run(
        [programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    for found in required(PROJECT["project"]["dependencies"]):
        for file in found.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = Path(place, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(found.locate_file(file)), target)
    command = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--no-index", "--no-deps"]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return programs


@pytest.fixture
def run(environment: Path, tmp_path: Path) -> Run:
    """Runs a program of the environment in an empty folder, as somebody who has never heard of MySpinBot."""
    folder, home = tmp_path / "empty", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MYSPINBOT_", "PYTHON", "XDG_"))}
    env = {**kept, "HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}

    def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [environment / program, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=120
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert list(folder.iterdir()) == []
        return done

    return run


def test_every_package_is_in_the_project_file() -> None:
    """A new folder must be named there, or it is missing from the wheel."""
    found = {
        ".".join((name, *init.parent.relative_to(ROOT / folder).parts))
        for name, folder in SETUP["package-dir"].items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert set(SETUP["packages"]) == found
    for name, folder in SETUP["package-dir"].items():
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), f"{path.parent} is no package of {name}"


def test_all_of_it_can_be_imported(run: Run) -> None:
    scripts = re.compile(r".*\.(__main__|_boot|_probe)$")
    names = [name for name in modules() if not scripts.match(name)]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = run("python", "-c", code, *names)
    assert done.returncode == 0, done.stderr


def test_the_command_says_what_it_can_do(run: Run) -> None:
    done = run("myspinbot", "--help")
    assert done.returncode == 0, done.stderr
    for name in ("run", "batch", "models", "work", "bot", "doctor", "serve"):
        assert re.search(rf"^ +{name} ", done.stdout, re.MULTILINE), done.stdout
    assert run("python", "-m", "myspinbot_manage", "--help").stdout == done.stdout


def test_models_are_listed_where_no_comfyui_is_known(run: Run, tmp_path: Path) -> None:
    count = len(yaml.safe_load((ROOT / SETUP["package-dir"]["myspinbot_shared"] / "models.yaml").read_text())["models"])
    for where, state in (([], "unknown"), (["--models-dir", str(tmp_path / "models")], "missing")):
        done = run("myspinbot", "models", "list", "--json", *where)
        assert done.returncode == 0, done.stderr
        assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == [state] * count
        assert ("No ComfyUI is known on this machine" in done.stderr) == (state == "unknown")
    done = run("myspinbot", "models", "list")
    assert done.returncode == 0, done.stderr
    assert "models are here" not in done.stdout, "which nobody knows"
    done = run("myspinbot", "models", "get", "quality", "--dry-run")
    assert done.returncode == 11
    assert "No ComfyUI is known on this machine" in done.stderr


def test_doctor_says_that_no_comfyui_is_known(run: Run) -> None:
    done = run("myspinbot", "doctor", "--server", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "No ComfyUI is known on this machine" in done.stdout


def test_a_workflow_that_is_not_there_and_a_server_that_is_not(run: Run, tmp_path: Path) -> None:
    done = run("myspinbot", "run", "x.json", "--server", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert "There is no file x.json" in done.stderr
    workflow = tmp_path / "x.json"
    workflow.write_text('{"1": {"class_type": "PreviewAny", "inputs": {"source": "words"}}}')
    done = run(
        "myspinbot", "run", str(workflow), "--server", "http://127.0.0.1:9", "--no-start", "--out", str(tmp_path)
    )
    assert done.returncode == 11
    assert "http://127.0.0.1:9" in done.stderr
