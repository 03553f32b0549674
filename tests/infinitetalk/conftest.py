"""Miniature models on the server, a portrait, speech, and the graph around the node."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.miniatures import wan

PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"

if "myspinbot" not in sys.modules:  # the engines without ComfyUI, as in tests/pack
    package = types.ModuleType("myspinbot")
    package.__path__ = [str(PACK)]
    sys.modules["myspinbot"] = package


@pytest.fixture(scope="session")
def talker(server: Any) -> Any:
    """The session's server with the models in miniature and something to say."""
    from .graphs import furnish

    wan.write_all(Path(server.base_directory) / "models")
    furnish(Path(server.base_directory))
    return server
