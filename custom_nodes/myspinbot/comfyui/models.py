"""The models that nodes need: found where ComfyUI keeps them, or named in an error that says how to get them.

`models.yaml` is the contract with the headless runner, which says the same words.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from ..shared.disk import format_size

NAME = "models.yaml"


class MissingModelError(FileNotFoundError):
    """A model file isn't in ComfyUI's folders; the message says what it is and what fetches it."""


def find_model(model_id: str) -> Path:
    """The path of a model by its id in `models.yaml`.

    Raises:
        MissingModelError: It isn't there.
    """
    import folder_paths

    model = manifest()["models"][model_id]
    register_folder(model["folder"])
    path = folder_paths.get_full_path(model["folder"], model["file"])
    if path is None:
        raise MissingModelError(missing(model_id))
    return Path(path)


def register_folder(kind: str) -> None:
    """Make a folder of our own below ComfyUI's models known, so that `get_filename_list(kind)` lists it.

    A kind that `extra_model_paths.yaml` already knows keeps its folders.
    """
    import folder_paths

    folder_paths.add_model_folder_path(kind, str(Path(folder_paths.models_dir) / kind))


def missing(model_id: str) -> str:
    """What to say when a model is needed and isn't there."""
    content = manifest()
    model = content["models"][model_id]
    accept = "" if model["open"] else f" --accept-licence {model['licence']}"
    return str(content["missing" if model["urls"] else "missing_by_hand"]).format(
        role=model["role"],
        file=PurePosixPath(model["file"]).name,
        size=format_size(model["bytes"]),
        licence=model["licence"],
        command=f"myspinbot models get {model_id}{accept}",
        folder=PurePosixPath("models", model["folder"], model["file"]).parent,
        page=model.get("page", ""),
    )


def not_open(model_id: str) -> str:
    """What a node's description says of weights whose licence isn't open; empty for open ones."""
    content = manifest()
    model = content["models"][model_id]
    if model["open"]:
        return ""
    return str(content["not_open"]).format(role=model["role"], licence=model["licence"], reason=model["reason"])


@cache
def manifest() -> dict[str, Any]:
    """The content of `models.yaml`: at the root of the repository, or beside a pack that was copied alone.

    Raises:
        FileNotFoundError: It is at neither place.
    """
    import yaml

    return yaml.safe_load(shared(NAME).read_text(encoding="utf-8"))


def shared(name: str) -> Path:
    """A file that the headless runner reads as well, at the same places as the manifest.

    Raises:
        FileNotFoundError: It is at neither place.
    """
    pack = Path(__file__).resolve().parents[1]  # resolved, because the pack may be a link into ComfyUI
    for folder in (pack.parents[1], pack):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"MySpinBot's {name} is missing; copy it from the repository into {pack}.")
