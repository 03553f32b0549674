"""The engines without ComfyUI, as in tests/pack."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch

PACK = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot"

if "myspinbot" not in sys.modules:
    package = types.ModuleType("myspinbot")
    package.__path__ = [str(PACK)]
    sys.modules["myspinbot"] = package


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
