"""Video files of nodes: new ones in ComfyUI's temporary folder, and the file behind a VIDEO."""

import uuid
from pathlib import Path
from typing import Any


def new_clip(stage: str) -> Path:
    """A path for a clip in ComfyUI's temporary folder, which it empties when it starts and ends."""
    import folder_paths

    return Path(folder_paths.get_temp_directory()) / "myspinbot" / f"{stage}-{uuid.uuid4().hex}.mp4"


def clip_path(video: Any) -> Path:
    """The file behind a VIDEO; one in memory or cut by its start and length is written aside first.

    Raises:
        ValueError: there is no video behind it.
    """
    try:
        source = video.get_stream_source()
        if isinstance(source, str) and not any(video.get_active_trim_window()):
            return Path(source)
        path = new_clip("input")
        path.parent.mkdir(parents=True, exist_ok=True)
        video.save_to(str(path))
    except (AttributeError, TypeError) as error:
        raise ValueError(f"The video input does not hold a video ({error}). Connect a VIDEO output.") from error
    return path
