"""A ComfyUI that the user has already: recognised, given three packages, otherwise left as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from myspinbot_runner.locate import find_installation
from setup_steps.existing import Existing, hold, install_requirements, look_at
from setup_steps.packages import installed_versions
from setup_steps.places import Places
from setup_steps.talk import SetupError
from tests.install.conftest import install, snapshot


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A user's ComfyUI: the real one's own files, as far as the installer looks, without a Python yet."""
    real = find_installation().comfyui
    folder = tmp_path / "their ComfyUI"
    (folder / "custom_nodes").mkdir(parents=True)
    for name in ("main.py", "nodes.py", "requirements.txt", "comfyui_version.py"):
        shutil.copy2(real / name, folder / name)
    return folder


@pytest.fixture
def with_torch(environment: Path, theirs: Path, tmp_path: Path) -> Path:
    """Gives that ComfyUI a venv that has the real torch of this environment, and nothing else."""
    shutil.copytree(environment / ".venv", theirs / "venv", symlinks=True)
    real = subprocess.run(
        [str(find_installation().python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    for path in [Path(real, "torch"), *Path(real).glob("torch-*.dist-info")]:
        (borrowed / path.name).symlink_to(path, target_is_directory=True)
    site = next((theirs / "venv").glob("lib/*/site-packages"))
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return theirs / "venv" / "bin" / "python"


def test_the_python_beside_it_is_found(theirs: Path, with_torch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = look_at(theirs, None)
    assert (found.folder, found.version, found.python) == (theirs, "0.30.0", with_torch)
    monkeypatch.chdir(theirs.parent)
    assert look_at(Path(theirs.name), None).folder == theirs


def test_the_active_environment_and_a_named_python_will_do(
    theirs: Path, with_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = (theirs / "venv").rename(theirs.parent / "elsewhere")
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", str(moved))
    assert look_at(theirs, None).python == moved / "bin" / "python"
    monkeypatch.delenv("VIRTUAL_ENV")
    with pytest.raises(SetupError, match=r"No Python with PyTorch was found.*--python PATH"):
        look_at(theirs, None)
    assert look_at(theirs, moved / "bin" / "python").python == moved / "bin" / "python"


def test_what_is_no_comfyui_is_refused(theirs: Path, own_environment: Path, clone: Path) -> None:
    with pytest.raises(SetupError, match="is not a ComfyUI"):
        look_at(theirs / "custom_nodes", None)
    with pytest.raises(SetupError, match="has no PyTorch"):
        look_at(theirs, own_environment)
    (theirs / "comfyui_version.py").write_text('__version__ = "0.3.75"')
    done = install(clone, "--comfyui", str(theirs))
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "0.3.75; MySpinBot needs 0.30.0 or newer" in done.stderr
    assert not (clone / ".venv").exists()


def test_constraints_hold_pytorch_and_let_nothing_down() -> None:
    versions = {"torch": "2.9.1+cu128", "numpy": "1.26.4", "odd": "unknown", "local": "1.0+abc"}
    assert hold(versions) == ["local>=1.0", "numpy>=1.26.4", "torch==2.9.1+cu128"]


@pytest.mark.parametrize("bad", ["greedy", "backward"])
def test_requirements_that_would_move_something_are_refused(
    bad: str, own_environment: Path, theirs: Path, shelf: Callable[..., Path], tmp_path: Path
) -> None:
    for version in ("1.0", "2.0"):
        shelf("torch", version)
        shelf("common", version)
    shelf("greedy", "1.0", "torch>=2")
    shelf("backward", "1.0", "common<2")
    shelf("modest", "1.0", "common")
    subprocess.run([own_environment, "-m", "pip", "install", "-q", "torch==1.0", "common==2.0"], check=True)
    places = Places(tmp_path / "clone")
    places.root.mkdir()
    existing = Existing(theirs, "0.30.0", own_environment)
    before = installed_versions(own_environment)

    (places.root / "requirements.txt").write_text(f"modest\n{bad}\n")
    with pytest.raises(SetupError):
        install_requirements(existing, places)
    assert installed_versions(own_environment) == before

    (places.root / "requirements.txt").write_text("modest\n")
    assert install_requirements(existing, places) == ["modest 1.0"]
    assert installed_versions(own_environment) == {**before, "modest": "1.0"}


@pytest.mark.slow
def test_the_whole_way_interrupted_and_gone_on(theirs: Path, with_torch: Path, clone: Path, tmp_path: Path) -> None:
    """install.py --comfyui: killed half-way, run again, run a third time."""
    before = installed_versions(with_torch)
    command = [sys.executable, str(clone / "install.py"), "--comfyui", str(theirs)]
    with (tmp_path / "log").open("w") as log:
        first = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        while first.poll() is None and not (clone / ".setup" / "runner.json").exists():
            time.sleep(0.05)
        assert first.poll() is None, (tmp_path / "log").read_text()
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert not (clone / "myspinbot.local.json").exists()

    done = install(clone, "--comfyui", str(theirs))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "your own" in done.stdout
    after = installed_versions(with_torch)
    assert after["torch"] == before["torch"]
    assert {"espeakng-loader", "ollama", "scikit-image"} <= set(after)
    assert all(after[name] == version for name, version in before.items())
    assert json.loads((clone / "myspinbot.local.json").read_text()) == {
        "comfyui": str(theirs),
        "python": str(with_torch),
    }
    assert (theirs / "custom_nodes" / "myspinbot").resolve() == clone.resolve()
    ours = installed_versions(Places(clone).python)
    assert "myspinbot" in ours
    assert "torch" not in ours
    assert Places(clone).runner.is_file()

    written = snapshot(with_torch.parents[1])
    again = install(clone, "--comfyui", str(theirs))
    assert again.returncode == 0
    assert again.stdout.count("done already") == 2
    assert snapshot(with_torch.parents[1]) == written
