"""The files that the workflows name, put where ComfyUI's loaders look for them."""

import logging
import shutil
from pathlib import Path

import folder_paths

_MEDIA = Path(__file__).parents[3] / "workflows" / "media"
EXAMPLES = {"portrait.jpg": "myspinbot_portrait.jpg"}


def offer_example_files() -> None:
    """Copy each example into ComfyUI's input folder, unless a file of that name is there already."""
    for source, name in EXAMPLES.items():
        target = Path(folder_paths.get_input_directory()) / name
        if target.exists() or not (_MEDIA / source).is_file():
            continue
        aside = target.with_suffix(".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_MEDIA / source, aside)
            aside.rename(target)
        except OSError as error:
            logging.warning("MySpinBot could not put its example %s into %s: %s", name, target.parent, error)
