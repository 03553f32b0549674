"""A models folder with a bot in it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def models(tmp_path) -> Path:
    """A models folder with the bot `Ada`: a LoRA, a voice, a portrait."""
    from .made import write_bot

    return write_bot(tmp_path / "models", "Ada").parents[1]
