"""The clone's .venv: made, kept, made again, and never taken from somebody else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from setup_steps import environment
from setup_steps.environment import make_environment, usable
from setup_steps.places import Places
from setup_steps.stamps import Stamps
from setup_steps.talk import SetupError


@pytest.fixture
def fresh(builds_environments: None, tmp_path: Path) -> tuple[Places, Stamps]:
    places = Places(tmp_path)
    return places, Stamps(places.notes)


def test_it_is_made_kept_and_made_again_when_broken(fresh: tuple[Places, Stamps]) -> None:
    places, stamps = fresh
    make_environment(places, stamps)
    assert usable(places.python)
    stamps.finish(environment.STEP, "")

    (places.venv / "mine.txt").write_text("kept")
    make_environment(places, stamps)
    assert (places.venv / "mine.txt").exists()

    places.python.unlink()
    make_environment(places, stamps)
    assert usable(places.python)
    assert not (places.venv / "mine.txt").exists()


def test_one_that_was_interrupted_is_made_again(fresh: tuple[Places, Stamps]) -> None:
    places, stamps = fresh
    stamps.start(environment.STEP)
    (places.venv / "bin").mkdir(parents=True)
    (places.venv / "half").write_text("")
    make_environment(places, stamps)
    assert usable(places.python)
    assert not (places.venv / "half").exists()


def test_somebody_elses_is_not_removed(fresh: tuple[Places, Stamps]) -> None:
    places, stamps = fresh
    places.venv.mkdir()
    (places.venv / "precious").write_text("data")
    with pytest.raises(SetupError, match="was not made by this installer"):
        make_environment(places, stamps)
    assert (places.venv / "precious").read_text() == "data"


def test_somebody_elses_that_works_is_used(environment: Path, fresh: tuple[Places, Stamps]) -> None:
    places, stamps = fresh
    places.venv.symlink_to(environment / ".venv", target_is_directory=True)
    make_environment(places, stamps)
    assert places.venv.is_symlink()
    assert not stamps.started("environment")


def test_without_the_venv_module_the_package_to_install_is_named(
    fresh: tuple[Places, Stamps], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Debian without python3-venv."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match=r"apt install python3\.\d+-venv"):
        make_environment(*fresh)
    assert not fresh[0].venv.exists()
