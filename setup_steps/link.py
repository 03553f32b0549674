"""Makes a ComfyUI see this clone as a custom node."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .places import Places, write_whole
from .talk import SetupError

NAME = "myspinbot"


@dataclass(frozen=True)
class Link:
    """How ComfyUI finds the pack.

    Attributes:
        how: In words, for the summary.
        extra_paths: File that ComfyUI must be started with (--extra-model-paths-config), if any.
    """

    how: str
    extra_paths: Path | None = None


def link_pack(places: Places, comfyui: Path) -> Link:
    """Links the clone into ComfyUI's custom_nodes; where links can't be made, names it in a file of paths.

    Nothing that exists is replaced, but for a link of ours whose target is gone.

    Raises:
        SetupError: Something else stands where the link belongs.
    """
    nodes = comfyui / "custom_nodes"
    nodes.mkdir(exist_ok=True)
    root = places.root.resolve()
    for entry in sorted(nodes.iterdir()):
        if entry.resolve() == root:
            return Link(f"{entry} is this clone")
    link = nodes / NAME
    if os.path.lexists(link):
        if link.exists() or not link.is_symlink():
            raise SetupError(
                f"{link} exists and is not this clone ({root}). Only one copy of the pack may load: "
                "move the other one away and run this again."
            )
        link.unlink()
    # A relative link inside the clone survives when the clone is moved.
    target = Path(os.path.relpath(root, nodes.resolve())) if nodes.resolve().is_relative_to(root) else root
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        if not _junction(root, link):
            return Link(*_name_in_file(places, comfyui))
    return Link(f"{link} links to this clone")


def link_import_names(places: Places) -> None:
    """Links each package of pyproject.toml under its import name, where type checkers and editors look.

    An editable installation maps the names while Python runs, which such programs can't follow. Where links can't be
    made they know less; nothing else needs them.
    """
    folder = places.notes / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    project = tomllib.loads((places.root / "pyproject.toml").read_text(encoding="utf-8"))
    for name, source in project["tool"]["setuptools"]["package-dir"].items():
        link, target = folder / name, (places.root / source).resolve()
        if link.exists() and link.resolve() == target:
            continue
        if link.is_symlink():
            link.unlink()
        try:
            link.symlink_to(Path(os.path.relpath(target, folder.resolve())), target_is_directory=True)
        except OSError:
            _junction(target, link)


def _junction(root: Path, link: Path) -> bool:
    """Windows lets every user make a junction, where a symbolic link takes a privilege."""
    if sys.platform != "win32":
        return False
    import _winapi

    try:
        _winapi.CreateJunction(str(root), str(link))
    except OSError:
        return False
    return True


def _name_in_file(places: Places, comfyui: Path) -> tuple[str, Path | None]:
    # A JSON string is a YAML string too, whatever the path holds.
    folder = json.dumps(str(places.root.resolve() / "custom_nodes"), ensure_ascii=False)
    text = f"{NAME}:\n    custom_nodes: {folder}\n"
    users = comfyui / "extra_model_paths.yaml"
    if not users.exists():
        write_whole(users, text)
    if users.read_text(encoding="utf-8") == text:
        return f"{users} names it, because links can't be made here", None
    own = places.notes / "extra_model_paths.yaml"
    write_whole(own, text)
    return f"{own} names it, because links can't be made here and {users} is yours", own
