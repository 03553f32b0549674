"""The engine without ComfyUI, as in tests/pack, and training sets for the server."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runner.helpers import tag

from . import portraits

PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"

if "myspinbot" not in sys.modules:
    package = types.ModuleType("myspinbot")
    package.__path__ = [str(PACK)]
    sys.modules["myspinbot"] = package


@pytest.fixture
def pictures(server) -> Callable[..., str]:
    """Call it with a number of pictures for the name of a new folder with them in the server's input folder."""

    def write(count: int = 5, **options) -> str:
        name = f"person-{tag()}"
        portraits.write(Path(server.base_directory) / "input" / name, count, **options)
        return name

    return write
