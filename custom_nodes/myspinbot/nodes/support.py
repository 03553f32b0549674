"""What every stage's node needs from ComfyUI: progress that can be cancelled, notices, files."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypedDict

from comfy_api.latest import io


class Notice(TypedDict):
    """Something that the user should know though nothing failed; the page and the runner show it."""

    level: Literal["info", "warning"]
    text: str


def output(*values: Any, notices: list[Notice] | None = None) -> io.NodeOutput:
    """A node's outputs, with `notices` for the user beside them."""
    return io.NodeOutput(*values, ui={"notices": notices}) if notices else io.NodeOutput(*values)


def stepper() -> Callable[[int, int], None]:
    """An engine's `on_step(done, total)` that moves the node's bar and raises when the user cancels."""
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def on_step(done: int, total: int) -> None:
        bar.update_absolute(done, total)

    return on_step


def new_clip(stage: str) -> Path:
    """A path for a clip in ComfyUI's temporary folder, which it empties when it starts and ends."""
    import folder_paths

    return Path(folder_paths.get_temp_directory()) / "myspinbot" / f"{stage}-{uuid.uuid4().hex}.mp4"
