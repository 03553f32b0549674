"""Linking the clone into a ComfyUI, and what happens where links can't be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from setup_steps.link import link_pack
from setup_steps.places import Places
from setup_steps.talk import SetupError


@pytest.fixture
def here(tmp_path: Path) -> Places:
    root = tmp_path / "my clone: with 'odd' name"
    (root / "custom_nodes").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    return Places(root)


@pytest.fixture
def comfyui(tmp_path: Path) -> Path:
    (tmp_path / "theirs" / "custom_nodes").mkdir(parents=True)
    return tmp_path / "theirs"


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without links, such as a memory stick's."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)


def test_the_clone_is_linked_once(here: Places, comfyui: Path) -> None:
    for _ in range(2):
        link = link_pack(here, comfyui)
        assert link.extra_paths is None
        assert (comfyui / "custom_nodes" / "myspinbot").resolve() == here.root.resolve()
    assert len(list((comfyui / "custom_nodes").iterdir())) == 1


def test_a_link_inside_the_clone_survives_a_move(here: Places, tmp_path: Path) -> None:
    here.comfyui.mkdir()
    link_pack(here, here.comfyui)
    moved = here.root.rename(tmp_path / "moved")
    assert (moved / "ComfyUI" / "custom_nodes" / "myspinbot").resolve() == moved.resolve()


def test_a_clone_inside_custom_nodes_needs_no_link(comfyui: Path) -> None:
    places = Places(comfyui / "custom_nodes" / "MySpinBot")
    places.root.mkdir()
    link_pack(places, comfyui)
    assert [path.name for path in (comfyui / "custom_nodes").iterdir()] == ["MySpinBot"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_another_copy_is_refused_and_left_alone(kind: str, here: Places, comfyui: Path, tmp_path: Path) -> None:
    other = comfyui / "custom_nodes" / "myspinbot"
    if kind == "folder":
        other.mkdir()
    else:
        (tmp_path / "other").mkdir()
        other.symlink_to(tmp_path / "other", target_is_directory=True)
    with pytest.raises(SetupError, match="Only one copy of the pack"):
        link_pack(here, comfyui)
    assert other.resolve() == (other if kind == "folder" else tmp_path / "other").resolve()


def test_a_link_to_a_clone_that_is_gone_is_replaced(here: Places, comfyui: Path, tmp_path: Path) -> None:
    (comfyui / "custom_nodes" / "myspinbot").symlink_to(tmp_path / "gone", target_is_directory=True)
    link_pack(here, comfyui)
    assert (comfyui / "custom_nodes" / "myspinbot").resolve() == here.root.resolve()


@pytest.mark.usefixtures("no_links")
def test_without_links_a_file_names_the_pack(here: Places, comfyui: Path) -> None:
    for _ in range(2):
        assert link_pack(here, comfyui).extra_paths is None
        named = yaml.safe_load((comfyui / "extra_model_paths.yaml").read_text(encoding="utf-8"))
        assert named == {"myspinbot": {"custom_nodes": str(here.root.resolve() / "custom_nodes")}}


@pytest.mark.usefixtures("no_links")
def test_the_users_own_file_of_paths_is_not_touched(here: Places, comfyui: Path) -> None:
    theirs = comfyui / "extra_model_paths.yaml"
    theirs.write_text("mine:\n    checkpoints: /somewhere\n")
    link = link_pack(here, comfyui)
    assert theirs.read_text() == "mine:\n    checkpoints: /somewhere\n"
    assert link.extra_paths == here.notes / "extra_model_paths.yaml"
    named = yaml.safe_load(link.extra_paths.read_text(encoding="utf-8"))
    assert named == {"myspinbot": {"custom_nodes": str(here.root.resolve() / "custom_nodes")}}
