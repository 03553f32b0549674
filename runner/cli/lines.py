"""Sentences that every way of showing says alike."""

from __future__ import annotations

from ..events import Notice


def notice_line(notice: Notice) -> str:
    """A notice with the node's title in front."""
    return f"{'Warning: ' if notice.level == 'warning' else ''}{notice.title}: {notice.text}"


def resubmitted_line(job_id: str) -> str:
    """What to say when a job was sent again."""
    return f"The server lost the job, so it was sent again as {job_id}."
