"""Models in memory: InfiniteTalk's numbers at the size of their file, without a change of any result."""

from __future__ import annotations

import sys
import types

import pytest
import torch


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The node's helpers, without ComfyUI: they import it only where they meet its objects."""
    import importlib.util
    from pathlib import Path

    path = Path(__file__).resolve().parents[2] / "custom_nodes" / "myspinbot" / "nodes" / "infinitetalk" / "models.py"
    spec = importlib.util.spec_from_file_location("alone.infinitetalk_models", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("alone", types.ModuleType("alone"))
    spec.loader.exec_module(module)
    return module


class Patcher:
    """What of ComfyUI's ModelPatcher is asked."""

    def __init__(self, module, loaded=0, dynamic=False):
        self.model, self.size = module, 123
        self._loaded, self._dynamic = loaded, dynamic

    def is_dynamic(self):
        return self._dynamic

    def loaded_size(self):
        return self._loaded


def as_loaded(kind: torch.dtype) -> torch.nn.Module:
    """A module of 32 bits whose numbers come from a file of `kind`, and for bfloat16 are too large for float16."""
    torch.manual_seed(1)
    module = torch.nn.Linear(64, 64).to(kind).float()
    for parameter in module.parameters():
        parameter.data *= 2.0**20 if kind == torch.bfloat16 else 1
    return module


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_numbers_of_16_bits_take_16_bits(models, kind):
    module = as_loaded(kind)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    patcher = Patcher(module)
    models.restore_half_precision(patcher)
    assert {value.dtype for value in module.parameters()} == {kind}
    assert all(torch.equal(value.float(), before[name]) for name, value in module.state_dict().items())
    assert patcher.size == 0, "ComfyUI counts it anew"


@pytest.mark.parametrize("options", [{"loaded": 1}, {"dynamic": True}])
def test_what_is_in_use_or_kept_small_by_comfyui_is_left_alone(models, options):
    module = as_loaded(torch.float16)
    models.restore_half_precision(Patcher(module, **options))
    assert {value.dtype for value in module.parameters()} == {torch.float32}


def test_numbers_of_32_bits_stay(models):
    torch.manual_seed(1)
    module = torch.nn.Linear(64, 64)
    patcher = Patcher(module)
    models.restore_half_precision(patcher)
    assert {value.dtype for value in module.parameters()} == {torch.float32}
    assert patcher.size == 123
