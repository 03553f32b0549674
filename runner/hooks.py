"""What a program that is built on the runner may add to it: the runner itself knows no node pack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .api import Record


class SavedJob(Protocol):
    """What a hook may look at of a `Job`: the graph that was sent, and the server's record of its end."""

    graph: Mapping[str, Mapping[str, Any]]
    record: Record | None


after_save: list[Callable[[Path, SavedJob], None]] = []
"""Called with each file of a job that was saved on this disk."""

explain_missing_file: list[Callable[[str], str]] = []
"""Called with the name of a file that the server lacks; gives a sentence on how to get it, or an empty text."""
