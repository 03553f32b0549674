"""Where ComfyUI looks for models: its own folders, and those of `extra_model_paths.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from myspinbot_runner.contents import why_unreadable
from myspinbot_runner.errors import BadInput
from myspinbot_shared.manifest import Model

EXTRA = "extra_model_paths.yaml"
# From ComfyUI's folder_paths.py: names that stand for others, and folders that it looks into besides.
LEGACY = {"unet": "diffusion_models", "clip": "text_encoders"}
OWN = {
    "controlnet": ("controlnet", "t2i_adapter"),
    "diffusion_models": ("unet", "diffusion_models"),
    "text_encoders": ("text_encoders", "clip"),
}


@dataclass
class Places:
    """The folders of one ComfyUI.

    Attributes:
        models: Its models folder.
        extra: Further folders in the order in which they were added: kind, folder, whether it comes first.
    """

    models: Path
    extra: list[tuple[str, Path, bool]] = field(default_factory=list[tuple[str, Path, bool]])

    def folders(self, kind: str) -> tuple[Path, ...]:
        """The folders of a kind, in the order in which ComfyUI looks into them."""
        kind = LEGACY.get(kind, kind)
        found = [self.models / name for name in OWN.get(kind, (kind,))]
        for _, folder, first in (entry for entry in self.extra if entry[0] == kind):
            if folder in found and first:
                found.remove(folder)
            if folder not in found:
                found.insert(0 if first else len(found), folder)
        return tuple(found)

    def find(self, model: Model) -> Path | None:
        """The file, if it is in one of its folders. A link that leads nowhere counts as absent."""
        return next((path for path in self._candidates(model) if path.is_file()), None)

    def target(self, model: Model) -> Path:
        """Where the file goes when it is fetched: below the models folder, or where the settings say."""
        kind = LEGACY.get(model.folder, model.folder)
        chosen = any(first for name, _, first in self.extra if name == kind)
        return (self.folders(kind)[0] if chosen else self.models / kind) / model.file

    def stray(self, model: Model) -> Path | None:
        """A file of the same name and size in another subfolder, where workflows don't look for it."""
        for folder in self.folders(model.folder):
            for path in sorted(folder.rglob(model.name)) if folder.is_dir() else ():
                whole = model.bytes is not None and path.is_file() and path.stat().st_size == model.bytes
                if whole and path not in self._candidates(model):
                    return path
        return None

    def _candidates(self, model: Model) -> list[Path]:
        return [folder / model.file for folder in self.folders(model.folder)]

    def add(self, path: Path) -> None:
        """Take in an `extra_model_paths.yaml`. Raises BadInput when it can't be read or isn't one."""
        self.extra += _read(path)


def places(
    comfyui: Path | None, *, models: Path | None = None, base: Path | None = None, extra: Iterable[Path] = ()
) -> Places:
    """The folders of the ComfyUI in a folder, as its own start-up would find them.

    `models`, `base` and `extra` are what it is started with as `--models-directory`, `--base-directory` and
    `--extra-model-paths-config`. Raises BadInput for a settings file that can't be read.
    """
    root = models or (base or comfyui or Path()) / "models"
    found = Places(root.expanduser().absolute())
    files = [Path(path) for path in extra]
    if comfyui and (comfyui / EXTRA).is_file():
        files.insert(0, comfyui / EXTRA)
    for path in files:
        found.add(path)
    return found


def part_of(target: Path) -> Path:
    """Where the bytes of a file are until it is whole."""
    return target.with_name(f".{target.name}.part")


def _read(path: Path) -> list[tuple[str, Path, bool]]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} can't be read ({why_unreadable(error)}).") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadInput(f"{path}{f', line {mark.line + 1}' if mark else ''}: is not YAML.") from None
    if not isinstance(content, Mapping):
        raise BadInput(f"{path} must hold groups of folders, such as `comfyui:` with `base_path:` below.")
    found: list[tuple[str, Path, bool]] = []
    for group, value in content.items():
        if value is None:
            continue
        if not isinstance(value, Mapping):
            raise BadInput(f"{path}: {group!r} must be a group of folders.")
        settings = {str(key): item for key, item in value.items()}
        base, default = settings.pop("base_path", None), bool(settings.pop("is_default", False))
        root = path.absolute().parent
        if base:
            root = root / os.path.expandvars(os.path.expanduser(str(base)))  # noqa: PTH111  (`~` within, as ComfyUI)
        for kind, folders in settings.items():
            for line in str(folders or "").split("\n"):
                if line:
                    folder = Path(os.path.normpath(root / line))
                    found.append((LEGACY.get(kind, kind), folder, default))
    return found
