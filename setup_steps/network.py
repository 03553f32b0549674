"""Whether a host answers, found out quickly and through the user's own proxy settings."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from pathlib import Path

from .talk import CommandError, call

PATIENCE = 8.0
"""Seconds that a host has to answer."""


def reachable(url: str, seconds: float = PATIENCE) -> bool:
    """Whether an address answers at all, with whatever status.

    The question is asked on a thread of its own because looking up a name knows no time limit.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - our own https addresses
            with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310
                answered.set()
        except urllib.error.HTTPError as error:
            # A proxy's refusal is no answer of the host.
            if error.code not in (403, 407) and error.code < 500:
                answered.set()
        except (OSError, ValueError):
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


def index_reachable(python: Path) -> bool:
    """Whether pip finds the package index that it is configured for."""
    question = [python, "-m", "pip", "index", "versions", "--retries", "0", "--timeout", "8", "pip"]
    try:
        call(question, quiet=True, seconds=60)
    except CommandError:
        return False
    return True
