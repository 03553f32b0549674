"""The pack's engines and media without ComfyUI: importing this makes a package whose own `__init__` isn't run."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

PACK = Path(__file__).resolve().parents[1] / "custom_nodes" / "myspinbot"

if "myspinbot" not in sys.modules:
    package = types.ModuleType("myspinbot")
    package.__path__ = [str(PACK)]
    sys.modules["myspinbot"] = package


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """For folders whose conftest imports it: several threads of PyTorch only stand in each other's way there."""
    import torch

    torch.set_num_threads(1)
