"""What every stage's node needs from ComfyUI: progress that can be cancelled, notices, files."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from comfy_api.latest import io

if TYPE_CHECKING:
    from ..media.work import Store


class Notice(TypedDict):
    """Something that the user should know though nothing failed; the page and the runner show it."""

    level: Literal["info", "warning"]
    text: str


def output(*values: Any, notices: list[Notice] | None = None, expand: dict[str, Any] | None = None) -> io.NodeOutput:
    """A node's outputs, with `notices` for the user beside them; `expand` is the graph that computes them, if any."""
    beside: dict[str, Any] = {"ui": {"notices": notices}} if notices else {}
    if expand is not None:
        beside["expand"] = expand
    return io.NodeOutput(*values, **beside)


def stepper() -> Callable[[int, int], None]:
    """An engine's `on_step(done, total)` that moves the node's bar and raises when the user cancels."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def on_step(done: int, total: int) -> None:
        throw_exception_if_processing_interrupted()  # the bar asks only when it has moved by enough to be shown
        bar.update_absolute(done, total)

    return on_step


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


def work_store() -> "Store":
    """Where stages keep what an interrupted run goes on from: ComfyUI's user folder, within a bound.

    `MYSPINBOT_WORK_GB` sets the bound; 20 GB without it.

    Raises:
        ValueError: it is no number.
    """
    import folder_paths

    from ..media.work import Store

    bound = os.environ.get("MYSPINBOT_WORK_GB", "20")
    try:
        cap = int(float(bound) * 10**9)
    except ValueError as error:
        raise ValueError(f"MYSPINBOT_WORK_GB must be a number of gigabytes, not {bound!r}.") from error
    return Store(Path(folder_paths.get_user_directory()) / "myspinbot" / "work", cap)
