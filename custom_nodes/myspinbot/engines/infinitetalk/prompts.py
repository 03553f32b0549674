"""Prompts that change on the way: one for each window, or each from a time on."""

import re
from collections.abc import Iterable

from .plan import Window

_TIMED = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)\s+(.+)")


def per_window(text: str, windows: Iterable[Window], fps: int) -> list[str | None]:
    """Each window's prompt; None where the node's own stands.

    Line i of `text` is for window i and the last line for all after it. Where lines begin with a time, as `0:12` or
    `1:02:30`, each is for the windows whose new frames begin there or later.

    Raises:
        ValueError: some lines have a time and others have none, or the times don't rise.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    timed = [_TIMED.fullmatch(line) for line in lines]
    if not any(timed):
        return [lines[min(window.index, len(lines) - 1)] if lines else None for window in windows]
    starts: list[tuple[float, str]] = []
    for line, match in zip(lines, timed, strict=True):
        if match is None:
            raise ValueError(f"Begin either every prompt with a time such as 0:12, or none. This one has none: {line}")
        hours, minutes, seconds, prompt = match.groups()
        starts.append((int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds), prompt))
    if [time for time, _ in starts] != sorted(time for time, _ in starts):
        raise ValueError("The times of the prompts must rise from line to line.")
    return [_last([prompt for time, prompt in starts if time * fps <= window.first]) for window in windows]


def _last(prompts: list[str]) -> str | None:
    return prompts[-1] if prompts else None
