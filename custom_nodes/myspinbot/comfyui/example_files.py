"""The files that the workflows name, put where ComfyUI's loaders look for them."""

import contextlib
import logging
import shutil
from pathlib import Path

import folder_paths

from ..shared.files import atomic_write

_MEDIA = Path(__file__).parents[3] / "workflows" / "media"
EXAMPLES = {
    "portrait.jpg": "myspinbot_portrait.jpg",
    "voice.flac": "myspinbot_voice.flac",
    "clip.mp4": "myspinbot_clip.mp4",
}


def offer_example_files() -> None:
    """Copy each example into ComfyUI's input folder, unless a file of that name is there already."""
    for source, name in EXAMPLES.items():
        target = Path(folder_paths.get_input_directory()) / name
        if target.exists() or not (_MEDIA / source).is_file():
            continue
        try:
            with contextlib.suppress(FileExistsError), atomic_write(target) as aside:
                shutil.copyfile(_MEDIA / source, aside)
        except OSError as error:
            logging.warning("MySpinBot could not put its example %s into %s: %s", name, target.parent, error)
