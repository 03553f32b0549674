"""The files of one kind of model: those of `models.yaml`, there or not, and whatever else lies in the folder."""

from __future__ import annotations

from pathlib import Path

from comfy_api.latest import io

from .models import MissingModelError, find_model, manifest, not_open, register_folder

DEVICE = io.Combo.Input(
    "device",
    options=["auto", "cpu"],
    default="auto",
    tooltip="Where it runs: auto is the graphics card that ComfyUI uses, if there is one.",
)
_WEIGHTS = (".pth", ".pt", ".safetensors")


def known(folder: str) -> dict[str, str]:
    """File -> id of the models in `models.yaml` that belong into a folder; empty where that is missing."""
    try:
        models = manifest()["models"]
    except FileNotFoundError:
        return {}
    return {model["file"]: key for key, model in models.items() if model["folder"] == folder}


def licence(model_id: str) -> str:
    """What a loader's description says of weights whose licence isn't open; empty where `models.yaml` is missing."""
    try:
        return not_open(model_id)
    except (FileNotFoundError, KeyError):
        return ""


def choices(folder: str) -> list[str]:
    """What a loader's combo offers: the known files first, then the others that are there."""
    import folder_paths

    register_folder(folder)
    names = [name.replace("\\", "/") for name in folder_paths.get_filename_list(folder)]
    present = sorted(name for name in names if name.endswith(_WEIGHTS))
    return list(dict.fromkeys([*known(folder), *present])) or ["(models.yaml is missing)"]


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
