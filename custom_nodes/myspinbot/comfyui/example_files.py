"""The files that the workflows name, put where ComfyUI's loaders look for them."""

import logging
import shutil
import uuid
from pathlib import Path

import folder_paths

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
        aside = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_MEDIA / source, aside)
            if target.exists():
                aside.unlink()
            else:
                aside.rename(target)
        except OSError as error:
            aside.unlink(missing_ok=True)
            logging.warning("MySpinBot could not put its example %s into %s: %s", name, target.parent, error)
