"""The pack without ComfyUI, as in tests/pack, and a models folder with a bot in it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"

if "myspinbot" not in sys.modules:
    package = types.ModuleType("myspinbot")
    package.__path__ = [str(PACK)]
    sys.modules["myspinbot"] = package


@pytest.fixture
def models(tmp_path) -> Path:
    """A models folder with the bot `Ada`: a LoRA, a voice, a portrait."""
    from .made import write_bot

    return write_bot(tmp_path / "models", "Ada").parents[1]
