"""What a node tells its user while it runs and when it is done: progress that can be cancelled, and notices."""

from collections.abc import Callable
from typing import Any, Literal, TypedDict

from comfy_api.latest import io


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


def progress_callback() -> Callable[[int, int], None]:
    """An engine's `on_step(done, total)` that moves the node's bar and raises when the user cancels."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(1)

    def on_step(done: int, total: int) -> None:
        throw_exception_if_processing_interrupted()  # the bar asks only when it has moved by enough to be shown
        bar.update_absolute(done, total)

    return on_step
