"""Model files: found where ComfyUI keeps them, offered in combos, or named in an error that says how to get them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from ..shared.manifest import Manifest, load

WEIGHTS_SUFFIXES = (".pth", ".pt", ".safetensors")


class MissingModelError(FileNotFoundError):
    """A model file isn't in ComfyUI's folders; the message says what it is and what fetches it."""


@cache
def manifest() -> Manifest:
    """All model files that the project knows."""
    return load(check=False)  # a missing jsonschema must not cost the pack


def register_folder(kind: str) -> None:
    """Make a folder of our own below ComfyUI's models known, so that `get_filename_list(kind)` lists it.

    A kind that `extra_model_paths.yaml` already knows keeps its folders.
    """
    import folder_paths

    folder_paths.add_model_folder_path(kind, str(Path(folder_paths.models_dir) / kind))


def find_model(model_id: str) -> Path:
    """The path of a model by its id in the manifest.

    Raises:
        MissingModelError: It isn't there.
    """
    import folder_paths

    model = manifest().models[model_id]
    register_folder(model.folder)
    path = folder_paths.get_full_path(model.folder, model.file)
    if path is None:
        raise MissingModelError(model.missing)
    return Path(path)


def known(folder: str) -> dict[str, str]:
    """File -> id of the models in the manifest that belong into a folder."""
    return {model.file: model.id for model in manifest().models.values() if model.folder == folder}


def choices(folder: str) -> list[str]:
    """What a loader's combo offers: the known files first, there or not, then the others that are there."""
    import folder_paths

    register_folder(folder)
    names = [name.replace("\\", "/") for name in folder_paths.get_filename_list(folder)]
    present = sorted(name for name in names if name.endswith(WEIGHTS_SUFFIXES))
    return list(dict.fromkeys([*known(folder), *present]))


def find(folder: str, file: str) -> Path:
    """The path of a file that was chosen.

    Raises:
        MissingModelError: It isn't there; a known one is named with what fetches it.
    """
    import folder_paths

    register_folder(folder)
    path = folder_paths.get_full_path(folder, file)
    if path is not None:
        return Path(path)
    if file in known(folder):
        return find_model(known(folder)[file])
    raise MissingModelError(f"{file} is no longer in ComfyUI's models/{folder}. Choose another model.")


def device_input() -> Any:
    """The input of a loader that says where its model runs."""
    from comfy_api.latest import io

    return io.Combo.Input(
        "device",
        options=["auto", "cpu"],
        default="auto",
        tooltip="Where it runs: auto is the graphics card that ComfyUI uses, if there is one.",
    )
