"""The order of the steps, going on after an interruption, and a disk without room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from setup_steps import steps
from setup_steps.disk import free_space
from setup_steps.packages import Installer, installed_versions
from setup_steps.places import Places
from setup_steps.pytorch import Build
from setup_steps.stamps import Stamps, fingerprint
from setup_steps.steps import Setup
from setup_steps.talk import SetupError


class Interrupting(Setup):
    """The real order and notes with steps that only say their name, so that one can be interrupted."""

    def __init__(self, places: Places, stop_at: str = "", tests: bool = False) -> None:
        super().__init__(places, None, tests=tests)
        self._build = Build("a build", "", 1, 1)
        self.stop_at = stop_at
        self.done: list[str] = []

    def _work(self, step: str) -> str:
        if step == self.stop_at:
            raise KeyboardInterrupt
        self.done.append(step)
        return step

    def _get_comfyui(self) -> str:
        self.places.comfyui.mkdir(exist_ok=True)
        (self.places.comfyui / "comfyui_version.py").write_text('__version__ = "0.30.0"')
        (self.places.comfyui / "requirements.txt").touch()
        return self._work("comfyui")

    def _install_pytorch(self) -> str:
        return self._work("pytorch")

    def _install_needs(self) -> str:
        return self._work("requirements")

    def _install_runner(self) -> str:
        return self._work("runner")


@pytest.fixture
def root(places: Places) -> Places:
    (places.root / "requirements.txt").write_text("one\n")
    (places.root / "pyproject.toml").write_text("")
    return places


def run(places: Places, stop_at: str = "", tests: bool = False) -> list[str]:
    setup = Interrupting(places, stop_at, tests)
    if stop_at:
        with pytest.raises(KeyboardInterrupt):
            setup.run()
    else:
        setup.run()
    return setup.done


ALL = ["comfyui", "pytorch", "requirements", "runner"]


@pytest.mark.parametrize("stop_at", ALL)
def test_the_next_run_goes_on_where_this_one_stopped(stop_at: str, root: Places) -> None:
    assert run(root, stop_at) == ALL[: ALL.index(stop_at)]
    assert not root.local.exists()
    assert run(root) == ALL[ALL.index(stop_at) :]
    assert root.local.is_file()
    assert run(root) == []


def test_only_what_changed_is_done_again(root: Places) -> None:
    run(root)
    (root.root / "requirements.txt").write_text("one\ntwo\n")
    assert run(root) == ["requirements"]
    (root.root / "pyproject.toml").write_text("# changed")
    assert run(root) == ["runner"]
    assert run(root, tests=True) == ["runner"]
    # What the tests need is not forgotten by a run without them.
    assert run(root) == []


def test_a_new_environment_gets_everything_again(root: Places, own_environment: Path) -> None:
    run(root)
    root.venv.unlink()
    root.venv.symlink_to(own_environment.parents[1], target_is_directory=True)
    assert run(root) == ["pytorch", "requirements", "runner"]


def test_a_clone_that_was_moved_gets_its_runner_again(root: Places) -> None:
    run(root)
    moved = Places(root.root.rename(root.root.with_name("moved")))
    assert run(moved) == ["runner"]


def test_a_changed_list_of_references_is_installed_with_the_tests_only(root: Places) -> None:
    run(root, tests=True)
    listed = root.root / "tests" / "engine" / "reference-requirements.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("one==1.0\n")
    assert run(root, tests=True) == ["runner"]
    assert run(root, tests=True) == []
    listed.write_text("one==1.1\n")
    assert run(root, tests=True) == ["runner"]


def test_references_come_without_what_they_ask_for(
    root: Places, own_environment: Path, shelf: Callable[..., Path]
) -> None:
    shelf("reference", "1.0", "something-that-is-nowhere")
    listed = root.root / "tests" / "engine" / "reference-requirements.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("# why\nreference==1.0\n")
    without, with_tests = (Setup(root, None, tests=tests) for tests in (False, True))
    for setup in (without, with_tests):
        setup.installer = Installer(own_environment, None)
    without._install_references()
    assert "reference" not in installed_versions(own_environment)
    with_tests._install_references()
    assert installed_versions(own_environment)["reference"] == "1.0"


def test_without_room_nothing_is_begun(tmp_path: Path) -> None:
    places = Places(tmp_path)
    setup = Interrupting(places)
    setup._build = Build("a huge build", "", free_space(tmp_path) + 10**9, 10**9)
    with pytest.raises(SetupError, match=r"too full.*Needed.*free.*nothing was downloaded"):
        setup.run()
    assert list(tmp_path.iterdir()) == []


def test_pip_needs_more_room_than_uv(root: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Interrupting(root)
    asked: list[int] = []
    monkeypatch.setattr(steps, "check_space", lambda needs: asked.append(sum(need.size for need in needs)))
    setup._build = Build("a build", "", 6 * 10**9, 3 * 10**9)
    setup._check_room(pip=False)
    setup._check_room(pip=True)
    assert asked[1] >= asked[0] + 6 * 10**9 or not steps.same_disk(steps.uv_cache(), root.venv)


def test_damaged_notes_count_as_none(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path)
    stamps.finish("step", fingerprint("input"))
    assert stamps.finished("step", fingerprint("input"))
    assert not stamps.finished("step", fingerprint("other"))
    for damage in ("", "[1]", '{"finished": tr'):
        (tmp_path / "step.json").write_text(damage)
        assert not stamps.finished("step", fingerprint("input"))
