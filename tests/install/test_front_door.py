"""install.py itself: old Pythons, ComfyUI-Manager, the command line."""

from __future__ import annotations

import ast
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.conftest import ROOT, copy_clone, install, snapshot


def test_old_pythons_can_read_it() -> None:
    text = (ROOT / "install.py").read_text(encoding="utf-8")
    # With the grammar of 3.7, the oldest that ast knows, this file must still parse.
    ast.parse(text, feature_version=(3, 7))
    assert 'f"' not in text
    assert "->" not in text


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 99), (2, 7, 18)])
def test_an_old_python_is_told_what_to_do(
    version: tuple[int, ...], clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "version", ".".join(map(str, version)) + " (default)")
    monkeypatch.setattr(sys, "argv", ["install.py"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(clone / "install.py"), run_name="__main__")
    message = capsys.readouterr().err
    assert ended.value.code == 1
    assert "needs Python 3.11 or newer" in message
    assert "this is Python " + ".".join(map(str, version)) in message
    assert not (clone / ".setup").exists()


def test_every_older_python_at_hand_says_so(clone: Path) -> None:
    names = ["python2.7", *(f"python3.{minor}" for minor in range(5, 11))]
    for python in filter(None, map(shutil.which, names)):
        answer = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            continue  # A version manager's placeholder for a Python that is not installed.
        done = subprocess.run(
            [python, str(clone / "install.py")], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1, python
        assert "needs Python 3.11 or newer" in done.stderr, python


def test_the_manager_gets_silence_and_nothing_is_written(tmp_path: Path) -> None:
    clone = copy_clone(tmp_path / "ComfyUI" / "custom_nodes" / "MySpinBot")
    before = snapshot(tmp_path)
    # No program can be found on this PATH, so none can have been run.
    done = install(clone, env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert snapshot(tmp_path) == before


def test_the_manager_gets_silence_through_a_link_too(clone: Path, tmp_path: Path) -> None:
    nodes = tmp_path / "base" / "custom_nodes"
    nodes.mkdir(parents=True)
    (nodes / "myspinbot").symlink_to(clone, target_is_directory=True)
    before = snapshot(clone)
    env = {
        **os.environ,
        "COMFYUI_PATH": str(tmp_path / "app"),
        "COMFYUI_FOLDERS_BASE_PATH": str(tmp_path / "base"),
    }
    done = install(clone, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert snapshot(clone) == before


def test_help_names_every_choice(clone: Path) -> None:
    done = install(clone, "--help")
    assert done.returncode == 0
    for word in ("--comfyui", "--python", "--demo", "--with-script-model", "--test", "pytest"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--python", "x"], "--python goes with --comfyui"),
        (["--with-script-model"], "--with-script-model goes with --demo"),
        (["--test", "--comfyui", "x"], "--test makes a ComfyUI of its own"),
        (["--", "-k", "x"], "go with --test"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: list[str], reason: str, clone: Path) -> None:
    done = install(clone, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert not (clone / ".setup").exists()
