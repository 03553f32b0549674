"""The options that say which ComfyUI's models are meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from myspinbot_runner.errors import ServerUnreachable
from myspinbot_shared.manifest import Manifest

from .manifest import load
from .places import Places, places
from .store import Store


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `open_store` takes."""
    folder = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option(
            "--extra-model-paths",
            "extra",
            multiple=True,
            type=click.Path(path_type=Path, dir_okay=False),
            help="A further extra_model_paths.yaml, as ComfyUI's --extra-model-paths-config.",
        ),
        click.option("--base-directory", "base", type=folder, help="As ComfyUI's --base-directory."),
        click.option("--models-dir", "models_dir", type=folder, help="The models folder itself."),
        click.option("--comfyui", type=folder, help="ComfyUI's folder."),
    ):
        command = option(command)
    return command


def open_places(comfyui: Path | None, models_dir: Path | None, base: Path | None, extra: tuple[Path, ...]) -> Places:
    """The folders that the options mean. Raises ServerUnreachable when no ComfyUI is known."""
    from myspinbot_runner.locate import find_installation

    try:
        root = find_installation(comfyui).comfyui
    except ServerUnreachable:
        if comfyui or not (models_dir or base):
            raise
        root = None
    return places(root, models=models_dir, base=base, extra=extra)


def open_store(
    comfyui: Path | None, models_dir: Path | None, base: Path | None, extra: tuple[Path, ...]
) -> tuple[Manifest, Store]:
    """The manifest and the models of the ComfyUI that the options mean."""
    return load(), Store(open_places(comfyui, models_dir, base, extra))
